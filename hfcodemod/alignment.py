"""Which part of one version of a module is which part of another."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from hfcodemod.own_items import Node, Source

Triple = tuple[Node | None, Node | None, Node | None]
"""The same part in base, ours and theirs; None where it is missing."""
_ALIKE = 0.5
"""What is no more alike than this is something else."""


def triples(sources: tuple[Source, Source, Source], parents: Triple) -> list[Triple]:
    """The children of three parents, matched by kind and name, and where several are alike by what they hold."""
    base, ours, theirs = ([] if parent is None else parent.children for parent in parents)
    left = _aligned((sources[0], base), (sources[1], ours))
    right = _aligned((sources[0], base), (sources[2], theirs))
    found: list[Triple] = [(node, left.get(node), right.get(node)) for node in base]
    rest = _without(ours, left)
    new = _without(theirs, right)
    both = _aligned((sources[1], rest), (sources[2], new))
    found += [(None, node, both.get(node)) for node in rest]
    return found + [(None, None, node) for node in _without(new, both)]


def _without(nodes: Sequence[Node], matched: dict[Node, Node]) -> list[Node]:
    known = set(matched.values())
    return [node for node in nodes if node not in known]


def _aligned(left: tuple[Source, Sequence[Node]], right: tuple[Source, Sequence[Node]]) -> dict[Node, Node]:
    groups: defaultdict[tuple[str, str], tuple[list[Node], list[Node]]] = defaultdict(lambda: ([], []))
    for side, (_, nodes) in enumerate((left, right)):
        for node in nodes:
            groups[node.kind, node.label][side].append(node)
    found: dict[Node, Node] = {}
    for first, second in groups.values():
        if len(first) == len(second) == 1:
            found[first[0]] = second[0]
        elif first and second:
            texts = [[source.plain(node) for node in nodes] for source, nodes in ((left[0], first), (right[0], second))]
            pairs = _likest if any(node.holds for node in first + second) else _same
            found.update((first[i], second[j]) for i, j in pairs(*texts))
    return found


def _same(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The pairs that are the same, in order."""
    for i, j, size in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks():
        yield from zip(range(i, i + size), range(j, j + size), strict=True)


def _likest(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The pairs that are the same, wherever they stand; of the rest those that are most alike, in order."""
    once = [{text for text, count in Counter(texts).items() if count == 1} for texts in (left, right)]
    same = once[0] & once[1]
    yield from ((left.index(text), right.index(text)) for text in sorted(same))
    rest = [[i for i, text in enumerate(texts) if text not in same] for texts in (left, right)]
    words = [[re.findall(r"\w+|\S", texts[i]) for i in kept] for texts, kept in zip((left, right), rest, strict=True)]
    best: list[list[float]] = [[0.0] * (len(words[1]) + 1) for _ in range(len(words[0]) + 1)]
    for i in reversed(range(len(words[0]))):
        for j in reversed(range(len(words[1]))):
            likeness = SequenceMatcher(None, words[0][i], words[1][j], autojunk=False).ratio()
            # Squared: one pair that is the same counts for more than two that are half alike.
            worth = likeness**2 if likeness > _ALIKE else 0.0
            best[i][j] = max(worth + best[i + 1][j + 1], best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(words[0]) and j < len(words[1]):
        if best[i][j] == best[i + 1][j]:
            i += 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            yield rest[0][i], rest[1][j]
            i, j = i + 1, j + 1
