"""The migration of many modules: find them, plan each, and only then say what is to be written."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from hfcodemod.cache import Cache, cache_bytes, cache_path, load_cache, remember
from hfcodemod.conflicts import Pending, is_marked, pending_in, record_bytes, record_path, records_folder
from hfcodemod.managed import Identity, Managed, Tree, text_sha, tree_of
from hfcodemod.workspace import base_files, bases_folder

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.plan import Outcome, Plan, Planner
    from hfcodemod.textfile import TextFile

Made = TypeVar("Made", covariant=True)
Progress = Callable[[int, int], None]
"""Called with the number of modules that are planned, and of all."""


class Deferred(Mapping[Path, Made]):
    """What is made each time that it is asked for, so that not everything is in memory at once."""

    def __init__(self, made: Mapping[Path, Callable[[], Made]]) -> None:
        self._made = made

    def __getitem__(self, path: Path) -> Made:
        return self._made[path]()

    def __iter__(self) -> Iterator[Path]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


@dataclass(frozen=True)
class Migration:
    """What a run found out, and what it is going to do."""

    root: Path
    plans: tuple[Plan, ...]
    """Of the modules that were not known to be in step."""
    in_step: int
    """How many were."""
    tree: Tree
    pending: tuple[Pending, ...]
    """Conflicts that wait, those of modules that this run did not look at included."""
    unreadable: frozenset[Path]
    """Records of conflicts that cannot be read, and stay."""
    cache: Cache
    whole: bool
    """Whether all modules of the repository were looked at."""

    @property
    def changed(self) -> list[Plan]:
        """The plans that change a file."""
        return [plan for plan in self.plans if plan.outcome is not None and plan.outcome.changes]

    @property
    def refused(self) -> bool:
        """Whether something was in the way that only the user can mend."""
        return bool(self.tree.troubles) or any(plan.action == "refuse" for plan in self.plans)


def migration(
    settings: Settings,
    catalog: Callable[[], Catalog],
    *,
    tree: Tree | None = None,
    select: Callable[[Tree], Tree] | None = None,
    markers: bool = False,
    jobs: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Migration:
    """Plan every module that is not known to be in step; ``catalog`` is called only if there is one.

    ``tree`` is given where only a part of the files was read.

    Raises UserError for what concerns all of them: the configuration, the skeleton, the facts.
    """
    whole = tree is None and select is None
    tree = tree or tree_of(settings)
    chosen = tree if select is None else select(tree)
    names = {file.path: _name(file.path, settings) for file in tree.files}
    cache = load_cache(settings)
    waiting, unread = pending_in(settings.root)
    stuck = {pending.identity: pending for pending in waiting}
    unknown = {trouble.path for trouble in unread}
    marked: list[Plan] = []
    todo: list[Managed] = []
    steady: list[Managed] = []
    held: set[Path] = set()
    for file in chosen.files:
        pending = stuck.get(file.identity)
        if unknown and (record := record_path(settings.root, file.identity)) in unknown:
            held.add(record)
        elif pending is None and cache.in_step.get(names[file.path]) == file.sha:
            steady.append(file)
        elif pending is not None and is_marked(file.path):
            marked.append(_still_marked(file, pending))
        else:
            todo.append(file)
    broken = tuple(trouble for trouble in unread if whole or trouble.path in held)
    plans: list[Plan] = []
    if todo:
        from hfcodemod.plan import Planner
        from hfcodemod.processes import planned

        planner = Planner(settings, catalog(), markers, dict(cache.renders))
        _check_skeletons(planner, todo)
        for plan in planned(planner, todo, jobs):
            plans.append(_as_told(plan, stuck))
            progress(len(plans), len(todo))
    renders = dict(plan.rendered for plan in plans if plan.rendered)
    shas = {file.path: file.sha for file in todo}
    in_step = {names[plan.path]: shas[plan.path] for plan in plans if plan.action == "skip"}
    written = {plan.path for plan in plans if plan.outcome is not None and plan.outcome.changes}
    bases = {file.stamp.base for file in tree.files if file.path not in written}
    remember(cache, in_step, renders, names.values(), bases)
    if todo and whole:
        from hfcodemod.cleared import cleared

        cache.cleared = cleared(settings, catalog, cache.cleared)
    found = {plan.pending.identity: plan.pending for plan in plans if plan.pending}
    # One that could not be planned keeps the conflicts that it had.
    settled = {file.identity for file, plan in zip(todo, plans, strict=True) if plan.action not in ("keep", "refuse")}
    present = {file.identity: names[file.path] for file in tree.files}
    kept = [
        replace(pending, path=present[pending.identity])
        for pending in waiting
        if pending.identity not in settled and pending.identity in present
    ]
    return Migration(
        root=settings.root,
        plans=(*marked, *plans),
        in_step=len(steady),
        tree=replace(tree, troubles=(*chosen.troubles, *broken)),
        pending=(*kept, *found.values()),
        unreadable=frozenset(unknown),
        cache=cache,
        whole=whole,
    )


def _name(path: Path, settings: Settings) -> str:
    # Asked for each file, where relative_to() would take as long as reading it.
    return str(path).removeprefix(str(settings.root)).lstrip(os.sep).replace(os.sep, "/")


def _still_marked(file: Managed, pending: Pending) -> Plan:
    """The plan of a module in which the markers of its conflicts stand, which speak of the skeleton as it was then."""
    from hfcodemod.plan import Plan

    reason = f"holds the markers of its conflicts; edit them away, then `hfcodemod resolve {file.path} --edited`"
    return Plan(file.path, file.stamp.name, "conflict", reason, pending=pending)


def _as_told(plan: Plan, stuck: Mapping[Identity, Pending]) -> Plan:
    """The plan; a conflict that was recorded already keeps its reason, which from the next base may be another."""
    before = stuck.get(plan.pending.identity) if plan.pending else None
    if plan.pending is None or before is None:
        return plan
    told = {(one.item, one.base, one.ours, one.theirs): one.reason for one in before.conflicts}
    conflicts = tuple(
        replace(one, reason=told.get((one.item, one.base, one.ours, one.theirs), one.reason))
        for one in plan.pending.conflicts
    )
    return replace(plan, pending=replace(plan.pending, conflicts=conflicts))


def _check_skeletons(planner: Planner, files: Sequence[Managed]) -> None:
    """Meet what is wrong with a skeleton once, not with each of its modules."""
    from hfcodemod.skeletons import SHIPPED, skeleton_for
    from hfcodemod.upgrades import upgrades_in

    for name in dict.fromkeys(file.stamp.skeleton or SHIPPED for file in files):
        if name == SHIPPED or name in planner.settings.skeletons:
            skeleton, _ = skeleton_for(name, planner.settings, planner.catalog)
            for part in (skeleton.canonical, *skeleton.fragments.values()):
                # Parsed before processes are forked, which then share it.
                _ = part.module
            upgrades_in(skeleton.upgrades)


def files_of(run: Migration) -> tuple[Mapping[Path, bytes | None], Mapping[Path, TextFile | None]]:
    """Every file that the run writes (None: removes), and the modules as they were read; texts are made when asked."""
    files: dict[Path, Callable[[], bytes | None]] = {}
    seen: dict[Path, Callable[[], TextFile | None]] = {}
    root = run.root
    for plan in run.plans:
        if plan.outcome is None:
            continue
        texts = plan.outcome.texts()
        for number, base in enumerate(texts.bases):
            for path, text in base_files(root, base).items():
                files[path] = partial(_base, plan.outcome, number) if text == base else text.encode
        if texts.after is not None:
            files[plan.path] = partial(_content, plan.outcome)
            seen[plan.path] = partial(_before, plan.outcome)
            if plan.pending is None:
                run.cache.in_step[plan.path.relative_to(root).as_posix()] = text_sha(texts.after)
    records = {record_path(root, pending.identity): record_bytes(pending) for pending in run.pending}
    for path, record in records.items():
        files[path] = partial(bytes, record)
    for file in records_folder(root).glob("*.json"):
        if file not in records and file not in run.unreadable:
            files[file] = _nothing
    for name in _unreferenced(run, set(files)):
        files[bases_folder(root) / name] = _nothing
    if files or run.plans:
        files[cache_path(root)] = partial(cache_bytes, run.cache)
    return Deferred(files), Deferred(seen)


def _nothing() -> None:
    """What a file that is removed holds."""


def _base(outcome: Outcome, number: int) -> bytes:
    return outcome.texts().bases[number].encode()


def _content(outcome: Outcome) -> bytes | None:
    return outcome.texts().content


def _before(outcome: Outcome) -> TextFile:
    return outcome.texts().before


def _unreferenced(run: Migration, written: set[Path]) -> Iterator[str]:
    """The bases that nothing needs any more; none while a file has lost its stamp, or only some were looked at."""
    if not run.whole or run.tree.troubles or not run.changed:
        return
    replaced = {plan.path for plan in run.changed}
    needed = {file.stamp.base for file in run.tree.files if file.path not in replaced}
    needed |= {pending.theirs for pending in run.pending}
    known = set(run.tree.unused) | {file.stamp.base for file in run.tree.files if file.path in replaced}
    for name in sorted(known - needed):
        path = bases_folder(run.root) / name
        if path not in written and path.is_file():
            yield name
