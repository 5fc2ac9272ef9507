"""A module as items: statements with the comments and blank lines above them, as slices of the source.

Joined again, the slices are the source, byte for byte; so a merge of items never formats what no side changed.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from hfcodemod.lines import split_lines
from hfcodemod.syntax import KEPT, tree

Key = tuple[str, str, int]
"""Kind, name, and how many of the same kind and name stand above it in the same block."""


@dataclass(frozen=True)
class Item:
    """A statement, or several that share a line."""

    key: Key
    lead: str
    """The blank lines and comments above it."""
    text: str
    """Its own lines, decorators included."""
    node: ast.stmt = field(compare=False)
    block: Block | None = field(default=None, compare=False)
    """What is inside a class, a function or another compound statement with one body that has lines of its own."""
    beside: tuple[ast.stmt, ...] = field(default=(), compare=False)
    """The statements that share its line."""

    @property
    def source(self) -> str:
        """All of its lines."""
        return self.lead + self.text

    @property
    def binds(self) -> frozenset[str]:
        """The names that it binds in its scope."""
        return frozenset(name for statement in (self.node, *self.beside) for name in _bound(statement))


@dataclass(frozen=True)
class Block:
    """The items of one body; ``head`` is what stands above them, ``tail`` what stands below the last."""

    head: str
    items: tuple[Item, ...]
    tail: str

    @property
    def source(self) -> str:
        """All lines of the block."""
        return self.head + "".join(item.source for item in self.items) + self.tail


@lru_cache(maxsize=KEPT)
def module_block(source: str) -> Block:
    """The items of a module.

    Raises SyntaxError (ValueError for null bytes) where the source does not parse.
    """
    lines = split_lines(source)
    return _block(lines, tree(source).body, 0, len(lines), head_end=0)


def _block(lines: Sequence[str], body: Sequence[ast.stmt], start: int, end: int, head_end: int) -> Block:
    groups = list(_groups(body))
    indent = body[0].col_offset if body else 0
    ends = [group[-1].end_lineno or 0 for group in groups]
    # A comment that is deeper than the block stands at the end of the statement above it.
    for i in range(len(groups)):
        limit = _first_line(groups[i + 1][0]) if i + 1 < len(groups) else end
        ends[i] = _with_deeper_comments(lines, ends[i], limit, indent)
    items: list[Item] = []
    seen: Counter[tuple[str, str]] = Counter()
    at = head_end
    for group, stop in zip(groups, ends, strict=True):
        first = _first_line(group[0])
        kind, name = _kind_and_name(group)
        items.append(
            Item(
                key=(kind, name, seen[kind, name]),
                lead="".join(lines[at:first]),
                text="".join(lines[first:stop]),
                node=group[0],
                block=_inner(lines, group, first, stop),
                beside=tuple(group[1:]),
            )
        )
        seen[kind, name] += 1
        at = stop
    return Block("".join(lines[start:head_end]), tuple(items), "".join(lines[at:end]))


def _groups(body: Sequence[ast.stmt]) -> Iterator[list[ast.stmt]]:
    """The statements, those that share a line together."""
    group: list[ast.stmt] = []
    for statement in body:
        if group and _first_line(statement) < (group[-1].end_lineno or 0):
            group.append(statement)
            continue
        if group:
            yield group
        group = [statement]
    if group:
        yield group


def _first_line(statement: ast.stmt) -> int:
    """The index of its first line, decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(decorator.lineno for decorator in decorators)]) - 1


def _with_deeper_comments(lines: Sequence[str], start: int, end: int, indent: int) -> int:
    stop = start
    for i in range(start, end):
        text = lines[i].lstrip(" \t\f")
        if text.startswith("#") and len(lines[i]) - len(text) > indent:
            stop = i + 1
        elif text.strip():
            break
    return stop


def _inner(lines: Sequence[str], group: Sequence[ast.stmt], start: int, end: int) -> Block | None:
    """The block of a statement that has one body on lines of its own."""
    statement = group[0]
    if len(group) > 1 or not isinstance(
        statement, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef | ast.If | ast.With
    ):
        return None
    if isinstance(statement, ast.If) and statement.orelse:
        return None
    head_end = _first_line(statement.body[0])
    while head_end > start and (not lines[head_end - 1].strip() or lines[head_end - 1].lstrip().startswith("#")):
        head_end -= 1
    if head_end <= statement.lineno - 1:
        return None
    return _block(lines, statement.body, start, end, head_end)


def _kind_and_name(group: Sequence[ast.stmt]) -> tuple[str, str]:
    statement = group[0]
    if len(group) > 1:
        return "line", "; ".join(ast.unparse(item) for item in group)
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return f"def{_role(statement)}", name
        case ast.ClassDef(name=name):
            return "class", name
        case ast.Import():
            return "import", statement.names[0].name
        case ast.ImportFrom():
            return "from", "." * statement.level + (statement.module or "")
        case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
            return "name", ast.unparse(target)
        case ast.If():
            return "if", ast.unparse(statement.test)
        case ast.With():
            return "with", ", ".join(ast.unparse(item) for item in statement.items)
        case ast.Expr(value=ast.Constant(value=str())):
            return "text", ""
        case ast.Try():
            return "try", ""
        case _:
            return type(statement).__name__, ast.unparse(statement)


def _role(statement: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """What tells a property's setter from the property, and an overload from the function."""
    for decorator in statement.decorator_list:
        if isinstance(decorator, ast.Attribute) and decorator.attr in ("setter", "getter", "deleter"):
            return f" {decorator.attr}"
        if ast.unparse(decorator).endswith("overload"):
            return " overload"
    return ""


def _bound(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names):
            for alias in names:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id


def rekeyed(base: Block, ours: Block, theirs: Block) -> tuple[Block, Block, Block]:
    """The blocks with imports matched by their first name, where a side imports from the same module twice."""
    blocks = (base, ours, theirs)
    several = {
        name
        for block in blocks
        for name, count in Counter(item.key[1] for item in block.items if item.key[0] == "from").items()
        if count > 1
    }
    first, second, third = (replace(block, items=tuple(_finer(block.items, several))) for block in blocks)
    return first, second, third


def _finer(items: Sequence[Item], several: set[str]) -> Iterator[Item]:
    seen: Counter[str] = Counter()
    for item in items:
        if item.key[0] == "from" and item.key[1] in several:
            assert isinstance(item.node, ast.ImportFrom)
            name = f"{item.key[1]}.{item.node.names[0].name}"
            yield replace(item, key=("from", name, seen[name]))
            seen[name] += 1
        else:
            yield item
