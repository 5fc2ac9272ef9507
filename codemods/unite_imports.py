"""Unites the imports of another module with a module's own, by what they bind.

A name joins the line that imports from the same module already; the rest stands behind the first run of imports.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import libcst as cst

from .command import lazy_command, parsed_file
from .definitions import Statement, is_import, small_statement

Key: TypeAlias = tuple[str, str]
"""What an alias is imported from, empty in a plain import, and its text: ``("torch", "nn as n")``."""


class ImportUniter(cst.CSTTransformer):
    """Adds what some import statements bind and the module does not."""

    def __init__(self, imports: Iterable[Statement]) -> None:
        super().__init__()
        self.imports = tuple(imports)

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body: list[Any] = list(updated_node.body)
        for statement in self.imports:
            present = {alias for item in body if is_import(item) for alias in _aliases(item)}
            small = small_statement(statement)
            assert isinstance(small, cst.Import | cst.ImportFrom)
            missing = [key for key in _aliases(statement) if key not in present]
            if not missing:
                continue
            source = missing[0][0]
            host = next((i for i, item in enumerate(body) if source and _joinable(item, source)), None)
            if host is None or isinstance(small.names, cst.ImportStar):
                _insert(body, _standing(statement, missing), source)
            else:
                body[host] = _joined(body[host], [_alias(key) for key in missing])
        return updated_node.with_changes(body=body)


def _aliases(statement: cst.CSTNode) -> list[Key]:
    small = small_statement(statement)
    assert isinstance(small, cst.Import | cst.ImportFrom)
    source = _source(small)
    if isinstance(small.names, cst.ImportStar):
        return [(source, "*")]
    return [(source, _code(alias.with_changes(comma=cst.MaybeSentinel.DEFAULT))) for alias in small.names]


def _source(small: cst.Import | cst.ImportFrom) -> str:
    if isinstance(small, cst.Import):
        return ""
    return "." * len(small.relative) + (_code(small.module) if small.module else "")


def _code(node: cst.CSTNode) -> str:
    return cst.Module([]).code_for_node(node)


def _alias(key: Key) -> cst.ImportAlias:
    small = small_statement(cst.parse_statement(f"from m import {key[1]}"))
    assert isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar)
    return small.names[0]


def _joinable(statement: cst.CSTNode, source: str) -> bool:
    small = small_statement(statement)
    return (
        isinstance(small, cst.ImportFrom) and _source(small) == source and not isinstance(small.names, cst.ImportStar)
    )


def _joined(host: cst.SimpleStatementLine, aliases: list[cst.ImportAlias]) -> cst.SimpleStatementLine:
    """The statement with more names behind its last, laid out as they are."""
    small = host.body[0]
    assert isinstance(small, cst.ImportFrom) and not isinstance(small.names, cst.ImportStar)
    names = [*small.names, *aliases]
    between = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    if small.lpar is not None and isinstance(small.lpar.whitespace_after, cst.ParenthesizedWhitespace):
        between = cst.Comma(whitespace_after=small.lpar.whitespace_after)
    # The last one stands before the bracket, whichever it is.
    first = len(small.names) - 1
    names[first:] = [alias.with_changes(comma=between) for alias in names[first:]]
    names[-1] = names[-1].with_changes(comma=small.names[-1].comma)
    return host.with_changes(body=[small.with_changes(names=names)])


def _standing(statement: Any, missing: list[Key]) -> Any:
    """The statement with its missing names alone, with its comments and no blank line above."""
    comments = [line for line in statement.leading_lines if line.comment is not None]
    small = statement.body[0]
    if not isinstance(small.names, cst.ImportStar):
        aliases = [alias for alias, key in zip(small.names, _aliases(statement), strict=True) if key in missing]
        if len(aliases) < len(small.names):
            aliases[-1] = aliases[-1].with_changes(comma=small.names[-1].comma)
            small = small.with_changes(names=aliases)
    return statement.with_changes(body=[small], leading_lines=comments)


def _insert(body: list[Any], statement: Any, source: str) -> None:
    start = next((i for i, item in enumerate(body) if is_import(item)), None)
    if start is None:
        at = next((1 for item in body[:1] if isinstance(small_statement(item), cst.Expr)), 0)
        body.insert(at, statement.with_changes(leading_lines=[cst.EmptyLine(indent=False)] * at))
    elif source == "__future__":
        body.insert(start, statement.with_changes(leading_lines=body[start].leading_lines))
        body[start + 1] = body[start + 1].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    else:
        body.insert(next((i for i in range(start, len(body)) if not is_import(body[i])), len(body)), statement)


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument("--module", metavar="FILE", type=parsed_file, required=True, help="whose imports to add")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return ImportUniter(item for item in arguments["module"].body if is_import(item))


__getattr__ = lazy_command(
    __name__,
    "UniteImports",
    "Add the imports of another module, united by what they bind.",
    _transformer,
    _add_arguments,
)
