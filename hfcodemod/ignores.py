"""Comments that ignore findings: ``# hfcodemod: ignore[HF101] reason``.

At the end of a line such a comment speaks of that line; on a line of its own, of the next line that is no comment, the
decorators and the header of a definition included. Beside the stamp it speaks of the stamp's line, since a stamp takes
no comment at its end.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hfcodemod.findings import MALFORMED_IGNORE, UNUSED_IGNORE, Finding
from hfcodemod.ruleset import known_codes, nearest
from hfcodemod.scanned import Scanned
from hfcodemod.stamp import MARK
from hfcodemod.syntax import nodes

_IGNORE = re.compile(r"#\s*hfcodemod:\s*ignore(?![\w./-])(?P<rest>[^#\n]*)")
_FORM = re.compile(r"\[(?P<codes>[^\]]*)\]\s*(?P<reason>.*?)\s*$")
FORM = "write `# hfcodemod: ignore[HF101] reason`"


@dataclass(frozen=True)
class Ignore:
    """A code that is ignored in some lines."""

    code: str
    lines: range
    line: int
    """Where the comment stands."""
    column: int


def ignores_in(text: str, path: Path) -> tuple[list[Ignore], list[Finding]]:
    """What the comments of a source ignore, and those that have not the form."""
    found: list[Ignore] = []
    malformed: list[Finding] = []
    scanned = Scanned(text)
    lines = text.split("\n")
    headers = _headers(text)
    for at, end in scanned.comments.items():
        comment = _IGNORE.search(text, at, end)
        if comment is None:
            continue
        line, column = scanned.line(at), comment.start() - scanned.line_start(at) + 1
        form = _FORM.fullmatch(comment["rest"])
        codes = [code.strip() for code in form["codes"].split(",")] if form else []
        said = _wrong(codes, form["reason"] if form else "")
        if said:
            malformed.append(Finding(path, line, column, MALFORMED_IGNORE, *said))
            continue
        alone = not text[scanned.line_start(at) : at].strip()
        covered = _below(lines, line, headers) if alone else range(line, line + 1)
        found += [Ignore(code, covered, line, column) for code in codes]
    return found, malformed


def _wrong(codes: Sequence[str], reason: str) -> tuple[str, str] | None:
    """What is wrong with a comment, and the remedy."""
    if not any(codes):
        return "the comment ignores no code", FORM
    if not all(codes):
        return "the comment ignores nothing before or after a comma", FORM
    unknown = next((code for code in codes if code not in known_codes()), None)
    if unknown is not None:
        return f"the comment ignores {unknown}, which is no code", nearest(unknown, known_codes())
    return None if reason else ("the comment gives no reason", FORM)


def _below(lines: Sequence[str], line: int, headers: dict[int, int]) -> range:
    """The lines that a comment with a line of its own speaks of."""
    start = line
    while start > 1 and lines[start - 2].lstrip().startswith("#"):
        start -= 1
    stop = line
    while stop < len(lines) and lines[stop].lstrip().startswith("#"):
        stop += 1
    stamps = [number for number in range(start, stop + 1) if _is_stamp(lines[number - 1])]
    if stamps:
        return range(stamps[0], stamps[0] + 1)
    return range(line, headers.get(stop + 1, stop + 1) + 1)


def _is_stamp(line: str) -> bool:
    return line.startswith(MARK) and " base=" in line and _IGNORE.match(line) is None


def _headers(text: str) -> dict[int, int]:
    """First line to last line of the header of each definition, its decorators included."""
    try:
        found_nodes = nodes(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = {}
    for node in found_nodes:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[first] = max(node.lineno, node.body[0].lineno - 1)
    return found


def without_ignored(
    findings: Collection[Finding], ignores: Sequence[Ignore], path: Path, looked_for: Collection[str]
) -> Iterator[Finding]:
    """The findings of a file that no comment ignores, and one for each comment that ignores none.

    A code that was not looked for may well be there.
    """
    used: set[Ignore] = set()
    for finding in findings:
        by = [ignore for ignore in ignores if ignore.code == finding.code and finding.line in ignore.lines]
        used.update(by)
        if not by:
            yield finding
    for ignore in ignores:
        if ignore not in used and ignore.code in looked_for:
            said = f"nothing is found here that the comment could ignore as {ignore.code}"
            yield Finding(path, ignore.line, ignore.column, UNUSED_IGNORE, said, "delete it")
