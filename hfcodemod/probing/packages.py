"""Which optional packages a model asks for, and which of them are not there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec

NEEDED_ANYWAY = ("torch", "vision")
"""Backends that are there wherever a model of PyTorch runs: ``vision`` is Pillow."""


@contextmanager
def packages_asked_for() -> Iterator[set[str]]:
    """The names of the optional packages that transformers asks for within the block, as they come."""
    from transformers.utils.import_utils import BACKENDS_MAPPING

    asked: set[str] = set()
    before = dict(BACKENDS_MAPPING)
    for name, (is_there, message) in before.items():
        if name not in NEEDED_ANYWAY:
            BACKENDS_MAPPING[name] = (partial(_noted, asked, name, is_there), message)
    try:
        yield asked
    finally:
        BACKENDS_MAPPING.update(before)


def _noted(asked: set[str], name: str, is_there: Callable[[], bool]) -> bool:
    # Importing asks too, for all that the library has; a class that is made asks by this function.
    frame = sys._getframe(1)
    callers = (frame.f_code.co_name, frame.f_back.f_code.co_name if frame.f_back else "")
    if "requires_backends" in callers:
        asked.add(name)
    return is_there()


def absent(asked: set[str]) -> list[str]:
    """Those of the packages that can't be imported, sorted."""
    return sorted(name for name in asked if find_spec(name) is None)


def blocked_by(package: str) -> dict[str, str]:
    """Why a class does not run without a package, as a recipe says it."""
    return {"kind": "package", "name": package, "why": f"It needs the package {package}, which is not installed here."}
