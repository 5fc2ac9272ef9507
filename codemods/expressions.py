"""Python source for plain values, laid out as a formatter would: on one line if it fits, else one item a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WIDTH = 120
CLASS = "class"
"""The key that makes a mapping a call of that class rather than a dict."""


def source_of(value: Any, indent: int = 0, before: int = 0, after: int = 1) -> str:
    """The source of a value that starts ``before`` columns into its line and is followed by ``after`` characters.

    Mappings with the key ``class`` become calls with keyword arguments, those of blank names by their places; other
    mappings become dicts, tuples and lists themselves; a `Source` is written as it is.
    """
    flat = _flat(value)
    if before + len(flat) + after <= WIDTH or not isinstance(value, Mapping | list | tuple) or not value:
        return flat
    return exploded(value, indent, after)


def exploded(value: Any, indent: int, after: int = 1) -> str:
    """The source of a non-empty container with one item a line and a trailing comma."""
    inner = indent + 4
    opening, closing = _brackets(value)
    lines = [" " * inner + key + source_of(item, inner, inner + len(key), after) + "," for key, item in _items(value)]
    return "\n".join([opening, *lines, " " * indent + closing])


class Source(str):
    """An expression that is source already."""


def _items(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        if CLASS in value:
            # Arguments without a name have spaces in its place, each as many as there are before it.
            return [(f"{key}=" if key.strip() else "", item) for key, item in value.items() if key != CLASS]
        return [(f"{_flat(key)}: ", item) for key, item in value.items()]
    return [("", item) for item in value]


def _brackets(value: Any) -> tuple[str, str]:
    if isinstance(value, Mapping):
        return (f"{value[CLASS]}(", ")") if CLASS in value else ("{", "}")
    return ("[", "]") if isinstance(value, list) else ("(", ")")


def _flat(value: Any) -> str:
    if isinstance(value, Source):
        return str(value)
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping | list | tuple):
        opening, closing = _brackets(value)
        items = ", ".join(key + _flat(item) for key, item in _items(value))
        return opening + items + ("," if isinstance(value, tuple) and len(value) == 1 else "") + closing
    return repr(value)
