"""Each script in docs/upstream shows a fault of transformers; one that fails shows that upstream has mended it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "docs" / "upstream").glob("*.py"))
LINES = 20
"""Of code, at most, after the docstring."""


def blocked() -> set[str]:
    """The scripts that overrides name."""
    found = set()
    for file in (ROOT / "hfcodemod" / "data" / "overrides").glob("*.json"):
        for reason in json.loads(file.read_text()).get("blocked", {}).values():
            if reason["kind"] == "upstream":
                found.add(reason["name"])
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_fault_is_still_there(script: Path) -> None:
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"upstream has mended it, or it fails otherwise: see docs/upstream.md\n{done.stderr}"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_script_can_be_read_at_a_glance(script: Path) -> None:
    tree = ast.parse(script.read_text())
    docstring = ast.get_docstring(tree)
    assert docstring is not None and docstring.endswith(".") and "\n" not in docstring and "|" not in docstring
    assert len([line for line in script.read_text().splitlines()[1:] if line.strip()]) <= LINES
    modules = {
        (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert modules <= {*sys.stdlib_module_names, "torch", "transformers"}
    assert "assert" in script.read_text().casefold()


def test_recipes_name_the_scripts_and_no_others() -> None:
    assert blocked() == {script.stem for script in SCRIPTS}
