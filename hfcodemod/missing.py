"""Which model types have no module yet, and which have one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfcodemod.batches import batches_of
from hfcodemod.errors import UserError
from hfcodemod.families import Families
from hfcodemod.names import identifier, resolve
from hfcodemod.recipes import why_no_module
from hfcodemod.requests import Request
from hfcodemod.skeletons import SHIPPED, skeleton_for

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.managed import Managed, Tree


@dataclass(frozen=True)
class Missing:
    """A model type that has no module."""

    model_type: str
    batch: int
    family: str
    obstacle: str
    """Why `add` makes none; empty where it does."""


def missing_of(tree: Tree, settings: Settings, catalog: Catalog, skeleton: str = SHIPPED) -> list[Missing]:
    """The model types without a module of a skeleton, batch by batch.

    Raises UserError for a skeleton that cannot be loaded.
    """
    from hfcodemod.render import needs_recipe

    there = modules_of(tree, settings, catalog, skeleton)
    loaded, pattern = skeleton_for(skeleton, settings, catalog)
    by_recipe = needs_recipe(loaded, catalog.architectures)
    families = Families(catalog.architectures)

    def obstacle(name: str) -> str:
        why = why_no_module(catalog.architectures[name], catalog.recipes) if by_recipe else ""
        path = pattern.replace("{name}", identifier(name))
        taken = not why and (settings.root / path).exists()
        return f"{path} is not managed; `hfcodemod adopt` changes that" if taken else why

    return [
        Missing(name, batch.number, families.of(name), obstacle(name))
        for batch in batches_of(catalog)
        for name in batch.model_types
        if name not in there
    ]


def modules_of(
    tree: Tree, settings: Settings, catalog: Catalog, skeleton: str | None = None
) -> dict[str, list[Managed]]:
    """The model types that have modules, under whatever name, with these; those of one skeleton if it is given."""
    found: dict[str, list[Managed]] = {}
    for file in tree.files:
        request = Request.of(file.stamp)
        if skeleton not in (None, request.skeleton):
            continue
        try:
            target = resolve(request.name, catalog, like=request.like, declared=settings.architectures)
        except UserError:
            # The architecture of a module may have gone from transformers.
            continue
        found.setdefault(target.architecture.model_type, []).append(file)
    return found
