"""What the rules ask of a test file, found in one walk over its statements: tests, classes, and what is inside."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from hfcodemod.findings import Finding
from hfcodemod.syntax import nodes, tree

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
Definition: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True)
class Test:
    """A function that is called like a test, in the module or in a class."""

    function: Function
    owners: tuple[ast.ClassDef, ...]
    """The classes around it, the outermost first."""
    statements: tuple[ast.stmt, ...]
    """All of its statements, outer ones before inner ones, but not those of functions and classes inside."""
    inner: tuple[Definition, ...]
    """The functions and classes that it defines."""


@dataclass(frozen=True)
class Suite:
    """The tests and classes of a file."""

    tests: tuple[Test, ...]
    classes: tuple[tuple[ast.ClassDef, ...], ...]
    """Each class that no function is around, as the last one of those around it, the outermost first."""


@lru_cache(maxsize=8)
def suite(source: str) -> Suite:
    """The tests and classes of a source that parses."""
    tests: list[Test] = []
    classes: list[tuple[ast.ClassDef, ...]] = []
    _gather(tree(source).body, (), tests, classes)
    return Suite(tuple(tests), tuple(classes))


def _gather(
    body: Sequence[ast.stmt],
    owners: tuple[ast.ClassDef, ...],
    tests: list[Test],
    classes: list[tuple[ast.ClassDef, ...]],
) -> None:
    for statement in _flat(body):
        if isinstance(statement, ast.ClassDef):
            classes.append((*owners, statement))
            _gather(statement.body, (*owners, statement), tests, classes)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name.startswith("test"):
            found = list(_flat(statement.body))
            inner = tuple(each for each in found if isinstance(each, _DEFINITIONS))
            own = tuple(each for each in found if not isinstance(each, _DEFINITIONS))
            tests.append(Test(statement, owners, own, inner))


def _flat(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements and those in their blocks; a definition is one, and not entered."""
    for statement in body:
        yield statement
        for block in blocks(statement):
            yield from _flat(block)


def blocks(statement: ast.stmt) -> Iterator[Sequence[ast.stmt]]:
    """The blocks of a compound statement that is no definition."""
    if isinstance(statement, ast.With | ast.AsyncWith):
        yield statement.body
    elif isinstance(statement, ast.If | ast.For | ast.AsyncFor | ast.While):
        yield statement.body
        yield statement.orelse
    elif isinstance(statement, TRIES):
        yield statement.body
        yield from (handler.body for handler in statement.handlers)
        yield statement.orelse
        yield statement.finalbody
    elif isinstance(statement, ast.Match):
        yield from (case.body for case in statement.cases)


TRIES: tuple[type[ast.Try], ...] = (ast.Try, getattr(ast, "TryStar", ast.Try))
"""``try`` with ``except``, and from Python 3.11 with ``except*``."""


def dotted(node: ast.AST) -> str:
    """A name with its attributes, ``torch.testing.assert_close``; a call or an item on the way is left out of it."""
    parts: list[str] = []
    while True:
        if isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        elif isinstance(node, ast.Subscript):
            node = node.value
        else:
            break
    parts.append(node.id if isinstance(node, ast.Name) else "")
    return ".".join(reversed(parts))


def called(node: ast.AST) -> str:
    """The dotted name of what an expression calls; empty for another expression."""
    return dotted(node.func) if isinstance(node, ast.Call) else ""


def last(name: str) -> str:
    """The last part of a dotted name."""
    return name.rpartition(".")[2]


_ASSERTING = re.compile(
    r"assert|check|verif|expect|fail|raises|valid|compar|warns|test|match|equal|close", re.IGNORECASE
)


def is_assertion(node: ast.AST) -> bool:
    """Whether a node asserts something, or calls what by its name may."""
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Call) and _ASSERTING.search(last(dotted(node.func))) is not None
    )


def expects_raise(statement: ast.stmt) -> bool:
    """Whether a block is there to see that something in it is raised or warned of."""
    return isinstance(statement, ast.With | ast.AsyncWith) and any(
        word in last(called(item.context_expr)).lower()
        for item in statement.items
        for word in ("raise", "warn", "error", "throw", "except", "deprecat", "log")
    )


_EXPLAINS = re.compile(r"\b(not|no|never|fails?|known|bug|issue|broken|until|because)\b", re.IGNORECASE)


def is_explained(source: str, node: ast.expr, marked: Definition | None = None) -> bool:
    """Whether a reason may be given otherwise: by a comment at or above a node, or in the test that it marks.

    So may the docstring of the test, where it says that something is not so.
    """
    lines = source.split("\n")
    above = lines[node.lineno - 2].lstrip() if node.lineno > 1 else ""
    end = node.end_lineno or node.lineno
    if isinstance(marked, ast.FunctionDef | ast.AsyncFunctionDef):
        end = marked.end_lineno or end
        if _EXPLAINS.search(ast.get_docstring(marked) or ""):
            return True
    return above.startswith("#") or any("#" in line for line in lines[node.lineno - 1 : end])


def marks(source: str, names: Collection[str]) -> Iterator[tuple[ast.expr, ast.Call | None, Definition | None]]:
    """Where a mark is set that has one of the dotted names, the call that gives it arguments, and what it decorates.

    Not on a function that is no test, and not where a mark only gets another name.
    """
    done: set[ast.AST] = set()
    marked: dict[ast.AST, Definition] = {}
    for node in nodes(source):
        if isinstance(node, _DEFINITIONS):
            found = [mark.func if isinstance(mark, ast.Call) else mark for mark in node.decorator_list]
            if isinstance(node, ast.ClassDef) or node.name.startswith("test"):
                marked.update(dict.fromkeys([*found, *node.decorator_list], node))
            else:
                done.update([*found, *node.decorator_list])
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            if last(dotted(node.targets[0])) != "pytestmark":
                done.add(node.value)
        elif node in done:
            continue
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and dotted(node.func) in names:
            done.add(node.func)
            yield node, node, marked.get(node)
        elif isinstance(node, ast.Attribute) and dotted(node) in names:
            yield node, None, marked.get(node)


def at(path: Path, node: ast.stmt | ast.expr | ast.excepthandler, code: str, message: str, remedy: str) -> Finding:
    """A finding at a node."""
    return Finding(path, node.lineno, node.col_offset + 1, code, message, remedy)
