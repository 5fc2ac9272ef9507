"""What the statements of a module define and name; shared by the codemods that move whole definitions."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import libcst as cst

Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement


Tokens: TypeAlias = tuple[frozenset[str], frozenset[str]]


# The nodes of a parsed skeleton are asked again for each architecture; those of a clone soon fall out.
@lru_cache(maxsize=8192)
def _tokens_in(node: cst.CSTNode) -> Tokens:
    """Identifiers and texts of string literals; a class is the sum of its statements, which are remembered."""
    if not isinstance(node, cst.ClassDef):
        return _read(node)
    header = node.with_changes(body=cst.SimpleStatementSuite([cst.Pass()]))
    parts = [_read(header), *(_tokens_in(statement) for statement in node.body.body)]
    return frozenset().union(*(names for names, _ in parts)), frozenset().union(*(texts for _, texts in parts))


def _read(node: cst.CSTNode) -> Tokens:
    """By way of `ast`, which is several times as fast as a visitor."""
    names: set[str] = set()
    texts: set[str] = set()
    for found in ast.walk(ast.parse(cst.Module([]).code_for_node(node))):
        match found:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                names.add(name)
            case ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                names.add(name)
            case ast.alias(name=name, asname=asname):
                names.update(name.split("."), [asname] if asname else [])
            case ast.Constant(value=str(text)):
                texts.add(text)
    return frozenset(names), frozenset(texts)


def names_in(node: cst.CSTNode) -> frozenset[str]:
    """Every identifier in the node."""
    return _tokens_in(node)[0]


def strings_in(node: cst.CSTNode) -> frozenset[str]:
    """The text of every string literal in the node."""
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
