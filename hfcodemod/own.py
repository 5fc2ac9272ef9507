"""What belongs to a module alone: its expected scores, tolerances, skips and prompts.

``# hfcodemod: own`` in the skeleton or in a module says so. What is marked is taken out of the comparison before a
merge: base and theirs get what ours has, so that nothing about it can be overwritten, and nothing can conflict.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from hfcodemod.alignment import triples
from hfcodemod.own_items import Node, Source, has_mark
from hfcodemod.own_slices import Edits, merged_edits
from hfcodemod.stamp import without_stamp


def started(source: str) -> str:
    """What a new module gets of a rendered skeleton: own values as their marks say they start, else as ``...``.

    Decorators, functions, classes and other statements have no value to leave open: a module begins with those of the
    skeleton. ``own = None`` at a decorator begins without it.

    Raises SyntaxError for a source that does not parse, and for a mark whose start does not or that has no use for one.
    """
    if not has_mark(source):
        return source
    parsed = Source(source)
    edits = Edits(parsed)
    for node in _started_nodes(parsed.root):
        _start(parsed, edits, node)
    return edits.applied()


def unfilled(source: str) -> list[tuple[int, str]]:
    """Line and name of the own values that are still ``...``: ``TestOlmo.SCORES['cuda']``.

    Raises SyntaxError where the source does not parse.
    """
    return list(_unfilled(Source(source))) if has_mark(source) else []
