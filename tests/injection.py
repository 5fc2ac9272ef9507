"""Places where a fault enters transformers' real classes: calls, outputs, saving, loading, generation."""

from __future__ import annotations

import copy
import dataclasses
import functools
import inspect
import re
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel, modeling_utils
from transformers.utils import ModelOutput
from transformers.utils.generic import find_labels

# Outputs that are tuples of tensors: a distribution's parameters, a backbone's stages.
SEVERAL = ("params", "feature_maps")
Change = Callable[[Tensor], Tensor]
SIZES = re.compile(r"size|dim|layers|heads|depth|channels|num_|max_|width|length|position|hidden|kernel|stride")


@dataclass
class Subject:
    """A model class of a generated module, with a configuration and a call that the module really made."""

    cls: type[PreTrainedModel]
    config: PreTrainedConfig
    inputs: dict[str, Any]
    module: ModuleType

    @functools.cached_property
    def parameters(self) -> list[str]:
        """The names of the parameters of ``forward``."""
        return list(inspect.signature(self.cls.forward).parameters)[1:]

    @functools.cached_property
    def labels(self) -> list[str]:
        """The parameters of ``forward`` that hold what the loss compares with."""
        found = find_labels(self.cls)
        if not found and "future_values" in self.inputs:
            with torch.no_grad():
                known = self.model(**copy.deepcopy(self.inputs))
            found = ["future_values"] if "loss" in known else []
        return found

    @functools.cached_property
    def model(self) -> PreTrainedModel:
        """A model of the recorded configuration, without parameters that are zero from the start."""
        torch.manual_seed(0)
        model = self.cls(copy.deepcopy(self.config)).eval()
        for parameter in model.parameters():
            if not parameter.any():
                nn.init.normal_(parameter, std=0.02)
        return model

    def run(self, model: PreTrainedModel | None = None, **changed: Any) -> dict[str, Tensor]:
        """The tensors that the recorded call returns, with some inputs changed."""
        torch.manual_seed(0)
        with torch.no_grad():
            outputs = (model or self.model)(**{**copy.deepcopy(self.inputs), **changed})
        return dict(values(outputs))

    @functools.cached_property
    def outputs(self) -> dict[str, Tensor]:
        """What the recorded call returns."""
        return self.run()


@dataclass
class Scene:
    """What a fault is injected for: a generated module and those of its classes that the fault applies to."""

    module: ModuleType
    subjects: list[Subject]

    @property
    def classes(self) -> tuple[type[PreTrainedModel], ...]:
        return tuple(subject.cls for subject in self.subjects)


@dataclass
class Depth(threading.local):
    """How deep a thread is in nested calls: faults enter the outermost one only."""

    level: int = 0

    @contextmanager
    def deeper(self) -> Iterator[bool]:
        """Whether this call is the outermost."""
        self.level += 1
        try:
            yield self.level == 1
        finally:
            self.level -= 1


@dataclass
class Once:
    """Remembers objects that were seen before, and keeps them alive so that no identity is used twice."""

    seen: dict[int, object] = field(default_factory=dict)

    def __call__(self, thing: object) -> bool:
        first = id(thing) not in self.seen
        self.seen[id(thing)] = thing
        return first


@contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Sets an attribute, and puts back what ``owner`` itself held before."""
    missing = object()
    before = vars(owner).get(name, missing)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is missing:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


def values(outputs: Any) -> list[tuple[str, Tensor]]:
    """The named float tensors that a call returns; no losses, caches or inner states."""
    if isinstance(outputs, Tensor):
        return [("output", outputs)] if outputs.is_floating_point() else []
    if isinstance(outputs, ModelOutput):
        items = [(key, value) for key, value in outputs.items() if not key.endswith("loss")]
        items += [(key, value[0]) for key, value in items if key in SEVERAL]
    elif isinstance(outputs, (tuple, list)):
        items = [(str(index), value) for index, value in enumerate(outputs)]
    else:
        items = []
    return [
        (key, value)
        for key, value in items
        if isinstance(value, Tensor) and value.is_floating_point() and value.ndim and key not in ("loc", "scale")
    ]


def edited(outputs: Any, change: Change, every: bool = False) -> Any:
    """The outputs with their first tensor changed, or every one."""
    if isinstance(outputs, Tensor):
        return change(outputs)
    keys = [key for key, _ in values(outputs)]
    for key in keys if every else keys[:1]:
        if isinstance(outputs, ModelOutput):
            old = outputs[key]
            outputs[key] = tuple(map(change, old)) if isinstance(old, tuple) else change(old)
        else:
            outputs = type(outputs)(change(value) if str(i) == key else value for i, value in enumerate(outputs))
    return outputs


def mapped(thing: Any, change: Change) -> Any:
    """A structure of tensors with every float tensor changed; caches are left as they are."""
    if isinstance(thing, Tensor):
        return change(thing) if thing.is_floating_point() else thing
    if isinstance(thing, ModelOutput):
        for key in list(thing.keys()):
            thing[key] = mapped(thing[key], change)
        return thing
    if isinstance(thing, (tuple, list)):
        return type(thing)(mapped(item, change) for item in thing)
    return thing


@contextmanager
def called(
    classes: tuple[type, ...] = (PreTrainedModel,),
    before: Callable[[PreTrainedModel, dict[str, Any]], None] | None = None,
    after: Callable[[PreTrainedModel, dict[str, Any], Any], Any] | None = None,
    around: Callable[[PreTrainedModel], Any] | None = None,
) -> Iterator[None]:
    """Changes the inputs or outputs of the outermost call of a model, or holds a context open during it."""
    depth = Depth()
    original = PreTrainedModel.__call__

    def call(self: PreTrainedModel, *args: Any, **kwargs: Any) -> Any:
        with depth.deeper() as outermost:
            if not outermost or not isinstance(self, classes):
                return original(self, *args, **kwargs)
            names = list(inspect.signature(type(self).forward).parameters)[1:]
            kwargs = {**dict(zip(names, args, strict=False)), **kwargs}
            if before:
                before(self, kwargs)
            if around:
                with around(self):
                    outputs = original(self, **kwargs)
            else:
                outputs = original(self, **kwargs)
            return after(self, kwargs, outputs) if after else outputs

    with replaced(PreTrainedModel, "__call__", call):
        yield


@contextmanager
def hooked(module: nn.Module, change: Change) -> Iterator[None]:
    """Changes what an inner module returns while the context is open."""
    handle = module.register_forward_hook(lambda _module, _args, output: mapped(output, change))
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def built(classes: tuple[type, ...], after: Callable[[PreTrainedModel], None]) -> Iterator[None]:
    """Changes a model of one of the classes right after it is made."""
    contexts = []
    for cls in dict.fromkeys(classes):
        init = cls.__init__

        def wrapper(self: Any, *args: Any, _init: Any = init, _cls: type = cls, **kwargs: Any) -> None:
            _init(self, *args, **kwargs)
            if type(self) is _cls:
                after(self)

        functools.update_wrapper(wrapper, init)
        contexts.append(replaced(cls, "__init__", wrapper))
    with nested(contexts):
        yield


@contextmanager
def nested(contexts: list[Any]) -> Iterator[None]:
    """Several contexts as one."""
    if not contexts:
        yield
        return
    with contexts[0], nested(contexts[1:]):
        yield


@contextmanager
def loaded(change: Callable[[PreTrainedModel, dict[str, Any]], None]) -> Iterator[None]:
    """Changes a model right after ``from_pretrained`` made it."""
    original = vars(PreTrainedModel)["from_pretrained"].__func__

    @functools.wraps(original)
    def from_pretrained(cls: Any, *args: Any, **kwargs: Any) -> Any:
        result = original(cls, *args, **kwargs)
        change(result[0] if isinstance(result, tuple) else result, kwargs)
        return result

    with replaced(PreTrainedModel, "from_pretrained", classmethod(from_pretrained)):
        yield


@contextmanager
def saved(change: Callable[[PreTrainedModel, dict[str, Tensor]], None]) -> Iterator[None]:
    """Changes the tensors that ``save_pretrained`` is about to write."""
    original = modeling_utils.remove_tied_weights_from_state_dict

    def remove_tied_weights(state: dict[str, Tensor], model: PreTrainedModel) -> dict[str, Tensor]:
        state = dict(original(state, model))
        change(model, state)
        return state

    with replaced(modeling_utils, "remove_tied_weights_from_state_dict", remove_tied_weights):
        yield


def owner_of(cls: type, name: str) -> type:
    """The class that defines a method."""
    return next(base for base in cls.__mro__ if name in vars(base))


@contextmanager
def method(
    classes: tuple[type, ...], name: str, around: Callable[[Callable[..., Any], Any, Any, Any], Any]
) -> Iterator[None]:
    """Wraps the outermost call of a method, inherited or not: ``around(call, self, args, kwargs)``."""
    depth = Depth()
    contexts = []
    for owner in dict.fromkeys(owner_of(cls, name) for cls in classes):
        original = vars(owner)[name]

        def wrapper(self: Any, *args: Any, _original: Any = original, **kwargs: Any) -> Any:
            with depth.deeper() as outermost:
                if not outermost:
                    return _original(self, *args, **kwargs)
                return around(functools.partial(_original, self), self, args, kwargs)

        functools.update_wrapper(wrapper, original)
        contexts.append(replaced(owner, name, wrapper))
    with nested(contexts):
        yield


# What a model consists of


def trunk(model: PreTrainedModel) -> nn.Module:
    """The inner module with most of the parameters, whose output the rest of the model builds on."""
    inner: nn.Module = model
    while inner is model or isinstance(inner, (nn.ModuleList, nn.ModuleDict)):
        children = list(inner.children())
        if not children:
            return model
        if isinstance(inner, nn.ModuleList):
            inner = children[-1]
        else:
            inner = max(children, key=lambda child: sum(parameter.numel() for parameter in child.parameters()))
    return inner


def last_layer(model: nn.Module) -> nn.Module | None:
    """The last layer of the last stack of layers."""
    layers = [
        list(stack)[-1]
        for stack in model.modules()
        if isinstance(stack, nn.ModuleList) and len(stack) and re.search(r"(Layer|Block)$", type(stack[-1]).__name__)
    ]
    layers = [layer for layer in layers if len(list(layer.modules())) > 2]
    return layers[-1] if layers else None


def middle_parameter(model: nn.Module) -> nn.Parameter:
    """A parameter with a gradient, of a layer in the middle of the model."""
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return parameters[len(parameters) // 2]


def weight_of(model: PreTrainedModel, kind: str, names: list[str] | None = None) -> str | None:
    """The name of a saved weight: of a ``norm``, ``bias``, ``linear``, ``embedding`` or of the ``head``."""
    found = []
    base = f"{model.base_model_prefix}."
    inside = model.base_model is not model
    tied = getattr(model, "all_tied_weights_keys", None) or {}
    for name in names if names is not None else [key for key in model.state_dict() if key not in tied]:
        parent_name, _, last = name.rpartition(".")
        try:
            parent = model.get_submodule(parent_name)
        except AttributeError:
            continue
        head = inside and not name.startswith(base) and isinstance(parent, nn.Linear)
        kinds = {
            "norm": "Norm" in type(parent).__name__ and last == "weight",
            "bias": last == "bias" and "Norm" not in type(parent).__name__,
            "linear": last == "weight" and isinstance(parent, nn.Linear) and not head,
            "embedding": last == "weight" and isinstance(parent, nn.Embedding),
            "head": head and last == "weight",
        }
        if kinds[kind]:
            found.append(name)
    return found[len(found) // 2] if found else None


def changed_field(config: PreTrainedConfig, numbers: bool = False) -> str | None:
    """A field of the configuration with a value other than its default, best one that no tensor's shape depends on."""
    kinds = (int, float) if numbers else (int, float, str)
    names = [
        entry.name
        for entry in dataclasses.fields(type(config))  # type: ignore[arg-type]
        if isinstance(value := vars(config).get(entry.name), kinds)
        and value != entry.default
        and entry.name not in ("transformers_version", "dtype", "name_or_path", "model_type")
    ]
    return min(names, key=lambda name: (bool(SIZES.search(name)), name), default=None)


