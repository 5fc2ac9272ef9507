"""Writes that are whole or not at all, even where the program is killed or the disk is full.

A write goes through states, each a name of its journal in ``.hfcodemod``, so that one rename leads to the next:

- ``journal.draft``: everything is made beside its place, in temporary files. Cut short here, they are removed.
- ``journal.json``: everything takes its place. Cut short here, the rest follows.
- ``journal.undo``: a place refused, and what was replaced is put back. Cut short here, the rest is put back.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from hfcodemod.durable import blaming, move, sync_folder, write_new
from hfcodemod.errors import UserError
from hfcodemod.textfile import TextFile, bytes_of, encoded
from hfcodemod.workspace import STATE

PART, DRAFT, PLACING, UNDOING = "journal.part", "journal.draft", "journal.json", "journal.undo"
CANNOT_LINK = {errno.EPERM, errno.EMLINK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@dataclass(frozen=True)
class Change:
    """One file of a write, with digests of what it was and what it will be (None: no file)."""

    target: Path
    before: str | None
    after: str | None
    new: Path
    """What it will be, until it takes its place."""
    old: Path
    """What it was, as a second link: that takes no space, so that a full disk does not hinder an undoing."""


@dataclass(frozen=True)
class Write:
    """The files of a write, removals last, and the folders that it makes, outermost first."""

    root: Path
    token: str
    folders: list[Path]
    changes: list[Change]


def write_files(
    root: Path, contents: Mapping[Path, bytes | None], seen: Mapping[Path, TextFile | None] = MappingProxyType({})
) -> None:
    """Write every file (None: remove it) or, on any failure, none; within ``locked`` and after ``recover``.

    Links are followed, modes are kept, and a file that has its content already is not touched.

    Raises UserError where a folder or a file refuses, or is not as it was ``seen`` when its content was made.
    """
    root = root.resolve()
    write = _planned(root, contents, seen)
    if not write.changes:
        return
    state = root / STATE
    try:
        with blaming(state / DRAFT):
            os.makedirs(state, exist_ok=True)
            write_new(state / PART, _as_json(write))
            move(state / PART, state / DRAFT)
        _stage(write, contents, {path.resolve(): path for path in contents})
        with blaming(state / PLACING):
            move(state / DRAFT, state / PLACING)
        left = _place(write)
        if left:
            raise UserError(_edited(left[0]))
    except BaseException:
        _undo(write)
        raise
    _clean(write, PLACING)


def recover(root: Path) -> str | None:
    """Finish or undo a write that was cut short, and say so in one line; None where there was none.

    What was edited by hand since then is kept.

    Raises UserError for a journal that cannot be read, and where a folder or a file refuses.
    """
    root = root.resolve()
    with blaming(root / STATE / PART):
        _remove(root / STATE / PART)
    found = unfinished(root)
    if found is None:
        return None
    journal, write = found
    left = _place(write) if journal.name == PLACING else _put_back(write) if journal.name == UNDOING else []
    _clean(write, journal.name)
    files = "1 file" if len(write.changes) == 1 else f"{len(write.changes)} files"
    said = f"{'finished' if journal.name == PLACING else 'undid'} a write of {files} that was cut short"
    if left:
        said += f"; changed by others since, so left as found: {', '.join(str(path) for path in left)}"
    return said


def unfinished(root: Path) -> tuple[Path, Write] | None:
    """The write that was cut short, with its journal; None where there is none.

    Raises UserError for a journal that cannot be read.
    """
    root = root.resolve()
    for name in (DRAFT, PLACING, UNDOING):
        journal = root / STATE / name
        raw = bytes_of(journal)
        if raw is not None:
            return journal, _from_json(root, journal, raw)
    return None


def _planned(root: Path, contents: Mapping[Path, bytes | None], seen: Mapping[Path, TextFile | None]) -> Write:
    names: dict[Path, Path] = {}
    files: list[tuple[Path, str | None, str | None]] = []
    for path, content in contents.items():
        now, target = bytes_of(path), path.resolve()
        if target in names:
            raise UserError(f"{path}: is the same file as {names[target]}; remove one of them")
        names[target] = path
        if path in seen and now != _bytes_seen(seen[path]):
            raise UserError(_edited(path))
        if now == content:
            continue
        if now is not None and not os.access(target, os.W_OK):
            raise UserError(f"{path}: is read-only; nothing was written; make it writable and run the command again")
        files.append((target, _digest(now), _digest(content)))
    files.sort(key=lambda file: file[2] is None)
    folders = {folder for target, _, after in files if after is not None for folder in target.parents}
    return _write(root, secrets.token_hex(4), sorted(folder for folder in folders if not folder.exists()), files)


def _bytes_seen(file: TextFile | None) -> bytes | None:
    return None if file is None else encoded(file.text, file)


def _edited(path: Path) -> str:
    return f"{path}: was edited meanwhile; nothing was written; run the command again"


def _write(root: Path, token: str, folders: list[Path], files: Iterable[tuple[Path, str | None, str | None]]) -> Write:
    changes = []
    for number, (target, before, after) in enumerate(files):
        new, old = (target.parent / f".hfcodemod-{token}-{number}.{what}" for what in ("new", "old"))
        changes.append(Change(target, before, after, new, old))
    return Write(root, token, folders, changes)


def _as_json(write: Write) -> bytes:
    def name(path: Path) -> str:
        return path.relative_to(write.root).as_posix() if path.is_relative_to(write.root) else str(path)

    return json.dumps(
        {
            "token": write.token,
            "folders": [name(folder) for folder in write.folders],
            "files": [(name(change.target), change.before, change.after) for change in write.changes],
        },
        indent=0,
    ).encode()


def _from_json(root: Path, journal: Path, raw: bytes) -> Write:
    try:
        said = json.loads(raw)
        files = [(root / name, before, after) for name, before, after in said["files"]]
        return _write(root, said["token"], [root / name for name in said["folders"]], files)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{journal}: cannot be read, so a write that was cut short stays so; put the tree right with git, "
            "remove .hfcodemod-*.new and .hfcodemod-*.old, then this file"
        ) from error


def _stage(write: Write, contents: Mapping[Path, bytes | None], names: Mapping[Path, Path]) -> None:
    for folder in write.folders:
        with blaming(folder):
            os.makedirs(folder, exist_ok=True)
    for change in write.changes:
        content = contents[names[change.target]]
        with blaming(change.target):
            if content is not None:
                write_new(change.new, content)
                if change.before is not None:
                    os.chmod(change.new, os.stat(change.target).st_mode & 0o7777)
                    _keep(change)
    _sync(write)


def _keep(change: Change) -> None:
    try:
        os.link(change.target, change.old)
    except OSError as error:
        if error.errno not in CANNOT_LINK:
            raise
        shutil.copy2(change.target, change.old)


def _place(write: Write) -> list[Path]:
    """Let each file take its place; those that others changed are left and returned."""
    left: list[Path] = []
    for change in write.changes:
        with blaming(change.target):
            now = _digest(bytes_of(change.target))
            if now == change.after:
                continue
            if now != change.before or not (change.after is None or os.path.lexists(change.new)):
                left.append(change.target)
            elif change.after is not None:
                os.replace(change.new, change.target)
            elif not left:  # A file that was left may still need what is to be removed.
                os.replace(change.target, change.old)
    _sync(write)
    return left


def _put_back(write: Write) -> list[Path]:
    """Put back each file that has taken its place; those that others changed are left and returned."""
    left: list[Path] = []
    for change in reversed(write.changes):
        with blaming(change.target):
            now = _digest(bytes_of(change.target))
            if now == change.before or os.path.lexists(change.new):
                continue
            if now != change.after or not (change.before is None or os.path.lexists(change.old)):
                left.append(change.target)
            elif change.before is None:
                os.unlink(change.target)
            else:
                os.replace(change.old, change.target)
    # Where the disk refuses even this, the tree is as it was all the same.
    with suppress(UserError):
        _sync(write)
    return left


def _undo(write: Write) -> None:
    state = write.root / STATE
    if not (state / PLACING).exists():
        _clean(write, DRAFT)
        return
    with blaming(state / UNDOING):
        os.replace(state / PLACING, state / UNDOING)
    _put_back(write)
    _clean(write, UNDOING)


def _clean(write: Write, journal: str) -> None:
    """Remove the temporary files, then the journal."""
    state = write.root / STATE
    for change in write.changes:
        for temporary in (change.new, change.old):
            with blaming(temporary):
                _remove(temporary)
    if journal != PLACING:
        for folder in reversed(write.folders):
            _remove_if_empty(folder)
    for name in (PART, journal):
        with blaming(state / name):
            _remove(state / name)
    _remove_if_empty(state)


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()


def _sync(write: Write) -> None:
    touched = [change.target.parent for change in write.changes]
    for folder in dict.fromkeys([*touched, *(folder.parent for folder in write.folders)]):
        # A folder that somebody removed since then has nothing to sync.
        with blaming(folder), suppress(FileNotFoundError):
            sync_folder(folder)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        os.rmdir(folder)
