"""A migrate-all of thirty modules that is killed, refused or out of space at any point leaves a whole tree."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from killing import KILLED, points, run
from repository import CONFIGURATION, SKELETON
from test_journal import Tree, as_nobody, tree

from hfcodemod.add import additions, files_of
from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.config import FACTS, settings_for
from hfcodemod.journal import recover, write_files
from hfcodemod.lock import locked
from hfcodemod.migrate import Migration, migration
from hfcodemod.migrate import files_of as files_of_run
from hfcodemod.requests import Request

COUNT = 30
EDITED, CONFLICTED = range(3, 10), 12
COMMAND = [sys.executable, "-m", "hfcodemod", "migrate-all"]
SPACE = "(No space left on device); check the disk and the space on it, then run the command again"


def module(root: Path, number: int) -> Path:
    return root / "suite" / f"test_clone{number:02}.py"


def replace_once(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8")


def lay_out(root: Path, catalog: Catalog) -> None:
    """Thirty modules, some of them edited, and a skeleton that has changed."""
    skeleton = root / "suite" / "llama.py"
    skeleton.parent.mkdir(parents=True)
    (root / "pyproject.toml").write_text(CONFIGURATION)
    skeleton.write_text(SKELETON)
    requests = [Request(f"clone{number:02}", "llama", f"clones/clone{number:02}", "suite") for number in range(COUNT)]
    made = additions(requests, settings_for(root), catalog)
    write_files(root, {path: text.encode() for path, text in files_of(made, root).items()})
    for number in EDITED:
        path = module(root, number)
        path.write_text(f"{path.read_text()}\n    def test_of_its_own(self):\n        assert LIMIT\n")
    replace_once(module(root, CONFLICTED), "LIMIT = 0.5", "LIMIT = 0.7")
    module(root, 20).chmod(0o755)
    replace_once(skeleton, "LIMIT = 0.5", "LIMIT = 0.6")
    replace_once(skeleton, "< 2\n", "< 2\n\n    def test_new(self):\n        assert rounded(1.5) == 1\n")


@dataclass(frozen=True)
class Case:
    """A tree that is laid out as often as wanted, always in the same place, and what a migration makes of it."""

    root: Path
    pattern: Path
    planned: Migration
    before: Tree
    after: Tree

    def fresh(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.pattern, self.root)

    def write(self) -> None:
        """What the command does once it has planned, which is the same each time."""
        with locked(self.root):
            recover(self.root)
            files, seen = files_of_run(self.planned)
            write_files(self.root, files, seen)

    def recovered(self) -> str | None:
        """What the next command does first."""
        with locked(self.root):
            return recover(self.root)


def migrated(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *options], cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def case() -> Iterator[Case]:
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name).resolve()
        root, pattern = folder / "root", folder / "pattern"
        catalog = load_snapshot(FACTS)
        lay_out(root, catalog)
        shutil.copytree(root, pattern)
        before = tree(root)
        planned = migration(settings_for(root), lambda: catalog, jobs=1)
        case = Case(root, pattern, planned, before, {})
        case.write()
        yield Case(root, pattern, planned, before, tree(root))


@pytest.fixture(scope="module")
def passed(case: Case) -> list[str]:
    """The points of the write."""
    case.fresh()
    return points(case.write, case.root)


def test_the_migration_is_of_all_kinds(case: Case) -> None:
    actions = [plan.action for plan in case.planned.plans]
    assert {action: actions.count(action) for action in set(actions)} == {"replace": 22, "merge": 7, "conflict": 1}
    case.fresh()
    assert migrated(case.root).returncode == 1
    assert tree(case.root) == case.after
    assert case.before.keys() - case.after.keys() == {
        name for name in case.before if name.startswith(".hfcodemod/base/")
    }


def test_killed_at_every_point_of_the_write(case: Case, passed: list[str]) -> None:
    committed = passed.index("os.rename journal.json")
    assert len(passed) > 10 * COUNT
    for number, point in enumerate(passed):
        case.fresh()
        assert run(case.write, case.root, kill=number) == KILLED, point
        case.recovered()
        assert tree(case.root) == (case.before if number <= committed else case.after), point


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_the_next_command_finishes_what_was_killed(case: Case, passed: list[str], share: float) -> None:
    case.fresh()
    assert run(case.write, case.root, kill=int(len(passed) * share)) == KILLED
    done = migrated(case.root)
    assert done.returncode == 1, done.stderr
    assert "a write of " in done.stderr
    assert tree(case.root) == case.after


def test_no_space_at_every_point_of_the_write(case: Case, passed: list[str]) -> None:
    # The last of what is needed; what follows removes temporary files.
    last = max(number for number, point in enumerate(passed) if point == "os.fsync")
    for number, point in enumerate(passed[: last + 1]):
        case.fresh()
        assert run(case.write, case.root, fail=number, lasting=True).endswith(SPACE), point
        assert tree(case.root) == case.before, point


def test_a_read_only_module_half_way(case: Case) -> None:
    case.fresh()
    module(case.root, 15).chmod(0o444)
    before = tree(case.root)
    assert run(as_nobody(case.root, case.write), case.root) == (
        f"{module(case.root, 15)}: is read-only; nothing was written; make it writable and run the command again"
    )
    assert tree(case.root) == before


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def gone(group: int) -> bool:
    """Whether every process of a group comes to its end."""
    return _soon(lambda: not alive(group))


def _soon(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def test_killed_by_another_process_at_any_moment(case: Case) -> None:
    case.fresh()
    start = time.perf_counter()
    migrated(case.root)
    lasts = time.perf_counter() - start
    chance = random.Random(3)
    for _ in range(6):
        case.fresh()
        command = subprocess.Popen(
            COMMAND, cwd=case.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep((0.4 + 0.6 * chance.random()) * lasts)
        command.send_signal(signal.SIGKILL)
        command.wait()
        assert gone(command.pid)
        case.recovered()
        assert tree(case.root) in (case.before, case.after)
    assert migrated(case.root).returncode == 1
    assert tree(case.root) == case.after


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the processes that work are found in /proc")
def test_killed_while_others_plan(case: Case) -> None:
    case.fresh()
    command = subprocess.Popen(
        [*COMMAND, "--jobs", "3"],
        cwd=case.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    workers = Path(f"/proc/{command.pid}/task/{command.pid}/children")
    assert _soon(lambda: len(workers.read_text().split()) == 3)
    command.send_signal(signal.SIGKILL)
    command.wait()
    assert gone(command.pid)
    case.recovered()
    assert tree(case.root) == case.before
