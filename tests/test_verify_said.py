"""What `hfcodemod verify` says and how it ends, of which modules, and what it asks of them."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile import CLASSES, TOP
from repository import CONFIGURATION
from repository import Done as Said
from stand_in import NAMES, Runs, kept

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS, settings_for
from hfcodemod.errors import UserError
from hfcodemod.ledger import ledger_path, read_ledger
from hfcodemod.recipes import Recipe
from hfcodemod.verify import Terms, verification
from hfcodemod.verifying.subjects import required_of
from hfcodemod.verifying.workers import Ending


def test_a_ledger_of_another_format_is_one_line(three: Path, typed: Callable[..., Said]) -> None:
    ledger_path(three).parent.mkdir()
    ledger_path(three).write_text('{"hfcodemod ledger":0}\n')
    said = typed("verify")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"error: {ledger_path(three)}: is a ledger of format 0, and this hfcodemod has 1; "
        f"delete it (rm {ledger_path(three)}), then `hfcodemod verify` makes it anew\n"
    )


@pytest.mark.parametrize("name", ["torch", "transformers", "pytest"])
def test_what_is_not_installed_is_one_line(
    name: str, typed: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = importlib.metadata.version

    def lacking(asked: str) -> str:
        if asked == name:
            raise importlib.metadata.PackageNotFoundError
        return version(asked)

    monkeypatch.setattr(importlib.metadata, "version", lacking)
    said = typed("verify")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"error: {name} is not installed, and modules cannot be run without it; pip install 'hfcodemod[models]'\n"
    )


@pytest.mark.parametrize(
    ("options", "err"),
    [
        (["--shard", "3/2"], "error: --shard 3/2: must be like 2/4, the second of four parts\n"),
        (["--shard", "0/2"], "error: --shard 0/2: must be like 2/4, the second of four parts\n"),
        (["--shard", "1"], "error: --shard 1: must be like 2/4, the second of four parts\n"),
        (["--time-limit", "0"], "error: --time-limit 0: must be more than nothing\n"),
        (["--memory-limit", "-1"], "error: --memory-limit -1: must be more than nothing\n"),
        (
            ["nowhere"],
            "error: {three}/nowhere: there is no such file or folder; give the path of one, or none for all\n",
        ),
    ],
)
def test_wrong_usage_is_one_line(options: list[str], err: str, three: Path, typed: Callable[..., Said]) -> None:
    said = typed("verify", *options)
    assert (said.code, said.out, said.err) == (2, "", err.format(three=three))


def test_what_did_not_pass_is_told_and_exits_1(three: Path, runs: Runs, typed: Callable[..., Said]) -> None:
    runs.told["second"] = {"failure": "test_forward: AssertionError"}
    runs.endings["third"] = Ending("timed out", "not done after 120 s in test_forward")
    said = typed("verify")
    rows = [f"test_second.py\t{cls}\tfailed\ttest_forward: AssertionError" for cls in CLASSES]
    rows += [f"test_third.py\t{cls}\ttimed out\tnot done after 120 s in test_forward" for cls in CLASSES]
    total = "3 modules, 3 run now; classes: 3 passed, 3 failed, 3 timed out"
    assert (said.code, said.out.splitlines(), said.err) == (1, [*rows, total], "")
    assert typed("verify", "test_first.py") == Said(0, "1 module, 0 run now; classes: 3 passed\n", "")
    assert typed("verify", "test_first.py", "--quiet") == Said(0, "", "")


def test_no_module_is_fine(three: Path, typed: Callable[..., Said]) -> None:
    for name in NAMES:
        (three / f"test_{name}.py").unlink()
    assert typed("verify") == Said(0, "0 modules, 0 run now; classes: none\n", "")
    assert not (three / ".hfcodemod").exists()


def test_json_has_the_records(three: Path, typed: Callable[..., Said]) -> None:
    said = json.loads(typed("verify", "--json", "test_first.py").out)
    assert {name: said[name] for name in ("modules", "ran", "outcomes", "unmanaged")} == {
        "modules": 1,
        "ran": 1,
        "outcomes": {"passed": 3},
        "unmanaged": {},
    }
    assert [one["class"] for one in said["records"]] == [*CLASSES]
    assert [one["seal"] for one in said["records"]] == [one.seal for one in kept(three).values()]


def test_modules_that_are_not_managed_count_apart(three: Path, runs: Runs, typed: Callable[..., Said]) -> None:
    text = "from transformers import OlmoModel, AutoModel, pipeline\nimport transformers\ntransformers.BertModel\n"
    (three / "test_own.py").write_text(text)
    (three / "test_other.py").write_text("import math\n")
    assert typed("verify", ".").out == (
        "4 modules, 4 run now; classes: 9 passed\nin modules that are not managed: 2 passed\n"
    )
    own = [one for key, one in read_ledger(ledger_path(three)).items() if key[0] == ""]
    assert [(one.name, one.class_name, one.model_type, one.outcome) for one in own] == [
        ("test_own.py", "BertModel", "bert", "passed"),
        ("test_own.py", "OlmoModel", "olmo", "passed"),
    ]
    # A run of all managed modules keeps what it has not looked at, for as long as the file is there.
    runs.told["first"] = {"failure": "it broke"}
    typed("verify", "--fresh")
    assert len([key for key in read_ledger(ledger_path(three)) if key[0] == ""]) == 2
    (three / "test_own.py").unlink()
    typed("verify")
    assert [key for key in read_ledger(ledger_path(three)) if key[0] == ""] == []


def test_a_file_that_was_named_must_show_a_model(three: Path, runs: Runs, typed: Callable[..., Said]) -> None:
    (three / "test_other.py").write_text("import math\n")
    said = typed("verify", "test_other.py")
    assert (said.code, said.out.splitlines()[0]) == (
        1,
        "test_other.py\t\tnot seen\tno model class of transformers was seen running",
    )
    runs.told["test_other.py"] = {"seen": {"BertModel": {"evidence": ["forward"], "parameters": 7}}}
    assert typed("verify", "test_other.py").code == 0
    assert [(one.class_name, one.model_type) for key, one in read_ledger(ledger_path(three)).items() if not key[0]] == [
        ("BertModel", "bert")
    ]


def test_a_file_that_cannot_be_read_stops_no_other(three: Path, runs: Runs, typed: Callable[..., Said]) -> None:
    (three / "test_second.py").write_text(f"{TOP.replace('{name}', 'second')}<<<<<<< a\n=======\n>>>>>>> b\n")
    (three / "test_third.py").write_text(TOP.replace("{name}", "third").replace("like=olmo", "like=gone"))
    (three / "test_own.py").write_bytes(b"\xff\n")
    said = typed("verify", "test_first.py", "test_second.py", "test_third.py", "test_own.py")
    assert (said.code, runs.ran) == (2, ["first"])
    own, second, third = sorted(said.err.splitlines())
    assert own.startswith(f"error: {three}/test_own.py:1: not utf-8 (")
    assert second.startswith(f"error: {three}/test_second.py:17: holds the conflict markers of git")
    assert third.startswith(f"error: {three}/test_third.py: no architecture 'gone'")


def test_a_skeleton_of_ones_own_asks_for_the_classes_that_a_module_names(three: Path, runs: Runs) -> None:
    suite = three / "suite"
    suite.mkdir()
    (suite / "llama.py").write_text("from transformers import LlamaModel\n\n\ndef test_it():\n    assert LlamaModel\n")
    (three / "pyproject.toml").write_text(CONFIGURATION)
    for name, text in (("olmo", "from transformers import OlmoModel\n"), ("bert", ""), ("yolov4", "")):
        stamp = f"# hfcodemod: {name} skeleton=suite base=00000000\n"
        (suite / f"test_{name}.py").write_text(f"{stamp}{text}\n\ndef test_it():\n    pass\n")
    runs.told["olmo"] = {"seen": {"OlmoModel": {"evidence": ["forward"], "parameters": 7}}}
    found = verification(settings_for(three), load_snapshot(FACTS), [suite], Terms(), lambda done, total: None)
    assert [(one.skeleton, one.name, one.class_name, one.outcome) for one in found.records if one.skeleton] == [
        ("suite", "bert", "", "not seen"),
        ("suite", "olmo", "OlmoModel", "passed"),
        # What transformers does not have cannot be seen; that its tests pass is all that there is.
        ("suite", "yolov4", "", "passed"),
    ]


def test_a_report_that_cannot_be_written_is_one_line(three: Path, typed: Callable[..., Said]) -> None:
    (three / "report").write_text("")
    said = typed("verify", "--junit", "report/junit.xml")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {three}/report/junit.xml: cannot be written (")
    assert len(kept(three)) == 9


def test_the_interface_does_what_the_command_does(three: Path, runs: Runs) -> None:
    import hfcodemod

    found = hfcodemod.verify([three / "test_first.py"], junit=three / "junit.xml", root=three)
    assert (found.modules, found.ran, found.outcomes()) == (1, 1, {"passed": 3})
    assert '<testsuite tests="1" errors="1"' in (three / "junit.xml").read_text()
    with pytest.raises(UserError, match="nowhere: there is no such file or folder"):
        hfcodemod.verify([three / "nowhere"], root=three)


OLMO = load_snapshot(FACTS).architectures["olmo"]
USUAL = {"forward", "backward", "save", "load"}


@pytest.mark.parametrize(
    ("recipe", "left_out", "needed"),
    [
        pytest.param({}, [], [USUAL, USUAL, USUAL], id="everything"),
        pytest.param(
            {"heads": {"OlmoModel": {"prompt": {}}, "OlmoForCausalLM": {"prompt": {}}}},
            [],
            [USUAL, {*USUAL, "generate"}, USUAL],
            id="generation-of-what-can-and-has-a-prompt",
        ),
        pytest.param(
            {"heads": {"OlmoForCausalLM": {"prompt": {}}}},
            ["test_cached_generation_equals_uncached", "test_training_step"],
            [{"forward", "save", "load"}] * 3,
            id="tests-that-are-left-out",
        ),
        pytest.param(
            {"heads": {"OlmoForCausalLM": {"rate": 0}}},
            [],
            [USUAL, USUAL - {"backward"}, USUAL],
            id="no-gradients",
        ),
        pytest.param({}, ["test_save_load"], [{"forward", "backward"}] * 3, id="no-saving"),
        pytest.param(
            {"blocked": {"OlmoForCausalLM": {"kind": "accelerator", "name": "cuda", "why": ""}}},
            [],
            [USUAL, None, USUAL],
            id="a-blocked-class",
        ),
    ],
)
def test_what_is_asked_of_the_shipped_skeleton(
    recipe: dict[str, Any], left_out: list[str], needed: list[set[str] | None]
) -> None:
    found = required_of(OLMO, Recipe(**recipe), {*left_out})
    assert [head.name for head in OLMO.heads] == ["OlmoModel", "OlmoForCausalLM", "OlmoForSequenceClassification"]
    assert [found.get(head.name) for head in OLMO.heads] == needed
