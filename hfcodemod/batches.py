"""The model types of transformers in numbered batches, as a team plans them: family by family, what is used most first.

What is used, the catalog knows: by how many names in use an architecture is known, and in how many of other families it
is a part. Families that generate text come before all others. The numbers depend on the catalog alone, and stay what
they are while modules are added: two people can each take a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hfcodemod.errors import UserError
from hfcodemod.families import Families
from hfcodemod.names import aliases

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture
    from hfcodemod.catalog import Catalog

SIZE = 20
"""So many model types at most are in a batch. A larger family is several batches, small ones share one."""


@dataclass(frozen=True)
class Batch:
    """Model types that are planned together."""

    number: int
    families: tuple[str, ...]
    model_types: tuple[str, ...]
    """The families one after the other, in each what is used most first."""


def batches_of(catalog: Catalog) -> tuple[Batch, ...]:
    """All model types that have a model class, each in one batch."""
    families = Families(catalog.architectures)
    use = _use(catalog, families)
    found: list[list[str]] = []
    room = 0
    for family in sorted(families.members, key=lambda name: _place(name, families, use, catalog)):
        members = sorted(
            families.members[family], key=lambda name: (-use[name], -len(catalog.architectures[name].heads))
        )
        if len(members) <= room:
            found[-1] += members
            room -= len(members)
        else:
            found += _parts(members)
            room = SIZE - len(members)
    return tuple(
        Batch(number, tuple(dict.fromkeys(map(families.of, members))), tuple(members))
        for number, members in enumerate(found, 1)
    )


def batch_of(number: int, catalog: Catalog) -> Batch:
    """The batch of that number; raises UserError where there is none."""
    batches = batches_of(catalog)
    if not 1 <= number <= len(batches):
        raise UserError(f"no batch {number}; there are 1 to {len(batches)}, and `hfcodemod list --missing` shows them")
    return batches[number - 1]


def _place(family: str, families: Families, use: Counter[str], catalog: Catalog) -> tuple[bool, int, int, str]:
    """Where a family comes among all others."""
    members = [catalog.architectures[name] for name in families.members[family]]
    classes = {head.name for item in members for head in item.heads}
    return not any(map(_writes, members)), -sum(use[item.model_type] for item in members), -len(classes), family


def _writes(item: Architecture) -> bool:
    """Whether an architecture writes text: it serves the pipeline for that, or makes one text of another."""
    pipelines = {pipeline for head in item.heads for pipeline in head.pipelines}
    return "text-generation" in pipelines or (
        item.modalities == ("text",) and item.head("seq_to_seq_causal_lm") is not None
    )


def _use(catalog: Catalog, families: Families) -> Counter[str]:
    """For each model type the names in use that stand for it, and the types of other families that it is a part of."""
    found = Counter(model_type for model_type, _ in aliases().values())
    of_class = {item.config: item.model_type for item in catalog.architectures.values()}
    for item in catalog.architectures.values():
        parts = {of_class[name] for name in item.nested.values() if name in of_class}
        found.update(part for part in parts if families.of(part) != families.of(item.model_type))
    return found


def _parts(members: list[str]) -> Iterator[list[str]]:
    """The members of a family in batches of about the same size."""
    count = -(-len(members) // SIZE)
    size = -(-len(members) // count)
    for start in range(0, len(members), size):
        yield members[start : start + size]
