"""What a run reads and writes: the ledger, what is run again, parts of a run, and what is said; nothing is run here."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hostile import CLASSES, TOP, WHOLE, verified, written
from killing import DONE, points, run
from repository import CONFIGURATION, command
from repository import Done as Said

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS, settings_for
from hfcodemod.errors import UserError
from hfcodemod.ledger import EVIDENCE, Record, ledger_path, ledger_text, read_ledger
from hfcodemod.verify import Terms, verification
from hfcodemod.verifying import pool, recording
from hfcodemod.verifying.pool import Done
from hfcodemod.verifying.subjects import Subject
from hfcodemod.verifying.workers import Ending

NAMES = ("first", "second", "third")


@dataclass
class Runs:
    """What stands in for the processes: every class is seen doing everything, if nothing else is said."""

    told: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the account of a module has instead, by its name."""
    endings: dict[str, Ending] = field(default_factory=dict)
    then: Callable[[Subject], object] = lambda subject: None
    """Called before each module."""
    ran: list[str] = field(default_factory=list)
    """The names of the modules, in order."""

    def __call__(self, *_: object) -> Any:
        return nullcontext(self)

    def run(self, subjects: Sequence[Subject]) -> Iterator[Done]:
        """Give an account of each."""
        for subject in subjects:
            self.then(subject)
            self.ran.append(subject.name)
            seen = {cls: {"evidence": sorted(EVIDENCE), "parameters": 7} for cls in subject.required}
            told = {
                "tests": {"passed": 2, "failed": 0, "skipped": 0},
                "skips": {},
                "failure": "",
                "began": True,
                "seconds": 1.5,
                "generators": [],
                "seen": seen,
                "mocked": [],
                "without_forward": [],
                **self.told.get(subject.name, {}),
            }
            yield Done(subject, self.endings.get(subject.name, Ending("", told=told)), "cpu", "")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    stand_in = Runs()
    monkeypatch.setattr(pool, "Pool", stand_in)
    return stand_in


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository of three modules of one architecture."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    for name in NAMES:
        written(folder, name, WHOLE)
    return folder


@pytest.fixture
def hfcodemod(
    root: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    return command(monkeypatch, capsys, root)


def kept(root: Path) -> dict[tuple[str, str], Record]:
    return {key[1:]: one for key, one in read_ledger(ledger_path(root)).items()}


def rewritten(root: Path, change: Callable[[Record], Record]) -> None:
    """Change the records of the second module, as somebody would by hand."""
    records = read_ledger(ledger_path(root)).values()
    text = ledger_text([change(one) if one.name == "second" else one for one in records])
    ledger_path(root).write_text(text)


def test_records_are_written_and_what_has_passed_is_not_run_again(root: Path, runs: Runs) -> None:
    first = verified(root)
    assert (first.ran, runs.ran) == (3, [*NAMES])
    assert kept(root) == {(name, cls): one for one in first.records for name, cls in [(one.name, one.class_name)]}
    assert sorted(kept(root)) == sorted((name, cls) for name in NAMES for cls in CLASSES)
    before = ledger_path(root).read_bytes()
    second = verified(root)
    assert (second.ran, second.records, ledger_path(root).read_bytes()) == (0, first.records, before)
    assert verified(root, fresh=True).ran == 3


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda root: written(root, "second", f"{WHOLE}\n# edited\n"), id="the-module-was-edited"),
        pytest.param(
            lambda root: rewritten(root, lambda one: replace(one, outcome="failed", reason="it broke").sealed()),
            id="it-failed",
        ),
        pytest.param(lambda root: rewritten(root, lambda one: replace(one, seconds=9.0)), id="the-seal-is-broken"),
        pytest.param(
            lambda root: rewritten(
                root, lambda one: replace(one, sources={**one.sources, "recipe": "0" * 64}).sealed()
            ),
            id="the-recipe-changed",
        ),
        pytest.param(
            lambda root: rewritten(
                root, lambda one: replace(one, sources={**one.sources, "skeleton": "0" * 64}).sealed()
            ),
            id="the-skeleton-changed",
        ),
        pytest.param(
            lambda root: rewritten(root, lambda one: replace(one, versions={**one.versions, "torch": "1"}).sealed()),
            id="another-torch",
        ),
        pytest.param(
            lambda root: ledger_path(root).write_text(
                "".join(
                    line
                    for line in ledger_path(root).read_text().splitlines(keepends=True)
                    if '"name":"second"' not in line or '"class":"OlmoModel"' not in line
                )
            ),
            id="a-class-is-missing",
        ),
        pytest.param(
            lambda root: ledger_path(root).write_text(
                ledger_path(root)
                .read_text()
                .replace('"name":"second"', '"name":"lost"')
                .replace('"name":"first"', '"name":"second"', 1)
            ),
            id="lines-were-copied-under-another-name",
        ),
    ],
)
def test_what_has_not_passed_as_it_is_runs_again(root: Path, runs: Runs, change: Callable[[Path], object]) -> None:
    expected = {key: one.outcome for key, one in ((each.key, each) for each in verified(root).records)}
    change(root)
    runs.ran.clear()
    found = verified(root)
    assert "second" in runs.ran and "third" not in runs.ran
    assert {one.key: one.outcome for one in found.records} == expected
    assert sorted(kept(root)) == sorted((name, cls) for name in NAMES for cls in CLASSES)


