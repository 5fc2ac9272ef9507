"""Conflicts that wait, settled: with ours, with theirs, or as somebody edited it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hfcodemod.config import Settings
from hfcodemod.conflicts import Pending, record_path, replaced, text_of_item
from hfcodemod.errors import UserError
from hfcodemod.managed import Tree
from hfcodemod.merge import MODULE, Conflict
from hfcodemod.stamp import stamped, without_stamp
from hfcodemod.textfile import TextFile, encoded, read

Way = Literal["ours", "theirs", "edited"]
_REGION = re.compile(
    r"^<<<<<<< [^\n]*\n(?P<ours>.*?)^=======\n(?P<theirs>.*?)^>>>>>>> [^\n]*(?:\n|\Z)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Settlement:
    """A module whose conflicts are settled, and the files that this takes (None: removed)."""

    path: Path
    files: dict[Path, bytes | None]
    before: TextFile


def settlement(pending: Pending, way: Way, settings: Settings, tree: Tree) -> Settlement:
    """The module with its conflicts settled in one way, and its base advanced.

    Raises UserError where the file is not what the way takes for granted.
    """
    path = _path(pending, settings, tree)
    file = read(path, unmerged=True)
    if file is None:
        raise UserError(f"{path}: is gone; delete {record_path(settings.root, pending.identity)}, or restore the file")
    body, stamp = without_stamp(file.text)
    if stamp is None:
        raise UserError(f"{path}: lost its stamp; `hfcodemod adopt {path} --as {pending.name}`")
    text = _settled(path, body, pending, way)
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}: does not parse ({error.msg}); mend it first") from error
    new = stamped(text, stamp.with_base(pending.theirs))
    record = record_path(settings.root, pending.identity)
    return Settlement(path, {path: encoded(new, file), record: None}, file)


def _path(pending: Pending, settings: Settings, tree: Tree) -> Path:
    """The file, which may have been moved since."""
    for file in tree.files:
        if file.identity == pending.identity:
            return file.path
    return settings.root / pending.path


def _settled(path: Path, body: str, pending: Pending, way: Way) -> str:
    if _REGION.search(body):
        if way == "edited":
            line = body.count("\n", 0, _REGION.search(body).start()) + 1  # type: ignore[union-attr]  # it was found
            raise UserError(f"{path}:{line}: still holds conflict markers; edit them away, or pass --ours or --theirs")
        return _REGION.sub(lambda region: region.group(way), body)
    edited = [conflict.item for conflict in pending.conflicts if _now(body, conflict.item) != conflict.ours]
    if way == "edited":
        if not edited:
            raise UserError(f"{path}: nothing was edited since the conflict; edit it, or pass --ours or --theirs")
        return body
    if edited:
        raise UserError(f"{path}: {', '.join(edited)} was edited since the conflict; pass --edited to keep that")
    if way == "ours":
        return body
    text = body
    for conflict in pending.conflicts:
        if conflict.item == MODULE:
            return conflict.theirs
        text = _with_theirs(path, text, conflict)
    return text


def _with_theirs(path: Path, text: str, conflict: Conflict) -> str:
    new = replaced(text, conflict.item, conflict.theirs)
    if new is None and not conflict.ours:
        scope = conflict.item.rpartition(".")[0]
        around = text_of_item(text, scope) if scope else text
        new = None if around is None else text.replace(around, _ended(around) + conflict.theirs, 1)
    if new is None:
        raise UserError(f"{path}: has no {conflict.item} any more; edit the file, and pass --edited")
    return new


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"


def _now(body: str, item: str) -> str:
    return body if item == MODULE else text_of_item(body, item) or ""
