"""Recipes: the tiny configuration of each architecture and what its inputs and heads need; data in the package."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from hfcodemod.architecture import Architecture, Configuration
from hfcodemod.errors import UserError

CLASS = "class"
"""The key that makes a nested mapping of a recipe a configuration of that class."""

UNDECLARED = ("per_layer_config", "out_indices", "initializer_range", "return_class_token")
"""Keywords that every configuration takes, those of backbones among them, and that not every one declares."""


@dataclass(frozen=True)
class Recipe:
    """How a tiny model of one architecture is made and fed."""

    config: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of the configuration class; a mapping with the key ``class`` is a nested configuration."""
    heads: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """For each class of the architecture the shapes of its outputs, and what else is particular to it."""
    fragments: tuple[str, ...] = ()
    """The fragments of the skeleton to lift, in order: a later one replaces what an earlier one brought."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Tests that make no sense for the architecture, each with the reason."""
    undeclared: Mapping[str, str] = field(default_factory=dict)
    """Keywords that the configuration takes without declaring them, each with the reason to pass it all the same."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why a value of the configuration is what it is, where a rule does not explain it."""
    pipelines: tuple[str, ...] = ()
    """The pipeline tasks to call, where the inputs of each class stand in the recipe; otherwise all that there are."""
    requires: tuple[str, ...] = ()
    """Optional packages without which the architecture does not run."""
    blocked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Classes that do not run, each with the ``kind`` of the reason (``package``, ``upstream``, ``accelerator``), the
    ``name`` by which a machine can check it, and ``why`` in words."""

    @property
    def written_out(self) -> bool:
        """Whether the inputs of each class stand in the recipe; otherwise the fragments' entries serve."""
        return any("inputs" in head for head in self.heads.values())


def recipe_of(model_type: str, own: Path | None = None) -> Recipe | None:
    """The recipe of a model type, or None where there is none yet; that of the folder ``own`` before the package's.

    Raises UserError for a file of ``own`` that cannot be read.
    """
    mine = None if own is None else own / f"{model_type}.json"
    if mine is not None and mine.is_file():
        try:
            return recipe_from(json.loads(mine.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            again = f"make it again with `hfcodemod probe {model_type}`"
            raise UserError(f"{mine}: no recipe ({error}); {again}") from error
    return _shipped(model_type)


@cache
def _shipped(model_type: str) -> Recipe | None:
    file = importlib.resources.files("hfcodemod") / "data" / "recipes" / f"{model_type}.json"
    return recipe_from(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else None


def recipe_from(data: Mapping[str, Any]) -> Recipe:
    """The recipe that JSON holds."""
    lists = {name: tuple(data[name]) for name in ("fragments", "pipelines", "requires") if name in data}
    return Recipe(**{**data, **lists})


def why_no_module(architecture: Architecture, own: Path | None = None) -> str:
    """Why no module can be made from the recipe of an architecture; empty where one can."""
    recipe = recipe_of(architecture.model_type, own)
    if recipe is None:
        return "there is no recipe yet"
    reasons = [recipe.blocked.get(head.name, {}).get("why") for head in architecture.heads]
    if not reasons or not all(reasons):
        return ""
    said = " ".join(str(reason) for reason in dict.fromkeys(reasons))
    return f"none of its classes can run: {said.removesuffix('.')}"


def model_types_with_recipe(own: Path | None = None) -> list[str]:
    """The model types that have a recipe, in the package or in the folder ``own``, sorted."""
    folder = importlib.resources.files("hfcodemod") / "data" / "recipes"
    names = {item.name for item in folder.iterdir()} | {item.name for item in (own.glob("*.json") if own else ())}
    return sorted(name.removesuffix(".json") for name in names if name.endswith(".json"))


def check_fields(recipe: Recipe, architecture: Architecture, configurations: Mapping[str, Configuration]) -> None:
    """Raise UserError for a keyword that is no declared field: a configuration would swallow it in silence."""
    for where, class_name, name in _keywords(architecture.config, recipe.config):
        declared = configurations.get(class_name)
        if declared is None:
            raise UserError(f"recipe of {architecture.model_type}: no configuration class {class_name} ({where})")
        if name not in declared.fields and name not in UNDECLARED and f"{where}{name}" not in recipe.undeclared:
            raise UserError(
                f"recipe of {architecture.model_type}: {class_name} declares no field {name!r} ({where}{name}); "
                "correct the recipe"
            )


def _keywords(class_name: str, arguments: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str, str]]:
    for name, value in arguments.items():
        if name == CLASS:
            continue
        yield where, class_name, name
        if isinstance(value, Mapping) and CLASS in value:
            yield from _keywords(value[CLASS], value, f"{where}{name}.")
