"""Merging item by item: what each side did to a module or class, its members, their headers and their lines."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace

from hfcodemod.byname import united_imports, united_statement
from hfcodemod.gates import Kept
from hfcodemod.itemnames import HEADER, MODULE
from hfcodemod.items import Block, Item, Key, rekeyed
from hfcodemod.lines import git_merged, touching_merged, trivial
from hfcodemod.ordering import Clash, beside_new, is_import, is_named, merged_order, moved


@dataclass(frozen=True)
class Clashed:
    """An item that could not be merged, with its three sides; the result holds ours."""

    item: str
    """The scope and name: ``TestGemma3.test_generate``; ``(module)`` for the whole."""
    reason: str
    base: str
    ours: str
    theirs: str


@dataclass
class Pieces:
    """A part of the result: text and conflicts in order, and the same part of the next base."""

    parts: list[str | Clashed] = field(default_factory=list)
    base: str = ""

    @property
    def conflicted(self) -> bool:
        return any(isinstance(part, Clashed) for part in self.parts)


@dataclass(frozen=True)
class _Held:
    """What a side has done about items that the other side removed."""

    moved: set[Key]
    beside_new: set[Key]


@dataclass(frozen=True)
class Merger:
    """Merges blocks of items."""

    by_name: bool
    pins: frozenset[str]
    """Names whose definition is kept though a side removed it: the other side uses it."""
    united: list[Kept] = field(default_factory=list)
    """What was put together out of parts of both sides' lines."""

    def block(self, base: Block, ours: Block, theirs: Block, scope: tuple[str, ...]) -> Pieces:
        """The merge of the bodies of a module or class; raises Clash of a class."""
        old, left, right = ({item.key: item for item in block.items} for block in (base, ours, theirs))
        merged: dict[Key, Pieces] = {}
        try:
            self._check_statements(old, left, right)
            order = merged_order(base, ours, theirs)
            head = self.lines(base.head, ours.head, theirs.head)
            tail = self.lines(base.tail, ours.tail, theirs.tail)
        except Clash as clash:
            if scope:
                # A class is found again with its header only.
                raise
            whole = Clashed(MODULE, str(clash), base.source, ours.source, theirs.source)
            return Pieces([whole], base.source)
        held = (
            _Held(moved(base, ours), beside_new(old, ours, theirs)),
            _Held(moved(base, theirs), beside_new(old, theirs, ours)),
        )
        for key in order:
            merged[key] = self._item(key, (old.get(key), left.get(key), right.get(key)), held, scope)
        parts: list[str | Clashed] = [head]
        for key in order:
            parts += merged[key].parts
        parts.append(tail)
        return Pieces(parts, _next_base(base, theirs, merged))

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
    ) -> Pieces:
        base, ours, theirs = items
        name = ".".join([*scope, key[1] or key[0]])

        def clash(reason: str) -> Pieces:
            texts = [item.source if item else "" for item in (base, ours, theirs)]
            return Pieces([Clashed(name, reason, texts[0], texts[1], texts[2])], texts[0])

        if ours and theirs:
            try:
                return self._both(base, ours, theirs, (*scope, key[1]))
            except Clash as reason:
                return clash(str(reason))
        if base is None:
            kept = ours or theirs
            assert kept is not None
            return Pieces([kept.source], theirs.source if theirs else "")
        kept, keeper = (ours, held[0]) if ours else (theirs, held[1])
        if kept is None:
            return Pieces()
        who = ("theirs", "ours") if ours else ("ours", "theirs")
        if kept.text != base.text or _comments(kept) - _comments(base):
            return clash(f"{who[1]} changed what {who[0]} removed")
        if kept.binds & self.pins:
            if is_import(key):
                return Pieces([kept.source], theirs.source if theirs else "")
            return clash(f"{who[0]} removed what {who[1]} uses") if ours else Pieces([kept.source], kept.source)
        if key in keeper.moved:
            return clash(f"{who[1]} moved what {who[0]} removed")
        if not is_import(key) and key in keeper.beside_new:
            return clash(f"{who[0]} removed what stands beside something new of {who[1]}")
        return Pieces()

    def _both(self, base: Item | None, ours: Item, theirs: Item, scope: tuple[str, ...]) -> Pieces:
        """An item that both sides have; raises Clash."""
        lead = self._lead(base, ours, theirs)
        if base is None and ours.text != theirs.text:
            united = united_imports(None, ours, theirs) if self.by_name and is_import(ours.key) else None
            if united is None:
                raise Clash("both sides added it, each in its own way")
            self.united.append(Kept(united, ours.text, theirs.text))
            return Pieces([lead + united], theirs.source)
        known = trivial(base.text if base else "", ours.text, theirs.text)
        if known is not None:
            return Pieces([lead + known], theirs.source)
        assert base is not None
        if base.block and ours.block and theirs.block and ours.key[0] in ("class", "if"):
            blocks = [replace(item.block, head="") for item in (base, ours, theirs) if item.block]
            heads = [item.block.head for item in (base, ours, theirs) if item.block]
            inner = self.block(*rekeyed(*blocks), scope=scope)
            try:
                return Pieces([lead + self.header(*heads), *inner.parts], theirs.lead + heads[2] + inner.base)
            except Clash as reason:
                # Its members are merged all the same.
                clash = Clashed(".".join([*scope, HEADER]), str(reason), *heads)
                return Pieces([lead, clash, *inner.parts], theirs.lead + heads[0] + inner.base)
        if base.block and ours.block and theirs.block:
            head = self.header(base.block.head, ours.block.head, theirs.block.head)
            body = self.lines(*(item.text[len(item.block.head) :] for item in (base, ours, theirs) if item.block))
            return Pieces([lead + head + body], theirs.source)
        if self.by_name and is_import(ours.key):
            united = united_imports(base, ours, theirs)
            if united is not None:
                self.united.append(Kept(united, ours.text, theirs.text))
                return Pieces([lead + united], theirs.source)
        return Pieces([lead + self.lines(base.text, ours.text, theirs.text)], theirs.source)

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


def _comments(item: Item) -> set[str]:
    """The lines with something in them above an item."""
    return {line.strip() for line in item.lead.split("\n")} - {""}


def _decorators(head: str) -> tuple[list[str], str]:
    """The decorators of a header that stand on a line of their own, and the rest."""
    lines = head.splitlines(keepends=True)
    n = 0
    while n < len(lines) and lines[n].lstrip().startswith("@") and lines[n].count("(") == lines[n].count(")"):
        n += 1
    return lines[:n], "".join(lines[n:])


def _next_base(base: Block, theirs: Block, merged: dict[Key, Pieces]) -> str:
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
