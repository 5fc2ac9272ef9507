"""From modules that are really run to what is said of them: nothing here is made up, the ledger least of all."""

from __future__ import annotations

from pathlib import Path

import pytest

import hfcodemod
from hfcodemod.coverage_cases import Coverage
from hfcodemod.ledger import ledger_path

EMPTY = "\n\ndef test_nothing() -> None:\n    assert MODEL_ID\n"
MOCKED = """

def test_a_mock() -> None:
    for cls in (BartModel, BartForConditionalGeneration):
        model = create_autospec(cls, instance=True)
        model(input_ids=torch.tensor([[1]]))
"""
SKIPPED = '\npytestmark = pytest.mark.skip(reason="not today")\n'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run")


@pytest.fixture(scope="module")
def found(root: Path) -> Coverage:
    """Coverage after a run of four modules: whole, emptied, mocked and skipped."""
    hfcodemod.add(["codegen", "vit", "bart", "olmo"], root=root)
    for name, tests in (("vit", EMPTY), ("bart", MOCKED)):
        path = module(root, name)
        path.write_text(path.read_text().partition("\n\n@dataclass")[0] + tests)
    with module(root, "olmo").open("a") as olmo:
        olmo.write(SKIPPED)
    hfcodemod.verify(root=root)
    return hfcodemod.coverage(root=root)


def module(root: Path, name: str) -> Path:
    return root / f"tests/models/test_hf_{name}.py"


def states(found: Coverage, name: str) -> dict[str, str]:
    """How each class of a model type stands."""
    return {case.head: case.state for case in found.types[name]}


def test_what_ran_is_covered(found: Coverage) -> None:
    assert states(found, "codegen") == {"CodeGenModel": "covered", "CodeGenForCausalLM": "covered"}
    assert found.covered_types.covered == 1


def test_an_emptied_module_has_shown_nothing(found: Coverage) -> None:
    assert set(states(found, "vit").values()) == {"failing"}
    assert {case.reason.partition(":")[0] for case in found.types["vit"]} == {"not seen"}


def test_a_mock_is_a_mock(found: Coverage) -> None:
    bart = states(found, "bart")
    assert (bart.pop("BartModel"), bart.pop("BartForConditionalGeneration")) == ("mock only", "mock only")
    assert set(bart.values()) == {"failing"}


def test_skipped_tests_are_skipped(found: Coverage) -> None:
    assert set(states(found, "olmo").values()) == {"skipped"}
    assert all("not today" in case.reason for case in found.types["olmo"])


def test_the_ledger_of_a_run_serves_modules_that_are_made_anew(found: Coverage, root: Path, tmp_path: Path) -> None:
    hfcodemod.add(["codegen", "olmo"], root=tmp_path)
    anew = hfcodemod.coverage(ledger=ledger_path(root), root=tmp_path)
    assert states(anew, "codegen") == states(found, "codegen")
    # It was edited before it ran.
    assert set(states(anew, "olmo").values()) == {"stale"}
    assert {each.record.name for each in anew.uncounted} == {"bart", "vit"}
