"""Faults of saving and loading, of weights, number formats and configurations."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from injection import (
    Once,
    Scene,
    called,
    changed_field,
    edited,
    last_layer,
    loaded,
    method,
    nested,
    nested_configs,
    replaced,
    saved,
    weight_of,
)
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel

from .fault import fault
from .inputs import void
from .outputs import marked
from .reasons import (
    has_changed_field,
    has_layers,
    has_nested_configs,
    has_tied_weights,
    has_weight,
    returns_bfloat16,
    runs_in_bfloat16,
)


def weight(scene: Scene, kind: str, change: Callable[[Tensor], Tensor | None]) -> AbstractContextManager[None]:
    """Changes a tensor on its way to the file, or loses it."""

    def save(model: PreTrainedModel, state: dict[str, Tensor]) -> None:
        name = weight_of(model, kind, list(state))
        if name is not None:
            changed = change(state.pop(name))
            if changed is not None:
                state[name] = changed

    return saved(save)


for KIND in ("norm", "bias", "linear", "embedding", "head"):
    fault(f"{KIND}-lost", f"Saving loses a weight: {KIND}.", has_weight(KIND))(
        lambda scene, kind=KIND: weight(scene, kind, lambda _value: None)  # type: ignore[misc]
    )


@fault("weight-altered", "Saving alters one element of a linear weight.", has_weight("linear"))
def _(scene: Scene) -> AbstractContextManager[None]:
    return weight(scene, "linear", lambda value: marked(value.clone(), 1.0))


@fault("weight-reversed", "Saving reverses the rows of a linear weight.", has_weight("linear"))
def _(scene: Scene) -> AbstractContextManager[None]:
    return weight(scene, "linear", lambda value: value.flip(0).contiguous())


@fault("weights-rounded", "Saving rounds every weight to the precision of bfloat16.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def save(_model: PreTrainedModel, state: dict[str, Tensor]) -> None:
        for name, value in state.items():
            if value.is_floating_point():
                state[name] = value.to(torch.bfloat16).to(value.dtype)

    return saved(save)


@fault("weights-new", "Loading leaves every weight at a new random value.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def renew(model: PreTrainedModel, _asked: dict[str, Any]) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                nn.init.normal_(parameter, std=0.05)

    return loaded(renew)


def replace_tied(model: PreTrainedModel, change: Callable[[Tensor], Tensor]) -> None:
    """Gives each tied weight a tensor of its own."""
    for target in model.all_tied_weights_keys:
        parent, _, name = target.rpartition(".")
        old = model.get_parameter(target)
        setattr(model.get_submodule(parent), name, nn.Parameter(change(old.detach()).clone()))


@fault("weights-untied", "Loading gives tied weights the same values but no common memory.", has_tied_weights)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loaded(lambda model, _asked: replace_tied(model, torch.clone))


@fault("tied-weights-lost", "Loading gives tied weights new random values.", has_tied_weights)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loaded(lambda model, _asked: replace_tied(model, lambda value: torch.randn_like(value) * 0.02))


@fault("layer-skipped", "The last layer of a loaded model does nothing.", has_layers)
def _(scene: Scene) -> AbstractContextManager[None]:
    def skip(model: PreTrainedModel, _asked: dict[str, Any]) -> None:
        layer = last_layer(model)
        if layer is None:
            return
        forward = layer.forward

        def skipped(*args: Any, **kwargs: Any) -> Any:
            result = forward(*args, **kwargs)
            hidden = args[0] if args else kwargs["hidden_states"]
            return (hidden, *result[1:]) if isinstance(result, tuple) else hidden

        layer.forward = skipped

    return loaded(skip)


@fault("loaded-in-training-mode", "A loaded model is in training mode.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return loaded(lambda model, _asked: void(model.train()))


@fault("dtype-ignored", "Weights stay in float32 though bfloat16 was asked for.", runs_in_bfloat16)
def _(scene: Scene) -> AbstractContextManager[None]:
    move = PreTrainedModel.to

    def load(model: PreTrainedModel, asked: dict[str, Any]) -> None:
        if asked.get("dtype", asked.get("torch_dtype")) is not None:
            nn.Module.float(model)

    def to(self: PreTrainedModel, *args: Any, **kwargs: Any) -> PreTrainedModel:
        kwargs.pop("dtype", None)
        args = tuple(arg for arg in args if not isinstance(arg, torch.dtype))
        return move(self, *args, **kwargs) if args or kwargs else self

    patches = [replaced(PreTrainedModel, name, lambda self: self) for name in ("bfloat16",)]
    return nested([loaded(load), replaced(PreTrainedModel, "to", to), *patches])


def in_bfloat16(scene: Scene, change: Callable[[Tensor], Tensor]) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        half = any(parameter.dtype == torch.bfloat16 for parameter in model.parameters())
        return edited(result, change, every=True) if half else result

    return called(scene.classes, after=after)


@fault("bfloat16-output-float32", "A bfloat16 model returns float32.", runs_in_bfloat16, returns_bfloat16)
def _(scene: Scene) -> AbstractContextManager[None]:
    return in_bfloat16(scene, Tensor.float)


@fault("bfloat16-nan", "A bfloat16 model returns NaN.", runs_in_bfloat16)
def _(scene: Scene) -> AbstractContextManager[None]:
    return in_bfloat16(scene, lambda value: value * float("nan"))


def written(change: Callable[[PreTrainedConfig, dict[str, Any]], None], name: str) -> AbstractContextManager[None]:
    """Changes what a configuration says of itself in the method ``name``."""

    def around(call: Callable[..., dict[str, Any]], self: Any, args: Any, kwargs: Any) -> dict[str, Any]:
        found = call(*args, **kwargs)
        change(self, found)
        return found

    return method((PreTrainedConfig,), name, around)


@fault("config-field-lost", "The configuration loses a field when it is written as a dictionary.", has_changed_field())
def _(scene: Scene) -> AbstractContextManager[None]:
    return written(lambda config, found: void(found.pop(changed_field(config) or "", None)), "to_dict")


@fault("config-field-not-saved", "The configuration loses a field when it is saved.", has_changed_field())
def _(scene: Scene) -> AbstractContextManager[None]:
    return written(lambda config, found: void(found.pop(changed_field(config) or "", None)), "to_diff_dict")


@fault("config-field-altered", "A number of the configuration is one more when loaded.", has_changed_field(True))
def _(scene: Scene) -> AbstractContextManager[None]:
    original = vars(PreTrainedConfig)["from_dict"].__func__
    names = {type(subject.config): changed_field(subject.config, True) for subject in scene.subjects}

    def from_dict(cls: type[PreTrainedConfig], config_dict: dict[str, Any], **kwargs: Any) -> Any:
        name = names.get(cls)
        if name is not None and isinstance(config_dict.get(name), (int, float)):
            value = config_dict[name]
            config_dict = {**config_dict, name: not value if isinstance(value, bool) else value + 1}
        return original(cls, config_dict, **kwargs)

    return replaced(PreTrainedConfig, "from_dict", classmethod(from_dict))


@fault("nested-config-lost", "A configuration is saved without those nested in it.", has_nested_configs)
def _(scene: Scene) -> AbstractContextManager[None]:
    # A model loaded with the default nested configurations would not fit into memory: a model's own save is left alone.
    saving = Once()

    def model_saves(call: Callable[..., None], self: Any, args: Any, kwargs: Any) -> None:
        saving(self.config)
        try:
            call(*args, **kwargs)
        finally:
            saving.seen.clear()

    def lose(config: PreTrainedConfig, found: dict[str, Any]) -> None:
        for name in [] if saving.seen else nested_configs(config):
            found.pop(name, None)

    return nested([method((PreTrainedModel,), "save_pretrained", model_saves), written(lose, "to_diff_dict")])
