"""A Python source scanned for strings and comments, and its places: lines and columns as offsets."""

from __future__ import annotations

import re

# Strings are found only to know which `#` is none. Of an f-string with its own quotes inside, the pieces are found.
_SCAN = re.compile(
    r'#[^\n]*|"""[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*"""'
    r"|'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*'''"
    r'|"[^"\\\n]*(?:\\.[^"\\\n]*)*"'
    r"|'[^'\\\n]*(?:\\.[^'\\\n]*)*'",
    re.DOTALL,
)


class Scanned:
    """A text with the places of its comments and of its strings of several lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._lines = () if text.isascii() else text.split("\n")
        scanned = [found.span() for found in _SCAN.finditer(text)]
        self.comments = {start: end for start, end in scanned if text[start] == "#"}
        """Start to end."""
        self.strings = [span for span in scanned if span[0] not in self.comments and "\n" in text[slice(*span)]]

    def line_start(self, at: int) -> int:
        """Where the line of a place begins."""
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Where the line of a place ends, before its line end."""
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def line(self, at: int) -> int:
        """The number of the line of a place, counted from 1."""
        return self.text.count("\n", 0, at) + 1

    def at(self, line: int | None, column: int | None) -> int:
        """The place of a line and a column; a column of a syntax tree counts bytes."""
        assert line is not None and column is not None
        if self._lines:
            column = len(self._lines[line - 1].encode()[:column].decode())
        return self._starts[line - 1] + column


def without_comment(line: str) -> str:
    """A line without the comment at its end."""
    found = next((found for found in _SCAN.finditer(line) if found.group().startswith("#")), None)
    return line if found is None else line[: found.start()]
