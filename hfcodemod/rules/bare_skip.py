"""A skip that has neither a condition nor a reason: nobody knows when the test may run again."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Definition, at, blocks, called, is_explained, marks, suite
from hfcodemod.ruleset import Facts

CODE = "HF206"
NAME = "bare-skip"
DEFAULT = True
MESSAGE = "a test is skipped always, and no reason is given"

_MARKS = {"pytest.mark.skip", "mark.skip", "unittest.skip"}
# Not of ``skipif``, which stands in many a module that has no bare skip.
_MARK = re.compile(r"\.skip\b")
_CALLS = {"pytest.skip", "self.skipTest"}


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the mark, or at the call."""
    if "skip" not in source:
        return
    for node, marked in _skips(source):
        if not is_explained(source, node, marked):
            yield at(path, node, CODE, "a skip without a condition or a reason", "write reason=... with an issue in it")


def _skips(source: str) -> Iterator[tuple[ast.expr, Definition | None]]:
    for node, call, marked in marks(source, _MARKS) if _MARK.search(source) else ():
        if not (call and _has_reason(call)):
            yield node, marked
    for test in suite(source).tests:
        for statement in _always(test.function.body):
            if isinstance(statement, ast.Expr) and called(statement.value) in _CALLS:
                assert isinstance(statement.value, ast.Call)
                if not _has_reason(statement.value):
                    yield statement.value, None


def _has_reason(call: ast.Call) -> bool:
    """Whether a reason is given that says something."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(not (isinstance(value, ast.Constant) and not str(value.value or "").strip()) for value in given)


def _always(body: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that are reached under no condition."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.With | ast.AsyncWith):
            for block in blocks(statement):
                yield from _always(block)
