"""What somebody deleted from a module, or never had in one that was adopted: it stays away, whatever the skeleton does.

That is true of tests, and of helpers, constants and fixtures as long as neither the module nor anything that the
skeleton brings has a use for them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from hfcodemod.items import Block, Item, Key, module_block

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Settled:
    """Base and theirs without what ours deleted."""

    base: str
    theirs: str
    changed: tuple[str, ...] = ()
    """What was deleted and has changed in the skeleton, which is worth telling."""


def without_deleted(base: str, ours: str, theirs: str) -> Settled:
    """Base and theirs without what ours no longer has; the very inputs where it has all."""
    blocks = module_block(base), module_block(ours), module_block(theirs)
    changed: list[str] = []
    needed = _words(ours).union(*(_words(text) for text in _news(blocks[0], blocks[2])))
    old, new = _without(*blocks, "", needed, changed)
    return Settled(old, new, tuple(changed))


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text))


def _news(base: Block, theirs: Block) -> Iterator[str]:
    """What the skeleton brings: of each definition that is new or changed, what is not its name."""
    old = {item.key: item for item in base.items}
    for item in theirs.items:
        before = old.get(item.key)
        if before is None:
            yield item.text
        elif before.text != item.text:
            if before.block and item.block and item.key[0] == "class":
                yield item.block.head
                yield from _news(before.block, item.block)
            else:
                yield re.sub(rf"\b{re.escape(item.key[1])}\b", "", item.text)


def _without(
    base: Block, ours: Block, theirs: Block, scope: str, needed: Collection[str], changed: list[str]
) -> tuple[str, str]:
    left = {item.key: item for item in ours.items}
    right = {item.key: item for item in theirs.items}
    old_items = {item.key: item for item in base.items}
    gone = {key for key in old_items if key not in left and _stays_away(key, needed)}
    changed += [
        f"{scope}{key[1]}"
        for key in old_items
        if key in gone and key in right and right[key].text != old_items[key].text
    ]
    inner: dict[Key, tuple[str, str]] = {}
    for key in old_items.keys() & left.keys() & right.keys():
        mine, yours, other = old_items[key].block, left[key].block, right[key].block
        if key[0] == "class" and mine and yours and other:
            inner[key] = _without(mine, yours, other, f"{scope}{key[1]}.", needed, changed)

    def joined(block: Block, side: int) -> str:
        kept = [item for item in block.items if item.key not in gone]
        text = "".join(_source(item, inner.get(item.key), side) for item in kept)
        if not kept and block.head.strip():
            # A class must have something in it. Ours has not this, so that it goes where ours decides.
            text = f"{_indent(block.items[0].text)}pass\n"
        return block.head + text + block.tail

    return joined(base, 0), joined(theirs, 1)


def _indent(text: str) -> str:
    return text[: len(text) - len(text.lstrip(" \t\f"))]


def _source(item: Item, inner: tuple[str, str] | None, side: int) -> str:
    return item.source if inner is None else item.lead + inner[side]


def _stays_away(key: Key, needed: Collection[str]) -> bool:
    kind, name, _ = key
    if (kind == "def" and name.startswith("test")) or (kind == "class" and name.startswith("Test")):
        return True
    return (kind in ("class", "name") or kind.startswith("def")) and name not in needed
