"""Where the items of a merge go: what both sides keep, in one order, and what each added or moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hfcodemod.items import Block, Item, Key


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
    common = set(old) & set(left) & set(right)
    orders = [[key for key in side if key in common] for side in (old, left, right)]
    if orders[2] in orders[:2]:
        first, second = left, right
    elif orders[1] == orders[0]:
        first, second = right, left
    else:
        raise Clash("both sides moved items")
    order = list(first)
    at = 0
    for key in second:
        if key in order:
            at = order.index(key) + 1
            continue
        if key not in old:
            at = _behind_new(order, at, set(old) | set(second), key, first is left)
        order.insert(at, key)
        at += 1
    return order


def _behind_new(order: Sequence[Key], at: int, known: set[Key], key: Key, ours_first: bool) -> int:
    """The place behind what the other side added at ``at``; among imports, the sorted one."""
    while ours_first and at < len(order) and order[at] not in known:
        if is_import(key) and is_import(order[at]) and key[1] < order[at][1]:
            break
        at += 1
    return at


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
    runs: list[list[int]] = []
    longest: list[int] = []
    for i, number in enumerate(numbers):
        before: list[int] = []
        for run in runs[:i]:
            if run[-1] < number and len(run) > len(before):
                before = run
        runs.append([*before, number])
        longest = max(longest, runs[-1], key=len)
    return set(longest)


def beside_new(key: Key, old: Mapping[Key, Item], keeper: Block, remover: Block) -> bool:
    """Whether something that the keeper added stands next to a run of items that the remover took away."""
    keys = [item.key for item in keeper.items]
    left = {item.key for item in remover.items}
    for step in (-1, 1):
        at = keys.index(key) + step
        while 0 <= at < len(keys) and keys[at] in old and keys[at] not in left:
            at += step
        if 0 <= at < len(keys) and keys[at] not in old:
            return True
    return False
