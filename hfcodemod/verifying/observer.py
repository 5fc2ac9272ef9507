"""What the model classes of transformers are seen doing, whatever the tests say of it.

A class counts where it is the class of transformers itself, with the ``forward`` that it came with, and where real
tensors went in and came out: a mock, a subclass, a class of the same name and a replaced ``forward`` are none of it.
What a model does within another one is the other's doing, so that a base model is not seen because a head was.
"""

from __future__ import annotations

import functools
import inspect
import sys
import threading
import unittest.mock
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from torch._subclasses.fake_tensor import FakeTensor
from transformers import GenerationMixin, PreTrainedModel

HOMES = tuple(str(Path(str(module.__file__)).parent) for module in (transformers, torch))
"""Where the code of a ``forward`` of transformers stands: torch has decorators for it."""
WEIGHTS = ("*.safetensors", "*.bin")


@dataclass
class Seen:
    """What one class was seen doing."""

    evidence: set[str] = field(default_factory=set)
    parameters: int = 0
    """Of its largest model."""


class Observer:
    """Watches the classes from the moment that it is made; `begin` starts a new account."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self.mocked: set[str] = set()
        """Classes of which only a mock was called, as far as is known; empty for a mock of nothing in particular."""
        self._originals: dict[Any, Any] = {}
        self._ours: dict[tuple[type, str], Any] = {}
        self._live: weakref.WeakSet[Any] = weakref.WeakSet()
        self._nested = threading.local()
        self._watch_calls()
        self._watch_backward()
        self._watch_mocks()
        for owner in (PreTrainedModel, GenerationMixin):
            self._watch_methods(owner)

    def begin(self, names: Iterable[str]) -> None:
        """Start anew; the classes of these names are known before any test can alter them."""
        self.seen, self.mocked = {}, set()
        self._live = weakref.WeakSet()
        found = [cls for name in names if (cls := model_class(name)) is not None]
        self._originals = {cls: cls.forward for cls in found}
        for cls in found:
            for owner in cls.__mro__:
                self._watch_methods(owner)
            if has_no_forward(cls):
                for name, member in list(vars(cls).items()):
                    if inspect.isfunction(member) and not name.startswith("_"):
                        self._watch(cls, name, self._used)

    @property
    def altered(self) -> bool:
        """Whether something is not as it was: what runs after that may not be real, or not be seen."""
        return (
            any(model_class(cls.__name__) is not cls or not self._is_genuine(cls) for cls in self._originals)
            or any(vars(owner)[name] is not ours for (owner, name), ours in self._ours.items())
            or torch.autograd.backward is not self._backward
        )

    @property
    def without_forward(self) -> list[str]:
        """The classes that run in other ways."""
        return sorted(cls.__name__ for cls in self._originals if has_no_forward(cls))

    def _watch_methods(self, owner: type) -> None:
        methods = {"save_pretrained": self._saved, "from_pretrained": self._loaded, "generate": self._generated}
        for name, note in methods.items():
            if name in vars(owner):
                self._watch(owner, name, note)

    def _watch(self, owner: type, name: str, note: Callable[..., None]) -> None:
        if (owner, name) in self._ours:
            return
        found = vars(owner)[name]
        function = found.__func__ if isinstance(found, classmethod) else found

        @functools.wraps(function)
        def observed(this: Any, *args: Any, **kwargs: Any) -> Any:
            answer = function(this, *args, **kwargs)
            note(this, args, kwargs, answer)
            return answer

        self._ours[owner, name] = classmethod(observed) if isinstance(found, classmethod) else observed
        setattr(owner, name, self._ours[owner, name])

    def _watch_calls(self) -> None:
        base: Any = PreTrainedModel
        call = base.__call__

        @functools.wraps(call)
        def observed(model: Any, *args: Any, **kwargs: Any) -> Any:
            if torch.compiler.is_compiling():
                return call(model, *args, **kwargs)
            depth = getattr(self._nested, "depth", 0)
            self._nested.depth = depth + 1
            try:
                answer = call(model, *args, **kwargs)
            finally:
                self._nested.depth = depth
            if "forward" not in vars(model):
                self._used(model, args, kwargs, answer)
            return answer

        self._call: Any = observed
        base.__call__ = observed

    def _watch_backward(self) -> None:
        backward = torch.autograd.backward

        @functools.wraps(backward)
        def observed(*args: Any, **kwargs: Any) -> None:
            before = {model: _gradients(model) for model in self._live}
            backward(*args, **kwargs)
            for model, gradients in before.items():
                if _changed(model, gradients):
                    self._note(type(model), "backward")

        self._backward: Any = observed
        torch.autograd.backward = observed

    def _watch_mocks(self) -> None:
        mixin: Any = unittest.mock.CallableMixin
        call = mixin.__call__

        @functools.wraps(call)
        def observed(mock: Any, *args: Any, **kwargs: Any) -> Any:
            cls = vars(mock).get("_spec_class")
            self.mocked.add(cls.__name__ if isinstance(cls, type) and issubclass(cls, PreTrainedModel) else "")
            return call(mock, *args, **kwargs)

        mixin.__call__ = observed

    def _used(self, model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], answer: Any) -> None:
        nested = getattr(self._nested, "depth", 0) > 0
        if nested or not (self._is_genuine(type(model)) and _has_values((args, kwargs)) and _has_values(answer)):
            return
        seen = self._note(type(model), "forward")
        seen.parameters = max(seen.parameters, sum(parameter.numel() for parameter in model.parameters()))
        if torch.is_grad_enabled():
            self._live.add(model)

    def _saved(self, model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], answer: Any) -> None:
        folder = Path(args[0] if args else kwargs["save_directory"])
        if self._is_genuine(type(model)) and any(next(folder.glob(pattern), None) for pattern in WEIGHTS):
            self._note(type(model), "save")

    def _loaded(self, cls: type, args: tuple[Any, ...], kwargs: Mapping[str, Any], answer: Any) -> None:
        model = answer[0] if isinstance(answer, tuple) else answer
        if self._is_genuine(type(model)) and _has_values(list(model.parameters())):
            self._note(type(model), "load")

    def _generated(self, model: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], answer: Any) -> None:
        if self._is_genuine(type(model)) and _has_values(answer):
            self._note(type(model), "generate")
            if has_no_forward(type(model)):
                self._used(model, args, kwargs, answer)

    def _is_genuine(self, cls: type) -> bool:
        """Whether it is the class of transformers, with its own ``forward`` and call."""
        if not issubclass(cls, PreTrainedModel) or cls.__call__ is not self._call:
            return False
        if cls in self._originals:
            return cls.forward is self._originals[cls]
        # One that nobody named before, or that only its own module has.
        code = getattr(cls.forward, "__code__", None)
        at_home = getattr(sys.modules.get(cls.__module__), cls.__name__, None) is cls
        return at_home and code is not None and code.co_filename.startswith(HOMES)

    def _note(self, cls: type, what: str) -> Seen:
        seen = self.seen.setdefault(cls.__name__, Seen())
        seen.evidence.add(what)
        return seen


def model_class(name: str) -> Any:
    """The model class of transformers with that name; None where there is none, or it cannot be had."""
    try:
        # The module is another one than at first: transformers puts a new one in its place when it loads a class.
        cls = getattr(sys.modules["transformers"], name, None)
    except (ImportError, RuntimeError):  # an optional package is missing
        return None
    is_one = isinstance(cls, type) and issubclass(cls, PreTrainedModel) and cls.__module__.startswith("transformers.")
    return cls if is_one else None


def has_no_forward(cls: Any) -> bool:
    """Whether a class runs in other ways, as Bark does, which only generates."""
    return bool(cls.forward is PreTrainedModel.forward)


def _has_values(value: Any) -> bool:
    """Whether there is a tensor with values in it, however deep."""
    if isinstance(value, torch.Tensor):
        return value.device.type != "meta" and not isinstance(value, FakeTensor) and value.numel() > 0
    if isinstance(value, Mapping):
        return any(map(_has_values, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_values, value))
    return is_dataclass(value) and any(map(_has_values, vars(value).values()))


def _gradients(model: Any) -> list[tuple[Any, int]]:
    """Of each parameter its gradient, and how often that was written to."""
    return [
        (None, 0) if parameter.grad is None else (parameter.grad, parameter.grad._version)
        for parameter in model.parameters()
    ]


def _changed(model: Any, before: list[tuple[Any, int]]) -> bool:
    """Whether a parameter has a gradient that it had not, and that is not zero throughout."""
    for parameter, (gradient, version) in zip(model.parameters(), before, strict=False):
        now = parameter.grad
        if now is not None and (now is not gradient or now._version != version) and now.count_nonzero():
            return True
    return False
