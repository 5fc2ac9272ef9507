"""Faults of what a model returns."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from injection import (
    Scene,
    called,
    constant,
    edited,
    values,
)
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from .fault import fault
from .reasons import (
    MODALITIES,
    has_dimensions,
    has_outputs,
    has_vocabulary,
    keeps_rows_apart,
    looks_back_only,
    own_outputs,
    takes,
)


def outputs(scene: Scene, change: Callable[[Tensor], Tensor], every: bool = False) -> AbstractContextManager[None]:
    return called(scene.classes, after=lambda _model, _inputs, result: edited(result, change, every))


def marked(value: Tensor, number: float) -> Tensor:
    """The tensor with another last element."""
    last = torch.zeros_like(value, dtype=torch.bool)
    last.view(-1)[-1] = True
    return value.masked_fill(last, number)


def rows(value: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The tensor with its rows changed, if there are two or more."""
    return change(value) if len(value) > 1 else value


@fault("output-nan", "Every output is NaN.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value * float("nan"), every=True)


@fault("output-element-nan", "The last element of the first output is NaN.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: marked(value, float("nan")))


@fault("output-element-infinite", "The last element of the first output is infinite.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: marked(value, float("inf")))


@fault("output-constant", "Every output is one, whatever the input.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value * 0 + 1, every=True)


@fault("output-column-missing", "The first output lacks its last column.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value[..., :-1])


@fault("output-position-missing", "The first output lacks its last position.", has_dimensions(3))
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value[:, :-1] if value.ndim > 2 else value)


@fault("output-row-missing", "The first output lacks the last row of the batch.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value[:-1])


@fault("vocabulary-too-large", "The logits have a column more than the vocabulary.", has_vocabulary)
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: torch.cat([value, value[..., :1]], -1))


@fault("second-output-missing", "A class returns its first tensor only.", has_outputs(2))
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(_model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        if isinstance(result, ModelOutput):
            for key in own_outputs(dict(values(result)))[1:]:
                result[key] = None
        return result

    return called(scene.classes, after=after)


@fault("rows-leak", "The first row's output is added to the second row's.", keeps_rows_apart)
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: rows(value, lambda it: torch.cat([it[:1], it[1:] + it[:1]])), every=True)


@fault("row-copied", "The second row's output is the first row's.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: rows(value, lambda it: torch.cat([it[:1], it[:1], it[2:]])), every=True)


@fault("rows-reversed", "The rows of the batch come back in reverse.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value.flip(0), every=True)


@fault("dropout-in-eval", "Dropout is active though the model is in evaluation mode.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        drop = functools.partial(nn.functional.dropout, p=0.1, training=True)
        return result if model.training else edited(result, drop, every=True)

    return called(scene.classes, after=after)


@fault("state-between-calls", "Each call of a model adds to what its next call returns.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        calls = model.__dict__["calls_so_far"] = model.__dict__.get("calls_so_far", -1) + 1
        return edited(result, lambda value: value + 0.1 * calls, every=True)

    return called(scene.classes, after=after)


@fault("inputs-overwritten", "A call overwrites the caller's inputs.", takes(*MODALITIES))
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, inputs: dict[str, Any], result: Any) -> Any:
        for name in set(MODALITIES) & set(inputs):
            if isinstance(inputs[name], Tensor) and not inputs[name].requires_grad:
                inputs[name].copy_(constant(inputs[name], model.config))
        return result

    return called(scene.classes, after=after)


@fault("future-leaks", "A position's logits depend on the token after it.", looks_back_only)
def _(scene: Scene) -> AbstractContextManager[None]:
    def leak(value: Tensor) -> Tensor:
        return torch.cat([value[:, :-1] + value[:, 1:], value[:, -1:]], 1) if value.ndim == 3 else value

    return outputs(scene, leak)
