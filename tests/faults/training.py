"""Faults of the loss and of gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from injection import (
    Once,
    Scene,
    built,
    called,
    hooked,
    middle_parameter,
    trunk,
)
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.utils import ModelOutput

from .fault import fault
from .inputs import void
from .reasons import has_labels, has_loss, is_encoder_decoder, looks_back_only, shifts_labels


def loss(scene: Scene, change: Callable[[Tensor], Tensor | None]) -> AbstractContextManager[None]:
    def after(_model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        if isinstance(result, ModelOutput) and isinstance(result.get("loss"), Tensor):
            result["loss"] = change(result["loss"])
        return result

    return called(scene.classes, after=after)


@fault("loss-constant", "The loss is one, whatever the labels.", has_loss)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loss(scene, lambda value: value * 0 + 1)


@fault("loss-missing", "No loss is returned.", has_loss)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loss(scene, lambda _value: None)


@fault("loss-nan", "The loss is NaN.", has_loss)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loss(scene, lambda value: value * float("nan"))


@fault("labels-ignored", "The loss is computed against labels that are all zero.", has_labels)
def _(scene: Scene) -> AbstractContextManager[None]:
    names = {subject.cls: subject.labels for subject in scene.subjects}

    def before(model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        for name in names.get(type(model), []):
            if isinstance(inputs.get(name), Tensor):
                inputs[name] = torch.zeros_like(inputs[name])

    return called(scene.classes, before=before)


@fault(
    "labels-not-shifted",
    "The loss compares each token's logits with that token itself.",
    has_labels,
    lambda subject: "labels have no next token" if is_encoder_decoder(subject) is None else looks_back_only(subject),
    shifts_labels,
)
def _(scene: Scene) -> AbstractContextManager[None]:
    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        if isinstance(inputs.get("labels"), Tensor):
            inputs["labels"] = inputs["labels"].roll(1, -1)

    return called(scene.classes, before=before)


@fault("hidden-detached", "The hidden state is detached from the graph inside the model.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return called(scene.classes, around=lambda model: hooked(trunk(model), Tensor.detach))


def gradient(scene: Scene, change: Callable[[nn.Parameter], object]) -> AbstractContextManager[None]:
    """Meddles with the gradient of one parameter of each model, before its first call with gradients."""
    first = Once()

    def before(model: PreTrainedModel, _inputs: dict[str, Any]) -> None:
        if torch.is_grad_enabled() and first(model):
            change(middle_parameter(model))

    return called(scene.classes, before=before)


def lose_gradient(parameter: nn.Parameter) -> None:
    parameter.grad = None


@fault("gradient-missing", "One parameter gets no gradient.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return gradient(scene, lambda parameter: parameter.register_post_accumulate_grad_hook(lose_gradient))


@fault("gradient-zero", "One parameter's gradient is zero.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return gradient(scene, lambda parameter: parameter.register_hook(torch.zeros_like))


@fault("gradient-nan", "One parameter's gradient is NaN.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return gradient(scene, lambda parameter: parameter.register_hook(lambda found: found * float("nan")))


@fault("parameter-frozen", "One parameter is made without asking for a gradient.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return built(scene.classes, lambda model: void(middle_parameter(model).requires_grad_(False)))


@fault("parameter-unused", "A model has a parameter that it never uses.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return built(scene.classes, lambda model: model.register_parameter("unused", nn.Parameter(torch.ones(3))))
