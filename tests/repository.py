"""A repository with a small skeleton of its own, and the command run in it as somebody would type it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hfcodemod.cli import main

CONFIGURATION = """\
[tool.hfcodemod.skeletons.suite]
path = "suite/llama.py"
reference = "llama"
target = "suite/test_{name}.py"

[tool.hfcodemod.architectures.yolov4]
title = "YOLOv4"
"""
SKELETON = '''\
"""Scores of Llama."""

import math

MODEL_ID = "meta-llama/Llama-2-7b-hf"
LIMIT = 0.5


def rounded(value):
    return math.floor(value)


class TestLlama:
    def test_score(self):
        assert rounded(LIMIT) == 0

    def test_name(self):
        assert MODEL_ID.count("/") < 2
'''
NAMES = ("mistral", "olmo", "bert")
OLD, NEW = "rounded(LIMIT) == 0", "rounded(LIMIT) == 0, LIMIT"
"""What the skeleton changes in each module."""
EXTRA = '\n    def test_extra(self):\n        assert " " not in MODEL_ID\n'
"""A test that somebody adds to a module by hand."""


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Repository:
    """A folder with modules of three names, and what is done to it."""

    root: Path
    run: Callable[..., Done]

    @property
    def skeleton(self) -> Path:
        """The file that the modules are made from."""
        return self.root / "suite" / "llama.py"

    def module(self, name: str) -> Path:
        """Where the module of a name goes."""
        return self.root / "suite" / f"test_{name}.py"

    def text(self, name: str) -> str:
        """What the module holds."""
        return self.module(name).read_text(encoding="utf-8")

    def base_now(self, name: str) -> str:
        """What the stamp of the module would say of its base, were it made now."""
        path = self.module(name)
        aside = path.rename(path.with_name("aside"))
        fresh = self.run("add", name, "--skeleton", "suite", "--diff").out
        aside.rename(path)
        (base,) = re.findall(r"^\+# hfcodemod: .*(base=\w{8})$", fresh, re.MULTILINE)
        return str(base)

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replace what stands in a file once."""
        raw = path.read_bytes()
        assert raw.count(old.encode()) == 1, old
        path.write_bytes(raw.replace(old.encode(), new.encode()))

    def files(self) -> dict[str, bytes]:
        """Every file below the root; of the cache only that it is there, since it tells one hfcodemod from another."""
        return {
            path.relative_to(self.root).as_posix(): b"" if path.name == "cache.json" else path.read_bytes()
            for path in self.root.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }


def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], root: Path) -> Callable[..., Done]:
    """The command line in a folder, within this process: its exit code, and what it wrote."""

    def run(*arguments: str, cwd: Path = root) -> Done:
        with monkeypatch.context() as patch:
            patch.chdir(cwd)
            patch.setattr(sys, "argv", ["hfcodemod", *arguments])
            capsys.readouterr()
            with pytest.raises(SystemExit) as left:
                main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        code = left.value.code
        assert code is None or isinstance(code, int)
        return Done(code or 0, said.out, said.err)

    return run


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Repository:
    """A repository whose three modules are in step."""
    root = tmp_path / "repository"
    (root / "suite").mkdir(parents=True)
    (root / "pyproject.toml").write_text(CONFIGURATION)
    made = Repository(root, command(monkeypatch, capsys, root))
    made.skeleton.write_text(SKELETON)
    assert made.run("add", *NAMES, "--skeleton", "suite").code == 0
    return made
