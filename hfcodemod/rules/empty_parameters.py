"""A test that is parametrised over nothing: pytest skips it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import at, dotted, suite
from hfcodemod.ruleset import Facts

CODE = "HF212"
NAME = "empty-parameters"
DEFAULT = True
MESSAGE = "a test is parametrised over nothing, and so never run"


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the mark."""
    if "parametrize" not in source:
        return
    found = suite(source)
    owners = [chain[-1] for chain in found.classes]
    for definition in (*(test.function for test in found.tests), *owners):
        for mark in definition.decorator_list:
            if isinstance(mark, ast.Call) and dotted(mark.func) in ("pytest.mark.parametrize", "mark.parametrize"):
                values = [*mark.args[1:2], *(word.value for word in mark.keywords if word.arg == "argvalues")]
                if any(isinstance(value, ast.List | ast.Tuple) and not value.elts for value in values):
                    yield at(path, mark, CODE, "parametrised over nothing: the test is never run", "give it values")
