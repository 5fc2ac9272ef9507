"""Which bases git was not told of: they lie here, and will be missing for everybody else."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from hfcodemod.managed import Managed
from hfcodemod.workspace import bases_folder


def with_forgotten_bases(root: Path, files: Iterable[Managed]) -> list[Managed]:
    """The modules that git tracks without their bases; none where the root is in no work tree of git."""
    untracked = {os.path.basename(name) for name in _listed(root, "--others", bases_folder(root))}
    named = [file for file in files if file.stamp.base in untracked]
    if not named:
        return []
    tracked = _listed(root, "--cached", root)
    return [file for file in named if file.path.relative_to(root).as_posix() in tracked]


def _listed(root: Path, kind: str, place: Path) -> set[str]:
    """What `git ls-files` names, from the root; what is ignored is among the others."""
    if not place.is_dir():
        return set()
    import subprocess

    command = ["git", "ls-files", "-z", kind, "--", os.path.relpath(place, root)]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return set()
    return set(os.fsdecode(done.stdout).split("\0")) - {""} if done.returncode == 0 else set()
