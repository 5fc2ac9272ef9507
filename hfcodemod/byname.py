"""What merges by name where lines don't: the bindings of an import, the keyword arguments of a call."""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass

from hfcodemod.items import Item

_WIDTH = 88


def united_imports(base: Item | None, ours: Item, theirs: Item) -> str | None:
    """The import with what both sides added and without what either removed; None where a comment is in the way."""
    old, left, right = (_bindings(item) if item else [] for item in (base, ours, theirs))
    wanted = [name for name in left if name in right or name not in old]
    wanted += [name for name in right if name not in left and name not in old]
    for item, other, names in ((ours, theirs, left), (theirs, ours, right)):
        if set(names) == set(wanted) and not _comments(other) - (_comments(base) if base else set()) - _comments(item):
            return item.text
    if "#" in ours.text + theirs.text or not isinstance(ours.node, ast.ImportFrom) or not wanted:
        return None
    if left == sorted(left) and right == sorted(right):
        wanted.sort()
    indent = " " * ours.node.col_offset
    start = f"{indent}from {'.' * ours.node.level}{ours.node.module or ''} import "
    width = max([_WIDTH, *(len(line) for line in (ours.text + theirs.text).split("\n"))])
    if "(" not in ours.text and len(start + ", ".join(wanted)) <= width:
        return f"{start}{', '.join(wanted)}\n"
    return f"{start}(\n" + "".join(f"{indent}    {name},\n" for name in wanted) + f"{indent})\n"


def _comments(item: Item) -> set[str]:
    return {line.partition("#")[2].strip() for line in item.text.split("\n")} - {""}


def _bindings(item: Item) -> list[str]:
    assert isinstance(item.node, ast.Import | ast.ImportFrom)
    return [f"{alias.name} as {alias.asname}" if alias.asname else alias.name for alias in item.node.names]


@dataclass(frozen=True)
class _Call:
    """A statement with one call in it, cut into what stands around the keyword arguments and these."""

    source: str
    node: ast.Call
    around: str

    def value(self, name: str) -> str:
        """The source of a keyword's value."""
        return self.slice(self.keywords[name].value)

    def slice(self, node: ast.expr | ast.keyword) -> str:
        return self.source[self.at(node.lineno, node.col_offset) : self.at(node.end_lineno or 0, node.end_col_offset)]

    def at(self, line: int, column: int | None) -> int:
        """The index in the source of a place that `ast` tells, whose columns count bytes."""
        lines = self.source.split("\n")
        before = sum(len(text) + 1 for text in lines[: line - 1])
        return before + len(lines[line - 1].encode()[: column or 0].decode())

    @property
    def keywords(self) -> dict[str, ast.keyword]:
        return {keyword.arg: keyword for keyword in self.node.keywords if keyword.arg}


def united_statement(base: str, ours: str, theirs: str) -> str | None:
    """A statement whose outermost call both sides gave, changed or took keyword arguments; None where more differs."""
    indent = ours[: len(ours) - len(ours.lstrip())]
    calls = [_call(textwrap.dedent(text)) for text in (base, ours, theirs)]
    old, left, right = calls
    if not (old and left and right) or not (old.around == left.around == right.around):
        return None
    edits: list[tuple[int, int, str]] = []
    for name in right.keywords:
        new = right.value(name)
        if name in left.keywords:
            mine, before = left.value(name), old.value(name) if name in old.keywords else None
            if _same(mine, new) or (before is not None and _same(before, new)):
                continue
            if before is None or not _same(before, mine):
                return None
            value = left.keywords[name].value
            start = left.at(value.lineno, value.col_offset)
            edits.append((start, start + len(mine), new))
        elif name not in old.keywords:
            edits.append(_insertion(left, f"{name}={new}"))
        elif not _same(old.value(name), new):
            return None
    for name in left.keywords:
        if name in old.keywords and name not in right.keywords:
            if not _same(old.value(name), left.value(name)):
                return None
            edits.append(_removal(left, name))
    text = left.source
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    try:
        ast.parse(text)
    except SyntaxError:
        return None
    return textwrap.indent(text, indent)


def _call(source: str) -> _Call | None:
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None
    value = getattr(body[0], "value", None) if len(body) == 1 else None
    if (
        not isinstance(value, ast.Call)
        or "#" in source
        or '"""' in source
        or any(k.arg is None for k in value.keywords)
    ):
        return None
    keywords, value.keywords = value.keywords, []
    around = ast.dump(body[0])
    value.keywords = keywords
    return _Call(source, value, around)


def _same(one: str, other: str) -> bool:
    return ast.dump(ast.parse(one.strip(), mode="eval")) == ast.dump(ast.parse(other.strip(), mode="eval"))


def _insertion(call: _Call, argument: str) -> tuple[int, int, str]:
    """Behind the last argument; on a line of its own where the last one has one."""
    arguments: list[ast.expr | ast.keyword] = [*call.node.args, *call.node.keywords]
    last = max(arguments, key=lambda node: (node.end_lineno or 0, node.end_col_offset or 0))
    at = call.at(last.end_lineno or 0, last.end_col_offset)
    line = call.source[: call.at(last.lineno, last.col_offset)].rpartition("\n")[2]
    return (at, at, f",\n{line}{argument}") if not line.strip() else (at, at, f", {argument}")


def _removal(call: _Call, name: str) -> tuple[int, int, str]:
    """With the comma and space before it, or behind it where it is the first."""
    node = call.keywords[name]
    start, end = call.at(node.lineno, node.col_offset), call.at(node.end_lineno or 0, node.end_col_offset)
    before = call.source[:start].rstrip()
    if before.endswith(","):
        return len(before) - 1, end, ""
    rest = call.source[end:]
    return start, end + len(rest) - len(rest.lstrip(", \n")), ""
