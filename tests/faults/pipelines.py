"""Faults of pipelines, and of what prepares their input."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
import transformers
from injection import (
    Scene,
    method,
    special_tokens,
    without_information,
)
from torch import Tensor
from transformers import Pipeline, PreTrainedTokenizerBase
from transformers.image_processing_utils import BaseImageProcessor
from transformers.models.auto import feature_extraction_auto, image_processing_auto

from .fault import fault
from .reasons import AUDIO, IMAGE, MODALITIES, TEXT, has_pipeline, has_processor, processor_of, takes


def answers(change: Callable[[Pipeline, Any, Any], Any]) -> AbstractContextManager[None]:
    """Changes what a pipeline answers: ``change(pipeline, inputs, answer)``."""

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        given = args[0] if args else kwargs.get("inputs")
        return change(self, given, call(*args, **kwargs))

    return method((Pipeline,), "__call__", around)


@fault("pipeline-constant", "A pipeline repeats its first answer.", has_pipeline)
def _(scene: Scene) -> AbstractContextManager[None]:
    first: dict[int, tuple[Pipeline, Any]] = {}

    def change(pipeline: Pipeline, given: Any, answer: Any) -> Any:
        several = isinstance(given, list) and isinstance(answer, list) and len(given) == len(answer)
        one = answer[0] if several else answer
        _, kept = first.setdefault(id(pipeline), (pipeline, copy.deepcopy(one)))
        return [copy.deepcopy(kept) for _ in answer] if several else copy.deepcopy(kept)

    return answers(change)


@fault("pipeline-empty", "A pipeline answers with nothing.", has_pipeline)
def _(scene: Scene) -> AbstractContextManager[None]:
    return answers(lambda _pipeline, _given, answer: type(answer)() if isinstance(answer, (list, dict, str)) else None)


@fault("pipeline-ignores-input", "A pipeline gives its model a constant.", has_pipeline)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        without_information(args[0], MODALITIES, self.model.config)
        return call(*args, **kwargs)

    return method((Pipeline,), "forward", around)


IMAGE_PROCESSORS = image_processing_auto.IMAGE_PROCESSOR_MAPPING_NAMES
FEATURE_EXTRACTORS = feature_extraction_auto.FEATURE_EXTRACTOR_MAPPING_NAMES


@fault(
    "tokenizer-constant",
    "The tokenizer gives every token the same id.",
    takes(*TEXT),
    has_pipeline,
)
def _(scene: Scene) -> AbstractContextManager[None]:
    config = scene.subjects[0].config

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        special = {*special_tokens(config), *self.all_special_ids}
        plain = next(number for number in range(3, 1000) if number not in special)
        found["input_ids"] = same_ids(found["input_ids"], special, plain)
        return found

    return method((PreTrainedTokenizerBase,), "__call__", around)


def same_ids(ids: Any, special: set[int], plain: int) -> Any:
    """Token ids, in lists or a tensor, that all are ``plain`` where they are not special."""
    if isinstance(ids, Tensor):
        return torch.tensor(same_ids(ids.tolist(), special, plain), dtype=ids.dtype)
    return [
        same_ids(each, special, plain) if isinstance(each, list) else each if each in special else plain for each in ids
    ]


@fault(
    "image-processor-size",
    "The image processor gives images of half the width.",
    takes(*IMAGE),
    has_pipeline,
    has_processor(IMAGE_PROCESSORS, "image processor"),
)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        for name in set(IMAGE) & set(found):
            found[name] = halved(found[name])
        return found

    return method((BaseImageProcessor,), "__call__", around)


def halved(value: Any) -> Any:
    """Arrays, alone or in a list, without the second half of their last dimension."""
    if isinstance(value, list):
        return [halved(item) for item in value]
    return value[..., : value.shape[-1] // 2]


@fault(
    "feature-extractor-size",
    "The feature extractor gives half of a recording.",
    takes(*AUDIO),
    has_pipeline,
    has_processor(FEATURE_EXTRACTORS, "feature extractor"),
)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        for name in set(AUDIO) & set(found):
            found[name] = halved(found[name])
        return found

    names = {name for subject in scene.subjects if (name := processor_of(FEATURE_EXTRACTORS, subject))}
    return method(tuple(getattr(transformers, name) for name in names), "__call__", around)
