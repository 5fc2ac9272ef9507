"""A copy of the project in a git repository, as somebody else gets it: nothing points back to where it was made."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

PROJECT = Path(__file__).parents[1]
TAG = "v0.1.0"
PARTS = ("hfcodemod", "codemods", "skeleton", "pyproject.toml", "README.md", "LICENSE")
ACCESS = (".pre-commit-hooks.yaml", "action.yml")
"""By what others take hold of it."""
GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_EDITOR": "true",
    # Submodules and the hook's own repository are folders here.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "protocol.file.allow",
    "GIT_CONFIG_VALUE_0": "always",
    **{f"GIT_{who}_{what}": "ada@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}
"""Nobody's configuration of git."""


def environment() -> dict[str, str]:
    """The environment without what a git, a measurement of coverage or GitHub put into it."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GIT_", "COV", "GITHUB_", "PYTHONPATH"))
    }
    return {**kept, **GIT, "NO_COLOR": "1"}


def git(folder: Path, *words: str) -> str:
    """What a git that succeeds prints."""
    done = subprocess.run(["git", *words], cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def checkout(folder: Path) -> Path:
    """The copy, with a tag, as it is now rather than as it was committed."""
    for part in (*PARTS, *ACCESS):
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(source, folder / part)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "as it is")
    git(folder, "tag", TAG)
    return folder
