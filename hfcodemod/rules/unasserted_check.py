"""A comparison that a test makes and does not assert: its result is dropped, or returned to pytest, which drops it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Test, at, blocks, dotted, expects_raise, is_assertion, last, suite
from hfcodemod.ruleset import Facts

CODE = "HF210"
NAME = "unasserted-check"
DEFAULT = True
MESSAGE = "a test drops or returns what it should assert"

_CHECKS = {"allclose", "isclose", "array_equal", "isinstance", "issubclass", "hasattr"}


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the statement."""
    for test in suite(source).tests:
        if not test.function.decorator_list or all("mark" in dotted(each) for each in test.function.decorator_list):
            for statement in _in_earnest(test.function.body):
                if isinstance(statement, ast.Return) and _is_check(statement.value):
                    said = "pytest drops what a test returns"
                    yield at(path, statement, CODE, said, "write assert instead of return")
                elif isinstance(statement, ast.Expr) and _is_dropped(statement.value, test):
                    said = f"what {ast.unparse(statement.value.func)} finds is dropped"  # type: ignore[attr-defined]
                    yield at(path, statement, CODE, said, "write assert before it")


def _is_check(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Constant):
        return isinstance(value.value, bool)
    return isinstance(value, ast.Compare | ast.BoolOp) or _is_called_check(value)


def _is_called_check(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and last(dotted(value.func)) in _CHECKS


def _is_dropped(value: ast.expr, test: Test) -> bool:
    """Whether a check is made whose result was wanted, rather than to see that it leaves alone what it compares."""
    if not (isinstance(value, ast.Call) and _is_called_check(value)):
        return False
    if dotted(value.func).startswith(("self.", "cls.")):
        return False
    names = {node.id for argument in value.args for node in ast.walk(argument) if isinstance(node, ast.Name)}
    if not names - {dotted(value.func).partition(".")[0]}:
        return False
    claims = (node for each in test.statements for node in ast.walk(each) if node is not value and is_assertion(node))
    looked_at = {node.id for claim in claims for node in ast.walk(claim) if isinstance(node, ast.Name)}
    return not (all(isinstance(argument, ast.Name) for argument in value.args) and names <= looked_at)


def _in_earnest(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that are not there to see that they raise."""
    for statement in body:
        yield statement
        if not expects_raise(statement) and not isinstance(statement, ast.Try):
            for block in blocks(statement):
                yield from _in_earnest(block)
