"""Three-way merge of Python source: by lines where lines do, else by items, with gates behind both.

Lines go first, with git's own merge: where it is clean, and what comes out passes the gates, that is the answer. Only
where it is not are the modules taken apart into items (`hfcodemod.items`), which are matched by kind and name, so that
what two sides add, remove, move or change in different items never meets. What remains is a conflict: the result keeps
ours, so that the file still imports, and the record holds all three sides.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from hfcodemod.byname import united_imports, united_statement
from hfcodemod.gates import Kept, complaint, names_lost, vanished
from hfcodemod.items import Block, Item, Key, module_block, rekeyed
from hfcodemod.lines import LABELS, ended, git_merged, touching_merged, trivial, with_markers
from hfcodemod.ordering import Clash, beside_new, is_import, is_named, merged_order, moved


@dataclass(frozen=True)
class Conflict:
    """What could not be merged: the three sides of an item, ours being what the result holds."""

    item: str
    """The scope and name: ``TestGemma3.test_generate``; ``(module)`` for the whole."""
    reason: str
    base: str
    ours: str
    theirs: str
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


MODULE = "(module)"
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
    if source is not None and complaint(*sides, source) is None and not names_lost(*sides, source):
        return Merged(source, marked=source, base=theirs)
    blocks = rekeyed(*(module_block(ended(side)) for side in sides))
    pins: set[str] = set()
    for _ in range(_ROUNDS):
        merger = _Merger(by_name, frozenset(pins))
        merged = _flat(merger.block(*blocks, scope=()))
        kept = [Kept(conflict.ours, conflict.ours, conflict.theirs) for conflict in merged.conflicts]
        reason = complaint(*sides, merged.source, kept + merger.united)
        if reason is not None:
            return whole_conflict(*sides, reason)
        lost = names_lost(*sides, merged.source)
        if not lost - pins:
            break
        pins |= lost
    # What is kept for its users' sake is there, in conflict.
    lost |= vanished(*sides, merged.source) - pins
    if lost:
        return whole_conflict(*sides, f"{', '.join(sorted(lost))}: one side took away what the other uses")
    return _with_last_line(merged, *sides)


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


@dataclass
class _Pieces:
    """A part of the result: text and conflicts in order, and the same part of the next base."""

    parts: list[str | Conflict] = field(default_factory=list)
    base: str = ""

    @property
    def conflicted(self) -> bool:
        return any(isinstance(part, Conflict) for part in self.parts)


def _flat(pieces: _Pieces) -> Merged:
    source, marked = "", ""
    conflicts: list[Conflict] = []
    for part in pieces.parts:
        if isinstance(part, Conflict):
            markers = with_markers(part.base, part.ours, part.theirs)
            line = source.count("\n") + 1 + _blank_lines(part.ours)
            conflicts.append(replace(part, line=line, marker=_marker(marked, markers)))
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


@dataclass(frozen=True)
class _Held:
    """What a side has done about items that the other side removed."""

    moved: set[Key]
    beside_new: set[Key]


@dataclass(frozen=True)
class _Merger:
    by_name: bool
    pins: frozenset[str]
    """Names whose definition is kept though a side removed it: the other side uses it."""
    united: list[Kept] = field(default_factory=list)
    """What was put together out of parts of both sides' lines."""

    def block(self, base: Block, ours: Block, theirs: Block, scope: tuple[str, ...]) -> _Pieces:
        """The merge of the bodies of a module or class."""
        old, left, right = ({item.key: item for item in block.items} for block in (base, ours, theirs))
        merged: dict[Key, _Pieces] = {}
        try:
            self._check_statements(old, left, right)
            order = merged_order(base, ours, theirs)
            head = self.lines(base.head, ours.head, theirs.head)
            tail = self.lines(base.tail, ours.tail, theirs.tail)
        except Clash as clash:
            whole = Conflict(".".join(scope) or MODULE, str(clash), base.source, ours.source, theirs.source)
            return _Pieces([whole], base.source)
        held = (
            _Held(moved(base, ours), beside_new(old, ours, theirs)),
            _Held(moved(base, theirs), beside_new(old, theirs, ours)),
        )
        for key in order:
            merged[key] = self._item(key, (old.get(key), left.get(key), right.get(key)), held, scope)
        parts: list[str | Conflict] = [head]
        for key in order:
            parts += merged[key].parts
        parts.append(tail)
        return _Pieces(parts, _next_base(base, theirs, merged))

    def _check_statements(self, old: dict[Key, Item], left: dict[Key, Item], right: dict[Key, Item]) -> None:
        """Statements without a name have an order that counts: both sides may not add some, or change the same."""
        base, ours, theirs = ({key for key in side if not is_named(key)} for side in (old, left, right))
        if (ours - base - theirs) and (theirs - base - ours):
            raise Clash("both sides changed statements that have no name")

    def _item(
        self,
        key: Key,
        items: tuple[Item | None, Item | None, Item | None],
        held: tuple[_Held, _Held],
        scope: tuple[str, ...],
    ) -> _Pieces:
        base, ours, theirs = items
        name = ".".join([*scope, key[1] or key[0]])

        def clash(reason: str) -> _Pieces:
            texts = [item.source if item else "" for item in (base, ours, theirs)]
            return _Pieces([Conflict(name, reason, texts[0], texts[1], texts[2])], texts[0])

        if ours and theirs:
            try:
                return self._both(base, ours, theirs, (*scope, key[1]))
            except Clash as reason:
                return clash(str(reason))
        if base is None:
            kept = ours or theirs
            assert kept is not None
            return _Pieces([kept.source], theirs.source if theirs else "")
        kept, keeper = (ours, held[0]) if ours else (theirs, held[1])
        if kept is None:
            return _Pieces()
        who = ("theirs", "ours") if ours else ("ours", "theirs")
        if kept.text != base.text:
            return clash(f"{who[1]} changed what {who[0]} removed")
        if kept.binds & self.pins:
            if is_import(key):
                return _Pieces([kept.source], theirs.source if theirs else "")
            return clash(f"{who[0]} removed what {who[1]} uses") if ours else _Pieces([kept.source], kept.source)
        if key in keeper.moved:
            return clash(f"{who[1]} moved what {who[0]} removed")
        if not is_import(key) and key in keeper.beside_new:
            return clash(f"{who[0]} removed what stands beside something new of {who[1]}")
        return _Pieces()

    def _both(self, base: Item | None, ours: Item, theirs: Item, scope: tuple[str, ...]) -> _Pieces:
        """An item that both sides have; raises Clash."""
        lead = self._lead(base, ours, theirs)
        if base is None and ours.text != theirs.text:
            united = united_imports(None, ours, theirs) if self.by_name and is_import(ours.key) else None
            if united is None:
                raise Clash("both sides added it, each in its own way")
            self.united.append(Kept(united, ours.text, theirs.text))
            return _Pieces([lead + united], theirs.source)
        known = trivial(base.text if base else "", ours.text, theirs.text)
        if known is not None:
            return _Pieces([lead + known], theirs.source)
        assert base is not None
        if base.block and ours.block and theirs.block and ours.key[0] in ("class", "if"):
            blocks = [replace(item.block, head="") for item in (base, ours, theirs) if item.block]
            head = self.header(base.block.head, ours.block.head, theirs.block.head)
            inner = self.block(*rekeyed(*blocks), scope=scope)
            return _Pieces([lead + head, *inner.parts], theirs.lead + theirs.block.head + inner.base)
        if base.block and ours.block and theirs.block:
            head = self.header(base.block.head, ours.block.head, theirs.block.head)
            body = self.lines(*(item.text[len(item.block.head) :] for item in (base, ours, theirs) if item.block))
            return _Pieces([lead + head + body], theirs.source)
        if self.by_name and is_import(ours.key):
            united = united_imports(base, ours, theirs)
            if united is not None:
                self.united.append(Kept(united, ours.text, theirs.text))
                return _Pieces([lead + united], theirs.source)
        return _Pieces([lead + self.lines(base.text, ours.text, theirs.text)], theirs.source)

    def _lead(self, base: Item | None, ours: Item, theirs: Item) -> str:
        """The blank lines and comments above an item."""
        if not ours.lead.strip() and not theirs.lead.strip() and (base is None or not base.lead.strip()):
            # Only blank lines: whoever changed their number, or has more.
            known = trivial(base.lead if base else "", ours.lead, theirs.lead)
            return max(ours.lead, theirs.lead, key=len) if known is None else known
        return self.lines(base.lead if base else "", ours.lead, theirs.lead)

    def header(self, base: str, ours: str, theirs: str) -> str:
        """Decorators and signature; decorators that both sides add are both kept, theirs outermost."""
        known = trivial(base, ours, theirs)
        if known is not None:
            return known
        (old, first), (left, second), (right, third) = map(_decorators, (base, ours, theirs))
        if not (set(old) <= set(left) and set(old) <= set(right)) or len({*old}) < len(old):
            return self.lines(base, ours, theirs)
        new = [line for line in right if line not in left]
        if trivial("".join(old), "".join(left), "".join(right)) is None and new == right[: len(new)]:
            return "".join(new + left) + self.lines(first, second, third)
        return self.lines(base, ours, theirs)

    def lines(self, base: str, ours: str, theirs: str) -> str:
        """A merge of lines; raises Clash."""
        for way in (git_merged, touching_merged):
            merged = way(base, ours, theirs)
            if merged is not None:
                return merged
        united = united_statement(base, ours, theirs) if self.by_name else None
        if united is not None:
            self.united.append(Kept(united, ours, theirs))
            return united
        raise Clash("both sides changed the same lines")


def _decorators(head: str) -> tuple[list[str], str]:
    """The decorators of a header that stand on a line of their own, and the rest."""
    lines = head.splitlines(keepends=True)
    n = 0
    while n < len(lines) and lines[n].lstrip().startswith("@") and lines[n].count("(") == lines[n].count(")"):
        n += 1
    return lines[:n], "".join(lines[n:])


def _next_base(base: Block, theirs: Block, merged: dict[Key, _Pieces]) -> str:
    """Theirs with each conflicted item as in the base."""
    present = {item.key for item in theirs.items}
    behind: dict[Key | None, list[Key]] = defaultdict(list)
    before: Key | None = None
    for item in base.items:
        if item.key in present:
            before = item.key
        elif item.key in merged and merged[item.key].conflicted:
            behind[before].append(item.key)
    order = [*behind[None], *(key for item in theirs.items for key in (item.key, *behind[item.key]))]
    sources = {item.key: item.source for item in theirs.items}
    texts = [merged[key].base if merged[key].conflicted else sources[key] for key in order]
    return theirs.head + "".join(texts) + theirs.tail