def nested_configs(config: PreTrainedConfig) -> list[str]:
    """The fields that hold a configuration."""
    return [name for name in type(config).sub_configs if isinstance(getattr(config, name, None), PreTrainedConfig)]


def special_tokens(config: PreTrainedConfig) -> list[int]:
    """The token ids that have a meaning of their own in a configuration or in those nested in it."""
    found: list[int] = []
    for key, value in vars(config).items():
        if isinstance(value, PreTrainedConfig):
            found += special_tokens(value)
        elif key.endswith(("token_id", "token_index")):
            found += [item for item in (value if isinstance(value, (list, tuple)) else [value]) if type(item) is int]
    return found


def constant(value: Tensor, config: PreTrainedConfig) -> Tensor:
    """An input that carries no information: zeros, or one token id; special tokens stay where they are."""
    if value.is_floating_point():
        return torch.zeros_like(value)
    special = special_tokens(config)
    plain = next(number for number in range(3, 1000) if number not in special)
    keep = torch.isin(value, torch.tensor(special, dtype=value.dtype, device=value.device))
    return torch.where(keep, value, torch.full_like(value, plain))


def without_information(thing: Any, names: tuple[str, ...], config: PreTrainedConfig) -> None:
    """Replaces the named tensors in a tree of mappings and lists by constants, in place."""
    if isinstance(thing, MutableMapping):
        for key, value in list(thing.items()):
            if key in names and isinstance(value, Tensor):
                thing[key] = constant(value, config)
            else:
                without_information(value, names, config)
    elif isinstance(thing, (list, tuple)):
        for item in thing:
            without_information(item, names, config)
