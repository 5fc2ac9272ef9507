"""What came, went or has another name between two versions of transformers: model types, classes, tasks, checkpoints.

Nothing is taken for another name of something on a mere likeness. A model type has another name where the new one has
the same classes, or the same checkpoint, the same kinds of input and mostly classes with the same rest of the name
behind the prefix; a class, where another one of that model type serves the same tasks and has the same rest; a task,
where the same classes serve it. What was there before, or is still there, is no other name, and where two could be
meant, none is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from hfcodemod.catalog import Catalog, available_versions, load_snapshot
from hfcodemod.errors import UserError
from hfcodemod.workspace import facts_folder

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture, Head
    from hfcodemod.config import Settings

How = Literal["came", "went", "renamed"]
Thing = TypeVar("Thing")

VERSION = re.compile(r"\d+(\.\w+)*")
MOST = 0.5
"""Of all classes of two model types, at least so many are the same but for the prefix."""


@dataclass(frozen=True)
class Change:
    """One thing that came, went or has another name."""

    what: Literal["model type", "head", "task", "checkpoint"]
    how: How
    model_type: str
    """What it belongs to, under its name now; empty for a task of many."""
    before: str
    """Its name before; empty for what came."""
    now: str
    """Its name now; empty for what went."""
    about: str = ""
    """The class that a task came to or went from; how many classes there are of a model type, or serve a task."""


@dataclass(frozen=True)
class _Type:
    """A model type that both catalogs have."""

    before: Architecture
    now: Architecture
    heads: Mapping[str, str]
    """The classes that both have: name before to name now."""


def differences(old: Catalog, new: Catalog) -> list[Change]:
    """Every change from one catalog to the other: model types first, then classes, tasks and checkpoints.

    Model types without a model class, which are parts of others, are passed over.
    """
    before, now = _having_heads(old), _having_heads(new)
    gone = {name: item for name, item in before.items() if name not in now}
    fresh = {name: item for name, item in now.items() if name not in before}
    renamed = _pairs(gone, fresh, _is_same_type)
    names = {name: renamed.get(name, name) for name in before if name in now or name in renamed}
    there = {head.name for item in before.values() for head in item.heads}
    there &= {head.name for item in now.values() for head in item.heads}
    types = [_both(before[name], now[new_name], there) for name, new_name in names.items()]
    return [
        *_of_types(gone, fresh, renamed),
        *(change for both in types for change in _of_heads(both)),
        *_of_tasks(types, _serving(before), _serving(now)),
        *(change for both in types for change in _of_checkpoint(both)),
    ]


def facts_before(version: str, settings: Settings) -> Catalog:
    """The catalog of a version to compare with.

    Raises UserError for a version without a snapshot, with how to get one.
    """
    folders = [facts_folder(settings.root)]
    known = available_versions(folders)
    if version in known:
        return load_snapshot(version, folders)
    if not VERSION.fullmatch(version):
        raise UserError(f"--since {version}: no version of transformers; there are {', '.join(known)}")
    raise UserError(
        f"--since {version}: no facts of it; there are {', '.join(known)}; to read others: pip install --no-deps "
        f"--target SOMEWHERE transformers=={version} && hfcodemod facts --from SOMEWHERE/transformers"
    )


def _having_heads(catalog: Catalog) -> dict[str, Architecture]:
    return {name: item for name, item in catalog.architectures.items() if item.heads}


def _pairs(
    gone: Mapping[str, Thing], fresh: Mapping[str, Thing], same: Callable[[Thing, Thing], bool]
) -> dict[str, str]:
    """What is the same under another name, where nothing else could be meant: name before to name now."""
    candidates = [(name, other) for name, one in gone.items() for other, two in fresh.items() if same(one, two)]
    befores, nows = ([pair[side] for pair in candidates] for side in (0, 1))
    return {name: other for name, other in candidates if befores.count(name) == 1 and nows.count(other) == 1}


def _is_same_type(before: Architecture, now: Architecture) -> bool:
    if {head.name for head in before.heads} == {head.name for head in now.heads}:
        return True
    one, other = ({_rest(head, item) for head in item.heads} for item in (before, now))
    return (
        before.checkpoint is not None
        and before.checkpoint == now.checkpoint
        and before.modalities == now.modalities
        and len(one & other) >= MOST * len(one | other)
    )


def _is_same_head(before: tuple[Head, Architecture], now: tuple[Head, Architecture]) -> bool:
    return set(before[0].tasks) == set(now[0].tasks) and _rest(*before) == _rest(*now)


def _rest(head: Head, item: Architecture) -> str:
    """A class's name behind the prefix that it has in common with others: ``ForCausalLM``."""
    return head.name.removeprefix(item.prefix)


