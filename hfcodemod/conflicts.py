"""Conflicts that wait for a decision: a file for each module, with all sides, kept until it is settled."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hfcodemod.errors import UserError
from hfcodemod.findings import BROKEN_RECORD
from hfcodemod.itemnames import HEADER
from hfcodemod.managed import Identity, Trouble
from hfcodemod.textfile import read
from hfcodemod.workspace import STATE

if TYPE_CHECKING:
    from hfcodemod.items import Block, Item
    from hfcodemod.merge import Conflict

REGION = re.compile(
    r"^<<<<<<< [^\n]*\n(?P<ours>.*?)^=======\n(?P<theirs>.*?)^>>>>>>> [^\n]*(?:\n|\Z)", re.MULTILINE | re.DOTALL
)
"""A conflict as git marks it."""


@dataclass(frozen=True)
class Pending:
    """The conflicts of one module."""

    path: str
    """From the root."""
    name: str
    skeleton: str
    theirs: str
    """The id of the base that the module will have once they are settled."""
    conflicts: tuple[Conflict, ...]

    @property
    def identity(self) -> Identity:
        """Whose they are."""
        return self.skeleton, self.name


def records_folder(root: Path) -> Path:
    """Where conflicts are kept."""
    return root / STATE / "conflicts"


def record_path(root: Path, identity: Identity) -> Path:
    """Where the conflicts of a module are kept."""
    skeleton, name = (re.sub(r"[^\w.-]", "_", part) for part in identity)
    return records_folder(root) / f"{skeleton}{'.' if skeleton else ''}{name}.json"


def record_bytes(pending: Pending) -> bytes:
    """The conflicts as they are stored."""
    return (json.dumps(asdict(pending), indent=1, ensure_ascii=False) + "\n").encode()


def pending_in(root: Path) -> tuple[list[Pending], list[Trouble]]:
    """Every conflict that waits, and the records that cannot be read."""
    waiting: list[Pending] = []
    troubles: list[Trouble] = []
    for file in sorted(records_folder(root).glob("*.json")):
        try:
            waiting.append(_record(json.loads(file.read_bytes())))
        except (OSError, ValueError, KeyError, TypeError) as error:
            said = f"{file}: is no record of conflicts ({type(error).__name__}: {error}); restore it with git, or "
            said += "delete it and run `hfcodemod migrate-all`, which makes it again"
            troubles.append(Trouble(file, said, BROKEN_RECORD))
    return waiting, troubles


def _record(said: Any) -> Pending:
    """A record as it was stored; raises KeyError, TypeError or ValueError for anything else."""
    from hfcodemod.merge import Conflict

    conflicts = tuple(_checked(Conflict(**conflict)) for conflict in said["conflicts"])
    if not conflicts:
        raise ValueError("it holds no conflict")
    return _checked(Pending(**{**said, "conflicts": conflicts}))


_Record = TypeVar("_Record", "Pending", "Conflict")


def _checked(record: _Record) -> _Record:
    for key, value in vars(record).items():
        kind = {"line": int, "marker": int, "conflicts": tuple}.get(key, str)
        if not isinstance(value, kind):
            raise TypeError(f"{key} is {value!r}")
    return record


def is_marked(path: Path) -> bool:
    """Whether git's markers stand in a file that can be read at all."""
    try:
        file = read(path, unmerged=True)
    except UserError:
        return False
    return file is not None and REGION.search(file.text) is not None


def held_back(base: str, theirs: str, items: Collection[str]) -> str:
    """Theirs with the items of these names as in the base: the next merge meets them again."""
    from hfcodemod.items import module_block

    old, new = module_block(base), module_block(theirs)
    found = {name for block in (old, new) for name, _, _ in _places(block, "", 0)}
    # What is not found by its name, as one of several imports from one module, holds the whole module back.
    return _held_back(old, new, items, "") if found >= set(items) else base


def _held_back(base: Block, theirs: Block, items: Collection[str], scope: str) -> str:
    old = {item.key: item for item in base.items}
    order = [(item.key, item) for item in theirs.items]
    present = {item.key for item in theirs.items}
    before = None
    for item in base.items:
        if item.key not in present and item_name(item, scope) in items:
            keys = [key for key, _ in order]
            order.insert(keys.index(before) + 1 if before is not None else 0, (item.key, item))
        before = item.key if item.key in dict(order) else before
    texts: list[str] = []
    for key, item in order:
        name = item_name(item, scope)
        mine = old.get(key)
        if name in items:
            texts.append(mine.source if mine else "")
        elif mine and mine.block and item.block and any(other.startswith(f"{name}.") for other in items):
            inner = _held_back(mine.block, item.block, items, f"{name}.")
            texts.append(item.lead + inner)
        else:
            texts.append(item.source)
    head = base.head if f"{scope}{HEADER}" in items else theirs.head
    return head + "".join(texts) + theirs.tail


def item_name(item: Item, scope: str = "") -> str:
    """The dotted name of an item, as conflicts say it."""
    return f"{scope}{item.key[1] or item.key[0]}"


def replaced(source: str, name: str, text: str) -> str | None:
    """The source with an item of that name replaced by ``text``; None where it has none."""
    for item, start, end in _places_in(source):
        if item == name:
            return source[:start] + text + source[end:]
    return None


def text_of_item(source: str, name: str) -> str | None:
    """The text of an item of that name, or None."""
    return next((source[start:end] for item, start, end in _places_in(source) if item == name), None)


def _places_in(source: str) -> Iterator[tuple[str, int, int]]:
    from hfcodemod.items import module_block

    return _places(module_block(source), "", 0)


def names_in(source: str) -> list[str]:
    """The dotted names of all items, in order."""
    return [item for item, _, _ in _places_in(source) if not item.endswith(HEADER)]


def _places(block: Block, scope: str, at: int) -> Iterator[tuple[str, int, int]]:
    """Each item's dotted name and where it is."""
    at += len(block.head)
    for item in block.items:
        name = item_name(item, scope)
        end = at + len(item.source)
        yield name, at, end
        if item.block:
            start = at + len(item.lead)
            yield f"{name}.{HEADER}", start, start + len(item.block.head)
            yield from _places(item.block, f"{name}.", start)
        at = end
