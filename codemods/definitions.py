"""What the statements of a module define and name; shared by the codemods that move whole definitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from weakref import WeakKeyDictionary

import libcst as cst

Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement

_NAMES: WeakKeyDictionary[cst.CSTNode, frozenset[str]] = WeakKeyDictionary()


_STRINGS: WeakKeyDictionary[cst.CSTNode, frozenset[str]] = WeakKeyDictionary()


class _Tokens(cst.CSTVisitor):
    """Collects identifiers and string literals; white space holds neither, and whole definitions are remembered."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.strings: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        self.strings.add(node.value)

    def visit_FormattedStringText(self, node: cst.FormattedStringText) -> None:
        self.strings.add(node.value)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return self._remembered(node)

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return self._remembered(node)

    def _remembered(self, node: cst.CSTNode) -> bool:
        if node not in _NAMES:
            return True
        self.names |= _NAMES[node]
        self.strings |= _STRINGS[node]
        return False

    def visit_SimpleWhitespace(self, node: cst.SimpleWhitespace) -> bool:
        return False

    def visit_TrailingWhitespace(self, node: cst.TrailingWhitespace) -> bool:
        return False

    def visit_EmptyLine(self, node: cst.EmptyLine) -> bool:
        return False


def _read(node: cst.CSTNode) -> None:
    if node in _NAMES:
        return
    tokens = _Tokens()
    if isinstance(node, cst.ClassDef):
        for statement in node.body.body:
            _read(statement)
    node.visit(tokens)
    _NAMES[node], _STRINGS[node] = frozenset(tokens.names), frozenset(tokens.strings)


def names_in(node: cst.CSTNode) -> frozenset[str]:
    """Every identifier in the node; remembered, since the nodes of a parsed skeleton live long."""
    _read(node)
    return _NAMES[node]


def strings_in(node: cst.CSTNode) -> frozenset[str]:
    """Every string literal in the node, as written; remembered likewise."""
    _read(node)
    return _STRINGS[node]


def small_statement(statement: cst.CSTNode) -> cst.BaseSmallStatement | None:
    """The one small statement of a line, or None."""
    if isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        return statement.body[0]
    return None


def defined_name(statement: cst.CSTNode) -> str | None:
    """The name that a definition or an assignment to one name binds, or None."""
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return statement.name.value
    small = small_statement(statement)
    if isinstance(small, cst.AnnAssign) and isinstance(small.target, cst.Name):
        return small.target.value
    if isinstance(small, cst.Assign) and len(small.targets) == 1 and isinstance(small.targets[0].target, cst.Name):
        return small.targets[0].target.value
    return None


def is_import(statement: cst.CSTNode) -> bool:
    """Whether the statement is one import."""
    return isinstance(small_statement(statement), cst.Import | cst.ImportFrom)


def is_test_class(statement: cst.CSTNode) -> bool:
    """Whether pytest collects the class by its name."""
    return isinstance(statement, cst.ClassDef) and statement.name.value.startswith("Test")


def assigned_value(statement: cst.CSTNode) -> cst.BaseExpression | None:
    """What an assignment to one name assigns."""
    small = small_statement(statement)
    return small.value if isinstance(small, cst.Assign | cst.AnnAssign) else None


def with_value(statement: cst.SimpleStatementLine, value: cst.BaseExpression) -> cst.SimpleStatementLine:
    """The same assignment with another value."""
    return statement.with_changes(body=[statement.body[0].with_changes(value=value)])


def first_definition(body: Sequence[cst.CSTNode]) -> int:
    """The index of the first function or class, or the length."""
    return next((i for i, item in enumerate(body) if isinstance(item, cst.FunctionDef | cst.ClassDef)), len(body))


def methods_of(module: cst.Module) -> dict[str, cst.FunctionDef]:
    """The methods of the module's test classes, by name."""
    return {
        method.name.value: method
        for statement in module.body
        if isinstance(statement, cst.ClassDef) and is_test_class(statement)
        for method in statement.body.body
        if isinstance(method, cst.FunctionDef)
    }
