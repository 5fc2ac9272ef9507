"""What the statements of a module define and name; shared by the codemods that move whole definitions."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import libcst as cst

Statement: TypeAlias = cst.SimpleStatementLine | cst.BaseCompoundStatement


class Tokens(NamedTuple):
    """What stands in a statement."""

    names: frozenset[str]
    """Every identifier."""
    texts: frozenset[str]
    """The text of every string literal."""
    defined: frozenset[str]
    """Functions, classes, assigned names and parameters, at any depth."""


# The nodes of a parsed skeleton are asked again for each architecture; those of a clone soon fall out.
@lru_cache(maxsize=8192)
def _tokens_in(node: cst.CSTNode) -> Tokens:
    """Of a class the sum over its statements, which are remembered."""
    if not isinstance(node, cst.ClassDef):
        return _read(node)
    header = node.with_changes(body=cst.SimpleStatementSuite([cst.Pass()]))
    parts = [_read(header), *(_tokens_in(statement) for statement in node.body.body)]
    return Tokens(*(frozenset().union(*several) for several in zip(*parts, strict=True)))


def _read(node: cst.CSTNode) -> Tokens:
    """By way of `ast`, which is several times as fast as a visitor."""
    names: set[str] = set()
    texts: set[str] = set()
    defined: set[str] = set()
    for found in ast.walk(ast.parse(cst.Module([]).code_for_node(node))):
        match found:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                names.add(name)
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
                defined.add(name)
            case ast.ClassDef(name=name):
                names.add(name)
                defined.add(name)
            case ast.alias(name=name, asname=asname):
                names.update(name.split("."), [asname] if asname else [])
            case ast.Constant(value=str(text)):
                texts.add(text)
            case ast.Assign(targets=targets):
                defined.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                defined.add(name)
    return Tokens(frozenset(names), frozenset(texts), frozenset(defined))


def names_in(node: cst.CSTNode) -> frozenset[str]:
    """Every identifier in the node."""
    return _tokens_in(node).names


def strings_in(node: cst.CSTNode) -> frozenset[str]:
    """The text of every string literal in the node."""
    return _tokens_in(node).texts


def defined_inside(node: cst.CSTNode) -> frozenset[str]:
    """The functions, classes, assigned names and parameters that the node defines, at any depth."""
    return _tokens_in(node).defined


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
