"""Which files of a repository are managed: those with a stamp, wherever they were moved to."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from hfcodemod.config import Settings
from hfcodemod.errors import UserError
from hfcodemod.findings import LOST_STAMP, REFUSED, SAME_MODULE, UNREADABLE
from hfcodemod.searched import python_files
from hfcodemod.stamp import MARK, Stamp, check_stamps, digest, without_stamp
from hfcodemod.textfile import bytes_of, read
from hfcodemod.workspace import base_text, bases_folder

_MARK = MARK.encode()
RELEASED = f"{MARK}own"
"""In the stamp's place."""

Identity = tuple[str, str]
"""Skeleton and name: what a module is, whatever its file is called."""


@dataclass(frozen=True)
class Managed:
    """A file with a stamp."""

    path: Path
    stamp: Stamp
    sha: str
    """Over its text."""
    as_generated: bool
    """Whether it is what was generated, and has no comment of ours but its stamp."""

    @property
    def identity(self) -> Identity:
        """What it is."""
        return identity(self.stamp)


@dataclass(frozen=True)
class Trouble:
    """A file that can't be managed as it is, with the remedy."""

    path: Path
    said: str
    code: str = REFUSED
    """The one that `hfcodemod check` gives it."""


@dataclass(frozen=True)
class Tree:
    """The managed files, and those that only look so."""

    files: tuple[Managed, ...]
    troubles: tuple[Trouble, ...] = ()
    unused: frozenset[str] = field(default_factory=frozenset)
    """Ids of bases that no stamp names."""


def identity(stamp: Stamp) -> Identity:
    """What a module with this stamp is."""
    return stamp.skeleton or "", stamp.name


def tree_of(settings: Settings, paths: Iterable[Path] | None = None) -> Tree:
    """The managed files of a repository, in order of their paths; those among ``paths`` if there are any given."""
    files: list[Managed] = []
    troubles: list[Trouble] = []
    bare: list[Path] = []
    ours = set(own_files(settings))
    for path in python_files(settings) if paths is None else paths:
        try:
            raw = bytes_of(path)
        except UserError as error:
            if not path.is_symlink() or _may_be_a_module(path, settings):
                troubles.append(Trouble(path, str(error), UNREADABLE))
            continue
        if ours and path in ours:
            continue
        if raw is None or _MARK not in raw:
            bare.append(path)
            continue
        text = raw.decode("utf-8-sig", "replace")
        if "\r" in text:
            text = re.sub("\r\n?", "\n", text)
        try:
            check_stamps(text, str(path))
        except UserError as error:
            unreadable = _unreadable(path)
            troubles.append(Trouble(path, unreadable or str(error), UNREADABLE if unreadable else error.code))
            continue
        file = _managed(path, text)
        if file is None:
            bare.append(path)
        else:
            files.append(file)
    files = _without_links(files)
    copies = _copies(files)
    troubles += [Trouble(file.path, said, SAME_MODULE) for file, said in copies.items()]
    kept = tuple(file for file in files if file not in copies)
    unused = _bases(settings.root) - {file.stamp.base for file in files}
    troubles += _without_stamps(bare, settings, unused)
    return Tree(kept, tuple(sorted(troubles, key=lambda trouble: trouble.path)), frozenset(unused))


def text_sha(text: str) -> str:
    """A digest of a module's text, wherever its stamp stands."""
    return _hashed(*without_stamp(text))[1]


def _hashed(body: str, stamp: Stamp | None) -> tuple[str, str]:
    """The id that a text without its stamp would have as a base, and the digest of both: hashed once."""
    hashed = hashlib.sha256(body.encode("utf-8", "surrogatepass"))
    base = hashed.hexdigest()[:8]
    hashed.update(stamp.line().encode() if stamp else b"")
    return base, hashed.hexdigest()


def _managed(path: Path, text: str) -> Managed | None:
    body, stamp = without_stamp(text)
    if stamp is None:
        return None
    base, sha = _hashed(body, stamp)
    return Managed(path, stamp, sha, base == stamp.base and "hfcodemod:" not in body)


