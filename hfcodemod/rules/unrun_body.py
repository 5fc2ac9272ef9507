"""A test that is a generator or a coroutine where nobody runs it: calling it makes an object, and that is all."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Test, at, dotted, last, suite
from hfcodemod.ruleset import Facts

CODE = "HF205"
NAME = "unrun-body"
DEFAULT = True
MESSAGE = "the body of a test is never run: it is a generator, or a coroutine that nobody awaits"


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the test."""
    if "yield" not in source and "async def" not in source:
        return
    for test in suite(source).tests:
        function = test.function
        if function.decorator_list and not all("mark" in dotted(each).split(".") for each in function.decorator_list):
            continue
        if _yields(test):
            said = f"{function.name} is a generator, of which nobody asks anything"
            yield at(path, function, CODE, said, "use pytest.mark.parametrize, or a loop")
        elif isinstance(function, ast.AsyncFunctionDef) and _in_test_case(test):
            said = f"{function.name} is a coroutine, which unittest.TestCase does not await"
            yield at(path, function, CODE, said, "inherit from unittest.IsolatedAsyncioTestCase")


def _yields(test: Test) -> bool:
    return any(
        isinstance(node, ast.Yield | ast.YieldFrom)
        for statement in test.statements
        if isinstance(statement, ast.Expr | ast.Assign | ast.Return)
        for node in ast.walk(statement)
    )


def _in_test_case(test: Test) -> bool:
    """Whether the class of a test inherits from TestCase alone."""
    return bool(test.owners) and [last(dotted(base)) for base in test.owners[-1].bases] == ["TestCase"]
