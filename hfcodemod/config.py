"""``[tool.hfcodemod]`` in pyproject.toml."""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from hfcodemod.errors import UserError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FACTS = "5.23.0"
"""The version of transformers whose facts are used where the configuration pins none."""
TARGET = "tests/models/test_hf_{name}.py"

Kinds: TypeAlias = tuple[type, ...]
KINDS: dict[type, str] = {str: "a string", list: "a list of strings", dict: "a table"}
STRING: Kinds = (str,)
STRINGS: Kinds = (list,)


@dataclass(frozen=True)
class Key:
    """What can be configured."""

    kinds: Kinds
    meaning: str
    """For the reference; paths are from pyproject.toml."""
    needed: bool = False


OWN_KEYS = {
    "facts": Key(STRING, f"The version of transformers whose facts are used; `{FACTS}` without."),
    "target": Key(STRING, f"Where a module goes; `{TARGET}` without."),
    "skeleton": Key(STRING, "The folder of a skeleton that stands in place of the shipped one."),
    "exclude": Key(STRINGS, "Patterns of paths in which no managed files are looked for."),
    "required-version": Key(STRING, "Which hfcodemod may be used here: `>=0.1,<0.2`."),
    "skeletons": Key((dict,), "Skeletons of your own, each a table below."),
    "architectures": Key((dict,), "Architectures that transformers does not have, each a table below."),
}
ADJUSTMENTS = {
    "overlay": Key(STRING, "A module that is folded onto the skeleton."),
    "leave-out": Key(STRINGS, "Tests that no module gets."),
    "codemods": Key(STRINGS, "What runs last on each module, in order: `codemods/add_header.py:AddHeader`."),
    "format-command": Key(
        (str, list),
        "A formatter of modules, from standard input to standard output: `ruff format --line-length 88 -`.",
    ),
    "upgrades": Key(STRING, "The folder of upgrade codemods, where it is not the one beside the skeleton."),
}
SKELETON_KEYS = {
    "path": Key(STRING, "The test module that is cloned.", needed=True),
    "reference": Key(STRING, "The architecture that it is written for.", needed=True),
    "target": Key(STRING, "Where a clone goes, with `{name}` for the architecture.", needed=True),
}
ARCHITECTURE_KEYS = {
    "title": Key(STRING, "The name as people write it: `YOLOv4`.", needed=True),
    "checkpoint": Key(STRING, "The checkpoint that its modules name."),
}


@dataclass(frozen=True)
class CodemodSettings:
    """A codemod of the repository's own: a class in a file."""

    path: Path
    name: str


@dataclass(frozen=True)
class Adjustments:
    """What a team changes about a skeleton without a copy of it."""

    overlay: Path | None = None
    """A module that is folded onto the skeleton."""
    leave_out: tuple[str, ...] = ()
    """Tests that no module gets."""
    codemods: tuple[CodemodSettings, ...] = ()
    """What runs last on each module, in order."""
    format_command: tuple[str, ...] = ()
    """A command that takes source on its standard input and writes it formatted to its standard output."""
    upgrades: Path | None = None
    """The folder of upgrade codemods, where it is not the one beside the skeleton."""


@dataclass(frozen=True)
class SkeletonSettings:
    """A skeleton of the repository's own."""

    path: Path
    reference: str
    """The name of the architecture that it is written for, as somebody would type it."""
    target: str
    adjustments: Adjustments = field(default_factory=Adjustments)


@dataclass(frozen=True)
class DeclaredArchitecture:
    """An architecture that transformers does not have."""

    title: str
    checkpoint: str = ""


# Two settings are never the same settings: what is loaded by them is remembered for as long as they live.
@dataclass(frozen=True, eq=False)
class Settings:
    """What the configuration says, with defaults for the rest."""

    root: Path
    """The folder of pyproject.toml; without one, the current folder."""
    facts: str = FACTS
    target: str = TARGET
    skeleton: Path | None = None
    """The folder of a skeleton that stands in place of the shipped one."""
    adjustments: Adjustments = field(default_factory=Adjustments)
    """Those of the default skeleton."""
    exclude: tuple[str, ...] = ()
    """Patterns of paths, from the root, in which no managed files are looked for."""
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