def test_a_module_that_is_no_more_is_forgotten_when_all_are_looked_at(root: Path, runs: Runs) -> None:
    verified(root)
    (root / "test_third.py").unlink()
    verified(root, root / "test_first.py")
    assert ("third", "OlmoModel") in kept(root)
    verified(root)
    assert {name for name, _ in kept(root)} == {"first", "second"}


def test_parts_are_disjoint_and_stay_what_they_are(root: Path, runs: Runs) -> None:
    parts = []
    for number in (1, 2, 3):
        runs.ran.clear()
        verified(root, shard=(number, 3), fresh=True)
        parts.append(set(runs.ran))
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    assert {name for name, _ in kept(root)} == set(NAMES)
    written(root, "fourth", WHOLE)
    for number, part in enumerate(parts, start=1):
        runs.ran.clear()
        verified(root, shard=(number, 3), fresh=True)
        assert part == set(runs.ran) - {"fourth"}


def test_those_that_took_longest_come_first(root: Path, runs: Runs) -> None:
    runs.told["second"] = {"seconds": 9.0}
    verified(root)
    written(root, "fourth", WHOLE)
    runs.ran.clear()
    verified(root, fresh=True)
    assert runs.ran == ["fourth", "second", "first", "third"]


def test_what_was_done_is_kept_when_the_run_is_interrupted(root: Path, runs: Runs) -> None:
    def interrupt(subject: Subject) -> None:
        if subject.name == "third":
            raise KeyboardInterrupt

    runs.then = interrupt
    with pytest.raises(KeyboardInterrupt):
        verified(root)
    assert {name for name, _ in kept(root)} == {"first", "second"}
    runs.then = lambda subject: None
    runs.ran.clear()
    assert verified(root).ran == 1
    assert runs.ran == ["third"]


def test_records_are_written_while_modules_run(root: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["hfcodemod.verify"], "PAUSE", 0.0)
    seen: list[int] = []
    runs.then = lambda subject: seen.append(len(kept(root)))
    verified(root)
    assert seen == [0, 3, 6]


def test_a_full_disk_leaves_the_ledger_as_it_was(root: Path, runs: Runs) -> None:
    verified(root)
    before = ledger_path(root).read_bytes()

    def work() -> None:
        verified(root, fresh=True)

    # The lock, the parts of the write and its places; the temporary folder of the run lies elsewhere.
    count = len(points(work, root))
    ledger_path(root).write_bytes(before)
    refused = 0
    for number in range(count):
        said = run(work, root, fail=number, lasting=True)
        assert said == DONE or "No space left on device" in said, said
        assert read_ledger(ledger_path(root))
        assert said == DONE or ledger_path(root).read_bytes() == before
        refused += said != DONE
        ledger_path(root).write_bytes(before)
    assert refused > 5


