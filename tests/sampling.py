"""A sample of all architectures that have a module, of each family as many as its share."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from hfcodemod.catalog import Catalog
from hfcodemod.families import Families
from hfcodemod.recipes import why_no_module


def sample(catalog: Catalog, seed: str, count: int, without: Collection[str] = ()) -> list[str]:
    """Model types from all over the catalog, told by the seed alone: every n-th in order of families."""

    def drawn(text: str) -> str:
        return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()

    able = {name for name, item in catalog.architectures.items() if item.heads and not why_no_module(item)}
    families = Families(catalog.architectures).members
    order = [
        name
        for family in sorted(families, key=drawn)
        for name in sorted(families[family], key=drawn)
        if name in able and name not in without
    ]
    return sorted(order[place * len(order) // count] for place in range(count))
