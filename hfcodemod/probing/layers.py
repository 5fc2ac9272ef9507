"""Which layers of a stack a tiny one keeps: one of each kind, however the kinds are told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hfcodemod.probing.stages import tap_count

COUNTS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "depth")
"""Fields that say how many layers there are."""

LEADING = r"first_k_dense_replace|num_dense_layers"
"""Numbers of layers at the start that are of another kind than the rest."""

TRAILING = r"num_kv_shared_layers"
"""Numbers of layers at the end that are."""

MOST = 6
"""Layers to keep at most."""


def layer_count(values: Mapping[str, Any]) -> int | None:
    """How many layers a configuration has, where one field says it."""
    return next((int(values[name]) for name in COUNTS if isinstance(values.get(name), int)), None)


def is_layer_count(name: str, value: Any, values: Mapping[str, Any]) -> bool:
    """Whether the field says how many layers there are."""
    return name in COUNTS and value == layer_count(values)


def is_per_layer(value: Any, count: int | None) -> bool:
    """Whether a list has an item for each layer."""
    return isinstance(value, list | tuple) and count is not None and len(value) == count > 2


def is_numbering(value: Any) -> bool:
    """Whether a list holds the numbers of all layers."""
    return list(value) == list(range(len(value)))


def others(name: str, value: Any, count: int | None) -> list[bool] | None:
    """For each layer whether a number tells it apart from the rest; None where the field is no such number."""
    if count is None or not isinstance(value, int) or not 0 < value < count:
        return None
    if re.fullmatch(LEADING, name):
        return [layer < value for layer in range(count)]
    if re.fullmatch(TRAILING, name):
        return [layer >= count - value for layer in range(count)]
    return None


def mixed(kinds: list[Any], values: Mapping[str, Any]) -> list[Any]:
    """The kinds of layers with another one among them, where all are of one kind and the configuration has more."""
    if set(kinds) == {"linear_attention"}:
        return [*kinds[:-1], "full_attention"]  # without one the cache does not know its length
    if set(kinds) == {"full_attention"} and values.get("sliding_window") and len(kinds) > 1:
        return ["sliding_attention", *kinds[1:]]
    return kinds


def kept_layers(values: Mapping[str, Any]) -> list[int] | None:
    """The layers that show every kind there is, two and as many as are tapped at least; None where none is special."""
    count = layer_count(values)
    kinds = [value for value in values.values() if is_per_layer(value, count)]
    kinds += [told for name, value in values.items() if (told := others(name, value, count)) is not None]
    least = min(max(2, tap_count(values)), count or 0)
    if count is None or (not kinds and least <= 2):
        return None
    kinds = [value for value in kinds if not is_numbering(value)]
    seen: set[str] = set()
    kept: list[int] = []
    for layer in range(count):
        kind = repr([value[layer] for value in kinds if not isinstance(value[layer], float)])
        if kind not in seen:
            seen.add(kind)
            kept.append(layer)
    for layer in range(count):
        if len(kept) >= least:
            break
        if layer not in kept:
            kept.append(layer)
    return sorted(kept)[:MOST]
