"""The definitions of an overlay, and their replacement in a module; shared by what folds one onto a skeleton."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import libcst as cst

from .definitions import defined_name, is_test_class, small_statement
from .places import Place

NO_SEMICOLON = cst.MaybeSentinel.DEFAULT
MARK = re.compile(r"#\s*hfcodemod:\s*override\b\s*")


@dataclass(frozen=True)
class Item:
    """A definition of an overlay, without its mark."""

    scope: str
    """The class of the skeleton that it belongs in; empty at the top level."""
    node: Any
    marked: bool
    """Whether it says that it replaces one of the skeleton."""

    @property
    def name(self) -> str:
        """The name that it binds."""
        return defined_name(self.node) or ""

    @property
    def place(self) -> Place:
        """Where it binds the name."""
        return self.scope, self.name

    @property
    def is_test(self) -> bool:
        """Whether pytest collects it at the top level."""
        return is_test_class(self.node) or (isinstance(self.node, cst.FunctionDef) and self.name.startswith("test"))


def items_of(overlay: cst.Module, classes: Collection[str]) -> list[Item]:
    """The definitions of an overlay; a class that the skeleton has too is opened, unless it is marked or decorated."""
    body: list[Any] = list(overlay.body)
    if body:
        # What stands above the first statement belongs to the module, for the parser.
        body[0] = body[0].with_changes(leading_lines=[*overlay.header, *body[0].leading_lines])
    items: list[Item] = []
    for statement in body:
        if defined_name(statement) is not None:
            item = Item("", *_unmarked(statement))
            if (
                isinstance(statement, cst.ClassDef)
                and item.name in classes
                and not (item.marked or statement.decorators)
            ):
                members = (member for member in members_of(statement) if defined_name(member) is not None)
                items += [Item(item.name, *_unmarked(member)) for member in members]
            else:
                items.append(item)
    return items


def members_of(cls: cst.ClassDef) -> list[Any]:
    """The statements of a class, each on lines of its own."""
    if isinstance(cls.body, cst.IndentedBlock):
        return list(cls.body.body)
    assert isinstance(cls.body, cst.SimpleStatementSuite)
    return [cst.SimpleStatementLine([small.with_changes(semicolon=NO_SEMICOLON)]) for small in cls.body.body]


def text_of(node: Any) -> str:
    """The source of a definition without what stands above it."""
    return cst.Module([]).code_for_node(node.with_changes(leading_lines=()))


def with_overrides(module: cst.Module, items: Iterable[Item], tests: str = "") -> cst.Module:
    """The module with its definitions of the same place as a marked item replaced.

    With ``tests``, every test class of the module counts as the one of that name: a fragment's is called otherwise.
    """
    marked = {item.place: item for item in items if item.marked}
    body: list[Any] = []
    for statement in module.body:
        statement = _replaced(statement, marked.get(("", defined_name(statement) or "")))
        if isinstance(statement, cst.ClassDef) and isinstance(statement.body, cst.IndentedBlock):
            scope = tests if tests and is_test_class(statement) else statement.name.value
            members = [_replaced(item, marked.get((scope, defined_name(item) or ""))) for item in statement.body.body]
            statement = statement.with_changes(body=statement.body.with_changes(body=members))
        body.append(statement)
    return module.with_changes(body=body)


def _replaced(old: Any, item: Item | None) -> Any:
    """The definition that stands in place of an old one, with its own comments at the old one's distance."""
    if item is None:
        return old
    blank = next((i for i, line in enumerate(old.leading_lines) if line.comment is not None), len(old.leading_lines))
    return with_blank_lines(item.node, blank)


def with_members(cls: cst.ClassDef, items: Iterable[Item]) -> cst.ClassDef:
    """The class with new members: values above its first function, the rest at its end."""
    members = [member for member in members_of(cls) if not isinstance(small_statement(member), cst.Pass)]
    for item in items:
        if isinstance(item.node, cst.FunctionDef | cst.ClassDef):
            members.append(with_blank_lines(item.node, min(len(members), 1)))
            continue
        first = (i for i, member in enumerate(members) if isinstance(member, cst.FunctionDef | cst.ClassDef))
        at = next(first, len(members))
        members.insert(at, with_blank_lines(item.node, int(at == 1 and defined_name(members[0]) is None)))
        members[at + 1 : at + 2] = [with_blank_lines(member, 1) for member in members[at + 1 : at + 2]]
    block = cls.body if isinstance(cls.body, cst.IndentedBlock) else cst.IndentedBlock([])
    return cls.with_changes(body=block.with_changes(body=members))


def with_blank_lines(statement: Any, count: int) -> Any:
    """The statement with so many blank lines above its comments."""
    lines = list(statement.leading_lines)
    while lines and lines[0].comment is None:
        lines.pop(0)
    return statement.with_changes(leading_lines=[*[cst.EmptyLine(indent=False)] * count, *lines])


def _unmarked(statement: Any) -> tuple[Any, bool]:
    """The definition without its mark, and whether it had one."""
    eraser = _Eraser()
    return statement.visit(eraser), eraser.found


class _Eraser(cst.CSTTransformer):
    """Takes the mark off the lines of a definition: above it, among its decorators, behind its first line."""

    def __init__(self) -> None:
        super().__init__()
        self.found = False

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> bool:
        return False

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> Any:
        # What is inside is not of the definition, but the end of its first line is.
        header = self.leave_TrailingWhitespace(updated_node.header, updated_node.header)
        return updated_node.with_changes(header=header)

    def leave_EmptyLine(self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine) -> Any:
        comment = self._without_mark(updated_node.comment)
        if comment is None and updated_node.comment is not None:
            return cst.RemoveFromParent()
        return updated_node.with_changes(comment=comment)

    def leave_TrailingWhitespace(
        self, original_node: cst.TrailingWhitespace, updated_node: cst.TrailingWhitespace
    ) -> cst.TrailingWhitespace:
        comment = self._without_mark(updated_node.comment)
        if comment is None and updated_node.comment is not None:
            return updated_node.with_changes(comment=None, whitespace=cst.SimpleWhitespace(""))
        return updated_node.with_changes(comment=comment)

    def _without_mark(self, comment: cst.Comment | None) -> cst.Comment | None:
        if comment is None or not MARK.search(comment.value):
            return comment
        self.found = True
        rest = MARK.sub("", comment.value).rstrip()
        return cst.Comment(rest) if rest else None
