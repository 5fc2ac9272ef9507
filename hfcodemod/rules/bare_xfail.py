"""An expected failure that is neither strict nor explained: the test may pass or fail, and nobody hears of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import at, is_explained, marks
from hfcodemod.ruleset import Facts

CODE = "HF207"
NAME = "bare-xfail"
DEFAULT = True
MESSAGE = "a test is expected to fail, without a condition, a reason or strict=True, so that it cannot fail"

_MARKS = {"pytest.mark.xfail", "mark.xfail"}


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the mark; none where pytest's configuration makes all of them strict."""
    if "mark.xfail" not in source or facts.pytest.strict_xfail:
        return
    for node, call, marked in marks(source, _MARKS):
        if not (call and (call.args or call.keywords)) and not is_explained(source, node, marked):
            said = "this test can pass or fail unnoticed: xfail without a condition, a reason or strict=True"
            yield at(path, node, CODE, said, "write reason=..., strict=True")
