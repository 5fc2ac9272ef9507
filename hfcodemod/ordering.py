"""Where the items of a merge go: what both sides keep, in one order, and what each added or moved."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence

from hfcodemod.items import Block, Key


class Clash(Exception):
    """Raised where an item can't be merged, and caught where its three sides are known."""


def is_import(key: Key) -> bool:
    """Whether the item is an import."""
    return key[0] in ("import", "from")


def is_named(key: Key) -> bool:
    """Whether the item is found by a name: a definition, an assignment, an import."""
    return key[0] in ("class", "name", "text") or key[0].startswith("def") or is_import(key)


def merged_order(base: Block, ours: Block, theirs: Block) -> list[Key]:
    """The keys of the result in order; raises Clash where both sides moved something."""
    old, left, right = ([item.key for item in block.items] for block in (base, ours, theirs))
    old_keys = set(old)
    common = old_keys & set(left) & set(right)
    orders = [[key for key in side if key in common] for side in (old, left, right)]
    if orders[2] in orders[:2]:
        first, second = left, right
    elif orders[1] == orders[0]:
        first, second = right, left
    else:
        raise Clash("both sides moved items")
    known, found = {*old_keys, *second}, set(first)
    after: dict[Key | None, Key | None] = dict(zip([None, *first], [*first, None], strict=True))
    before: Key | None = None
    for key in second:
        if key not in found:
            if key not in old_keys and first is left:
                before = _behind_new(after, before, known, key)
            after[before], after[key] = key, after[before]
        before = key
    return list(_chain(after))


def _behind_new(
    after: Mapping[Key | None, Key | None], before: Key | None, known: Collection[Key], key: Key
) -> Key | None:
    """The last of what ours added behind ``before``; among imports, the last that sorts before ``key``."""
    while (new := after[before]) is not None and new not in known:
        if is_import(key) and is_import(new) and key[1] < new[1]:
            break
        before = new
    return before


def _chain(after: Mapping[Key | None, Key | None]) -> Iterator[Key]:
    key = after[None]
    while key is not None:
        yield key
        key = after[key]


def moved(base: Block, side: Block) -> set[Key]:
    """The keys that stand in another order than in the base."""
    present = {item.key for item in side.items}
    old = [item.key for item in base.items if item.key in present]
    place = {key: i for i, key in enumerate(old)}
    new = [item.key for item in side.items if item.key in place]
    if new == old:
        return set()
    kept = _longest_ascending([place[key] for key in new])
    return {key for key in new if place[key] not in kept}


def _longest_ascending(numbers: Sequence[int]) -> set[int]:
    """One of the longest ascending selections of distinct numbers."""
    ends: list[int] = []
    """The smallest number that a selection of each length can end in."""
    previous: dict[int, int | None] = {}
    for number in numbers:
        length = bisect_left(ends, number)
        previous[number] = ends[length - 1] if length else None
        ends[length : length + 1] = [number]
    chosen: set[int] = set()
    last: int | None = ends[-1]
    while last is not None:
        chosen.add(last)
        last = previous[last]
    return chosen


def beside_new(old: Collection[Key], keeper: Block, remover: Block) -> set[Key]:
    """What the remover took away next to something that the keeper added, with all of its run of removed items."""
    left = {item.key for item in remover.items}
    found: set[Key] = set()
    run: list[Key] = []
    behind_new = False
    for item in keeper.items:
        if item.key in old and item.key not in left:
            run.append(item.key)
            continue
        new = item.key not in old
        found.update(run if new or behind_new else ())
        run, behind_new = [], new
    found.update(run if behind_new else ())
    return found
