"""What a run reads and writes: the ledger, what is run again, and parts of a run."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hostile import CLASSES, WHOLE, verified, written
from killing import DONE, points, run
from stand_in import NAMES, Runs, kept

from hfcodemod.errors import UserError
from hfcodemod.ledger import Record, ledger_path, ledger_text, read_ledger
from hfcodemod.verifying import recording
from hfcodemod.verifying.subjects import Subject


def rewritten(three: Path, change: Callable[[Record], Record]) -> None:
    """Change the records of the second module, as somebody would by hand."""
    records = read_ledger(ledger_path(three)).values()
    text = ledger_text([change(one) if one.name == "second" else one for one in records])
    ledger_path(three).write_text(text)


def test_records_are_written_and_what_has_passed_is_not_run_again(three: Path, runs: Runs) -> None:
    first = verified(three)
    assert (first.ran, runs.ran) == (3, [*NAMES])
    assert kept(three) == {(name, cls): one for one in first.records for name, cls in [(one.name, one.class_name)]}
    assert sorted(kept(three)) == sorted((name, cls) for name in NAMES for cls in CLASSES)
    before = ledger_path(three).read_bytes()
    second = verified(three)
    assert (second.ran, second.records, ledger_path(three).read_bytes()) == (0, first.records, before)
    assert verified(three, fresh=True).ran == 3


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda three: written(three, "second", f"{WHOLE}\n# edited\n"), id="the-module-was-edited"),
        pytest.param(
            lambda three: rewritten(three, lambda one: replace(one, outcome="failed", reason="it broke").sealed()),
            id="it-failed",
        ),
        pytest.param(lambda three: rewritten(three, lambda one: replace(one, seconds=9.0)), id="the-seal-is-broken"),
        pytest.param(
            lambda three: rewritten(
                three, lambda one: replace(one, sources={**one.sources, "recipe": "0" * 64}).sealed()
            ),
            id="the-recipe-changed",
        ),
        pytest.param(
            lambda three: rewritten(
                three, lambda one: replace(one, sources={**one.sources, "skeleton": "0" * 64}).sealed()
            ),
            id="the-skeleton-changed",
        ),
        pytest.param(
            lambda three: rewritten(three, lambda one: replace(one, versions={**one.versions, "torch": "1"}).sealed()),
            id="another-torch",
        ),
        pytest.param(
            lambda three: ledger_path(three).write_text(
                "".join(
                    line
                    for line in ledger_path(three).read_text().splitlines(keepends=True)
                    if '"name":"second"' not in line or '"class":"OlmoModel"' not in line
                )
            ),
            id="a-class-is-missing",
        ),
        pytest.param(
            lambda three: ledger_path(three).write_text(
                ledger_path(three)
                .read_text()
                .replace('"name":"second"', '"name":"lost"')
                .replace('"name":"first"', '"name":"second"', 1)
            ),
            id="lines-were-copied-under-another-name",
        ),
    ],
)
def test_what_has_not_passed_as_it_is_runs_again(three: Path, runs: Runs, change: Callable[[Path], object]) -> None:
    expected = {key: one.outcome for key, one in ((each.key, each) for each in verified(three).records)}
    change(three)
    runs.ran.clear()
    found = verified(three)
    assert "second" in runs.ran and "third" not in runs.ran
    assert {one.key: one.outcome for one in found.records} == expected
    assert sorted(kept(three)) == sorted((name, cls) for name in NAMES for cls in CLASSES)


def test_a_module_that_is_no_more_is_forgotten_when_all_are_looked_at(three: Path, runs: Runs) -> None:
    verified(three)
    (three / "test_third.py").unlink()
    verified(three, three / "test_first.py")
    assert ("third", "OlmoModel") in kept(three)
    verified(three)
    assert {name for name, _ in kept(three)} == {"first", "second"}


def test_parts_are_disjoint_and_stay_what_they_are(three: Path, runs: Runs) -> None:
    parts = []
    for number in (1, 2, 3):
        runs.ran.clear()
        verified(three, shard=(number, 3), fresh=True)
        parts.append(set(runs.ran))
    assert sorted(name for part in parts for name in part) == sorted(NAMES)
    assert {name for name, _ in kept(three)} == set(NAMES)
    written(three, "fourth", WHOLE)
    for number, part in enumerate(parts, start=1):
        runs.ran.clear()
        verified(three, shard=(number, 3), fresh=True)
        assert part == set(runs.ran) - {"fourth"}


def test_those_that_took_longest_come_first(three: Path, runs: Runs) -> None:
    runs.told["second"] = {"seconds": 9.0}
    verified(three)
    written(three, "fourth", WHOLE)
    runs.ran.clear()
    verified(three, fresh=True)
    assert runs.ran == ["fourth", "second", "first", "third"]


def test_what_was_done_is_kept_when_the_run_is_interrupted(three: Path, runs: Runs) -> None:
    def interrupt(subject: Subject) -> None:
        if subject.name == "third":
            raise KeyboardInterrupt

    runs.then = interrupt
    with pytest.raises(KeyboardInterrupt):
        verified(three)
    assert {name for name, _ in kept(three)} == {"first", "second"}
    runs.then = lambda subject: None
    runs.ran.clear()
    assert verified(three).ran == 1
    assert runs.ran == ["third"]


def test_records_are_written_while_modules_run(three: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["hfcodemod.verify"], "PAUSE", 0.0)
    seen: list[int] = []
    runs.then = lambda subject: seen.append(len(kept(three)))
    verified(three)
    assert seen == [0, 3, 6]


def test_a_full_disk_leaves_the_ledger_as_it_was(three: Path, runs: Runs) -> None:
    verified(three)
    old = [replace(one, date="2000-01-01T00:00:00Z").sealed() for one in kept(three).values()]

    def work() -> None:
        verified(three, fresh=True)

    count = len(points(work, three))
    left = []
    for number in range(count):
        ledger_path(three).write_text(ledger_text(old))
        said = run(work, three, fail=number, lasting=True)
        assert said == DONE or "No space left on device" in said, said
        assert len(kept(three)) == 9 and all(one.is_sealed for one in kept(three).values())
        (is_old,) = {one in old for one in kept(three).values()}
        left.append(is_old)
    # Once the new one is in place, what is left to do is to clear up.
    assert left == sorted(left, reverse=True)
    assert sum(left) > 5


HOLDING = """
import sys
from pathlib import Path
from hfcodemod.lock import locked

with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_another_one_at_work_is_waited_for(three: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "PATIENCE", 0.3)
    monkeypatch.setattr(sys.modules["hfcodemod.verify"], "PAUSE", 0.0)
    command = [sys.executable, "-c", HOLDING, str(three)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"locked\n"
        with pytest.raises(UserError) as raised:
            verified(three)
        assert kept(three) == {}
        other.communicate()
    assert str(raised.value) == (
        f"{ledger_path(three)}: another hfcodemod is at work here, so not all is written that was seen; "
        "wait for it, and run the command again"
    )
    assert len(verified(three).records) == len(kept(three)) == 9
