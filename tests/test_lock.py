"""One writer at a time, told from one that was killed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from killing import DONE, KILLED, points, run

from hfcodemod.errors import UserError
from hfcodemod.lock import locked


def lock_in(root: Path) -> None:
    with locked(root):
        (root / "done").write_bytes(b"")


def test_the_second_waits_outside(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert run(lambda: lock_in(tmp_path), tmp_path) == (
            f"another hfcodemod is at work here (pid {os.getpid()}); wait for it"
        )
        assert not (tmp_path / "done").exists()
    assert run(lambda: lock_in(tmp_path), tmp_path) == DONE
    assert (tmp_path / "done").exists()


def test_a_holder_that_has_not_said_its_number_yet(tmp_path: Path) -> None:
    with locked(tmp_path):
        # From another process: the lock would end here if its file were closed here.
        assert run(lambda: os.truncate(tmp_path / ".hfcodemod" / "lock", 0), tmp_path) == DONE
        assert (
            run(lambda: lock_in(tmp_path), tmp_path) == "another hfcodemod is at work here (pid unknown); wait for it"
        )


def test_nothing_is_left(tmp_path: Path) -> None:
    with locked(tmp_path):
        assert (tmp_path / ".hfcodemod" / "lock").read_text() == str(os.getpid())
    assert list(tmp_path.iterdir()) == []


def test_what_else_is_in_the_folder_is_kept(tmp_path: Path) -> None:
    (tmp_path / ".hfcodemod").mkdir()
    (tmp_path / ".hfcodemod" / "base").mkdir()
    with locked(tmp_path):
        pass
    assert [path.name for path in (tmp_path / ".hfcodemod").iterdir()] == ["base"]


def test_a_killed_holder_is_no_holder(tmp_path: Path) -> None:
    passed = points(lambda: lock_in(tmp_path), tmp_path)
    assert passed == [
        "os.mkdir .hfcodemod",
        "open lock",
        "os.write",
        "half of os.write",
        "open done",
        "os.remove lock",
        "os.rmdir .hfcodemod",
    ]
    for number in range(len(passed)):
        assert run(lambda: lock_in(tmp_path), tmp_path, kill=number) == KILLED
        lock_in(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["done"]


def test_no_space(tmp_path: Path) -> None:
    for number in range(4):
        assert run(lambda: lock_in(tmp_path), tmp_path, fail=number) == (
            f"{tmp_path}/.hfcodemod/lock: cannot be written (No space left on device); "
            "check the disk and the space on it, then run the command again"
        )
        assert list(tmp_path.rglob("*")) == [] or number == 1


def test_something_else_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".hfcodemod").write_text("")
    with pytest.raises(UserError, match=r"/.hfcodemod/lock: cannot be written \(Not a directory\)"), locked(tmp_path):
        pytest.fail("was let in")


def test_a_link_to_nowhere_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / ".hfcodemod").symlink_to("gone")
    with pytest.raises(UserError, match=r"lock: cannot be written \(No such file or directory\)"), locked(tmp_path):
        pytest.fail("was let in")


COUNT = """
import sys
from pathlib import Path
from hfcodemod.errors import UserError
from hfcodemod.lock import locked

root, refused = Path(sys.argv[1]), 0
for _ in range(200):
    while True:
        try:
            with locked(root):
                count = int((root / "count").read_text())
                (root / "count").write_text(str(count + 1))
            break
        except UserError as error:
            assert "another hfcodemod is at work here" in str(error), error
            refused += 1
print(refused)
"""


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    """Each counts on from what it finds; the lock's file and folder come and go meanwhile."""
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", COUNT, str(tmp_path)]
    counting = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    refused = [process.communicate()[0] for process in counting]
    assert [process.returncode for process in counting] == [0, 0, 0, 0]
    assert (tmp_path / "count").read_text() == "800"
    assert all(re.fullmatch(r"\d+\n", said) for said in refused)
    assert [path.name for path in tmp_path.iterdir()] == ["count"]


def test_a_second_command_exits_2_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    command = [sys.executable, "-m", "hfcodemod", "add", "olmo"]
    with locked(tmp_path):
        second = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (second.returncode, second.stdout, second.stderr) == (
            2,
            "",
            f"error: another hfcodemod is at work here (pid {os.getpid()}); wait for it\n",
        )
        assert sorted(path.name for path in tmp_path.rglob("*")) == [".hfcodemod", "lock", "pyproject.toml"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    assert (tmp_path / "tests" / "models" / "test_hf_olmo.py").exists()
    assert not (tmp_path / ".hfcodemod" / "lock").exists()
