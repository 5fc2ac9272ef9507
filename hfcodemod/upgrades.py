"""Upgrade codemods: what leads a module from one version of a skeleton to the next, before it is merged.

Whether one applies is told by the module's base, which is what was generated: a rename applies where the base still
defines the old name, any other codemod where it changes the base. So a module that is several versions behind goes
through all of them in order, and no version needs to be recorded anywhere.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.errors import UserError
from hfcodemod.loader import codemod, module_of
from hfcodemod.textfile import read

if TYPE_CHECKING:
    import libcst as cst

PACKAGE = "hfcodemod.codemods.upgrades"
OVERRIDE = re.compile(r"#\s*hfcodemod:\s*override\b")


@dataclass(frozen=True)
class Upgrade:
    """An upgrade codemod: the version that it leads to, and the names that it renames or what else it does."""

    version: int
    path: Path
    renames: Mapping[str, str] = field(default_factory=dict)
    transformer: Callable[[], cst.CSTTransformer] | None = None
    """For a change other than of names; a fresh one for each text."""


def upgrades_in(folder: Path) -> list[Upgrade]:
    """The upgrade codemods of a folder, in order of their versions.

    Raises UserError for a file that cannot be imported or has no version, and for renames that contradict each other.
    """
    found = [_upgrade(path) for path in sorted(folder.glob("to_*.py"))]
    found.sort(key=lambda upgrade: (upgrade.version, upgrade.path.name))
    away: dict[str, Upgrade] = {}
    for upgrade in found:
        for old, new in upgrade.renames.items():
            other = away.setdefault(old, upgrade)
            if other is not upgrade:
                raise UserError(f"{upgrade.path}: renames {old}, and {other.path.name} does too; correct one of them")
            if new in away:
                raise UserError(
                    f"{upgrade.path}: brings back {new}, which {away[new].path.name} renamed; choose another"
                )
    return found


def upgraded(
    base: str, ours: str, folder: Path, spelled: Callable[[str], str] = lambda name: name
) -> tuple[str, str, list[Upgrade]]:
    """Base and ours after the upgrades that apply, and those; the very inputs where none does. Both must parse.

    ``spelled`` says what a name of the skeleton is in this module, where it holds the architecture's own name.
    """
    applied: list[Upgrade] = []
    for upgrade in upgrades_in(folder):
        if upgrade.transformer is not None:
            after = _visited(base, upgrade.transformer())
            renewed = ours if after == base else _visited(ours, upgrade.transformer())
        else:
            renames = {spelled(old): spelled(new) for old, new in upgrade.renames.items()}
            renames = _defined(base, renames)
            # Where ours has the new name for something else, the old one stays in both: theirs then removes it.
            kept = _defined(renamed(ours, renames), renames)
            renames = {old: new for old, new in renames.items() if old not in kept}
            after, renewed = renamed(base, renames), renamed(ours, renames)
        if after != base:
            base, ours = after, renewed
            applied.append(upgrade)
    return base, ours, applied


def upgraded_one(text: str, folder: Path, known: Collection[str], homes: Collection[str] = ()) -> str:
    """An overlay after the renames of names that the skeleton no longer has; ``known`` are those that it has.

    What the overlay adds itself keeps its name. ``homes`` are the modules by which it imports from the skeleton.
    """
    for upgrade in upgrades_in(folder):
        renames = {old: new for old, new in upgrade.renames.items() if old not in known and _holds(text, [old])}
        added = _added(text) if renames else set()
        text = renamed(text, {old: new for old, new in renames.items() if old not in added}, homes)
    return text


def _upgrade(path: Path) -> Upgrade:
    file = read(path)
    assert file is not None
    module = module_of(path, file.text, PACKAGE)
    version = getattr(module, "VERSION", None)
    if not isinstance(version, int):
        raise UserError(f"{path}: has no VERSION; add the version of the skeleton that it leads to: VERSION = 2")
    renames, transformer = getattr(module, "RENAMES", {}), getattr(module, "transformer", None)
    if not (isinstance(renames, dict) and all(isinstance(name, str) for pair in renames.items() for name in pair)):
        raise UserError(f'{path}: RENAMES must be like {{"old": "new"}}')
    if bool(renames) == (transformer is not None):
        raise UserError(f"{path}: needs RENAMES or a function transformer(), and not both")
    return Upgrade(version, path, renames, transformer)


def _holds(text: str, names: Collection[str]) -> bool:
    """Whether one of the names stands in the text as a word; far cheaper than to parse it."""
    return bool(names) and re.search(rf"(?<!\w)(?:{'|'.join(map(re.escape, names))})(?!\w)", text) is not None


def _defined(base: str, renames: Mapping[str, str]) -> dict[str, str]:
    """The renames of what the base defines."""
    if not _holds(base, renames):
        return {}
    defined = codemod("scopes", "defined_in")(ast.parse(base))
    return {old: new for old, new in renames.items() if old in defined}


def _added(overlay: str) -> set[str]:
    """The names that an overlay defines without the mark that they replace the skeleton's."""
    lines = overlay.split("\n")
    tree = ast.parse(overlay)
    added: set[str] = codemod("scopes", "defined_in")(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign):
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            around = [*lines[max(first - 2, 0) : first], lines[node.lineno - 1]]
            if any(OVERRIDE.search(line) for line in around):
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                added -= {*names, getattr(node, "name", "")}
    return added


def renamed(text: str, renames: Mapping[str, str], homes: Collection[str] | None = None) -> str:
    """The text with what it defines under other names; the very input where it has none of them."""
    if not _holds(text, renames):
        return text
    return _visited(text, codemod("rename_definitions", "DefinitionRenamer")(renames, homes))


def _visited(text: str, transformer: cst.CSTTransformer) -> str:
    import libcst as cst

    return cst.parse_module(text).visit(transformer).code
