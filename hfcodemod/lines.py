"""Merging lines: git's three-way merge, and a finer one that lets changes of the two sides touch each other."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from pathlib import Path

from hfcodemod.errors import UserError

LABELS = ("ours", "base", "theirs")


def split_lines(source: str) -> list[str]:
    """The lines as Python counts them, with their ends: a form feed ends none."""
    parts = source.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def trivial(base: str, ours: str, theirs: str) -> str | None:
    """The merge where a side is the base or both are the same; None where there is something to do."""
    if theirs in (base, ours):
        return ours
    return theirs if ours == base else None


def git_merged(base: str, ours: str, theirs: str) -> str | None:
    """What ``git merge-file`` makes of them, or None where it finds a conflict."""
    known = trivial(base, ours, theirs)
    if known is not None:
        return known
    code, text = _merge_file(base, ours, theirs)
    return text if code == 0 else None


def with_markers(base: str, ours: str, theirs: str) -> str:
    """What ``git merge-file`` writes; where it finds no conflict, the two sides whole."""
    code, text = _merge_file(base, ours, theirs)
    return text if code else f"<<<<<<< {LABELS[0]}\n{ended(ours)}=======\n{ended(theirs)}>>>>>>> {LABELS[2]}\n"


def ended(text: str) -> str:
    """The text with a line end behind its last line."""
    return text if not text or text.endswith("\n") else text + "\n"


def _merge_file(base: str, ours: str, theirs: str) -> tuple[int, str]:
    with tempfile.TemporaryDirectory(prefix="hfcodemod-") as name:
        folder = Path(name)
        for label, text in zip(LABELS, (ours, base, theirs), strict=True):
            (folder / label).write_bytes(text.encode("utf-8", "surrogatepass"))
        # The style that a user may have set for conflicts would change what is written between the markers.
        command = ["git", "-c", "merge.conflictStyle=merge", "merge-file", "-p", *LABELS]
        try:
            run = subprocess.run(command, cwd=folder, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise UserError("git is needed to merge lines, and is not on the PATH; install it") from error
    if run.returncode < 0 or run.returncode > 127:
        raise UserError(f"git merge-file failed: {run.stderr.decode(errors='replace').strip()}")
    return run.returncode, run.stdout.decode("utf-8", "surrogatepass")


_MOST_PAIRS = 4_000_000
"""Of lines that are compared with each other: two texts of 2,000 lines."""

Hunk = tuple[int, int, list[str]]
"""The lines ``[start, end)`` of the base that a side replaces, and by what."""


def touching_merged(base: str, ours: str, theirs: str) -> str | None:
    """A merge that takes neighbouring changes, which git calls a conflict, where nothing speaks against it.

    None where both sides change a line, insert at one place (but for elements of a display), or bring lines that are
    alike: then they rewrote the same thing in two ways.
    """
    lines, merged = split_lines(base), list[str]()
    hunks = _hunks(lines, split_lines(ours), split_lines(theirs))
    if hunks is None:
        return None
    at = 0
    for (side, hunk), (last, before) in zip(hunks, [(0, (0, 0, [])), *hunks], strict=False):
        start, end, new = hunk
        if start < at or (last != side and before[1] == start and at and not _may_touch(before, hunk)):
            return None
        merged += lines[at:start] + new
        at = end
    merged += lines[at:]
    return None if _repeats(merged, ours, theirs) else "".join(merged)


def _hunks(base: Sequence[str], ours: Sequence[str], theirs: Sequence[str]) -> list[tuple[int, Hunk]] | None:
    """The changes in the order of the base, each with its side, 0 for both.

    None where two begin at one place, and where comparing would take longer than anybody waits.
    """
    if len(base) * max(len(ours), len(theirs)) > _MOST_PAIRS:
        return None
    left, right = _changes(base, ours), _changes(base, theirs)
    hunks: list[tuple[int, Hunk]] = []
    while left and right:
        a, b = left[0], right[0]
        if a[0] != b[0]:
            hunks.append((1, left.pop(0)) if a[0] < b[0] else (2, right.pop(0)))
            continue
        both = a if a == b else _united_elements(base, a, b)
        if both is None:
            return None
        hunks.append((0, both))
        del left[0], right[0]
    return [*hunks, *((1, hunk) for hunk in left), *((2, hunk) for hunk in right)]


def _changes(base: Sequence[str], side: Sequence[str]) -> list[Hunk]:
    codes = SequenceMatcher(None, base, side, autojunk=False).get_opcodes()
    return [(i, j, list(side[k:m])) for tag, i, j, k, m in codes if tag != "equal"]


_ELEMENT = re.compile(r"""\s*(?:\w+=)?(?:"[^"]*"|'[^']*'|[\w.]+(?:\s*:\s*[^#]*)?|[\w.]+\(.*\)|\d+),\s*(?:#.*)?$""")


def _united_elements(base: Sequence[str], ours: Hunk, theirs: Hunk) -> Hunk | None:
    """Elements of a display that both sides insert at one place, one a line: ours first, unless the list is sorted."""
    at, end, left = ours
    if not at == end == theirs[1]:
        return None
    right = [line for line in theirs[2] if line not in left]
    if not all(_ELEMENT.match(line) for line in (*left, *theirs[2])):
        return None

    def is_sorted(lines: Sequence[str]) -> bool:
        around = [*base[max(at - 1, 0) : at], *lines, *base[at : at + 1]]
        return around == sorted(around)

    united = [*right, *left] if is_sorted([*right, *left]) and not is_sorted([*left, *right]) else [*left, *right]
    return at, at, united


def _may_touch(first: Hunk, second: Hunk) -> bool:
    """Whether two neighbouring changes are two things: both change lines of the base, and bring nothing alike."""
    if not all(start < end and new for start, end, new in (first, second)):
        return False
    return not any(alike(one, other) for one in first[2] for other in second[2])


def alike(one: str, other: str) -> bool:
    """Whether two lines look like versions of one."""
    one, other = one.strip(), other.strip()
    if min(len(one), len(other)) < 4:
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() > 0.6


def _repeats(merged: Sequence[str], ours: str, theirs: str) -> bool:
    """Whether a line stands more often in the merge than in either side: then both brought it."""
    counts = [Counter(map(str.strip, lines)) for lines in (merged, split_lines(ours), split_lines(theirs))]
    return any(len(line) > 6 and n > max(counts[1][line], counts[2][line]) for line, n in counts[0].items())
