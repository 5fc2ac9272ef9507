"""What a migration does with one module: skip, replace, merge, conflict, keep or refuse; nothing is written here."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hfcodemod.config import Settings
from hfcodemod.conflicts import Pending, held_back
from hfcodemod.deletions import without_deleted
from hfcodemod.errors import UserError
from hfcodemod.formatter import Formatter
from hfcodemod.layout import relaid, same_layout_apart
from hfcodemod.loader import codemod
from hfcodemod.managed import Managed
from hfcodemod.merge import Merged, merge
from hfcodemod.own import settled, started
from hfcodemod.parsing import check_parses, too_deep
from hfcodemod.pedigree import check_made_for
from hfcodemod.requests import Made, Order, Request, fingerprint, made, ordered
from hfcodemod.stamp import Stamp, digest, stamp_place, stamped, with_stamp_at, without_stamp
from hfcodemod.testclasses import called, named_as_in_base
from hfcodemod.textfile import TextFile, encoded, read
from hfcodemod.upgrades import renamed, upgraded
from hfcodemod.workspace import base_text

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog

_RUNS = 3
"""How often a merge that conflicts is done again from the next base, at most."""
Action = Literal["skip", "replace", "merge", "conflict", "keep", "refuse"]


@dataclass(frozen=True)
class Texts:
    """What is to be written, and what is replaced."""

    before: TextFile
    after: str | None
    """What the file will hold; None where it stays as it is."""
    bases: tuple[str, ...]
    """What is to be kept as bases."""

    @cached_property
    def content(self) -> bytes | None:
        """The bytes that the file will hold; None where it stays as it is.

        Raises UserError for a character that the file's encoding does not have.
        """
        return None if self.after is None else encoded(self.after, self.before)


@dataclass(frozen=True)
class Outcome:
    """Texts as they wait for those of all other modules: ten thousand would not go into the memory as they are."""

    changes: bool
    """Whether the file will hold something else."""
    packed: bytes

    @classmethod
    def of(cls, texts: Texts) -> Outcome:
        """The texts packed; raises UserError where they could not be written."""
        return cls(texts.content is not None, zlib.compress(pickle.dumps(texts), level=1))

    def texts(self) -> Texts:
        """The texts unpacked."""
        return _unpacked(self.packed)


@lru_cache(maxsize=1)
def _unpacked(packed: bytes) -> Texts:
    """They are asked for several times in turn: for the module and for its bases."""
    texts = pickle.loads(zlib.decompress(packed))
    assert isinstance(texts, Texts)
    return texts


@dataclass(frozen=True)
class Plan:
    """What happens to one module, and why."""

    path: Path
    name: str
    action: Action
    reason: str
    outcome: Outcome | None = None
    """What is to be written; None where all stays as it is."""
    pending: Pending | None = None
    notes: tuple[str, ...] = ()
    rendered: tuple[str, str] | None = None
    """Fingerprint of the module and id of the base that comes of it."""


@dataclass(frozen=True)
class Planner:
    """What is the same for every module of a run."""

    settings: Settings
    catalog: Catalog
    markers: bool = False
    """Whether conflicts are written into the files with git's markers."""
    renders: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint to id of a base that is known to come of it."""

    def plan(self, managed: Managed) -> Plan:
        """The plan of one module; what is wrong with it is a value, so that it stops no other."""
        name = managed.stamp.name
        try:
            order = ordered(Request.of(managed.stamp), self.settings, self.catalog)
        except UserError as error:
            return Plan(managed.path, name, "keep", str(error))
        try:
            return self._plan(managed, order)
        except UserError as error:
            return Plan(managed.path, name, "refuse", str(error))
        except (SyntaxError, RecursionError, MemoryError):
            # All sides parse; there is only one other reason.
            file = read(managed.path)
            return Plan(managed.path, name, "refuse", str(too_deep(managed.path, file.text if file else "")))

    def _plan(self, managed: Managed, order: Order) -> Plan:
        stamp = managed.stamp
        mark = fingerprint(order.target, order.skeleton, order.recipe)
        if self.renders.get(mark) == stamp.base:
            return Plan(managed.path, stamp.name, "skip", "in step", rendered=(mark, stamp.base))
        render = made(order)
        theirs = started(render.source)
        rendered = (mark, digest(theirs))
        if rendered[1] == stamp.base:
            return Plan(managed.path, stamp.name, "skip", "in step", rendered=rendered)
        file = read(managed.path)
        if file is None:
            raise UserError(f"{managed.path}: is gone; run the command again")
        body, _ = without_stamp(file.text)
        base = body if digest(body) == stamp.base else base_text(self.settings.root, stamp.base)
        if base is None:
            raise UserError(
                f"{managed.path}: its base {stamp.base} is missing or was changed; restore .hfcodemod/base with git, "
                f"or `hfcodemod adopt {managed.path}` takes today's render for it"
            )
        check_made_for(base, theirs, order.target, self.catalog, managed.path)
        change = _Change(managed, render, file, body, base, theirs, rendered)
        layout = Formatter(order.skeleton.format_command, self.settings.root)
        # Where no formatter is known that has done it, a layout of the module's own stays where nothing else changes.
        if body == base or (order.skeleton.format_command and same_layout_apart(base, body)):
            text = layout.formatted(theirs, managed.path)
            return self._written(change, "replace", "the skeleton changed, nothing was edited", text)
        return self._merged(change, layout)

    def _merged(self, change: _Change, layout: Formatter, runs: int = _RUNS) -> Plan:
        """The plan of a module that was edited."""
        path = change.managed.path
        check_parses(path, change.file.text)
        order = change.render.order
        base, ours, applied = upgraded(change.base, change.body, order.skeleton.upgrades, _speller(change.render))
        names = called(base, ours)
        old, new = settled(renamed(base, names), ours, renamed(change.theirs, names))
        old, new = layout.formatted(old, path), layout.formatted(new, path)
        kept = without_deleted(old, ours, new)
        merged = merge(kept.base, relaid(kept.base, ours, kept.theirs), kept.theirs, by_name=True)
        notes = [f"{name}: changed in the skeleton, and stays deleted here" for name in kept.changed]
        notes += [f"{old} is now {new}" for upgrade in applied for old, new in upgrade.renames.items()]
        if not merged.conflicts:
            return self._written(change, "merge", "the skeleton changed, and so did the module", merged.source, notes)
        base = held_back(base, change.theirs, named_as_in_base(_names(merged), names))
        if runs and (base, merged.source) != (change.base, change.body):
            # What a second run would find from here is found at once, so that it has nothing to change.
            again = self._merged(replace(change, base=base, body=merged.source), layout, runs - 1)
            return replace(again, notes=tuple(dict.fromkeys([*notes, *again.notes])))
        return self._conflicted(change, merged, base, notes)

    def _conflicted(self, change: _Change, merged: Merged, base: str, notes: list[str]) -> Plan:
        stamp, path = change.managed.stamp, change.managed.path
        new = _with_base(stamp, base)
        text = stamped(merged.source, new)
        if self.markers:
            text = with_stamp_at(merged.marked, new, _marked_place(merged))
        # The place in the file: the stamp and the blank line above it are no part of what was merged.
        place = stamp_place(merged.source)
        conflicts = tuple(replace(each, line=each.line + 2 * (each.line > place)) for each in merged.conflicts)
        pending = Pending(
            path=path.relative_to(self.settings.root).as_posix(),
            name=stamp.name,
            skeleton=stamp.skeleton or "",
            theirs=digest(change.theirs),
            conflicts=conflicts,
        )
        several = "1 conflict" if len(merged.conflicts) == 1 else f"{len(merged.conflicts)} conflicts"
        return Plan(
            path,
            stamp.name,
            "conflict",
            f"{several}; `hfcodemod resolve` lists and settles",
            outcome=Outcome.of(Texts(change.file, None if text == change.file.text else text, (base, change.theirs))),
            pending=pending,
            notes=tuple(notes),
            rendered=change.rendered,
        )

    def _written(self, change: _Change, action: Action, reason: str, text: str, notes: list[str] | None = None) -> Plan:
        stamp = change.managed.stamp
        return Plan(
            change.managed.path,
            stamp.name,
            action,
            reason,
            outcome=Outcome.of(Texts(change.file, stamped(text, _with_base(stamp, change.theirs)), (change.theirs,))),
            notes=tuple(notes or ()),
            rendered=change.rendered,
        )


@dataclass(frozen=True)
class _Change:
    """A module that is not in step, and its sides."""

    managed: Managed
    render: Made
    file: TextFile
    body: str
    base: str
    theirs: str
    rendered: tuple[str, str]


def _marked_place(merged: Merged) -> int:
    """The line of the stamp in the text with markers: the same, or on top where a conflict comes before."""
    place = stamp_place(merged.source)
    return place if merged.conflicts[0].line > place else 0


def _names(merged: Merged) -> set[str]:
    return {conflict.item for conflict in merged.conflicts}


def _with_base(stamp: Stamp, base: str) -> Stamp:
    return Request.of(stamp).stamp(base)


def _speller(render: Made) -> Callable[[str], str]:
    """What a name of the skeleton is in a module, where it holds the name of the reference."""
    from hfcodemod.spelling import identifier_words

    words = identifier_words(render.references, render.order.target)
    spelled: Callable[[str, Mapping[str, str]], str] = codemod("rename_identifiers", "renamed")
    return lambda name: spelled(name, words)
