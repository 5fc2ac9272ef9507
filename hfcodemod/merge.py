"""Three-way merge of Python source: by lines where lines do, else by items, with gates behind both.

Lines go first, with git's own merge: where it is clean, and what comes out passes the gates, that is the answer. Only
where it is not are the modules taken apart into items (`hfcodemod.items`), which are matched by kind and name, so that
what two sides add, remove, move or change in different items never meets. What remains is a conflict: the result keeps
ours, so that the file still imports, and the record holds all three sides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from hfcodemod.gates import Kept, complaint, names_lost, strayed, vanished
from hfcodemod.itemnames import MODULE
from hfcodemod.items import module_block, rekeyed
from hfcodemod.itemwise import Clashed, Merger, Pieces
from hfcodemod.lines import LABELS, ended, git_merged, trivial, with_markers


@dataclass(frozen=True)
class Conflict(Clashed):
    """What could not be merged, and where it is."""

    line: int = 0
    """Where it stands in the result, counted from 1."""
    marker: int = 0
    """Where its first marker stands in the result with markers."""


@dataclass(frozen=True)
class Merged:
    """The outcome of a merge."""

    source: str
    """The result; ours where there is a conflict."""
    conflicts: tuple[Conflict, ...] = ()
    marked: str = ""
    """The result with git's markers at each conflict; the same as ``source`` where there is none."""
    base: str = ""
    """Theirs with each conflicted item as in the base: what the next merge starts from."""


_ROUNDS = 4


def merge(base: str, ours: str, theirs: str, *, by_name: bool = False) -> Merged:
    """The merge of three sources that parse.

    With ``by_name``, imports and keyword arguments that both sides changed in one line are united by name; the line
    itself is then one that neither side wrote.

    Raises SyntaxError where a side does not parse.
    """
    try:
        merged = _merged(base, ours, theirs, by_name)
        if not merged.conflicts or _settled(merged) == _settled(_merged(merged.base, merged.source, theirs, by_name)):
            return merged
    except RecursionError as error:
        raise SyntaxError("nested too deeply to be merged") from error
    return whole_conflict(base, ours, theirs, merged.conflicts[0].reason)


def _settled(merged: Merged) -> tuple[object, ...]:
    """What a second run must not change."""
    sides = [(conflict.item, conflict.base, conflict.ours, conflict.theirs) for conflict in merged.conflicts]
    return merged.source, merged.base, sides


def _merged(base: str, ours: str, theirs: str, by_name: bool) -> Merged:
    known = trivial(base, ours, theirs)
    if known is not None:
        return Merged(known, marked=known, base=theirs)
    sides = (base, ours, theirs)
    source = git_merged(*sides)
    if source is not None and passes(*sides, source):
        return Merged(source, marked=source, base=theirs)
    blocks = rekeyed(*(module_block(ended(side)) for side in sides))
    pins: set[str] = set()
    for _ in range(_ROUNDS):
        merger = Merger(by_name, frozenset(pins))
        merged = _flat(merger.block(*blocks, scope=()))
        kept = [Kept(conflict.ours, conflict.ours, conflict.theirs) for conflict in merged.conflicts]
        reason = complaint(*sides, merged.source, kept + merger.united)
        if reason is not None:
            return whole_conflict(*sides, reason)
        lost = names_lost(*sides, merged.source)
        if not lost - pins:
            break
        pins |= lost
    # What is kept for its users' sake, or stands in conflicts only, is told already.
    lost |= {name for name in vanished(*sides, merged.source) - pins if not _in_conflicts_only(name, merged)}
    if lost:
        return whole_conflict(*sides, f"{', '.join(sorted(lost))}: one side took away what the other uses")
    return _with_last_line(merged, *sides)


def passes(base: str, ours: str, theirs: str, source: str) -> bool:
    """Whether what git made of the lines is the answer."""
    sides = (base, ours, theirs, source)
    return complaint(*sides) is None and not names_lost(*sides) and not strayed(*sides)


def _in_conflicts_only(name: str, merged: Merged) -> bool:
    word = re.compile(rf"\b{re.escape(name)}\b")
    return len(word.findall(merged.source)) == sum(len(word.findall(each.ours)) for each in merged.conflicts)


def _with_last_line(merged: Merged, base: str, ours: str, theirs: str) -> Merged:
    """The merge without the last line end, where that is what the sides say: items are merged with one."""
    ends = trivial(*(side[-1:] if side.endswith("\n") else "" for side in (base, ours, theirs)))
    if not ends:
        # Behind a marker there is always one.
        marked = merged.marked if merged.marked.endswith(f" {LABELS[2]}\n") else merged.marked.removesuffix("\n")
        merged = replace(merged, source=merged.source.removesuffix("\n"), marked=marked)
    return merged if theirs.endswith("\n") else replace(merged, base=merged.base.removesuffix("\n"))


def whole_conflict(base: str, ours: str, theirs: str, reason: str) -> Merged:
    """A conflict of the whole module."""
    markers = with_markers(base, ours, theirs)
    line, marker = 1 + _blank_lines(ours), _marker("", markers)
    conflict = Conflict(MODULE, reason, base, ours, theirs, line, marker)
    return Merged(ours, (conflict,), markers, base)


def _flat(pieces: Pieces) -> Merged:
    source, marked = "", ""
    conflicts: list[Conflict] = []
    for part in pieces.parts:
        if isinstance(part, Clashed):
            markers = with_markers(part.base, part.ours, part.theirs)
            line = source.count("\n") + 1 + _blank_lines(part.ours)
            conflicts.append(Conflict(**vars(part), line=line, marker=_marker(marked, markers)))
            marked += markers
            source += part.ours
        else:
            marked += part
            source += part
    return Merged(source, tuple(conflicts), marked, pieces.base)


def _marker(before: str, markers: str) -> int:
    return before.count("\n") + 1 + markers.partition("<<<<<<< ")[0].count("\n")


def _blank_lines(text: str) -> int:
    return len(text) - len(text.lstrip("\n"))
