"""The one place that finds codemods: ours, whose folder is mapped into the package, where a type checker can't follow
it, and those in files of a repository."""

from __future__ import annotations

import hashlib
import importlib
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from hfcodemod.errors import UserError


@cache
def codemod(module: str, name: str) -> Any:
    """A name of a module in ``codemods/``."""
    return getattr(importlib.import_module(f"hfcodemod.codemods.{module}"), name)


@cache
def module_of(path: Path, source: str, package: str = "") -> ModuleType:
    """The module that a file is, under a name that no import finds; ``source`` tells one version of it from another.

    Relative imports in it are from ``package``.

    Raises UserError for a file that cannot be imported.
    """
    key = hashlib.sha256(f"{path}\0{source}".encode()).hexdigest()[:8]
    module = ModuleType(f"{path.stem}_{key}")
    module.__file__ = str(path)
    module.__package__ = package
    # Where dataclasses look for the module of a class.
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    # Whatever a team's code raises is told as its fault.
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise UserError(f"{path}: the codemod cannot be imported: {said}") from error
    return module
