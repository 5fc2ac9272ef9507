"""Telling a formatter's work from an edit.

A formatter may change line breaks, indentation, blank lines, redundant parentheses, commas and semicolons, the quotes
and escapes of strings, the case of numbers and prefixes, and how a docstring is indented. All else is an edit, even
where it means the same: ``16`` for ``0x10``, or a comment that moved from one argument to the next. In doubt it is an
edit: to take one for layout would lose it, to take layout for an edit costs a merge.
"""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field

from hfcodemod.items import Block, Item, module_block
from hfcodemod.lines import split_lines

STRING = re.compile(r"""(\w*)("{3}|'{3}|"|')(.*)\2\Z""", re.DOTALL)
NUMBER = re.compile(r"\A([\d_]*)\.([\d_]*)")
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|.)", re.DOTALL)
BODIES = ("body", "orelse", "finalbody", "handlers", "cases")
PIECES = [getattr(tokenize, f"{kind}STRING_{part}", -1) for part in ("START", "MIDDLE", "END") for kind in "FT"]
START, MIDDLE, END = PIECES[:2], PIECES[2:4], PIECES[4:]
"""The tokens of f-strings and t-strings, which are single strings before Python 3.12."""
DROPPED = frozenset("(),;")
LOOSE = dict.fromkeys(map(ord, " \t\f\n(){},;'\"\\bfrtu+0"))
"""What formatters add and remove: text that differs without it was edited. Joined f-strings lose a prefix and double
their braces, and numbers lose a plus and gain a zero."""
MARKER = "\0"
"""Stands for a string that holds expressions; no source has one."""

Place = tuple[str, int, int]
"""A comment's words, how much stands before it, and how deep it stands; -1 beside code, -2 in brackets."""


def same_layout_apart(one: str, other: str) -> bool:
    """Whether two sources differ in layout only; what does not parse is the same as itself only."""
    if one == other:
        return True
    if one.lower().translate(LOOSE) != other.lower().translate(LOOSE):
        return False
    try:
        left, right = ast.parse(one), ast.parse(other)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    documents = _documents(left), _documents(right)
    return _same_tree(left, right) and _Reader(one, documents[0]).read() == _Reader(other, documents[1]).read()


def relaid(base: str, ours: str, theirs: str) -> str:
    """Ours, with each item that theirs changed, and ours in layout only, as it stands in base; the rest byte for byte.

    Items are statements at any depth, matched by kind and name. Raises SyntaxError where a side does not parse.
    """
    if base in (ours, theirs):
        return ours
    before, after, new = map(module_block, (base, ours, theirs))
    steady = {item.source for item in before.items} & {item.source for item in new.items}
    return base if not steady and same_layout_apart(base, ours) else "".join(_relaid(before, after, new))


def _relaid(base: Block, ours: Block, theirs: Block) -> Iterator[str]:
    steady = {item.key: item for item in theirs.items}
    known = {item.key: (above, item) for above, item in zip((None, *base.items), base.items, strict=False)}
    above: Item | None = None
    for item in ours.items:
        neighbour, match = known.get(item.key, (None, None))
        new = steady.get(item.key)
        if match is None or (new and new.source == match.source) or _indent(match.text) != _indent(item.text):
            yield item.source
        else:
            # Blank lines stand between two items: beside another neighbour they are another matter.
            same_place = (above and above.key) == (neighbour and neighbour.key)
            moves = new is None or new.lead != match.lead
            yield match.lead if moves and same_place and same_layout_apart(match.lead, item.lead) else item.lead
            yield from _item(match, item, new, neighbour is None, above is None)
        above = item
    yield base.tail if theirs.tail != base.tail and same_layout_apart(base.tail, ours.tail) else ours.tail


def _item(base: Item, ours: Item, theirs: Item | None, *first: bool) -> Iterator[str]:
    inner = theirs.block if theirs else None
    in_parts = ours.key[0] == "class" and inner is not None
    if not in_parts and same_layout_apart(
        *(_alone(item, is_first) for item, is_first in zip((base, ours), first, strict=True))
    ):
        # The last line of a file may have no end.
        yield base.text.rstrip("\n") + ours.text[len(ours.text.rstrip("\n")) :]
    elif base.block and ours.block:
        yield ours.block.head if inner and inner.head == base.block.head else _head(base.block, ours.block)
        yield from _relaid(base.block, ours.block, inner or Block("", (), ""))
    else:
        yield ours.text


def _head(base: Block, ours: Block) -> str:
    """What stands above the body of a statement."""
    body = f"{_indent(ours.items[0].text)}pass\n"
    opening = "if _:\n" if _indent(ours.head) else ""
    return base.head if same_layout_apart(opening + base.head + body, opening + ours.head + body) else ours.head


def _alone(item: Item, first: bool) -> str:
    """A statement that parses without what it stands in, and is a docstring only if it was one."""
    indent = _indent(item.text)
    opening = "if _:\n" if indent else ""
    above = "" if first and item.key[0] == "text" else f"{indent}_\n"
    return opening + above + item.text


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" \t\f"))]


def _documents(tree: ast.Module) -> frozenset[tuple[int, int]]:
    """Where docstrings start; in the tree they are left without their indentation.

    As black sees it, a string that stands first in any block is one.
    """
    places = set()
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        for name in BODIES:
            body: list[ast.AST] = getattr(node, name, [])
            match body[:1]:
                case [ast.Expr(value=ast.Constant(value=str(text)) as constant)]:
                    constant.value = _undented(text)
                    places.add((constant.lineno, constant.col_offset))
            nodes += body
    return frozenset(places)


