"""git with the merge driver of docs/how-to/merge-driver.md: the three lines are read from the page."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[1] / "docs/how-to/merge-driver.md"
MODULE = Path("tests") / "test it.py"
"""With a space, which git has to quote."""
BASE = """import os


def test_one():
    assert os.name


def test_two():
    assert os.sep
"""
ADDED_BY_OURS = BASE + "\n\ndef test_three():\n    assert os.curdir\n"
ADDED_BY_THEIRS = BASE + "\n\ndef test_four():\n    assert os.pardir\n"
BOTH = ADDED_BY_OURS + "\n\ndef test_four():\n    assert os.pardir\n"
CHANGED_BY_OURS = ADDED_BY_OURS.replace("os.name", 'os.name == "posix"')
CHANGED_BY_THEIRS = ADDED_BY_THEIRS.replace("os.name", 'os.name != "nt"')
BROKEN_BY_THEIRS = ADDED_BY_THEIRS.replace("def test_four()", "def test_four(")
CONFLICT = BOTH.replace(
    "    assert os.name\n",
    """<<<<<<< ours
    assert os.name == "posix"
=======
    assert os.name != "nt"
>>>>>>> theirs
""",
)
WAYS = {"merge": ("main", "topic"), "rebase": ("topic", "main"), "cherry-pick": ("main", "topic")}
"""Each with the branch that is checked out and the one that is named: a rebase calls the upstream ours."""


class Repository:
    """A scratch repository with the driver of the page."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.git("init", "-q", "-b", "main")
        attributes, config = blocks()
        (folder / ".gitattributes").write_text(attributes)
        for command in config.splitlines():
            program, *words = shlex.split(command)
            assert program == "git"
            self.git(*words)

    def git(self, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run git with the installed command on the PATH and nobody's configuration."""
        environment = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_EDITOR": "true",
            **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        done = subprocess.run(["git", *words], cwd=self.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    def commit(self, branch: str, text: str) -> None:
        """A commit on a new branch."""
        self.git("checkout", "-q", "-B", branch)
        (self.folder / MODULE).parent.mkdir(exist_ok=True)
        (self.folder / MODULE).write_text(text)
        self.git("add", ".")
        self.git("commit", "-q", "-m", branch)

    def run(self, way: str, ours: str, theirs: str, code: int) -> str:
        """Let both sides meet in one of the ways of git; returns what it prints."""
        self.commit("main", BASE)
        self.commit("topic", theirs)
        self.git("checkout", "-q", "main")
        self.commit("main", ours)
        start, other = WAYS[way]
        self.git("checkout", "-q", start)
        done = self.git(way, other, code=code)
        return done.stdout + done.stderr

    @property
    def text(self) -> str:
        """The module as it lies in the folder."""
        return (self.folder / MODULE).read_text()


def blocks() -> list[str]:
    """The line of attributes and the two commands of the page."""
    section = PAGE.read_text()
    return re.findall(r"```\w+\n(.*?)```", section, re.DOTALL)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_the_page_has_three_lines() -> None:
    assert [len(block.splitlines()) for block in blocks()] == [1, 2]


@pytest.mark.parametrize("way", WAYS)
def test_what_git_alone_calls_a_conflict_merges(repository: Repository, way: str) -> None:
    repository.run(way, ADDED_BY_OURS, ADDED_BY_THEIRS, code=0)
    assert repository.text == BOTH
    assert repository.git("status", "--porcelain").stdout == ""


@pytest.mark.parametrize("way", WAYS)
def test_without_the_driver_git_calls_it_a_conflict(repository: Repository, way: str) -> None:
    (repository.folder / ".gitattributes").write_text("")
    assert "CONFLICT" in repository.run(way, ADDED_BY_OURS, ADDED_BY_THEIRS, code=1)


@pytest.mark.parametrize("way", WAYS)
def test_a_conflict_has_markers_and_a_reason(repository: Repository, way: str) -> None:
    said = repository.run(way, CHANGED_BY_OURS, CHANGED_BY_THEIRS, code=1)
    assert f"{MODULE}:5: test_one: both sides changed the same lines" in said
    assert f"CONFLICT (content): Merge conflict in {MODULE}" in said
    assert repository.text == CONFLICT
    assert f'UU "{MODULE}"' in repository.git("status", "--porcelain").stdout


@pytest.mark.parametrize("way", WAYS)
def test_what_is_refused_stays_as_ours(repository: Repository, way: str) -> None:
    said = repository.run(way, ADDED_BY_OURS, BROKEN_BY_THEIRS, code=1)
    assert f"error: theirs of {MODULE}:12: does not parse" in said
    assert f"CONFLICT (content): Merge conflict in {MODULE}" in said
    assert repository.text == ADDED_BY_OURS
