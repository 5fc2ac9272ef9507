"""Own items as slices: replaced, taken out and put in, with the comments beside them, and the rest byte for byte."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hfcodemod.own_items import Node, Source
from hfcodemod.own_marks import Mark

_BLANK_LINES = re.compile(r"(?:[ \t\f]*\n)*")
_BETWEEN = re.compile(r"(?:\s|\\|#[^\n]*)*")


@dataclass(frozen=True)
class Slice:
    """An item with the comments above it and beside it."""

    start: int
    end: int
    whole: bool
    """Whether it has its lines for itself."""
    comma: bool


def slice_of(source: Source, node: Node) -> Slice:
    """Where an item and its comments are: those directly above it, and the one behind it."""
    text = source.text
    start, end = source.line_start(node.start), node.end
    element = node.kind in ("keyword", "entry", "argument")
    comma = element and text.startswith(",", _skipped(text, end))
    if comma:
        end = _skipped(text, end) + 1
    behind = _skipped(text, end)
    end = source.comments.get(behind, end)
    alone = not text[start : node.start].strip() and _skipped(text, end) == source.line_end(end)
    if not alone or (element and not comma and text.startswith(",", _between(text, end))):
        return Slice(node.start, node.end, False, comma)
    while start and _skipped(text, source.line_start(start - 1)) in source.comments:
        start = source.line_start(start - 1)
    return Slice(start, end, True, comma)


def _skipped(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\f"):
        at += 1
    return at


def blank_lines(text: str, at: int) -> str:
    """The blank lines from a place on."""
    found = _BLANK_LINES.match(text, at)
    return found.group() if found else ""


def _between(text: str, at: int) -> int:
    found = _BETWEEN.match(text, at)
    assert found is not None
    return found.end()


def _indent(source: Source, node: Node) -> str:
    return source.text[source.line_start(node.start) : node.start]


class Edits:
    """Changes of a source, none of which overlap."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._changes: list[tuple[int, int, int, str]] = []
        self._left = Counter(node.block for node in source.nodes if node.block)

    def applied(self) -> str:
        """The text with the changes."""
        parts, at = [], 0
        for start, end, _, text in sorted(self._changes):
            parts += [self.source.text[at:start], text]
            at = end
        return "".join([*parts, self.source.text[at:]])

    def put(self, start: int, end: int, text: str, order: int = 0) -> None:
        """Replace a slice; what is put at one place comes by ``order``."""
        if self.source.text[start:end] != text:
            self._changes.append((start, end, order, text))

    def take(self, node: Node, ours: Source, item: Node, mark: Mark | None = None) -> None:
        """Replace an item by ours, and mark it as ``mark`` says."""
        there, here = slice_of(self.source, node), slice_of(ours, item)
        if not (there.whole and here.whole):
            self.put(node.start, node.end, ours.text[item.start : item.end])
            return
        text = ours.text[here.start : here.end]
        if there.comma and not here.comma:
            at = item.end - here.start
            text = f"{text[:at]},{text[at:]}"
        indent = self.indent(node)
        text = self._indented(text, ours, here.start, _indent(ours, item), indent)
        if mark is not None:
            above = mark.alone or node.body
            text = f"{indent}{mark.text}\n{text}" if above else f"{text}  {mark.text}"
        self.put(there.start, there.end, text)

    def can_delete(self, node: Node) -> bool:
        """Whether an item can be taken out: it has its lines for itself, and is not all that a block has."""
        return not node.block or (slice_of(self.source, node).whole and self._left[node.block] > 1)

    def delete(self, node: Node, gap: int | None = None) -> None:
        """Take an item out, with the comments beside it; ``gap`` blank lines stay there, if it is known how many."""
        there, text = slice_of(self.source, node), self.source.text
        self._left[node.block] -= 1
        if not there.whole:
            self._delete_element(node, there)
            return
        end = min(there.end + 1, len(text))
        if node.block:
            above = max(there.start - len(text[: there.start].rstrip("\n")) - 1, 0)
            below = len(blank_lines(text, end))
            # Without a number those stay that are more.
            end += min(above, below) if gap is None else min(max(above + below - gap, 0), below)
        self.put(there.start, end, "")

    def _delete_element(self, node: Node, there: Slice) -> None:
        """Take out what shares its lines with others; its mark goes, if it is beside it or above it."""
        text, mark = self.source.text, node.mark
        start, end = node.start, node.end
        if there.comma:
            end = _skipped(text, text.index(",", end) + 1)
        else:
            before = text[:start].rstrip()
            start = len(before) - 1 if before.endswith(",") else start
        if mark is not None and mark.at == _skipped(text, end):
            start, end = len(text[:start].rstrip(" \t\f")), self.source.comments[mark.at]
        elif mark is not None and mark.alone and mark.at < start:
            self.put(self.source.line_start(mark.at), self.source.line_end(mark.at) + 1, "")
        self.put(start, end, "")

    def place(
        self, parent: Node, ours: Source, item: Node, siblings: Sequence[Node], there: dict[Node, Node]
    ) -> tuple[int, str] | None:
        """Where in ``parent`` an item of ours goes that is missing here, and its text; None where no place is certain.

        ``siblings`` are the items beside it in ours, it included, and ``there`` those that are here too.
        """
        at, here = siblings.index(item), slice_of(ours, item)
        before = next((there[node] for node in reversed(siblings[:at]) if node in there), None)
        after = next((there[node] for node in siblings[at + 1 :] if node in there), None)
        element = item.kind in ("keyword", "entry")
        text = ours.text[here.start : here.end] + "\n"
        if not here.whole or (element and not here.comma):
            return None
        if before is None and after is None:
            return self._first_place(parent, ours, item, text)
        neighbour = before or after
        assert neighbour is not None
        beside = slice_of(self.source, neighbour)
        if not beside.whole or self.indent(neighbour) != _indent(ours, item):
            return None
        if before is None:
            following = slice_of(ours, siblings[at + 1])
            return beside.start, ours.text[here.start : following.start] if following.whole else text
        if (element and not beside.comma) or beside.end == len(self.source.text):
            return None
        previous = slice_of(ours, siblings[at - 1])
        start = previous.end + 1 if previous.whole else here.start
        above, below = ours.text[start : here.start], blank_lines(ours.text, here.end + 1)
        gap = blank_lines(self.source.text, beside.end + 1)
        if gap == above != below:
            # What is here is the gap above the item, so that the one below it is what comes with it.
            return beside.end + 1 + len(gap), text + below
        return beside.end + 1, above + text

    def _first_place(self, parent: Node, ours: Source, item: Node, text: str) -> tuple[int, str] | None:
        """Where an item goes that has nothing beside it: above a definition, or below an opening bracket."""
        if item.kind == "decorator":
            same = self.indent(parent) == _indent(ours, item)
            return (self.source.line_start(parent.head), text) if same else None
        behind = parent.head + 1
        ends = not item.block and _skipped(self.source.text, behind) == self.source.line_end(behind)
        return (self.source.line_end(behind) + 1, text) if ends else None

    def indent(self, node: Node) -> str:
        """What stands before an item on its line."""
        return _indent(self.source, node)

    @staticmethod
    def _indented(text: str, ours: Source, at: int, old: str, new: str) -> str:
        """A slice of ours, which began at ``at``, with another indentation; the lines of a string stay."""
        if old == new:
            return text
        lines = []
        for line in text.split("\n"):
            inside = any(start < at < end for start, end in ours.strings)
            lines.append(new + line[len(old) :] if line.startswith(old) and line and not inside else line)
            at += len(line) + 1
        return "\n".join(lines)
