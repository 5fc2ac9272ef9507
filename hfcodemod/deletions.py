"""Tests that somebody deleted from a module: they stay deleted, whatever the skeleton does with them."""

from __future__ import annotations

from dataclasses import dataclass

from hfcodemod.items import Block, Item, Key, module_block


@dataclass(frozen=True)
class Settled:
    """Base and theirs without the tests that ours deleted."""

    base: str
    theirs: str
    changed: tuple[str, ...] = ()
    """The deleted tests that the skeleton has changed, which is worth telling."""


def without_deleted(base: str, ours: str, theirs: str) -> Settled:
    """Base and theirs without the tests that ours no longer has; the very inputs where it has all."""
    changed: list[str] = []
    old, new = _without(module_block(base), module_block(ours), module_block(theirs), "", changed)
    return Settled(old, new, tuple(changed))


def _without(base: Block, ours: Block, theirs: Block, scope: str, changed: list[str]) -> tuple[str, str]:
    left = {item.key: item for item in ours.items}
    right = {item.key: item for item in theirs.items}
    old_items = {item.key: item for item in base.items}
    gone = {key for key in old_items if _is_test(key) and key not in left}
    changed += [
        f"{scope}{key[1]}"
        for key in old_items
        if key in gone and key in right and right[key].text != old_items[key].text
    ]
    inner: dict[Key, tuple[str, str]] = {}
    for key in old_items.keys() & left.keys() & right.keys():
        mine, yours, other = old_items[key].block, left[key].block, right[key].block
        if key[0] == "class" and mine and yours and other:
            inner[key] = _without(mine, yours, other, f"{scope}{key[1]}.", changed)

    def joined(block: Block, side: int) -> str:
        kept = [item for item in block.items if item.key not in gone]
        return block.head + "".join(_source(item, inner.get(item.key), side) for item in kept) + block.tail

    return joined(base, 0), joined(theirs, 1)


def _source(item: Item, inner: tuple[str, str] | None, side: int) -> str:
    return item.source if inner is None else item.lead + inner[side]


def _is_test(key: Key) -> bool:
    kind, name, _ = key
    return (kind == "def" and name.startswith("test")) or (kind == "class" and name.startswith("Test"))
