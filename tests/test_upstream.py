"""Each script in docs/upstream shows a fault of transformers; one that fails shows that upstream has mended it."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "docs" / "upstream").glob("*.py"))
LINES = 20
"""Of code, at most, after the docstring."""
RUN = """
import json, os, runpy, sys, tempfile
import torch, transformers
found = {}
for script in sys.argv[1:]:
    with tempfile.TemporaryFile("w+") as said:
        if not (pid := os.fork()):
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            runpy.run_path(script, run_name="__main__")
            sys.stdout.flush()
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        found[script] = code, said.read()
print(json.dumps(found))
"""
"""Runs each script in a copy of a process that has imported torch and transformers; an error ends the copy with 1."""


def blocked() -> set[str]:
    """The scripts that overrides name."""
    found = set()
    for file in (ROOT / "hfcodemod" / "data" / "overrides").glob("*.json"):
        override = json.loads(file.read_text())
        # An input that a fault keeps out is left out, and its reason gives the path of the script.
        found |= set(re.findall(r"docs/upstream/([\w-]+)\.py", " ".join(override.get("why", {}).values())))
        for reason in override.get("blocked", {}).values():
            if reason["kind"] == "upstream":
                found.add(reason["name"])
    return found


@pytest.fixture(scope="module")
def answers() -> dict[str, tuple[int, str]]:
    """How each script ended, and what it said."""
    command = [sys.executable, "-c", RUN, *map(str, SCRIPTS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_the_fault_is_still_there(script: Path, answers: dict[str, tuple[int, str]]) -> None:
    code, said = answers[str(script)]
    assert code == 0, f"upstream has mended it, or it fails otherwise: see docs/upstream.md\n{said}"


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