def tools_in(file: Path, text: str) -> Mapping[str, Any]:
    """What the text of a pyproject.toml says of tools.

    Raises UserError for a text that is not TOML.
    """
    try:
        tools = tomllib.loads(text).get("tool", {})
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file}: not valid TOML ({error}); mend the file") from error
    if not isinstance(tools, dict):
        raise UserError(f"{file}: [tool] must be a table")
    return tools


def _read(file: Path) -> Settings:
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{file}: not valid TOML ({error}); mend the file") from error
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); check its permissions") from error
    tools = tools_in(file, text)
    table = tools.get("hfcodemod", {})
    where = "tool.hfcodemod"
    _check_keys(file, where, table, {**OWN_KEYS, **ADJUSTMENTS})
    _check_version(file, where, table.get("required-version"))
    return Settings(
        root=file.parent,
        facts=table.get("facts", FACTS),
        target=checked_target(file, where, table.get("target", TARGET)),
        skeleton=file.parent / table["skeleton"] if "skeleton" in table else None,
        adjustments=_adjustments(file, where, table),
        exclude=tuple(table.get("exclude", ())),
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
    _check_keys(file, where, table, {**SKELETON_KEYS, **ADJUSTMENTS})
    return SkeletonSettings(
        path=file.parent / table["path"],
        reference=table["reference"],
        target=checked_target(file, where, table["target"]),
        adjustments=_adjustments(file, where, table),
    )


def _adjustments(file: Path, where: str, table: Mapping[str, Any]) -> Adjustments:
    command = table.get("format-command", ())
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise UserError(f"{file}: [{where}] format-command {command!r} does not split ({error}); mend it") from error
    return Adjustments(
        overlay=file.parent / table["overlay"] if "overlay" in table else None,
        leave_out=tuple(table.get("leave-out", ())),
        codemods=tuple(_codemod(file, where, value) for value in table.get("codemods", ())),
        format_command=tuple(words),
        upgrades=file.parent / table["upgrades"] if "upgrades" in table else None,
    )


def _codemod(file: Path, where: str, value: str) -> CodemodSettings:
    path, colon, name = value.rpartition(":")
    if not (colon and path.endswith(".py") and name.isidentifier()):
        raise UserError(f"{file}: [{where}] codemods: {value!r} must be like 'codemods/add_header.py:AddHeader'")
    return CodemodSettings(file.parent / path, name)


def _check_version(file: Path, where: str, required: str | None) -> None:
    if required is None:
        return
    from importlib.metadata import version

    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        specifier = SpecifierSet(required)
    except InvalidSpecifier as error:
        raise UserError(f"{file}: [{where}] required-version {required!r} must be like '>=0.1,<0.2'") from error
    installed = version("hfcodemod")
    if not specifier.contains(installed, prereleases=True):
        raise UserError(f"{file}: hfcodemod {installed} is installed; pip install 'hfcodemod{specifier}'")


def _architecture(file: Path, where: str, table: Any) -> DeclaredArchitecture:
    _check_keys(file, where, table, ARCHITECTURE_KEYS)
    return DeclaredArchitecture(**table)


def checked_target(file: Path, where: str, target: str) -> str:
    """The pattern of modules' paths.

    Raises UserError for one that cannot be a pattern.
    """
    rest = target.replace("{name}", "")
    if rest == target or "{" in rest or "}" in rest or not target.endswith(".py"):
        raise UserError(f"{file}: [{where}] target {target!r} must hold {{name}}, no other braces, and end in .py")
    return target


def _check_keys(file: Path, where: str, table: Any, keys: Mapping[str, Key]) -> None:
    if not isinstance(table, dict):
        raise UserError(f"{file}: [{where}] must be a table")
    for name, value in table.items():
        if name not in keys:
            near = difflib.get_close_matches(name, keys, n=1)
            known = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(keys)}"
            raise UserError(f"{file}: [{where}] has an unknown key {name!r}; {known}")
        kinds = keys[name].kinds
        strings = not isinstance(value, list) or all(isinstance(item, str) for item in value)
        if not (isinstance(value, kinds) and strings):
            kind = " or ".join(KINDS[kind] for kind in kinds)
            raise UserError(f"{file}: [{where}] {name} must be {kind}, not {value!r}")
    for name, key in keys.items():
        if key.needed and name not in table:
            raise UserError(f'{file}: [{where}] has no {name!r}; add {name} = "..."')
