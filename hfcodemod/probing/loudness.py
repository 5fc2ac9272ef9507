"""Weights that are large enough for the input to be heard at the other end.

The usual deviation of first weights is made for wide layers: a tiny model of many layers multiplies its input by
little in each, until nothing is left of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FIELDS = ("initializer_range", "init_std")
USUAL = 0.02
DEVIATIONS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)

SILENT = r"makes no difference|tells the rows apart"
"""What is said of a model whose input does not count."""

WHY = "Of an input that is multiplied by the usual small weights in each of many layers nothing is left."


def louder(arguments: Mapping[str, Any], default: Any) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """The arguments with larger and larger first weights, and the paths of the fields that say so."""
    for deviation in DEVIATIONS:
        paths: list[str] = []
        changed = _with_deviation(arguments, default, deviation, "", paths)
        if paths:
            yield changed, paths


def _with_deviation(
    arguments: Mapping[str, Any], default: Any, deviation: float, where: str, paths: list[str]
) -> dict[str, Any]:
    fields = getattr(default, "__dict__", {})
    changed = dict(arguments)
    # Where no field says it, an attribute of the first name is asked for all the same.
    named = [name for name in FIELDS if name in fields] or FIELDS[:1]
    for name in named:
        before = changed.get(name, fields.get(name, USUAL))
        if isinstance(before, float) and 0 < before < deviation:
            changed[name] = deviation
            paths.append(f"{where}{name}")
    for name, value in arguments.items():
        if isinstance(value, Mapping) and hasattr(fields.get(name), "model_type"):
            changed[name] = _with_deviation(value, fields[name], deviation, f"{where}{name}.", paths)
    return changed
