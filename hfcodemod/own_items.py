"""What `# hfcodemod: own` can stand on: statements, decorators, keyword arguments and dictionary entries, with places.

Only places in the text are kept, so that what is changed later is a slice, and the rest stays byte for byte.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count

from hfcodemod.own_marks import Mark, marks_in
from hfcodemod.scanned import Scanned

Compound = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Place = tuple[int, int]

_WITHOUT_PARTS = (ast.stmt, ast.ExceptHandler, ast.match_case, ast.Name, ast.Constant, ast.expr_context)
_CLOSING = re.compile(r"(?:\s|\\|#[^\n]*)*\)")
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(eq=False)
class Node:
    """A part of a module in which an own item may be, or that is one."""

    kind: str
    label: str
    start: int
    end: int
    children: list[Node] = field(default_factory=list)
    value: Place | None = None
    """The value of a name, keyword argument or entry, and the expression of a decorator, parentheses included."""
    blank: str = "..."
    """What an unfilled value looks like: as many as there are names."""
    head: int = 0
    """Where a definition begins below its decorators; where a call or a dictionary opens its bracket."""
    body: int = 0
    """Where the first statement inside it begins; 0 where there is none."""
    block: int = 0
    """Which list of statements it stands in."""
    near: Place | None = None
    """The element of a list or tuple that it is in: what it is called with may be all that tells it from others."""
    mark: Mark | None = None
    holds: bool = False
    """Whether something in it, or it, is marked."""

    @property
    def is_item(self) -> bool:
        """Whether it can be marked."""
        return self.kind not in ("module", "call", "dict", "argument")

    @property
    def is_value(self) -> bool:
        """Whether a start can stand in place of its value."""
        return self.value is not None and self.kind != "decorator"


class Source(Scanned):
    """A source that parses, as a tree of nodes.

    Raises SyntaxError where it does not parse.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        try:
            tree = ast.parse(text)
        except ValueError as error:  # Python 3.11 and older say so of a null byte.
            raise SyntaxError(str(error)) from error
        self._blocks = count(1)
        self.root = Node("module", "", 0, len(text), list(self._scope(tree.body)))
        self.nodes = list(_walk(self.root))
        self.items = [node for node in self.nodes if node.is_item]
        self.marks = list(marks_in(self))
        for mark in self.marks:
            node = self._marked(mark)
            if node is not None and node.mark is None:
                node.mark = mark
        for node in reversed(self.nodes):
            node.holds = node.mark is not None or any(child.holds for child in node.children)

    def plain(self, node: Node) -> str:
        """What a node is beside others: its text, or that of the element it is in, without comments and own values."""
        at, end = node.near or (node.start, node.end)
        parts = []
        for start, stop in self._holes:
            if at <= start < end:
                parts.append(self.text[at:start])
                at = stop
        return "".join([*parts, self.text[at:end]])

    @cached_property
    def _holes(self) -> list[Place]:
        own = [node.value for node in self.items if node.mark and node.value and node.is_value]
        return sorted([*self.comments.items(), *own])

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> Place:
        return self.at(node.lineno, node.col_offset), self.at(node.end_lineno, node.end_col_offset)

    def _extent(self, after: int, value: ast.expr, delimiter: str) -> Place:
        """A value with the parentheses around it; ``delimiter`` comes between ``after`` and the value."""
        start, end = self._span(value)
        gap = _COMMENT.sub(lambda found: " " * len(found.group()), self.text[after:start])
        begin = gap.index(delimiter) + 1
        opened = gap.count("(", begin)
        for _ in range(opened):
            closing = _CLOSING.match(self.text, end)
            assert closing is not None
            end = closing.end()
        return (after + gap.index("(", begin) if opened else start), end

    def _scope(self, body: Sequence[ast.stmt]) -> Iterator[Node]:
        """The statements of a scope, in order: those inside `if`, `with` and the like too, whose scope it is."""
        block = next(self._blocks)
        for statement in body:
            node = self._statement(statement)
            node.block = block
            yield node
            if not isinstance(statement, Compound):
                for inner in _bodies(statement):
                    yield from self._scope(inner)

    def _statement(self, statement: ast.stmt) -> Node:
        start, end = self._span(statement)
        inner = next(_bodies(statement), None)
        node = Node(type(statement).__name__, "", start, end, head=start)
        if inner:
            first = min([inner[0], *getattr(inner[0], "decorator_list", [])], key=lambda part: part.lineno)
            node.body = self.line_start(self.at(first.lineno, first.col_offset))
        if isinstance(statement, Compound):
            node.kind = "class" if isinstance(statement, ast.ClassDef) else "def"
            node.label = statement.name
            node.children += [self._decorator(decorator) for decorator in statement.decorator_list]
            node.start = node.children[0].start if node.children else start
            statement.decorator_list.clear()
            node.children += self._parts_within(statement)
            node.children += self._scope(statement.body)
            return node
        if isinstance(statement, ast.Assign):
            node.kind, last = "name", statement.targets[-1]
            node.label = self.text[start : self._span(last)[1]]
            node.value = self._extent(self._span(last)[1], statement.value, "=")
            node.blank = max((_blank(target) for target in statement.targets), key=len)
        elif isinstance(statement, ast.AnnAssign):
            node.kind, node.label = "name", self.text[slice(*self._span(statement.target))]
            if statement.value is not None:
                node.value = self._extent(self._span(statement.annotation)[1], statement.value, "=")
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            node.label = self._name(statement.value.func)
        elif isinstance(statement, ast.Expr) and _is_text(statement.value):
            node.kind = "text"
        node.children += self._parts_within(statement)
        return node

    def _decorator(self, expression: ast.expr) -> Node:
        at = self.text.rindex("@", 0, self._span(expression)[0])
        value = self._extent(at, expression, "@")
        call = expression if isinstance(expression, ast.Call) else None
        label = self._name(call.func if call else expression)
        if call and label.endswith(".parametrize") and call.args and isinstance(call.args[0], ast.Constant):
            label += f" {call.args[0].value!r}"
        return Node("decorator", label, at, value[1], list(self._parts(expression)), value)

    def _parts_within(self, node: ast.AST) -> Iterator[Node]:
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, _WITHOUT_PARTS):
                yield from self._parts(child)

    def _parts(self, node: ast.AST) -> Iterator[Node]:
        """The outermost calls and dictionaries of an expression."""
        if isinstance(node, ast.Call):
            yield self._call(node)
        elif isinstance(node, ast.Dict):
            yield self._dict(node)
        elif isinstance(node, ast.List | ast.Tuple):
            for element in node.elts:
                for part in self._parts(element):
                    part.near = self._span(element)
                    yield part
        else:
            yield from self._parts_within(node)

    def _call(self, call: ast.Call) -> Node:
        node = Node("call", self._name(call.func), *self._span(call), list(self._parts(call.func)))
        node.head = self.text.index("(", self._span(call.func)[1])
        for i, argument in enumerate(call.args):
            node.children.append(Node("argument", str(i), *self._span(argument), list(self._parts(argument))))
        for keyword in call.keywords:
            start, end = self._span(keyword)
            parts = list(self._parts(keyword.value))
            if keyword.arg is None:
                node.children.append(Node("argument", self.text[start:end], start, end, parts))
                continue
            value = self._extent(start, keyword.value, "=")
            node.children.append(Node("keyword", keyword.arg, start, value[1], parts, value))
            if keyword.arg == "id" and isinstance(keyword.value, ast.Constant):
                node.label += f" {keyword.value.value!r}"
        return node

    def _dict(self, literal: ast.Dict) -> Node:
        node = Node("dict", "", *self._span(literal))
        node.head = node.start
        for key, expression in zip(literal.keys, literal.values, strict=True):
            parts = list(self._parts(expression))
            start, end = self._span(expression if key is None else key)
            if key is None:
                node.children.append(Node("argument", f"**{self.text[start:end]}", start, end, parts))
                continue
            label = repr(key.value) if isinstance(key, ast.Constant) else self.text[start:end]
            value = self._extent(end, expression, ":")
            for _ in range(self.text.count(")", end, self.text.index(":", end))):
                start = self.text.rindex("(", 0, start)
            node.children.append(Node("entry", label, start, value[1], parts, value))
        return node

    def _name(self, function: ast.expr) -> str:
        """What is called: `pytest.mark.skip`, or of what a call returns `.eval`."""
        if isinstance(function, ast.Attribute):
            return f"{self._name(function.value)}.{function.attr}"
        return function.id if isinstance(function, ast.Name) else ""

    def _marked(self, mark: Mark) -> Node | None:
        """What a mark stands on: what begins below it, what ends before it, or the smallest that it stands in."""
        begins = self.line_start(mark.at)
        if mark.alone:
            below = self._below(mark)
            found = next((node for node in self.items if node.start == below), None)
        else:
            line = self.text[begins : mark.at]
            # A tuple may end with its comma; behind all else it belongs to what the item is in.
            ends = {begins + len(line.rstrip(after)) for after in (" \t\f", " \t\f,;")}
            found = next(
                (node for node in self.items if node.end in ends and (not node.body or node.start >= begins)), None
            ) or next((node for node in self.items if begins <= node.start < mark.at < node.end), None)
        if found is not None:
            return found
        around = [node for node in self.items if node.start < mark.at < node.end]
        if around and around[-1].body:
            # Inside a definition's header, or of a mark with its own line, between its decorators and it.
            limit = around[-1].head if mark.alone else around[-1].body
            return around[-1] if mark.at < limit else None
        return around[-1] if around else None

    def _below(self, mark: Mark) -> int:
        """Where the code begins on the next line that is no comment."""
        at = mark.at
        while at in self.comments:
            line = self.line_end(at) + 1
            at = line + len(self.text[line:]) - len(self.text[line:].lstrip(" \t\f"))
        return at


def _walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _walk(child)


def _bodies(statement: ast.AST) -> Iterator[list[ast.stmt]]:
    """The lists of statements inside a statement."""
    for _, value in ast.iter_fields(statement):
        if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            yield value
        elif isinstance(value, list) and value and isinstance(value[0], ast.ExceptHandler | ast.match_case):
            for part in value:
                yield from _bodies(part)


def _is_text(expression: ast.expr) -> bool:
    return isinstance(expression, ast.Constant) and isinstance(expression.value, str)


def _blank(target: ast.expr) -> str:
    """An unfilled value for a target: `..., ...` for two names."""
    if not isinstance(target, ast.Tuple | ast.List):
        return "..."
    displays = (ast.Tuple, ast.List)
    parts = [f"({_blank(part)})" if isinstance(part, displays) else "..." for part in target.elts]
    return ", ".join(parts) + "," * (len(parts) == 1)
