"""The files that somebody names, as pre-commit does with the changed ones, and the modules that they stand for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from hfcodemod.cache import inputs_of
from hfcodemod.config import Settings
from hfcodemod.conflicts import record_path
from hfcodemod.errors import UserError
from hfcodemod.findings import LOST_STAMP
from hfcodemod.managed import Tree, tree_of
from hfcodemod.searched import is_excluded, python_files


def given_files(paths: Sequence[Path], settings: Settings) -> list[Path]:
    """The files, and the Python files of the folders, without what is excluded.

    Raises UserError for a path that is not there or not below the root.
    """
    return list(dict.fromkeys(file for path in paths for file in _files(path, settings)))


def _files(path: Path, settings: Settings) -> Iterator[Path]:
    path = Path(os.path.abspath(path))
    if not path.is_relative_to(settings.root):
        path = path.parent.resolve() / path.name
    if not os.path.lexists(path):
        raise UserError(f"{path}: there is no such file or folder; give the path of one, or none for all")
    if not path.is_relative_to(settings.root):
        raise UserError(f"{path}: is not below {settings.root}; run the command in the repository that it belongs to")
    if path.is_dir():
        yield from (file for file in python_files(settings) if file.is_relative_to(path))
    elif not is_excluded(path, settings):
        yield path


def stand_for_all(given: Iterable[Path], settings: Settings) -> bool:
    """Whether one of the files is what modules are made from, or a record of conflicts."""
    records = record_path(settings.root, ("", "")).parent
    files = set(given)
    return not files.isdisjoint(inputs_of(settings)) or any(path.parent == records for path in files)


def part_of(given: Sequence[Path], settings: Settings) -> Tree:
    """The managed ones among some files, without a look at the others."""
    tree = tree_of(settings, [path for path in given if path.suffix == ".py"])
    if any(trouble.code == LOST_STAMP for trouble in tree.troubles):
        # Only all stamps together tell which bases have lost theirs.
        lost = {trouble.path for trouble in tree_of(settings).troubles if trouble.code == LOST_STAMP}
        kept = tuple(trouble for trouble in tree.troubles if trouble.code != LOST_STAMP or trouble.path in lost)
        return replace(tree, troubles=kept)
    return tree


def those_of(tree: Tree, given: Iterable[Path]) -> Tree:
    """The part of a tree that is among some files."""
    paths = set(given)
    files = tuple(file for file in tree.files if file.path in paths)
    return replace(tree, files=files, troubles=tuple(each for each in tree.troubles if each.path in paths))
