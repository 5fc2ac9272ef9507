"""The mark `# hfcodemod: own`, with or without the value that a new module starts with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hfcodemod.scanned import Scanned, without_comment

_MARK = re.compile(r"#\s*hfcodemod:\s*own(?![\w./-])(?!.*\bbase=[0-9a-f]{8})(?:\s*=\s*(?P<start>.*))?")


@dataclass(frozen=True)
class Mark:
    """A mark in a comment."""

    at: int
    """Where the comment begins."""
    text: str
    """From the mark to the end of the comment."""
    start: str | None
    """The value that a new module begins with."""
    alone: bool
    """Whether it has a line of its own."""


def has_mark(text: str) -> bool:
    """Whether there may be a mark; a mark in a string counts here."""
    return _MARK.search(text) is not None


def marks_in(source: Scanned) -> Iterator[Mark]:
    """The marks in comments."""
    for at, end in source.comments.items():
        found = _MARK.search(source.text, at, end)
        if found is None:
            continue
        start = None if found["start"] is None else without_comment(found["start"]).strip()
        alone = not source.text[source.line_start(at) : at].strip()
        yield Mark(at, source.text[found.start() : end].rstrip(), start, alone)
