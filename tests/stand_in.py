"""A stand-in for the processes that run modules, and a repository of three: nothing is run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hostile import WHOLE, written
from repository import Done as Said
from repository import command

from hfcodemod.ledger import EVIDENCE, Record, ledger_path, read_ledger
from hfcodemod.verifying import pool
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
    """The stand-in, in place of the processes."""
    stand_in = Runs()
    monkeypatch.setattr(pool, "Pool", stand_in)
    return stand_in


@pytest.fixture
def three(tmp_path: Path) -> Path:
    """A repository of three modules of one architecture."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    for name in NAMES:
        written(folder, name, WHOLE)
    return folder


@pytest.fixture
def typed(
    three: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """The command line in that repository."""
    return command(monkeypatch, capsys, three)


def kept(root: Path) -> dict[tuple[str, str], Record]:
    """The records in the ledger, by the name of the module and the class."""
    return {key[1:]: one for key, one in read_ledger(ledger_path(root)).items()}
