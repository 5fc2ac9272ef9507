"""Modules run for real: what counts as seen, and what a module can do to a run."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hostile import CLASSES, HOSTILE, UNMANAGED, verified, written

from hfcodemod.ledger import Record
from hfcodemod.verify import Verification
from hfcodemod.verifying.reasons import FATAL, KEPT, excerpt
from hfcodemod.verifying.workers import Limits

SUDDEN = ("ends_the_process_at_once", "hangs")
COSTLY = {
    "a_thread_runs_on",
    "eats_memory",
    "ends_the_process",
    "is_killed",
    "patched_call",
    "patched_forward",
    "segfaults",
}
"""For each of these another process is started, as for others, or waited for."""


def outcomes(found: Verification) -> dict[str, dict[str, tuple[str, str]]]:
    """Outcome and reason by module and class."""
    seen: dict[str, dict[str, tuple[str, str]]] = {}
    for one in found.records:
        seen.setdefault(one.name, {})[one.class_name] = one.outcome, one.reason
    return seen


def expected(name: str) -> dict[str, tuple[str, str]]:
    said = HOSTILE[name].outcome, HOSTILE[name].reason
    return {cls: said if cls in HOSTILE[name].classes else ("passed", "") for cls in CLASSES}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def found(root: Path) -> Verification:
    """What comes of all of them in one run."""
    for name, hostile in HOSTILE.items():
        written(root, name, hostile.text)
    for name, (text, _) in UNMANAGED.items():
        written(root, name, text)
    return verified(root, root, limits=Limits(30, 1), junit=root / "report" / "junit.xml")


@pytest.fixture(scope="module")
def whole(found: Verification) -> dict[str, Record]:
    """The records of the module that is as it should be, by class."""
    return {one.class_name: one for one in found.records if one.name == "whole"}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_module_is_shown_as_what_it_is(found: Verification, name: str) -> None:
    assert outcomes(found)[name] == expected(name)


def test_each_class_of_each_module_has_a_sealed_record(found: Verification) -> None:
    keys = sorted((name, cls) for name in HOSTILE for cls in CLASSES)
    managed = [one for one in found.records if one.skeleton == "default"]
    assert [(one.name, one.class_name) for one in managed] == keys
    assert all(one.is_sealed and one.model_type == "olmo" and one.device for one in managed)
    count = len(HOSTILE) + len(UNMANAGED)
    assert (found.modules, found.ran, found.errors) == (count, count, ())


def test_what_a_class_was_seen_doing(whole: dict[str, Record]) -> None:
    usual = ("backward", "forward", "load", "save")
    assert {name: one.evidence for name, one in whole.items()} == {
        "OlmoModel": usual,
        "OlmoForSequenceClassification": usual,
        "OlmoForCausalLM": tuple(sorted((*usual, "generate"))),
    }
    assert all(one.tests == {"passed": 4, "failed": 0, "skipped": 0} for one in whole.values())


def test_modules_that_are_not_managed_show_what_ran_there(found: Verification) -> None:
    others = [one for one in found.records if one.skeleton == ""]
    assert {one.name: (one.class_name, one.model_type) for one in others} == {
        f"test_{name}.py": seen for name, (_, seen) in UNMANAGED.items()
    }
    assert all((one.outcome, one.evidence) == ("passed", ("forward",)) and one.parameters for one in others)


def test_parameters_are_those_of_the_model(whole: dict[str, Record]) -> None:
    # An embedding, four matrices of attention and three behind it; a head for words, or for two classes.
    base = 32 * 16 + 4 * 16 * 16 + 3 * 16 * 16
    heads = {"OlmoModel": 0, "OlmoForCausalLM": 32 * 16, "OlmoForSequenceClassification": 2 * 16}
    assert {name: one.parameters for name, one in whole.items()} == {name: base + heads[name] for name in heads}


def test_skipped_tests_have_their_reasons(found: Verification) -> None:
    skips = [one.skips for one in found.records if one.name == "all_skipped"]
    assert skips == [{"test_all": "not today", "test_generate": "not today"}] * 3


def test_nothing_is_left_that_a_module_started(found: Verification) -> None:
    assert any(one.name == "hangs" for one in found.records)
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert "sleep 987654" not in listed.splitlines()


def test_of_a_crash_the_innermost_calls_are_kept() -> None:
    frames = [f'  File "/somewhere/{number:04}.py", line {number} in called' for number in range(500)]
    kept = excerpt("\n".join(["some test", f"{FATAL} Segmentation fault", *frames]))
    assert kept.startswith(FATAL) and "0000.py" in kept and "0499.py" not in kept
    assert len(kept) == KEPT


def test_of_another_output_the_end_is_kept() -> None:
    assert excerpt("x" * KEPT + "the end") == "x" * (KEPT - 7) + "the end"


def test_the_report_has_a_suite_for_each_module(found: Verification, root: Path) -> None:
    assert found.ran
    suites = {suite.get("name"): suite for suite in ElementTree.parse(root / "report" / "junit.xml").getroot()}
    assert list(suites) == sorted(f"test_{name}.py" for name in {**HOSTILE, **UNMANAGED})
    whole = suites["test_whole.py"]
    assert (whole.get("tests"), whole.get("failures"), whole.get("errors")) == ("4", "0", "0")
    (failure,) = suites["test_fails.py"].iter("failure")
    assert failure.get("message") == "assert 1 == 2"
    (error,) = suites["test_segfaults.py"].iter("error")
    assert error.get("message") == "crashed: the process was ended by SIGSEGV in test_last"
    assert "string_at" in (error.text or "")
    assert [path.name for path in (root / "report").iterdir()] == ["junit.xml"]


def test_without_copies_of_a_process(tmp_path: Path) -> None:
    """As on Windows, on macOS and with an accelerator: each module finds what the one before has left."""
    names = HOSTILE.keys() - COSTLY
    for name in names:
        # What ends a process comes first.
        folder = tmp_path / ("first" if name in SUDDEN else "then")
        folder.mkdir(exist_ok=True)
        written(folder, name, HOSTILE[name].text)
    found = verified(tmp_path, copies=False, limits=Limits(30, 1), jobs=1)
    assert outcomes(found) == {name: expected(name) for name in names}