def _both(before: Architecture, now: Architecture, there: set[str]) -> _Type:
    """A model type, with its classes; no class that was ``there`` before and is there now has another name."""
    names = [head.name for head in before.heads], [head.name for head in now.heads]
    renamed = _pairs(
        {head.name: (head, before) for head in before.heads if head.name not in there},
        {head.name: (head, now) for head in now.heads if head.name not in there},
        _is_same_head,
    )
    return _Type(before, now, {name: name for name in names[0] if name in names[1]} | renamed)


def _of_types(
    gone: Mapping[str, Architecture], fresh: Mapping[str, Architecture], renamed: Mapping[str, str]
) -> Iterator[Change]:
    for name, new_name in renamed.items():
        yield Change("model type", "renamed", new_name, name, new_name, _classes(len(fresh[new_name].heads)))
    for name, item in fresh.items():
        if name not in renamed.values():
            yield Change("model type", "came", name, "", name, _classes(len(item.heads)))
    for name, item in gone.items():
        if name not in renamed:
            yield Change("model type", "went", name, name, "", _classes(len(item.heads)))


def _of_heads(both: _Type) -> Iterator[Change]:
    name = both.now.model_type
    for before, now in both.heads.items():
        if before != now:
            yield Change("head", "renamed", name, before, now)
    for head in both.now.heads:
        if head.name not in both.heads.values():
            yield Change("head", "came", name, "", head.name)
    for head in both.before.heads:
        if head.name not in both.heads:
            yield Change("head", "went", name, head.name, "")


Served = dict[str, set[tuple[str, str]]]
"""Task to the classes that serve it, each with its model type."""


def _serving(items: Mapping[str, Architecture]) -> Served:
    found: Served = {}
    for name, item in items.items():
        for head in item.heads:
            for task in _tasks(head):
                found.setdefault(task, set()).add((name, head.name))
    return found


def _tasks(head: Head) -> list[str]:
    """The mappings that name a class, and the pipelines that they serve."""
    return [*head.tasks, *head.pipelines]


def _of_tasks(types: list[_Type], before: Served, now: Served) -> Iterator[Change]:
    """A task that no class served before, or that none serves any more, is told once, any other for each class."""
    names = {
        (both.before.model_type, head): (both.now.model_type, other)
        for both in types
        for head, other in both.heads.items()
    }
    kept = set(names.values())
    lasting = {task: {names[one] for one in ones if one in names} for task, ones in before.items()}
    gone = {task: lasting[task] for task in before if task not in now}
    fresh = {task: now[task] & kept for task in now if task not in before}
    renamed = _pairs(gone, fresh, lambda one, other: bool(one) and one == other)
    for task, other in renamed.items():
        yield Change("task", "renamed", "", task, other, _classes(len(now[other])))
    for task in fresh:
        if task not in renamed.values():
            yield Change("task", "came", "", "", task, _classes(len(now[task])))
    for task in gone:
        if task not in renamed:
            yield Change("task", "went", "", task, "", _classes(len(before[task])))
    for both in types:
        heads = {head.name: head for head in both.now.heads}
        for head in both.before.heads:
            if head.name in both.heads:
                yield from _of_one_head(both, head, heads[both.heads[head.name]], {*gone, *fresh})


def _of_one_head(both: _Type, before: Head, now: Head, told: set[str]) -> Iterator[Change]:
    for task in _tasks(now):
        if task not in _tasks(before) and task not in told:
            yield Change("task", "came", both.now.model_type, "", task, now.name)
    for task in _tasks(before):
        if task not in _tasks(now) and task not in told:
            yield Change("task", "went", both.now.model_type, task, "", now.name)


def _of_checkpoint(both: _Type) -> Iterator[Change]:
    before, now = both.before.checkpoint or "", both.now.checkpoint or ""
    if before != now:
        how: How = "renamed" if before and now else "came" if now else "went"
        yield Change("checkpoint", how, both.now.model_type, before, now)


def _classes(count: int) -> str:
    return f"{count} class{'es' * (count != 1)}"
