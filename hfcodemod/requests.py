"""From a request to the source of a module: a name, resolved, and the skeleton rendered for it."""

from __future__ import annotations

import dataclasses
import difflib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfcodemod.architecture import Architecture, Target
from hfcodemod.config import Settings
from hfcodemod.errors import Unavailable
from hfcodemod.names import resolve
from hfcodemod.recipes import Recipe, model_types_with_recipe, recipe_of, why_no_module
from hfcodemod.skeletons import SHIPPED, Skeleton, skeleton_for
from hfcodemod.stamp import Stamp, digest

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog


@dataclass(frozen=True)
class Request:
    """What somebody asked for: a name, or a name that is like a known one with a checkpoint."""

    name: str
    like: str | None = None
    model_id: str | None = None
    skeleton: str = SHIPPED

    @classmethod
    def of(cls, stamp: Stamp) -> Request:
        """What the stamp of a module says that was asked for."""
        return cls(stamp.name, stamp.like, stamp.model_id, stamp.skeleton or SHIPPED)

    def stamp(self, source: str) -> Stamp:
        """The stamp of a module of which ``source`` was generated."""
        skeleton = None if self.skeleton == SHIPPED else self.skeleton
        return Stamp(self.name, digest(source), self.like, self.model_id, skeleton)


@dataclass(frozen=True)
class Order:
    """A request with all that a module is made from."""

    request: Request
    target: Target
    skeleton: Skeleton
    path: Path
    """Where a new module goes."""
    recipe: Recipe | None
    catalog: Catalog = dataclasses.field(repr=False, compare=False)


@dataclass(frozen=True)
class Made:
    """A module as the skeleton would have it now."""

    order: Order
    source: str
    """Without a stamp, as it is before any formatter."""
    references: tuple[Architecture, ...]
    """The architectures that the parts of the skeleton were written for."""


def made(order: Order) -> Made:
    """The module rendered.

    Raises UserError where the skeleton needs what the architecture does not have.
    """
    from hfcodemod.render import render

    catalog = order.catalog
    rendered = render(order.target, order.skeleton, catalog.architectures, catalog.configurations, order.recipe)
    return Made(order, rendered.source, rendered.references)


def ordered(request: Request, settings: Settings, catalog: Catalog) -> Order:
    """The request resolved.

    Raises UserError for a name that is not known, and an architecture without a recipe.
    """
    declared = settings.architectures
    target = resolve(request.name, catalog, like=request.like, model_id=request.model_id, declared=declared)
    skeleton, pattern = skeleton_for(request.skeleton, settings, catalog)
    path = settings.root / pattern.replace("{name}", target.name)
    return Order(request, target, skeleton, path, _recipe(target, skeleton, catalog), catalog)


def _recipe(target: Target, skeleton: Skeleton, catalog: Catalog) -> Recipe | None:
    from hfcodemod.render import needs_recipe

    if not needs_recipe(skeleton, catalog.architectures):
        return None
    model_type, why = target.architecture.model_type, why_no_module(target.architecture, catalog.recipes)
    recipe = recipe_of(model_type, catalog.recipes)
    if recipe is None:
        near = difflib.get_close_matches(model_type, model_types_with_recipe(catalog.recipes), n=3, cutoff=0.0)
        raise Unavailable(
            f"{target.original}: there is no recipe for {model_type!r} yet; nothing was written; "
            f"`hfcodemod list --recipes` shows which have one ({', '.join(near)}, ...)",
            why,
        )
    if why:
        raise Unavailable(f"{target.original}: {why}; nothing was written", why)
    return recipe


def fingerprint(target: Target, skeleton: Skeleton, recipe: Recipe | None) -> str:
    """Over all that a text depends on, but the code that renders it: skeleton, own codemods, recipe, facts."""
    from hfcodemod.render import used_parts

    facts = json.dumps({**_said(target), "architecture": _said(target.architecture)}, sort_keys=True)
    tiny = json.dumps(None if recipe is None else _said(recipe), sort_keys=True)
    parts = [part.source for part in used_parts(target, skeleton, recipe)]
    return digest(facts, tiny, *parts, *(own.source for own in skeleton.codemods))


def _said(value: Target | Architecture | Recipe) -> dict[str, Any]:
    """The fields that hold something: a field that comes with a later version and is empty changes no fingerprint."""
    return {name: item for name, item in dataclasses.asdict(value).items() if item}
