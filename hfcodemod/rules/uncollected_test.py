"""A test inside of another function, which nobody calls: pytest does not look there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import at, suite
from hfcodemod.ruleset import Facts

CODE = "HF204"
NAME = "uncollected-test"
DEFAULT = True
MESSAGE = "a test is defined in another one, and nobody calls it"


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the inner function."""
    for test in suite(source).tests:
        for inner in test.inner:
            if isinstance(inner, ast.ClassDef) or inner.decorator_list or not inner.name.startswith("test_"):
                continue
            names = {node.id for node in ast.walk(test.function) if isinstance(node, ast.Name)}
            if inner.name not in names and "locals" not in names:
                said = f"{inner.name} is never run: it is defined in {test.function.name}, which does not call it"
                yield at(path, inner, CODE, said, "move it out")
