"""Where a module binds its names: at the top level and in its classes; read by `ast`, which is fast."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Place: TypeAlias = tuple[str, str]
"""A class, or an empty string at the top level, and a name in it."""


@dataclass(frozen=True)
class Binding:
    """What binds a name."""

    line: int
    origin: str
    """The import, as ``from torch import nn``; empty for a definition."""
    opens: bool = False
    """Whether it is a class."""


def places(source: str, tests: str = "") -> dict[Place, Binding]:
    """Each name that a definition, an assignment or an import binds.

    With ``tests``, every test class counts as the one of that name.
    """
    found: dict[Place, Binding] = {}
    for statement in ast.parse(source).body:
        found |= {("", name): binding for name, binding in _bound(statement)}
        if isinstance(statement, ast.ClassDef):
            scope = tests if tests and statement.name.startswith("Test") else statement.name
            found |= {(scope, name): binding for item in statement.body for name, binding in _bound(item)}
    return found


def classes_in(known: Mapping[Place, Binding]) -> set[str]:
    """The classes at the top level."""
    return {name for (scope, name), binding in known.items() if binding.opens and not scope}


def first_tests(source: str) -> str:
    """The name of the first test class, or an empty string."""
    classes = (item.name for item in ast.parse(source).body if isinstance(item, ast.ClassDef))
    return next((name for name in classes if name.startswith("Test")), "")


def nameless(source: str, opened: Collection[str]) -> Iterator[tuple[int, str]]:
    """The statements, and those of the classes in ``opened``, that have no place: line, and first line of text.

    A docstring and a ``pass`` are none.
    """
    lines = source.splitlines()
    body = ast.parse(source).body
    for block in (body, *(item.body for item in body if isinstance(item, ast.ClassDef) and item.name in opened)):
        before = 0
        for statement in block:
            silent = isinstance(statement, ast.Pass) or (
                isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
            )
            # Of two statements on a line none can be moved alone.
            if statement.lineno == before or not (silent or any(True for _ in _bound(statement))):
                yield statement.lineno, lines[statement.lineno - 1].strip()
            before = statement.lineno


def _bound(statement: ast.stmt) -> Iterator[tuple[str, Binding]]:
    line = statement.lineno
    match statement:
        case ast.ClassDef(name=name):
            yield name, Binding(line, "", opens=True)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name, Binding(line, "")
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name, Binding(line, "")
        case ast.Import(names=names):
            for alias in names:
                name = alias.asname or alias.name.split(".")[0]
                yield name, Binding(line, f"import {alias.name if alias.asname else name}")
        case ast.ImportFrom(module=module, names=names, level=level):
            source = "." * level + (module or "")
            for alias in names:
                yield alias.asname or alias.name, Binding(line, f"from {source} import {alias.name}")
