"""The generated tests fail under every fault: the committed matrix is whole and current, and part of it runs again."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fault_page import open_cells, page, sample_page, unproven_tests
from faults import FAULTS

ROOT = Path(__file__).parents[1]
MODULES = sorted((ROOT / "fixtures" / "golden").glob("test_hf_*.py"))
PAGE = ROOT / "docs" / "faults.md"
SAMPLE = ROOT / "docs" / "faults-sample.md"
REMEDY = "run python tests/fault_matrix.py --write docs/faults.md"
# One architecture of each family, or two where they are built differently.
FAMILIES = ["olmo", "bert", "bart", "vit", "convnext", "clip", "gemma3", "wav2vec2", "whisper", "autoformer", "mamba"]


@functools.cache
def committed() -> dict[str, Any]:
    """The result that was committed."""
    found = PAGE.with_suffix(".json")
    assert found.exists(), REMEDY
    result: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return result


def names_of_tests(path: Path) -> set[str]:
    """The test functions that a module defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def chosen(architecture: str) -> list[str]:
    """The faults to run again for an architecture: each fault has its turn with two that it applies to."""
    found = []
    for number, fault in enumerate(FAULTS):
        places = [name for name in FAMILIES if "killed" in committed()["cells"].get(name, {}).get(fault.name, {})]
        if architecture in (places * 3)[number % max(len(places), 1) :][:2]:
            found.append(fault.name)
    return found


def test_the_result_is_of_these_faults() -> None:
    assert committed()["faults"] == {fault.name: fault.breaks for fault in FAULTS}, REMEDY


def test_the_result_is_of_these_modules() -> None:
    names = {path.stem.removeprefix("test_hf_"): names_of_tests(path) for path in MODULES}
    seen = {name: {*tests, *committed()["skipped"][name]} for name, tests in committed()["tests"].items()}
    assert seen == names, REMEDY
    assert committed()["cells"].keys() == names.keys(), REMEDY


def test_the_page_shows_the_result() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(committed()), REMEDY


def test_the_sample_is_of_these_faults_and_its_page_shows_it() -> None:
    """Other recipes draw other architectures; the result says which ones were drawn when it was made."""
    remedy = "run python tests/fault_matrix.py --sample 40 --write docs/faults-sample.md"
    result: dict[str, Any] = json.loads(SAMPLE.with_suffix(".json").read_text(encoding="utf-8"))
    assert result["faults"] == {fault.name: fault.breaks for fault in FAULTS}, remedy
    assert len(result["cells"]) == 40 and result["cells"].keys() == result["families"].keys()
    assert all(cells.keys() == result["faults"].keys() for cells in result["cells"].values())
    assert SAMPLE.read_text(encoding="utf-8") == sample_page(result), remedy


def test_every_cell_is_killed_or_says_why_not() -> None:
    assert open_cells(committed()) == []
    for cells in committed()["cells"].values():
        assert cells.keys() == committed()["faults"].keys()
        for entry in cells.values():
            assert entry.get("killed") or all(entry["reasons"])
            assert entry.get("killed") or entry["reasons"]


def test_every_fault_applies_somewhere() -> None:
    assert [
        name for name in committed()["faults"] if not any("killed" in it[name] for it in committed()["cells"].values())
    ] == []


def test_every_test_is_killed_by_a_fault() -> None:
    assert unproven_tests(committed()) == []


def test_the_part_that_runs_again_holds_every_fault_of_its_families() -> None:
    again = {fault for architecture in FAMILIES for fault in chosen(architecture)}
    killed = {name for each in FAMILIES for name, entry in committed()["cells"][each].items() if "killed" in entry}
    assert again == killed
    assert all(chosen(architecture) for architecture in FAMILIES)


@pytest.mark.parametrize("architecture", FAMILIES)
def test_a_fault_makes_a_test_fail(architecture: str) -> None:
    jobs = "1" if "PYTEST_XDIST_WORKER" in os.environ else "2"
    command = [sys.executable, str(ROOT / "tests" / "fault_matrix.py"), "--quick", "--json", "--jobs", jobs]
    command += ["--module", architecture]
    for name in chosen(architecture):
        command += ["--fault", name]
    run = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    cells = json.loads(run.stdout)["cells"][architecture]
    assert list(cells) == chosen(architecture)
    assert all("killed" in entry for entry in cells.values()), cells
