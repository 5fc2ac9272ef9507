"""A skeleton: a test module written for a reference architecture, with fragments beside it if it has any."""

from __future__ import annotations

import ast
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

import libcst as cst

from hfcodemod.errors import UserError

SHIPPED = "default"
"""The name of the skeleton that hfcodemod ships."""
MANIFEST = "skeleton.json"


@dataclass(frozen=True)
class Part:
    """One source file of a skeleton and the model type that it is written for."""

    path: Path
    reference: str

    @cached_property
    def source(self) -> str:
        """The text of the file, without a byte order mark and with plain line ends."""
        try:
            return self.path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{self.path}: the skeleton cannot be read ({error}); check its path") from error

    @cached_property
    def module(self) -> cst.Module:
        """The file parsed, once."""
        try:
            # The interpreter's own parser too: a codemod reads statements with it.
            ast.parse(self.source)
            return cst.parse_module(self.source)
        except (SyntaxError, cst.ParserSyntaxError) as error:
            line = error.lineno if isinstance(error, SyntaxError) else error.raw_line
            raise UserError(f"{self.path}:{line}: the skeleton does not parse; mend it first") from error


@dataclass(frozen=True)
class Skeleton:
    """A canonical module and its fragments by name."""

    name: str
    version: int
    canonical: Part
    fragments: Mapping[str, Part] = field(default_factory=dict)


@cache
def shipped_skeleton() -> Skeleton:
    """The skeleton in the package."""
    folder = Path(str(importlib.resources.files("hfcodemod.skeleton")))
    return skeleton_in(folder)


def skeleton_in(folder: Path) -> Skeleton:
    """The skeleton that the manifest of a folder describes."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Skeleton(
        name=SHIPPED,
        version=manifest["version"],
        canonical=Part(folder / manifest["canonical"]["path"], manifest["canonical"]["reference"]),
        fragments={name: Part(folder / f"{name}.py", reference) for name, reference in manifest["fragments"].items()},
    )
