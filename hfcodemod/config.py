"""``[tool.hfcodemod]`` in pyproject.toml."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hfcodemod.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FACTS = "5.23.0"
"""The version of transformers whose facts are used where the configuration pins none."""
TARGET = "tests/models/test_hf_{name}.py"


@dataclass(frozen=True)
class SkeletonSettings:
    """A skeleton of the repository's own."""

    path: Path
    reference: str
    """The name of the architecture that it is written for, as somebody would type it."""
    target: str


@dataclass(frozen=True)
class DeclaredArchitecture:
    """An architecture that transformers does not have."""

    title: str
    checkpoint: str = ""


@dataclass(frozen=True)
class Settings:
    """What the configuration says, with defaults for the rest."""

    root: Path
    """The folder of pyproject.toml; without one, the current folder."""
    facts: str = FACTS
    target: str = TARGET
    skeletons: Mapping[str, SkeletonSettings] = field(default_factory=dict)
    architectures: Mapping[str, DeclaredArchitecture] = field(default_factory=dict)


def settings_for(folder: Path) -> Settings:
    """The settings of the nearest pyproject.toml at or above ``folder``.

    Raises UserError for a file that is not TOML, an unknown key, or a value of the wrong kind.
    """
    for root in (folder, *folder.parents):
        file = root / "pyproject.toml"
        if file.is_file():
            return _read(file)
    return Settings(root=folder)


def _read(file: Path) -> Settings:
    try:
        tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{file}: not valid TOML ({error}); mend the file") from error
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check its permissions") from error
    if not isinstance(tools, dict):
        raise UserError(f"{file}: [tool] must be a table")
    table = tools.get("hfcodemod", {})
    where = "tool.hfcodemod"
    _check_keys(file, where, table, {"facts": str, "target": str, "skeletons": dict, "architectures": dict})
    target = _checked_target(file, where, table.get("target", TARGET))
    return Settings(
        root=file.parent,
        facts=table.get("facts", FACTS),
        target=target,
        skeletons={
            name: _skeleton(file, f"{where}.skeletons.{name}", value)
            for name, value in table.get("skeletons", {}).items()
        },
        architectures={
            name: _architecture(file, f"{where}.architectures.{name}", value)
            for name, value in table.get("architectures", {}).items()
        },
    )


def _skeleton(file: Path, where: str, table: Any) -> SkeletonSettings:
    _check_keys(file, where, table, {"path": str, "reference": str, "target": str})
    for key in ("path", "reference", "target"):
        if key not in table:
            raise UserError(f"{file}: [{where}] has no {key!r}; add it")
    return SkeletonSettings(
        path=file.parent / table["path"],
        reference=table["reference"],
        target=_checked_target(file, where, table["target"]),
    )


def _architecture(file: Path, where: str, table: Any) -> DeclaredArchitecture:
    _check_keys(file, where, table, {"title": str, "checkpoint": str})
    if "title" not in table:
        raise UserError(f"{file}: [{where}] has no 'title'; add title = \"...\"")
    return DeclaredArchitecture(**table)


def _checked_target(file: Path, where: str, target: str) -> str:
    rest = target.replace("{name}", "")
    if rest == target or "{" in rest or "}" in rest or not target.endswith(".py"):
        raise UserError(f"{file}: [{where}] target {target!r} must hold {{name}}, no other braces, and end in .py")
    return target


def _check_keys(file: Path, where: str, table: Any, kinds: Mapping[str, type]) -> None:
    if not isinstance(table, dict):
        raise UserError(f"{file}: [{where}] must be a table")
    for key, value in table.items():
        if key not in kinds:
            near = difflib.get_close_matches(key, kinds, n=1)
            known = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(kinds)}"
            raise UserError(f"{file}: [{where}] has an unknown key {key!r}; {known}")
        if not isinstance(value, kinds[key]):
            kind = "a string" if kinds[key] is str else "a table"
            raise UserError(f"{file}: [{where}] {key} must be {kind}, not {value!r}")
