"""What belongs to a module alone: its expected scores, tolerances, skips and prompts.

``# hfcodemod: own`` in the skeleton or in a module says so. What is marked is taken out of the comparison before a
merge: base and theirs get what ours has, so that nothing about it can be overwritten, and nothing can conflict.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from hfcodemod.alignment import Triple, triples
from hfcodemod.own_items import Node, Source
from hfcodemod.own_marks import Mark, has_mark
from hfcodemod.own_slices import Edits, blank_lines, slice_of
from hfcodemod.stamp import without_stamp

_RELEASE = re.compile(r"^# hfcodemod: own[ \t]*$", re.MULTILINE)


def started(source: str) -> str:
    """What a new module gets of a rendered skeleton: own values as their marks say they start, else as ``...``.

    Decorators, functions, classes and other statements have no value to leave open: a module begins with those of the
    skeleton. ``own = None`` at a decorator lets it begin without.

    Raises SyntaxError for a source that does not parse, and for a start that does not or that has no place to go.
    """
    if not has_mark(source):
        return source
    return _started(Source(source))


def unfilled(source: str) -> list[tuple[int, str]]:
    """Line and name of the own values that are still ``...``, or hold one: ``TestOlmo.SCORES['cuda']``.

    Raises SyntaxError where the source does not parse.
    """
    if not has_mark(source):
        return []
    parsed = Source(source)
    return list(_unfilled(parsed, parsed.root, ""))


def settled(base: str, ours: str, theirs: str) -> tuple[str, str]:
    """Base and theirs with each own item as ours has it: replaced, deleted, added.

    An item is own if it is marked on any side. One that the skeleton has anew arrives as in a new module. One that the
    skeleton no longer has is left to the merge, which removes it from a module that never changed it, and finds a
    conflict in one that did.

    Raises SyntaxError where one does not parse.
    """
    if not any(map(has_mark, (base, ours, theirs))):
        return base, theirs
    raw = Source(theirs)
    new = _started(raw)
    settler = _Settler((Source(base), Source(ours), raw if new == theirs else Source(new)))
    settler.children(settler.roots)
    return settler.base.applied(), settler.theirs.applied()


def is_released(source: str) -> bool:
    """Whether the mark stands in the stamp's place: the module is its owner's, and no longer managed.

    Directly above a statement other than an import it is that statement's mark.

    Raises SyntaxError where the source does not parse.
    """
    if _RELEASE.search(source) is None or without_stamp(source)[1] is not None:
        return False
    parsed = Source(source)
    statements = parsed.root.children
    if statements and statements[0].kind == "text":
        statements = statements[1:]
    limit = statements[0].start if statements else len(source)
    own = {node.mark for node in statements if not node.kind.startswith("Import")}
    return any(
        mark.at < limit and mark not in own and _RELEASE.match(source, mark.at) is not None for mark in parsed.marks
    )


def _started(source: Source) -> str:
    edits = Edits(source)
    _start(source, edits, source.root)
    return edits.applied()


def _start(source: Source, edits: Edits, node: Node) -> None:
    mark = node.mark
    if mark is not None and mark.start is not None:
        _check_start(source, node, mark, mark.start)
    if mark is not None and node.is_value:
        _start_value(source, edits, node, mark)
    elif mark is not None and mark.start == "None":
        edits.delete(node)
    elif mark is not None and mark.start is not None:
        assert node.value is not None
        edits.put(*node.value, mark.start)
    else:
        for child in node.children:
            _start(source, edits, child)


def _check_start(source: Source, node: Node, mark: Mark, start: str) -> None:
    said = f"the start of an own value does not parse: {start!r}"
    try:
        ast.parse(start, mode="eval")
    except (SyntaxError, ValueError):
        pass
    else:
        if node.value is not None:
            return
        said = "a start is for a value, and what is marked here has none; write `# hfcodemod: own`"
    line = source.line(mark.at)
    raise SyntaxError(said, (None, line, mark.at - source.line_start(mark.at) + 1, mark.text))


def _start_value(source: Source, edits: Edits, node: Node, mark: Mark) -> None:
    assert node.value is not None
    start, end = node.value
    text, new = source.text, node.blank if mark.start is None else mark.start
    if not start <= mark.at < end:
        edits.put(start, end, new)
        return
    # The mark stands inside the value that goes; it follows the new one, at the end of a line.
    behind = re.compile(r"[ \t\f]*[,;]?[ \t\f]*").match(text, end)
    assert behind is not None
    delimiter = behind.group().strip() if node.kind != "name" else ""
    new = f"{new}{delimiter}  {mark.text}"
    if behind.end() == source.line_end(end) or behind.end() in source.comments:
        edits.put(start, end + behind.group().find(delimiter) + 1 if delimiter else end, new)
        return
    begin = source.line_start(node.start)
    indent = text[begin : begin + len(text[begin:]) - len(text[begin:].lstrip(" \t"))]
    edits.put(start, behind.end(), f"{new}\n{indent}")


def _unfilled(source: Source, node: Node, scope: str) -> Iterator[tuple[int, str]]:
    if node.kind == "entry":
        scope = f"{scope}[{node.label}]"
    elif node.kind in ("class", "def", "name", "keyword"):
        scope = f"{scope}.{node.label}".lstrip(".")
    if node.mark is not None and node.is_value and node.value is not None:
        # Wrapped, so that it parses alone whatever its lines are.
        value = ast.parse(f"({source.text[slice(*node.value)]}\n)", mode="eval")
        lines = [part.lineno for part in _blanks(value)]
        if lines:
            yield source.line(node.value[0]) + min(lines) - 1, scope
        return
    for child in node.children:
        yield from _unfilled(source, child, scope)


def _blanks(node: ast.AST) -> Iterator[ast.Constant]:
    """Each ``...`` that stands for a value; in an index it is one."""
    if isinstance(node, ast.Constant) and node.value is ...:
        yield node
    if not isinstance(node, ast.Subscript):
        for child in ast.iter_child_nodes(node):
            yield from _blanks(child)


class _Settler:
    """The walk through three trees at once."""

    def __init__(self, sources: tuple[Source, Source, Source]) -> None:
        self._sources = sources
        self._ours = sources[1]
        self.base, self.theirs = Edits(sources[0]), Edits(sources[2])
        self.roots: Triple = (sources[0].root, sources[1].root, sources[2].root)
        self._done: tuple[list[Node], list[Node], list[Node]] = ([], [], [])

    def children(self, parents: Triple) -> None:
        """Settle the own items among and inside the children of three parents."""
        found = triples(self._sources, parents)
        for triple in found:
            present = [node for node in triple if node is not None]
            if not any(node.holds for node in present) or self._is_done(triple):
                continue
            if all(node.mark is None for node in present):
                if len(present) > 1:
                    self.children(triple)
                continue
            self._item(triple, parents, found)
            for done, node in zip(self._done, triple, strict=True):
                if node is not None and node.body:
                    done.append(node)

    def _is_done(self, triple: Triple) -> bool:
        """Whether a statement stands inside an own `with` or the like, which has been settled as a whole."""
        return any(
            outer.start < node.start < outer.end
            for done, node in zip(self._done, triple, strict=True)
            if node is not None
            for outer in done
        )

    def _item(self, triple: Triple, parents: Triple, beside: list[Triple]) -> None:
        base, ours, theirs = triple
        if ours is None:
            if base is not None and theirs is not None:
                self._take_out(base, theirs, parents, beside)
        elif theirs is not None:
            newly = ours.mark is None and (base is None or base.mark is None)
            self.theirs.take(theirs, self._ours, ours, theirs.mark if newly else None)
            if base is not None:
                self.base.take(base, self._ours, ours)
            else:
                self._add(ours, parents, beside, to_theirs=False)
        elif base is None:
            self._add(ours, parents, beside, to_theirs=True)

    def _take_out(self, base: Node, theirs: Node, parents: Triple, beside: list[Triple]) -> None:
        if parents[1] is not None and self.base.can_delete(base) and self.theirs.can_delete(theirs):
            gap = self._gap(base, beside)
            self.base.delete(base, gap)
            self.theirs.delete(theirs, gap)
        else:
            # Ours has nothing in which it could be, or it cannot go: it must not look as if theirs had changed it.
            self.base.take(base, self._sources[2], theirs)

    def _gap(self, base: Node, beside: list[Triple]) -> int | None:
        """How many blank lines ours has where it deleted an item."""
        block = [triple for triple in beside if triple[0] is not None and triple[0].block == base.block]
        at = next(i for i, triple in enumerate(block) if triple[0] is base)
        before = block[at - 1][1] if at else None
        if before is None:
            return None
        return len(blank_lines(self._ours.text, slice_of(self._ours, before).end + 1))

    def _add(self, item: Node, parents: Triple, beside: list[Triple], *, to_theirs: bool) -> None:
        """Put an item that only ours has where it would be in the others, if its place is certain in each of them."""
        old, here, new = parents
        if here is None or old is None or new is None or (item.block and item.body and item.kind not in _DEFINITIONS):
            return
        kinds = ("decorator",) if item.kind == "decorator" else ("keyword", "entry", "argument")
        siblings = [node for node in here.children if (node.block == item.block if item.block else node.kind in kinds)]
        places = []
        for side, parent, edits in ((0, old, self.base), (2, new, self.theirs))[: 1 + to_theirs]:
            there = {triple[1]: triple[side] for triple in beside if triple[1] is not None}
            known = {ours: node for ours, node in there.items() if node is not None}
            places.append((edits, edits.place(parent, self._ours, item, siblings, known)))
        if all(place is not None for _, place in places):
            for edits, place in places:
                assert place is not None
                edits.put(place[0], place[0], place[1], item.start)


_DEFINITIONS = ("class", "def")