def _undented(text: str) -> str:
    """A docstring as every formatter would leave it: a closing quote on a line of its own is layout, a first is not."""
    first, *rest = text.rstrip().expandtabs().split("\n")
    filled = [len(line) - len(line.lstrip()) for line in rest if line.strip()]
    margin = min(filled, default=0)
    return "\n".join([first.strip(), *(line[margin:].rstrip() for line in rest)])


def _same_tree(one: ast.AST, other: ast.AST) -> bool:
    """Whether two trees are the same; not recursive, since trees may be deep."""
    pairs: list[tuple[object, object]] = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, ast.AST):
            # The kind of a constant is whether it is written with a `u`.
            pairs += [(getattr(left, name), getattr(right, name)) for name in left._fields if name != "kind"]
        elif isinstance(left, list) and isinstance(right, list):
            if len(left) != len(right):
                return False
            pairs += zip(left, right, strict=True)
        elif left != right:
            return False
    return True


@dataclass
class _Reader:
    """The tokens of a source that no formatter changes, and its comments with their places."""

    source: str
    documents: frozenset[tuple[int, int]]
    """Where docstrings start, as lines and columns in bytes."""
    signs: list[str] = field(default_factory=list)
    written: int = 0
    """How many characters of signs came so far."""
    comments: list[Place] = field(default_factory=list)
    last: str = ""
    """The last sign if it is a string that a next one would continue."""
    levels: list[int] = field(default_factory=lambda: [0])
    """The columns of the blocks that are open."""
    loose: list[tuple[str, int]] = field(default_factory=list)
    """Comments on lines of their own, with their columns, whose depth the next statement decides."""
    outer: list[int] = field(default_factory=list)
    """The levels where the first of these stands."""
    brackets: int = 0

    def read(self) -> tuple[list[str], list[Place]]:
        lines = split_lines(self.source)
        for token in tokenize.generate_tokens(iter(lines).__next__):
            kind, text, (row, column) = token[:3]
            if kind == tokenize.COMMENT:
                self._comment(text, lines[row - 1][:column])
            elif kind == tokenize.INDENT:
                self.levels.append(_width(text))
            elif kind == tokenize.DEDENT:
                self.levels.pop()
            elif kind != tokenize.NL:
                self._settle()
                if kind == tokenize.STRING:
                    self._string(text, (row, len(lines[row - 1][:column].encode())) in self.documents)
                elif kind in START:
                    self._piece("", MARKER)
                elif kind in END:
                    self.last = MARKER
                elif kind not in MIDDLE:
                    self._code(_number(text) if kind == tokenize.NUMBER else text)
        return self.signs, self.comments

    def _comment(self, text: str, before: str) -> None:
        words = text[1:].strip()
        if before.strip() or self.brackets:
            self.comments.append((words, self.written, -1 if before.strip() else -2))
        else:
            if not self.loose:
                self.outer = list(self.levels)
            self.loose.append((words, _width(before)))

    def _settle(self) -> None:
        """Say of comments between statements in which block they stand, as formatters do: by their columns."""
        deepest = len(self.outer) - 1
        for words, column in self.loose:
            least = len(self.levels) - 1
            while deepest > least and self.outer[deepest] > column:
                deepest -= 1
            self.comments.append((words, self.written, max(deepest, least)))
        self.loose.clear()

    def _string(self, text: str, document: bool) -> None:
        match = STRING.match(text)
        assert match
        prefix, _, body = match.groups()
        prefix = "".join(sorted(prefix.lower().replace("u", "")))
        if "r" not in prefix:
            body = ESCAPE.sub(_escape, body)
        self._piece(f"{prefix}'", MARKER if "f" in prefix else _undented(body) if document else body)

    def _piece(self, opening: str, body: str) -> None:
        """A string; formatters may join it to the one before it."""
        if not self.last:
            self._sign(MARKER if body == MARKER else opening + body)
        elif self.last == MARKER:
            body = MARKER
        elif body == MARKER:
            self.written -= len(self.signs.pop())
            self._sign(MARKER)
        else:
            self.signs[-1] += body
            self.written += len(body)
        self.last = MARKER if body == MARKER else self.signs[-1]

    def _code(self, text: str) -> None:
        self.last = ""
        self.brackets += (text in ("(", "[", "{")) - (text in (")", "]", "}"))
        if text.strip() and text not in DROPPED:
            self._sign(text)

    def _sign(self, sign: str) -> None:
        self.signs.append(sign)
        self.written += len(sign)


def _width(indent: str) -> int:
    return len(indent.expandtabs())


def _number(text: str) -> str:
    """A number as formatters write it: small letters, no plus, a digit on each side of the point."""
    return NUMBER.sub(lambda match: f"{match[1] or 0}.{match[2] or 0}", text.lower().replace("+", ""))


def _escape(match: re.Match[str]) -> str:
    """An escape as formatters write it: no backslash before a quote, small digits, large names."""
    text = match.group()
    if text[1] in "'\"":
        return text[1]
    if text[1] == "N":
        return text.upper()
    # A large U has eight digits.
    return text[:2] + text[2:].lower() if text[1] in "xuU" else text
