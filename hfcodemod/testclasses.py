"""Classes that a module calls otherwise than its skeleton does: what happens to the one is to reach the other."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping

from hfcodemod.items import Block, module_block

_CLASS = re.compile(r"^class[ \t]+(\w+)", re.MULTILINE)


def called(base: str, ours: str) -> dict[str, str]:
    """The names of classes in base, with those that they have in ours instead.

    That is the one class that base does not have, and that has at least half of the members of the one that ours does
    not have. In doubt it is another class. Raises SyntaxError where a side does not parse.
    """
    old, new = set(_CLASS.findall(base)), set(_CLASS.findall(ours))
    if not (old - new and new - old):
        return {}
    left, right = _members(module_block(base), old - new), _members(module_block(ours), new - old)
    found = {name: list(_like(members, right)) for name, members in left.items()}
    sure = {name: others[0] for name, others in found.items() if len(others) == 1}
    return {name: other for name, other in sure.items() if list(sure.values()).count(other) == 1}


def named_as_in_base(items: Collection[str], names: Mapping[str, str]) -> set[str]:
    """Dotted names of items in ours, as they are in base."""
    there = {new: old for old, new in names.items()}
    parts = [item.partition(".") for item in items]
    return {f"{there.get(first, first)}{dot}{rest}" for first, dot, rest in parts}


def _members(block: Block, names: Collection[str]) -> dict[str, set[str]]:
    """What each of these classes defines."""
    return {
        item.key[1]: {inner.key[1] for inner in item.block.items if _is_named(inner.key[0])}
        for item in block.items
        if item.key[0] == "class" and item.key[1] in names and item.block
    }


def _is_named(kind: str) -> bool:
    return kind in ("class", "name") or kind.startswith("def")


def _like(members: set[str], others: Mapping[str, set[str]]) -> Iterator[str]:
    for name, other in others.items():
        if members & other and len(members & other) * 2 >= len(members):
            yield name
