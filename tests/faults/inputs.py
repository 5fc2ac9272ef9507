"""Faults of what reaches a model: masks, positions, modalities."""

from __future__ import annotations

import copy
import inspect
from contextlib import AbstractContextManager
from typing import Any

import torch
from injection import (
    Scene,
    called,
    constant,
    edited,
    hooked,
    nested,
    replaced,
)
from torch import Tensor
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from .fault import fault
from .reasons import (
    AUDIO,
    IMAGE,
    SERIES,
    SERIES_TIME,
    TEXT,
    caches,
    decoder_mask_matters,
    has_positions,
    has_token_types,
    is_encoder_decoder,
    mask_matters,
    takes,
)


def dropped(name: str, scene: Scene) -> AbstractContextManager[None]:
    """An input that gets lost in the outermost call of any model."""
    return called(before=lambda _model, inputs: void(inputs.pop(name, None)))


def void(_value: object) -> None:
    """Nothing: for calls whose result doesn't matter."""


@fault("mask-ignored", "The attention mask is ignored.", takes("attention_mask"), mask_matters)
def _(scene: Scene) -> AbstractContextManager[None]:
    return dropped("attention_mask", scene)


@fault("mask-inverted", "The attention mask hides what it should show.", takes("attention_mask"), mask_matters)
def _(scene: Scene) -> AbstractContextManager[None]:
    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        mask = inputs.get("attention_mask")
        if isinstance(mask, Tensor) and mask.ndim == 2 and not mask.all():
            inputs["attention_mask"] = mask.logical_not().to(mask.dtype)

    return called(before=before)


@fault(
    "decoder-mask-ignored",
    "The decoder's attention mask is ignored.",
    takes("decoder_attention_mask"),
    is_encoder_decoder,
    decoder_mask_matters,
)
def _(scene: Scene) -> AbstractContextManager[None]:
    return dropped("decoder_attention_mask", scene)


@fault("observed-mask-ignored", "Values that were not observed count as observed.", takes("past_observed_mask"))
def _(scene: Scene) -> AbstractContextManager[None]:
    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        if isinstance(inputs.get("past_observed_mask"), Tensor):
            inputs["past_observed_mask"] = torch.ones_like(inputs["past_observed_mask"])

    return called(scene.classes, before=before)


@fault("cached-position-off", "Positions are off by one as soon as there is a cache.", caches, has_positions)
def _(scene: Scene) -> AbstractContextManager[None]:
    length = Cache.get_seq_length

    def get_seq_length(self: Cache, layer_idx: int = 0) -> int:
        found = length(self, layer_idx)
        caller = inspect.currentframe()
        asks = caller.f_back.f_code if caller and caller.f_back else None
        model = asks is not None and asks.co_name == "forward" and "/models/" in asks.co_filename.replace("\\", "/")
        return found + 1 if model and found else found

    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        cache = inputs.get("past_key_values")
        if isinstance(cache, Cache) and length(cache) and isinstance(inputs.get("position_ids"), Tensor):
            inputs["position_ids"] = inputs["position_ids"] + 1

    return nested([replaced(Cache, "get_seq_length", get_seq_length), called(before=before)])


def ignored(scene: Scene, *names: str) -> AbstractContextManager[None]:
    """Inputs that reach the model as constants."""

    def before(model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        for name in set(names) & set(inputs):
            if isinstance(inputs[name], Tensor):
                inputs[name] = constant(inputs[name], model.config)

    return called(before=before)


@fault("text-ignored", "Every text reaches the model as one repeated token.", takes(*TEXT))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *TEXT)


@fault("image-ignored", "Every image reaches the model as zeros.", takes(*IMAGE))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *IMAGE)


@fault("audio-ignored", "Every sound reaches the model as zeros.", takes(*AUDIO))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *AUDIO)


@fault("series-ignored", "The past of a time series reaches the model as zeros.", takes(*SERIES))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *SERIES)


@fault("time-features-ignored", "The time features of a series reach the model as zeros.", takes(*SERIES_TIME))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *SERIES_TIME)


@fault("token-types-ignored", "Token types are all the same.", takes("token_type_ids"), has_token_types)
def _(scene: Scene) -> AbstractContextManager[None]:
    return dropped("token_type_ids", scene)


@fault(
    "decoder-input-ignored",
    "The decoder's input reaches the model as one repeated token.",
    takes("decoder_input_ids"),
    is_encoder_decoder,
)
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, "decoder_input_ids")


@fault("encoder-ignored", "The decoder sees zeros in place of what the encoder found.", is_encoder_decoder)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(model: PreTrainedModel) -> AbstractContextManager[None]:
        return hooked(model.get_encoder(), torch.zeros_like)

    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        if inputs.get("encoder_outputs") is not None:
            inputs["encoder_outputs"] = edited(copy.copy(inputs["encoder_outputs"]), torch.zeros_like)

    return called(scene.classes, before=before, around=around)
