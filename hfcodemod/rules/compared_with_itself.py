"""A comparison of a result with itself, where another one was meant.

Only of attributes, and of names that a test unpacks: those who test a comparison itself do so with values that they
have written down, and mean it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Test, at, dotted, last, suite
from hfcodemod.ruleset import Facts

CODE = "HF213"
NAME = "compared-with-itself"
DEFAULT = True
MESSAGE = "a test compares a value with itself"

_CLOSE = {"assert_close", "assert_allclose", "assert_array_almost_equal", "assert_almost_equal", "allclose", "isclose"}


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the statement."""
    for test in suite(source).tests:
        for statement in test.statements:
            value = statement.test if isinstance(statement, ast.Assert) else getattr(statement, "value", None)
            if not isinstance(value, ast.Call):
                continue
            # ``assert_(allclose(x, x))`` asserts what is in it.
            inner = value.args[0] if len(value.args) == 1 else value
            if isinstance(inner, ast.Call) and _compares_one(inner, test):
                said = f"{ast.unparse(inner.args[0])} is compared with itself"
                yield at(path, statement, CODE, said, "compare it with what it should be")


def _compares_one(call: ast.Call, test: Test) -> bool:
    if last(dotted(call.func)) not in _CLOSE or len(call.args) < 2:
        return False
    left, right = call.args[:2]
    if ast.dump(left) != ast.dump(right) or any(isinstance(node, ast.Call) for node in ast.walk(left)):
        return False
    return isinstance(left, ast.Attribute) or (isinstance(left, ast.Name) and left.id in _unpacked(test))


def _unpacked(test: Test) -> set[str]:
    """The names that a test gives to some of what a call returns."""
    targets = [each.targets[0] for each in test.statements if isinstance(each, ast.Assign)]
    return {
        node.id
        for target in targets
        if isinstance(target, ast.Tuple)
        for node in target.elts
        if isinstance(node, ast.Name)
    }
