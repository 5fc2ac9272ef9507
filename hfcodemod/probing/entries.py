"""What is found out about a class, and what it does with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError

from hfcodemod.probing.bench import module

FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    OSError,
    RuntimeError,
    StrictDataclassError,
    TypeError,
    ValueError,
)
"""What a model raises that does not fit its configuration or its inputs."""


class Unsolved(ValueError):
    """No inputs, or no configuration, were found with which a class does what it must."""


@dataclass
class Entry:
    """What is found out about a head."""

    inputs: dict[str, Any]
    outputs: dict[str, list[int]] = field(default_factory=dict)
    instead: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    loss: str = ""
    prompt: dict[str, Any] = field(default_factory=dict)
    at_once: bool = True
    config: dict[str, Any] = field(default_factory=dict)
    half: str | None = "bfloat16"
    single: list[str] = field(default_factory=list)
    inert: list[str] = field(default_factory=list)
    untrained: list[str] = field(default_factory=list)
    joint: list[str] = field(default_factory=list)
    rate: float = 1e-3

    def recipe(self) -> dict[str, Any]:
        """As a recipe holds it: what is as usual is not said."""
        usual = Entry({})
        return {
            name: value
            for name, value in vars(self).items()
            if name in ("inputs", "outputs") or value != getattr(usual, name)
        }


def made(described: Mapping[str, Any]) -> Any:
    """The value of a description."""
    kinds = {"tokens": module.tokens, "mask": module.mask, "noise": module.noise}
    kinds |= {name: getattr(module, name) for name in ("integers", "boxes", "kinds", "places")}
    options = {name: value for name, value in described.items() if name not in ("method", *kinds)}
    for kind, function in kinds.items():
        if kind in described:
            value = function(*described[kind], **options)
            return getattr(value, described["method"])() if "method" in described else value
    if "tensor" in described:
        return torch.tensor(described["tensor"])
    if "list" in described:
        return [{name: made(item) for name, item in row.items()} for row in described["list"]]
    return described["value"]


def bench(entry: Entry) -> Any:
    """The entry as the tests of a module see it."""
    return module.Head(
        inputs={name: made(item) for name, item in entry.inputs.items()},
        outputs={name: tuple(shape) for name, shape in entry.outputs.items()},
        instead={name: made(item) for name, item in entry.instead.items()},
        labels={name: made(item) for name, item in entry.labels.items()},
        loss=entry.loss,
        inert=tuple(entry.inert),
        untrained=tuple(entry.untrained),
        joint=tuple(entry.joint),
        rate=entry.rate,
    )


def answered(model: Any, inputs: Mapping[str, Any]) -> Any:
    """What the model answers, without gradients."""
    torch.manual_seed(0)
    with torch.no_grad():
        return module.answer(model, module.on_device({name: made(item) for name, item in inputs.items()}, model.dtype))


def comparable(outputs: Any) -> dict[str, tuple[int, ...]]:
    """The outputs that the tests compare; those of its parts where the class answers with nothing of its own."""
    return comparables(outputs) or comparables(module.flat(outputs))


def comparables(outputs: Any) -> dict[str, tuple[int, ...]]:
    """Numbers, finite, that differ from row to row; no caches or inner layers."""
    if isinstance(outputs, torch.Tensor):
        outputs = {"output": outputs}
    elif not isinstance(outputs, dict):
        outputs = {str(place): output for place, output in enumerate(outputs)} if isinstance(outputs, tuple) else {}
    found: dict[str, tuple[int, ...]] = {}
    for name, value in outputs.items():
        if re.search(r"loss|past_key_values|hidden_states|attentions|cache|state$|^mems$", name) and name.split(".")[
            -1
        ] not in (
            "last_hidden_state",
            "encoder_last_hidden_state",
            "image_hidden_states",
        ):
            continue
        if isinstance(value, tuple) and value and all(isinstance(item, torch.Tensor) for item in value):
            value = value[-1]
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.ndim < 1 or not value.numel():
            continue
        if value.isneginf().any() and not value.isnan().any() and not value.isposinf().any():
            continue  # a score for places that are masked out
        if not value.isfinite().all():
            raise Unsolved(f"{name} is not finite")
        if len(value) > 1 and torch.equal(value[0], value[-1]):
            continue
        found[name] = tuple(value.shape)
    return found


def parts_of(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Few parts of names that are in all of ``names`` and in none of ``others``."""
    found: list[str] = []
    waiting = sorted(names)
    while waiting:
        name = waiting[0]
        pieces = name.split(".")
        options = [".".join(pieces[start:end]) for end in range(1, len(pieces) + 1) for start in range(end)]
        best, reach = name, 0
        for option in sorted(options, key=lambda option: (option.count("."), len(option))):
            if option.isdigit() or re.fullmatch(r"(layers?|blocks?|model|weight|bias|encoder|decoder)(\.\d+)?", option):
                continue
            if any(option in other for other in others):
                continue
            covered = sum(option in other for other in waiting)
            if covered > reach:
                best, reach = option, covered
        found.append(best)
        waiting = [other for other in waiting if best not in other]
    return found