def own_files(settings: Settings) -> Iterator[Path]:
    """What modules are made from: a mark there speaks of the modules."""
    yield from (own.path for own in settings.skeletons.values())
    for adjustments in (settings.adjustments, *(own.adjustments for own in settings.skeletons.values())):
        if adjustments.overlay is not None:
            yield adjustments.overlay


def _without_links(files: Sequence[Managed]) -> list[Managed]:
    """The files without links to others of them, and without a second link to the same."""
    links = {file.path: file.path.resolve() for file in files if os.path.islink(file.path)}
    if not links:
        return list(files)
    there = {file.path.resolve() for file in files if file.path not in links}
    twice: set[Path] = set()
    for path, real in links.items():
        if real in there:
            twice.add(path)
        there.add(real)
    return [file for file in files if file.path not in twice]


def _copies(files: Sequence[Managed]) -> dict[Managed, str]:
    """The files that say that they are the same module as another, and what to do."""
    by_identity: dict[Identity, list[Managed]] = {}
    for file in files:
        by_identity.setdefault(file.identity, []).append(file)
    said: dict[Managed, str] = {}
    for several in by_identity.values():
        for file in several if len(several) > 1 else ():
            other = next(one.path for one in several if one is not file)
            said[file] = (
                f"{file.path}: has the stamp of {file.stamp.name}, and so has {other}; if this is the copy, "
                f"`hfcodemod adopt {file.path} --as NAME` makes it another module, `{RELEASED}` in place of the stamp "
                "none"
            )
    return said


def _bases(root: Path) -> set[str]:
    try:
        return set(os.listdir(bases_folder(root)))
    except (FileNotFoundError, NotADirectoryError):
        return set()


def _without_stamps(paths: Sequence[Path], settings: Settings, unused: set[str]) -> Iterator[Trouble]:
    """Files that were generated, or are most of what was, and have no stamp any more."""
    candidates = [path for path in paths if _may_be_a_module(path, settings)] if unused else []
    if not candidates:
        return
    bases = {name: base_text(settings.root, name) for name in unused}
    lines = {name: set(text.split("\n")) for name, text in bases.items() if text}
    for path in candidates:
        try:
            file = read(path)
        except UserError as error:
            yield Trouble(path, str(error), UNREADABLE)
            continue
        if file is None or _is_released(file.text):
            continue
        own = set(file.text.split("\n"))
        for name, there in lines.items():
            if digest(file.text) == name or len(own & there) * 2 > len(there):
                remedy = f"`hfcodemod adopt {path}` gives it one, `{RELEASED}` in its place releases the file"
                yield Trouble(path, f"{path}: lost its stamp; {remedy}", LOST_STAMP)
                break


def _unreadable(path: Path) -> str | None:
    """Why the file cannot be read as it is, which goes before what its stamp is."""
    try:
        read(path)
    except UserError as error:
        return str(error)
    return None


def _may_be_a_module(path: Path, settings: Settings) -> bool:
    targets = [settings.target, *(own.target for own in settings.skeletons.values())]
    name = path.relative_to(settings.root).as_posix()
    return any(fnmatch(name, target.replace("{name}", "*")) for target in targets)


def _is_released(text: str) -> bool:
    """Whether a mark in the stamp's place releases the whole file from management."""
    from hfcodemod.own import is_released

    try:
        return is_released(text)
    except (SyntaxError, RecursionError, MemoryError):
        return False


def selected(tree: Tree, names: Sequence[str], settings: Settings) -> Tree:
    """The part of the tree that is named by names or paths.

    Raises UserError for what names no managed file.
    """
    import difflib

    chosen: list[Managed] = []
    troubles: list[Trouble] = []
    for name in names:
        paths = {Path(name).absolute(), Path(name).resolve()}
        found = [file for file in tree.files if file.path.absolute() in paths or file.stamp.name == name]
        bad = [trouble for trouble in tree.troubles if trouble.path.absolute() in paths]
        if not found and not bad:
            known = [file.stamp.name for file in tree.files]
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
            hint = f"; the nearest: {', '.join(near)}" if near else ""
            raise UserError(f"{name}: no managed module; `hfcodemod adopt PATH` makes a file one{hint}")
        chosen += [file for file in found if file not in chosen]
        troubles += bad
    return Tree(tuple(chosen), tuple(troubles), tree.unused)
