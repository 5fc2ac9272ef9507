"""Recipes as text: small, sorted where order says nothing, one line for what fits on one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

WIDTH = 120


def json_text(value: Any, indent: int = 0, before: int = 0) -> str:
    """JSON with each container on one line where it fits, else one item a line.

    ``before`` columns of the first line are taken.
    """
    flat = json.dumps(value, ensure_ascii=False)
    if (indent + before + len(flat) < WIDTH - 1 and indent) or not isinstance(value, Mapping | list) or not value:
        return flat
    inner = " " * (indent + 2)
    if isinstance(value, Mapping):
        keys = [json.dumps(key) + ": " for key in value]
        lines = [
            inner + key + json_text(item, indent + 2, len(key)) for key, item in zip(keys, value.values(), strict=True)
        ]
        return "{\n" + ",\n".join(lines) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(inner + json_text(item, indent + 2) for item in value) + "\n" + " " * indent + "]"
