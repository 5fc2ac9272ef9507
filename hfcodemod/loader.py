"""The one place that finds codemods: their folder is mapped into the package, where a type checker can't follow it."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


@cache
def codemod(module: str, name: str) -> Any:
    """A name of a module in ``codemods/``."""
    return getattr(importlib.import_module(f"hfcodemod.codemods.{module}"), name)
