"""What to type for a change between two versions of transformers, in a repository with the modules that it has."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.errors import UserError
from hfcodemod.missing import modules_of
from hfcodemod.names import resolve
from hfcodemod.recipes import recipe_of, why_no_module

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.differences import Change
    from hfcodemod.managed import Managed, Tree

FEW = 5
"""Up to so many modules are named one by one."""


@dataclass(frozen=True)
class Step:
    """A change, and what it asks for."""

    change: Change
    command: str
    """What to type; empty where nothing is to be done."""


def steps(changes: Sequence[Change], tree: Tree, settings: Settings, old: Catalog, new: Catalog) -> list[Step]:
    """Each change with what to type; paths are from the current folder."""
    adviser = _Adviser(
        settings, new, modules_of(tree, settings, old), modules_of(tree, settings, new), bool(tree.files)
    )
    return [Step(change, adviser.command(change)) for change in changes]


@dataclass(frozen=True)
class _Adviser:
    settings: Settings
    catalog: Catalog
    before: dict[str, list[Managed]]
    """Model type to its modules, as the stamps were meant."""
    now: dict[str, list[Managed]]
    any_modules: bool

    def command(self, change: Change) -> str:
        modules = self.now.get(change.model_type, [])
        match change.what, change.how:
            case "model type", "went":
                return self._of_gone(self.before.get(change.before, []))
            case "model type", _ if change.before in self.before:
                return _renaming(self.before[change.before], change)
            case "model type", _:
                return f"hfcodemod check {_paths(modules)}" if modules else self._start(change.model_type)
            case "task", "came" if not change.model_type:
                return f"hfcodemod add --task {change.now}"
            case "task", _ if not change.model_type:
                return "hfcodemod migrate-all" if self.any_modules else ""
            case "head", "came" if self._lacks(change):
                return f"hfcodemod probe {change.model_type}"
            case _ if modules:
                return f"hfcodemod migrate {_paths(modules)}" if len(modules) <= FEW else "hfcodemod migrate-all"
            case _, "went":
                return ""
        return self._start(change.model_type)

    def _start(self, model_type: str) -> str:
        """What makes the first module of a model type, or tells why there is none."""
        if recipe_of(model_type, self.catalog.recipes) is None:
            return f"hfcodemod probe {model_type}"
        verb = "show" if why_no_module(self.catalog.architectures[model_type], self.catalog.recipes) else "add"
        return f"hfcodemod {verb} {model_type}"

    def _lacks(self, change: Change) -> bool:
        """Whether the recipe says nothing of a class that came."""
        recipe = recipe_of(change.model_type, self.catalog.recipes)
        return recipe is not None and change.now not in recipe.heads and change.now not in recipe.blocked

    def _of_gone(self, modules: Sequence[Managed]) -> str:
        """Where a name stands for another model type now, the module follows; else it has nothing to test."""
        known = [file for file in modules if self._resolves(file)]
        commands = [f"hfcodemod migrate {_paths(known)}"] if known else []
        dead = [file for file in modules if file not in known]
        return " && ".join([*commands, f"git rm {_paths(dead)}"] if dead else commands)

    def _resolves(self, file: Managed) -> bool:
        try:
            resolve(file.stamp.name, self.catalog, like=file.stamp.like, declared=self.settings.architectures)
        except UserError:
            return False
        return True


def _renaming(modules: Sequence[Managed], change: Change) -> str:
    """The name in the stamps is another one now; what was generated and what was edited follow with a migration."""
    old, new = change.before.replace(".", "\\."), change.now
    edit = f"s/^(# hfcodemod: (?:.* like=)?){old} /${{1}}{new} /"
    return f"perl -pi -e {shlex.quote(edit)} {_paths(modules)} && hfcodemod migrate {_paths(modules)}"


def _paths(modules: Sequence[Managed]) -> str:
    folder = Path.cwd()
    return shlex.join(os.path.relpath(file.path, folder) for file in modules)
