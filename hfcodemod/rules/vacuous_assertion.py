"""An assertion that holds whatever the code under test does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import at, dotted, last, suite
from hfcodemod.ruleset import Facts

CODE = "HF209"
NAME = "vacuous-assertion"
DEFAULT = True
MESSAGE = (
    "an assertion always holds: of a generator, of a length that is not negative, of a value that is close to itself"
)

_TRUE = {"assertTrue", "assert_"}


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the assertion."""
    for test in suite(source).tests:
        for statement in test.statements:
            if isinstance(statement, ast.Assert):
                said = _always_true(statement.test)
            elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
                said = _in_call(statement.value)
            else:
                continue
            if said:
                yield at(path, statement, CODE, f"this always holds: {said}", "assert what the code under test must do")


def _in_call(call: ast.Call) -> str | None:
    name = last(dotted(call.func))
    if name in _TRUE and call.args:
        return _always_true(call.args[0])
    if name in ("assertGreaterEqual", "assertGreater") and len(call.args) > 1:
        return _length(call.args[0], ast.GtE() if name == "assertGreaterEqual" else ast.Gt(), call.args[1])
    return None


def _always_true(test: ast.expr) -> str | None:
    """Why an expression is true, whatever its parts are."""
    if isinstance(test, ast.GeneratorExp):
        return "a generator is true, whatever it yields"
    if isinstance(test, ast.Lambda):
        return "a function is true, and nobody calls it"
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        return _length(test.left, test.ops[0], test.comparators[0])
    return None


def _length(left: ast.expr, sign: ast.cmpop, right: ast.expr) -> str | None:
    """Of ``len(x) >= 0`` and ``len(x) > -1``."""
    if not (isinstance(left, ast.Call) and dotted(left.func) == "len"):
        return None
    bound = ast.unparse(right) if isinstance(right, ast.Constant | ast.UnaryOp) else ""
    never = (isinstance(sign, ast.GtE) and bound == "0") or (isinstance(sign, ast.Gt) and bound == "-1")
    return "no length is negative" if never else None
