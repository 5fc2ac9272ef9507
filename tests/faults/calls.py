"""Faults of the calls themselves: other names than the tests use."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from injection import (
    Scene,
    Subject,
    nested,
    replaced,
)
from transformers import PreTrainedModel

from .fault import fault
from .reasons import MODALITIES, loads_by_name, takes


def renamed(scene: Scene, choose: Callable[[Subject], str | None]) -> AbstractContextManager[None]:
    """A ``forward`` that knows one of its parameters under another name only."""
    contexts = []
    for subject in scene.subjects:
        forward, name = subject.cls.forward, choose(subject)
        known = inspect.signature(forward)
        other = f"renamed_{name}"

        def wrapper(self: Any, *args: Any, _forward: Any = forward, _name: Any = name, **kwargs: Any) -> Any:
            if _name in kwargs:
                raise TypeError(f"forward() got an unexpected keyword argument '{_name}'")
            if f"renamed_{_name}" in kwargs:
                kwargs[_name] = kwargs.pop(f"renamed_{_name}")
            return _forward(self, *args, **kwargs)

        functools.update_wrapper(wrapper, forward)
        wrapper.__signature__ = known.replace(  # type: ignore[attr-defined]
            parameters=[each.replace(name=other) if each.name == name else each for each in known.parameters.values()]
        )
        contexts.append(replaced(subject.cls, "forward", wrapper))
    return nested(contexts)


def main_input(subject: Subject) -> str | None:
    return next((name for name in subject.parameters if name in MODALITIES), None)


@fault("input-renamed", "forward takes its main input under another name.", takes(*MODALITIES))
def _(scene: Scene) -> AbstractContextManager[None]:
    return renamed(scene, main_input)


@fault("mask-renamed", "forward takes its attention mask under another name.", takes("attention_mask"))
def _(scene: Scene) -> AbstractContextManager[None]:
    return renamed(scene, lambda _subject: "attention_mask")


@fault("loading-needs-keyword", "from_pretrained takes the checkpoint under another name only.")
def _(scene: Scene) -> AbstractContextManager[None]:
    original = vars(PreTrainedModel)["from_pretrained"].__func__

    def from_pretrained(cls: Any, *, checkpoint: str, **kwargs: Any) -> Any:
        return original(cls, checkpoint, **kwargs)

    return replaced(PreTrainedModel, "from_pretrained", classmethod(from_pretrained))


@fault("wrong-checkpoint", "The module's function that loads asks for another checkpoint.", loads_by_name)
def _(scene: Scene) -> AbstractContextManager[None]:
    load = scene.module.load

    def other(value: Any) -> Any:
        return "another/checkpoint" if value == getattr(scene.module, "MODEL_ID", None) else value

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return load(*map(other, args), **{key: other(value) for key, value in kwargs.items()})

    return replaced(scene.module, "load", functools.update_wrapper(wrapper, load))
