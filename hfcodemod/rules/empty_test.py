"""A test in which nothing is done: it passes, and the report counts it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Function, at, called, dotted, suite
from hfcodemod.ruleset import Facts

CODE = "HF211"
NAME = "empty-test"
DEFAULT = True
MESSAGE = "a test does nothing and passes"

_TO_DO = re.compile(r"todo|fixme|xxx|write|implement", re.IGNORECASE)


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the test; one in a class with bases may be there to leave out an inherited one."""
    for test in suite(source).tests:
        function = test.function
        if any(not _is_for_tests(owner, facts) for owner in test.owners):
            continue
        if not all(dotted(each) == "pytest.mark.parametrize" for each in function.decorator_list):
            continue
        if all(map(_does_nothing, function.body)) and not _is_explained(source, function):
            yield at(path, function, CODE, f"{function.name} does nothing and passes", "write it, or delete it")


def _is_for_tests(owner: ast.ClassDef, facts: Facts) -> bool:
    """Whether a class is collected, and inherits no test that an empty one could leave out."""
    bases = {dotted(base) for base in owner.bases} - {"object"}
    return bases <= {"unittest.TestCase", "TestCase"} if bases else owner.name.startswith(facts.pytest.classes)


def _is_explained(source: str, function: Function) -> bool:
    """Whether a comment in the test says more than that it is to be written."""
    lines = source.split("\n")[function.lineno - 1 : function.end_lineno]
    return any("#" in line and not _TO_DO.search(line) for line in lines)


def _does_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr):
        return isinstance(statement.value, ast.Constant) or called(statement.value) == "print"
    return isinstance(statement, ast.Pass) or (isinstance(statement, ast.Return) and statement.value is None)