HOLDING = """
import sys
from pathlib import Path
from hfcodemod.lock import locked

with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_another_one_at_work_is_waited_for(root: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "PATIENCE", 0.3)
    monkeypatch.setattr(sys.modules["hfcodemod.verify"], "PAUSE", 0.0)
    command = [sys.executable, "-c", HOLDING, str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"locked\n"
        with pytest.raises(UserError) as raised:
            verified(root)
        assert kept(root) == {}
        other.communicate()
    assert str(raised.value) == (
        f"{ledger_path(root)}: another hfcodemod is at work here, so not all is written that was seen; "
        "wait for it, and run the command again"
    )
    assert len(verified(root).records) == len(kept(root)) == 9


def test_a_ledger_of_another_format_is_one_line(root: Path, hfcodemod: Callable[..., Said]) -> None:
    ledger_path(root).parent.mkdir()
    ledger_path(root).write_text('{"hfcodemod ledger":0}\n')
    said = hfcodemod("verify")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        f"error: {ledger_path(root)}: is a ledger of format 0, and this hfcodemod has 1; "
        f"delete it (rm {ledger_path(root)}), then `hfcodemod verify` makes it anew\n"
    )


@pytest.mark.parametrize("name", ["torch", "transformers", "pytest"])
def test_what_is_not_installed_is_one_line(
    name: str, hfcodemod: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    version = importlib.metadata.version

    def lacking(asked: str) -> str:
        if asked == name:
            raise importlib.metadata.PackageNotFoundError
        return version(asked)

    monkeypatch.setattr(importlib.metadata, "version", lacking)
    said = hfcodemod("verify")
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
            "error: {root}/nowhere: there is no such file or folder; give the path of one, or none for all\n",
        ),
    ],
)
def test_wrong_usage_is_one_line(options: list[str], err: str, root: Path, hfcodemod: Callable[..., Said]) -> None:
    said = hfcodemod("verify", *options)
    assert (said.code, said.out, said.err) == (2, "", err.format(root=root))


def test_what_did_not_pass_is_told_and_exits_1(root: Path, runs: Runs, hfcodemod: Callable[..., Said]) -> None:
    runs.told["second"] = {"failure": "test_forward: AssertionError"}
    runs.endings["third"] = Ending("timed out", "not done after 120 s in test_forward")
    said = hfcodemod("verify")
    rows = [f"test_second.py\t{cls}\tfailed\ttest_forward: AssertionError" for cls in CLASSES]
    rows += [f"test_third.py\t{cls}\ttimed out\tnot done after 120 s in test_forward" for cls in CLASSES]
    total = "3 modules, 3 run now; classes: 3 passed, 3 failed, 3 timed out"
    assert (said.code, said.out.splitlines(), said.err) == (1, [*rows, total], "")
    assert hfcodemod("verify", "test_first.py") == Said(0, "1 module, 0 run now; classes: 3 passed\n", "")
    assert hfcodemod("verify", "test_first.py", "--quiet") == Said(0, "", "")


def test_no_module_is_fine(root: Path, hfcodemod: Callable[..., Said]) -> None:
    for name in NAMES:
        (root / f"test_{name}.py").unlink()
    assert hfcodemod("verify") == Said(0, "0 modules, 0 run now; classes: none\n", "")
    assert not (root / ".hfcodemod").exists()


def test_json_has_the_records(root: Path, hfcodemod: Callable[..., Said]) -> None:
    said = json.loads(hfcodemod("verify", "--json", "test_first.py").out)
    assert {name: said[name] for name in ("modules", "ran", "outcomes", "unmanaged")} == {
        "modules": 1,
        "ran": 1,
        "outcomes": {"passed": 3},
        "unmanaged": {},
    }
    assert [one["class"] for one in said["records"]] == [*CLASSES]
    assert [one["seal"] for one in said["records"]] == [one.seal for one in kept(root).values()]


def test_modules_that_are_not_managed_count_apart(root: Path, runs: Runs, hfcodemod: Callable[..., Said]) -> None:
    text = "from transformers import OlmoModel, AutoModel, pipeline\nimport transformers\ntransformers.BertModel\n"
    (root / "test_own.py").write_text(text)
    (root / "test_other.py").write_text("import math\n")
    assert hfcodemod("verify", ".").out == (
        "4 modules, 4 run now; classes: 9 passed\nin modules that are not managed: 2 passed\n"
    )
    own = [one for key, one in read_ledger(ledger_path(root)).items() if key[0] == ""]
    assert [(one.name, one.class_name, one.model_type, one.outcome) for one in own] == [
        ("test_own.py", "BertModel", "bert", "passed"),
        ("test_own.py", "OlmoModel", "olmo", "passed"),
    ]
    # A run of all managed modules keeps what it has not looked at, for as long as the file is there.
    runs.told["first"] = {"failure": "it broke"}
    hfcodemod("verify", "--fresh")
    assert len([key for key in read_ledger(ledger_path(root)) if key[0] == ""]) == 2
    (root / "test_own.py").unlink()
    hfcodemod("verify")
    assert [key for key in read_ledger(ledger_path(root)) if key[0] == ""] == []


def test_a_file_that_was_named_must_show_a_model(root: Path, runs: Runs, hfcodemod: Callable[..., Said]) -> None:
    (root / "test_other.py").write_text("import math\n")
    said = hfcodemod("verify", "test_other.py")
    assert (said.code, said.out.splitlines()[0]) == (
        1,
        "test_other.py\t\tnot seen\tno model class of transformers was seen running",
    )
    runs.told["test_other.py"] = {"seen": {"BertModel": {"evidence": ["forward"], "parameters": 7}}}
    assert hfcodemod("verify", "test_other.py").code == 0
    assert [(one.class_name, one.model_type) for key, one in read_ledger(ledger_path(root)).items() if not key[0]] == [
        ("BertModel", "bert")
    ]


def test_a_file_that_cannot_be_read_stops_no_other(root: Path, runs: Runs, hfcodemod: Callable[..., Said]) -> None:
    (root / "test_second.py").write_text(f"{TOP.replace('{name}', 'second')}<<<<<<< a\n=======\n>>>>>>> b\n")
    (root / "test_third.py").write_text(TOP.replace("{name}", "third").replace("like=olmo", "like=gone"))
    (root / "test_own.py").write_bytes(b"\xff\n")
    said = hfcodemod("verify", "test_first.py", "test_second.py", "test_third.py", "test_own.py")
    assert (said.code, runs.ran) == (2, ["first"])
    own, second, third = sorted(said.err.splitlines())
    assert own.startswith(f"error: {root}/test_own.py:1: not utf-8 (")
    assert second.startswith(f"error: {root}/test_second.py:17: holds the conflict markers of git")
    assert third.startswith(f"error: {root}/test_third.py: no architecture 'gone'")


def test_a_skeleton_of_ones_own_asks_for_the_classes_that_a_module_names(root: Path, runs: Runs) -> None:
    suite = root / "suite"
    suite.mkdir()
    (suite / "llama.py").write_text("from transformers import LlamaModel\n\n\ndef test_it():\n    assert LlamaModel\n")
    (root / "pyproject.toml").write_text(CONFIGURATION)
    for name, text in (("olmo", "from transformers import OlmoModel\n"), ("bert", ""), ("yolov4", "")):
        stamp = f"# hfcodemod: {name} skeleton=suite base=00000000\n"
        (suite / f"test_{name}.py").write_text(f"{stamp}{text}\n\ndef test_it():\n    pass\n")
    runs.told["olmo"] = {"seen": {"OlmoModel": {"evidence": ["forward"], "parameters": 7}}}
    found = verification(settings_for(root), load_snapshot(FACTS), [suite], Terms(), lambda done, total: None)
    assert [(one.skeleton, one.name, one.class_name, one.outcome) for one in found.records if one.skeleton] == [
        ("suite", "bert", "", "not seen"),
        ("suite", "olmo", "OlmoModel", "passed"),
        # What transformers does not have cannot be seen; that its tests pass is all that there is.
        ("suite", "yolov4", "", "passed"),
    ]


def test_a_report_that_cannot_be_written_is_one_line(root: Path, hfcodemod: Callable[..., Said]) -> None:
    (root / "report").write_text("")
    said = hfcodemod("verify", "--junit", "report/junit.xml")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"error: {root}/report/junit.xml: cannot be written (")
    assert len(kept(root)) == 9


def test_the_interface_does_what_the_command_does(root: Path, runs: Runs) -> None:
    import hfcodemod

    found = hfcodemod.verify([root / "test_first.py"], junit=root / "junit.xml", root=root)
    assert (found.modules, found.ran, found.outcomes()) == (1, 1, {"passed": 3})
    assert '<testsuite tests="1" errors="1"' in (root / "junit.xml").read_text()
    with pytest.raises(UserError, match="nowhere: there is no such file or folder"):
        hfcodemod.verify([root / "nowhere"], root=root)
