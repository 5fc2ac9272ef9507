"""Which files of a repository are looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from hfcodemod.config import Settings, tools_in
from hfcodemod.errors import UserError
from hfcodemod.workspace import STATE

SKIPPED = {"__pycache__", "node_modules", "site-packages"}


def python_files(settings: Settings) -> Iterator[Path]:
    """Every Python file below the root but those in hidden folders, environments, other trees and what is excluded."""
    for folder, folders, names in os.walk(settings.root):
        if "pyvenv.cfg" in names:
            folders.clear()
            continue
        place = os.path.relpath(folder, settings.root)
        if place != "." and _is_another(Path(folder), folders, names):
            folders.clear()
            continue
        start = "" if place == "." else f"{Path(place).as_posix()}/"
        folders[:] = sorted(
            name
            for name in folders
            if name[0] != "." and name not in SKIPPED and not _excluded(f"{start}{name}", settings)
        )
        for name in sorted(names):
            if name.endswith(".py") and not _excluded(f"{start}{name}", settings):
                yield Path(folder, name)


def _is_another(folder: Path, folders: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a folder below the root is managed on its own: it has a configuration, or a state."""
    if STATE in folders:
        return True
    if "pyproject.toml" not in names:
        return False
    try:
        return "hfcodemod" in tools_in(folder, (folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (UserError, OSError, UnicodeDecodeError):
        return False


def _excluded(name: str, settings: Settings) -> bool:
    return any(fnmatch(name, pattern) or fnmatch(f"{name}/", pattern) for pattern in settings.exclude)


def is_excluded(path: Path, settings: Settings) -> bool:
    """Whether a path below the root, or a folder that it lies in, is excluded, or managed on its own."""
    place = path.relative_to(settings.root)
    for folder in place.parents[:-1]:
        names = os.listdir(settings.root / folder) if (settings.root / folder).is_dir() else []
        if _is_another(settings.root / folder, names, names):
            return True
    return any(_excluded(part.as_posix(), settings) for part in (place, *place.parents[:-1]))
