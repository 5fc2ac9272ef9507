"""The control: every way in is opened, and nothing changes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from injection import (
    Scene,
    built,
    called,
    edited,
    hooked,
    loaded,
    method,
    nested,
    saved,
    trunk,
)
from transformers import Pipeline, PreTrainedModel, PreTrainedTokenizerBase
from transformers.image_processing_utils import BaseImageProcessor

from .calls import renamed
from .fault import Fault
from .generation import cached, generated
from .pipelines import answers
from .reasons import generates
from .saving import written


def nothing(scene: Scene) -> AbstractContextManager[None]:
    """Opens every way in and changes nothing: a module that fails then fails because of the injection itself."""

    def through(call: Callable[..., Any], _self: Any, args: Any, kwargs: Any) -> Any:
        return call(*args, **kwargs)

    def same(_model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        return edited(result, torch.clone, every=True)

    generating = [subject for subject in scene.subjects if generates(subject) is None]
    ways = [
        called(scene.classes, lambda _model, _inputs: None, same, lambda model: hooked(trunk(model), torch.clone)),
        built(scene.classes, lambda _model: None),
        saved(lambda _model, _state: None),
        loaded(lambda _model, _asked: None),
        written(lambda _config, _found: None, "to_dict"),
        written(lambda _config, _found: None, "to_diff_dict"),
        cached(scene, torch.clone),
        generated(Scene(scene.module, generating), lambda found, _start: found),
        answers(lambda _pipeline, _given, answer: answer),
        method((Pipeline,), "forward", through),
        method((PreTrainedTokenizerBase,), "__call__", through),
        method((BaseImageProcessor,), "__call__", through),
        renamed(scene, lambda _subject: None),
    ]
    return nested(ways)


CONTROL = Fault("nothing", "Nothing breaks.", lambda _subject: None, nothing)
