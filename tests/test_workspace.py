"""What is kept beside the modules, and what of it git sees."""

from __future__ import annotations

import subprocess
from pathlib import Path

from hfcodemod.lock import locked
from hfcodemod.stamp import digest
from hfcodemod.workspace import base_files


def test_bases_are_addressed_by_content(tmp_path: Path) -> None:
    files = base_files(tmp_path, "x = 1\n")
    name = digest("x = 1\n")
    assert files[tmp_path / ".hfcodemod" / "base" / name] == f"{name}|x = 1\n{name}|\n"
    assert "linguist-generated" in files[tmp_path / ".hfcodemod" / ".gitattributes"]


def test_git_sees_the_state_and_nothing_of_a_run(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    for path, text in base_files(tmp_path, "x = 1\n").items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    state, base = tmp_path / ".hfcodemod", digest("x = 1\n")
    with locked(tmp_path):
        for name in ("journal.part", "journal.draft", "journal.json", "journal.undo", "cache.json"):
            (state / name).write_text("")
        seen = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=all"],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    assert seen.splitlines() == [
        "?? .hfcodemod/.gitattributes",
        "?? .hfcodemod/.gitignore",
        f"?? .hfcodemod/base/{base}",
    ]
