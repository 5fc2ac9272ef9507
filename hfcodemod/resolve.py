"""Conflicts that wait, settled: with ours, with theirs, or as somebody edited it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hfcodemod.config import Settings
from hfcodemod.conflicts import REGION, Pending, names_in, record_path, replaced, text_of_item
from hfcodemod.errors import UserError
from hfcodemod.itemnames import MODULE
from hfcodemod.managed import Tree
from hfcodemod.merge import Conflict
from hfcodemod.parsing import check_parses
from hfcodemod.stamp import stamped, without_stamp
from hfcodemod.textfile import TextFile, encoded, read
from hfcodemod.workspace import base_text

Way = Literal["ours", "theirs", "edited"]


@dataclass(frozen=True)
class Settlement:
    """A module whose conflicts are settled, and the files that this takes (None: removed)."""

    path: Path
    files: dict[Path, bytes | None]
    before: TextFile


def where_they_are(waiting: Sequence[Pending], settings: Settings, tree: Tree) -> list[Pending]:
    """The conflicts with the paths that their modules have now: they may have been moved since."""
    paths = {file.identity: file.path.relative_to(settings.root).as_posix() for file in tree.files}
    return [replace(pending, path=paths.get(pending.identity, pending.path)) for pending in waiting]


def settlement(pending: Pending, way: Way, settings: Settings) -> Settlement:
    """The module with its conflicts settled in one way, and its base advanced.

    Raises UserError where the file is not what the way takes for granted.
    """
    path = settings.root / pending.path
    file = read(path, unmerged=True)
    if file is None:
        raise UserError(f"{path}: is gone; delete {record_path(settings.root, pending.identity)}, or restore the file")
    body, stamp = without_stamp(file.text)
    if stamp is None:
        raise UserError(f"{path}: lost its stamp; `hfcodemod adopt {path} --as {pending.name}`")
    region = REGION.search(file.text)
    if region is None:
        check_parses(path, file.text)
        text = _settled(path, body, pending, way, base_text(settings.root, pending.theirs) or "")
    elif way == "edited":
        line = file.text.count("\n", 0, region.start()) + 1
        raise UserError(f"{path}:{line}: still holds conflict markers; edit them away, or pass --ours or --theirs")
    else:
        text = REGION.sub(lambda region: region.group(way), body)
    _check_result(path, text, way)
    new = stamped(text, stamp.with_base(pending.theirs))
    record = record_path(settings.root, pending.identity)
    return Settlement(path, {path: encoded(new, file), record: None}, file)


def _check_result(path: Path, text: str, way: Way) -> None:
    try:
        check_parses(path, text)
    except UserError as error:
        raise UserError(f"{path}: would not parse with --{way}; edit the file, and pass --edited") from error


def _settled(path: Path, body: str, pending: Pending, way: Way, theirs: str) -> str:
    """The module with its conflicts settled, where no markers stand in it; ``theirs`` is the skeleton's whole text."""
    edited = [conflict.item for conflict in pending.conflicts if _now(body, conflict.item) != conflict.ours]
    if way == "edited":
        if not edited:
            raise UserError(f"{path}: nothing was edited since the conflict; edit it, or pass --ours or --theirs")
        return body
    if edited:
        raise UserError(f"{path}: {', '.join(edited)} was edited since the conflict; pass --edited to keep that")
    if way == "ours":
        return body
    for conflict in pending.conflicts:
        if conflict.item == MODULE:
            return conflict.theirs
        body = _with_theirs(path, body, conflict, theirs)
    return body


def _with_theirs(path: Path, text: str, conflict: Conflict, theirs: str) -> str:
    new = replaced(text, conflict.item, conflict.theirs)
    if new is None and not conflict.ours:
        new = _put_back(text, conflict, theirs)
    if new is None:
        raise UserError(f"{path}: has no {conflict.item} any more; edit the file, and pass --edited")
    return new


def _put_back(text: str, conflict: Conflict, theirs: str) -> str | None:
    """The text with an item that it lacks, beside what it stands beside in theirs; None without its scope."""
    scope = conflict.item.rpartition(".")[0]
    beside = [name for name in names_in(theirs) if name.rpartition(".")[0] == scope]
    place = beside.index(conflict.item) if conflict.item in beside else len(beside)
    for name in reversed(beside[:place]):
        there = text_of_item(text, name)
        if there is not None:
            return replaced(text, name, _joined(there, conflict.theirs))
    for name in beside[place + 1 :]:
        there = text_of_item(text, name)
        if there is not None:
            return replaced(text, name, _joined(conflict.theirs, there))
    if not scope:
        return _joined(text, conflict.theirs)
    around = text_of_item(text, scope)
    return None if around is None else replaced(text, scope, _joined(around, conflict.theirs))


def _joined(first: str, second: str) -> str:
    """One behind the other, with a blank line before what is more than a line."""
    end = "" if first.endswith("\n") or not first else "\n"
    gap = "" if second.startswith("\n") or "\n" not in second.strip() or not first else "\n"
    return f"{first}{end}{gap}{second}"


def _now(body: str, item: str) -> str:
    return body if item == MODULE else text_of_item(body, item) or ""
