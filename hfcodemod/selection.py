"""Which architectures are meant: those of a family, with a class for a task, that take in something."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hfcodemod.errors import UserError
from hfcodemod.families import Families

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture
    from hfcodemod.catalog import Catalog


def chosen(
    catalog: Catalog, *, family: str | None = None, task: str | None = None, modality: str | None = None
) -> list[Architecture]:
    """The architectures with a model class that are all of what is asked for, in the order of the catalog.

    Raises UserError for a family, a task or a modality that none has, with the nearest ones.
    """
    having = [item for item in catalog.architectures.values() if item.heads]
    families = Families(catalog.architectures)
    check_choice("family", family, families.members)
    check_choice("task", task, {name for item in having for name in _tasks(item)})
    check_choice("modality", modality, {name for item in having for name in item.modalities})
    return [
        item
        for item in having
        if (family is None or families.of(item.model_type) == family)
        and (task is None or task in _tasks(item))
        and (modality is None or modality in item.modalities)
    ]


def _tasks(item: Architecture) -> set[str]:
    """The mappings that name a class of the architecture, and the pipelines that these serve."""
    return {task for head in item.heads for task in (*head.tasks, *head.pipelines)}


def check_choice(what: str, value: str | None, known: Iterable[str]) -> None:
    """Raise UserError for a value that is not known, with the nearest ones."""
    names = sorted(known)
    if value is not None and value not in names:
        near = ", ".join(difflib.get_close_matches(value, names, n=3, cutoff=0.0))
        raise UserError(f"no {what} {value!r}; the nearest: {near}")
