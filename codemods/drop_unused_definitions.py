"""Drops what a selection of tests leaves unused: constants, functions, fixtures, imported names.

Tests are the roots, and fixtures of automatic use; another fixture is used by the parameter that bears its name, or a
decorator that says it (``usefixtures``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import libcst as cst

from .command import lazy_command
from .definitions import defined_name, is_import, is_test_class, names_in, small_statement, strings_in


class UnusedDefinitionDropper(cst.CSTTransformer):
    """Keeps what the module's tests reach; names of two underscores and what binds no single name stay.

    So do the names that are ``kept`` in any case: the checkpoint, which says whose module it is.
    """

    def __init__(self, kept: Collection[str] = ("MODEL_ID",)) -> None:
        super().__init__()
        self.kept = kept

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        definitions = {
            name: statement
            for statement in updated_node.body
            if (name := defined_name(statement)) is not None and not self._is_root(name, statement)
        }
        reached: set[str] = set()
        waiting = [item for item in updated_node.body if not is_import(item) and defined_name(item) not in definitions]
        while waiting:
            statement = waiting.pop()
            names = (names_in(statement) | _asked_for(statement)) - reached
            reached |= names
            waiting += [definitions[name] for name in names if name in definitions]
        body: list[cst.BaseStatement] = []
        for statement in updated_node.body:
            if defined_name(statement) in definitions and defined_name(statement) not in reached:
                continue
            if is_import(statement):
                used = _used_import(statement, reached)
                if used is not None:
                    body.append(used)
                continue
            body.append(statement)
        return updated_node.with_changes(body=body)

    def _is_root(self, name: str, statement: cst.CSTNode) -> bool:
        if is_test_class(statement) or name.startswith(("test", "pytest", "__")) or name in self.kept:
            return True
        decorators = statement.decorators if isinstance(statement, cst.FunctionDef) else ()
        return any("autouse" in names_in(item.decorator) for item in decorators)


def _asked_for(statement: cst.CSTNode) -> frozenset[str]:
    """The fixtures that decorators name in strings, those of a class and of its methods."""
    if not isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return frozenset()
    used = [item.decorator for item in statement.decorators if "usefixtures" in names_in(item.decorator)]
    inside = [_asked_for(item) for item in statement.body.body] if isinstance(statement, cst.ClassDef) else []
    return frozenset().union(*(strings_in(item) for item in used), *inside)


def _used_import(statement: cst.BaseStatement, reached: set[str]) -> cst.BaseStatement | None:
    """The import with its used names, or None."""
    small = small_statement(statement)
    assert isinstance(small, cst.Import | cst.ImportFrom)
    if isinstance(small.names, cst.ImportStar):
        return statement
    kept = [alias for alias in small.names if _bound(alias) in reached]
    if len(kept) == len(small.names):
        return statement
    if not kept:
        return None
    if not (isinstance(small, cst.ImportFrom) and small.lpar):
        kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return statement.with_changes(body=[small.with_changes(names=kept)])


def _bound(alias: cst.ImportAlias) -> str:
    name: cst.CSTNode = alias.asname.name if alias.asname else alias.name
    while isinstance(name, cst.Attribute):
        name = name.value
    assert isinstance(name, cst.Name)
    return name.value


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return UnusedDefinitionDropper()


__getattr__ = lazy_command(
    __name__,
    "DropUnusedDefinitions",
    "Drop the definitions and imports that no test reaches.",
    _transformer,
)
