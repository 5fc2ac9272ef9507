"""What the statements of a module define and name; shared by the codemods that move whole definitions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import libcst as cst

Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement


class _Tokens(cst.CSTVisitor):
    """Collects identifiers and string literals of one node; statements inside it are remembered by themselves."""

    def __init__(self, root: cst.CSTNode) -> None:
        self.root = root
        self.names: set[str] = set()
        self.strings: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.names.add(node.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        self.strings.add(node.value)

    def visit_FormattedStringText(self, node: cst.FormattedStringText) -> None:
        self.strings.add(node.value)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return self._is_new(node)

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return self._is_new(node)

    def _is_new(self, node: cst.CSTNode) -> bool:
        if node is self.root:
            return True
        names, strings = _tokens_in(node)
        self.names |= names
        self.strings |= strings
        return False

    def visit_SimpleWhitespace(self, node: cst.SimpleWhitespace) -> bool:
        return False

    def visit_TrailingWhitespace(self, node: cst.TrailingWhitespace) -> bool:
        return False

    def visit_EmptyLine(self, node: cst.EmptyLine) -> bool:
        return False


# The nodes of a parsed skeleton are asked again for each architecture; those of a clone soon fall out.
@lru_cache(maxsize=8192)
def _tokens_in(node: cst.CSTNode) -> tuple[frozenset[str], frozenset[str]]:
    tokens = _Tokens(node)
    node.visit(tokens)
    return frozenset(tokens.names), frozenset(tokens.strings)


def names_in(node: cst.CSTNode) -> frozenset[str]:
    """Every identifier in the node."""
    return _tokens_in(node)[0]


def strings_in(node: cst.CSTNode) -> frozenset[str]:
    """Every string literal in the node, as written."""
    return _tokens_in(node)[1]


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
