"""The provenance line of a managed file: what it is, and what was generated the last time.

``# hfcodemod: mistral-next like=mistral model_id=mistralai/Mistral-Next base=9c1d00aa``

``base`` is over the generated text without the stamp: an edit shows, and so does a render that has become another.
Nothing else is in it, so two files that are rendered alike are stamped alike, however they came to be.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hfcodemod.errors import UserError
from hfcodemod.findings import EDITED_STAMP, SECOND_STAMP
from hfcodemod.syntax import tree

MARK = "# hfcodemod: "
_NEXT = f"\n{MARK}"
WIDTH = 120
_STAMP = re.compile(
    r"^# hfcodemod: (?P<name>\S+)(?: like=(?P<like>\S+))?(?: model_id=(?P<model_id>\S+))?"
    r"(?: skeleton=(?P<skeleton>\S+))? base=(?P<base>[0-9a-f]{8})(?:  # noqa: E501)?[ \t]*$",
    re.MULTILINE,
)
_LIKE_A_STAMP = re.compile(r"^# hfcodemod: (?!ignore\[).*\b(?:base|like|model_id|skeleton)=.*$", re.MULTILINE)
# The lines that Python reads only at the top of a file.
_FIRST_LINES = re.compile(r"(?:#!.*\n)?(?:[ \t\f]*#.*?coding[:=].*\n)?")


@dataclass(frozen=True)
class Stamp:
    """What a stamp says."""

    name: str
    """The name as it was typed."""
    base: str
    like: str | None = None
    model_id: str | None = None
    skeleton: str | None = None
    """None is the shipped skeleton, or the one that replaces it."""

    def with_base(self, base: str) -> Stamp:
        """The same stamp with the id of another base."""
        return replace(self, base=base)

    def line(self) -> str:
        """The stamp as a line of source."""
        options = {"like": self.like, "model_id": self.model_id, "skeleton": self.skeleton}
        given = "".join(f" {key}={value}" for key, value in options.items() if value is not None)
        line = f"{MARK}{self.name}{given} base={self.base}"
        return line if len(line) <= WIDTH else f"{line}  # noqa: E501"


def digest(*texts: str) -> str:
    """Eight hexadecimal digits over some texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def stamped(source: str, stamp: Stamp) -> str:
    """The source with the stamp as a paragraph of its own below the module's docstring, or on top."""
    return with_stamp_at(source, stamp, stamp_place(source))


def stamp_place(source: str) -> int:
    """The number of lines above the stamp: those of the docstring, or those that Python reads only on top."""
    return _docstring_end(source) or _FIRST_LINES.match(source).group().count("\n")  # type: ignore[union-attr]  # matches ""


def with_stamp_at(source: str, stamp: Stamp, place: int) -> str:
    """The source with the stamp below that many lines."""
    if place == 0:
        return f"{stamp.line()}\n\n{source}" if source else f"{stamp.line()}\n"
    lines = source.split("\n")
    return "\n".join([*lines[:place], "", stamp.line(), *lines[place:]])


def without_stamp(source: str) -> tuple[str, Stamp | None]:
    """The source without its stamp, and the stamp, if it has one."""
    found = next(_stamps(source), None)
    if found is None:
        return source, None
    start, end = found.start(), min(found.end() + 1, len(source))
    # The blank line that makes it a paragraph goes with it: the one above, or on top of a file the one below.
    if start == 0:
        end += source.startswith("\n", end)
    elif source.endswith("\n\n", 0, start):
        start -= 1 if end > found.end() else 2
    return source[:start] + source[end:], Stamp(**found.groupdict())


def without_broken_stamps(source: str) -> str:
    """The source without lines that were stamps before somebody edited them."""
    return re.sub(rf"(?:(?<=\n)\n)?{_LIKE_A_STAMP.pattern}\n?", "", source, flags=re.MULTILINE)


def broken_stamp(source: str) -> Stamp | None:
    """What a line that was a stamp before somebody edited it still says, without its base."""
    found = _LIKE_A_STAMP.search(source)
    words = found.group().removeprefix(MARK).split() if found else []
    if not words or "=" in words[0]:
        return None
    options = dict(word.split("=", 1) for word in words[1:] if re.match(r"(?:like|model_id|skeleton)=.", word))
    return Stamp(words[0], "", **options)


def stamps_in(source: str) -> list[Stamp]:
    """Every stamp of a source; there should be one at most."""
    return [Stamp(**found.groupdict()) for found in _stamps(source)]


def stamp_line(source: str) -> int:
    """The number of the stamp's line; 1 without a stamp."""
    found = next(_stamps(source), None)
    return 1 if found is None else source.count("\n", 0, found.start()) + 1


def with_one_stamp(base: str, ours: str, theirs: str) -> tuple[str, str, str]:
    """Three versions of a module, with the stamp of ours in all where both sides have changed it.

    Each of two branches that migrate a module gives it another base. Either is one to go on from: what the module has
    of the other's changes is then what the skeleton has too. The very inputs for anything else.
    """
    found = [list(_stamps(side)) for side in (base, ours, theirs)]
    if any(len(stamps) != 1 for stamps in found):
        return base, ours, theirs
    stamps = [Stamp(**stamps[0].groupdict()) for stamps in found]
    if len({stamp.base for stamp in stamps}) < 3 or len({stamp.with_base("") for stamp in stamps}) > 1:
        return base, ours, theirs
    line = found[1][0].group()
    old, _, new = (
        side[: stamps[0].start()] + line + side[stamps[0].end() :]
        for side, stamps in zip((base, ours, theirs), found, strict=True)
    )
    return old, ours, new


def check_stamps(source: str, path: str) -> None:
    """Raise UserError for a line that was a stamp and is none any more, and for a second stamp."""
    first = next(_stamps(source), None)
    for at in _marked_lines(source):
        if not _LIKE_A_STAMP.match(source, at):
            continue
        line = source.count("\n", 0, at) + 1
        if not _STAMP.match(source, at):
            said = f"{path}:{line}: the stamp was edited; `hfcodemod adopt {path}` mends it"
            raise UserError(said, EDITED_STAMP)
        if first is not None and first.start() != at:
            raise UserError(f"{path}:{line}: a second stamp; delete the one that is not this module's", SECOND_STAMP)


def _marked_lines(source: str) -> Iterator[int]:
    """Where the lines begin that may be stamps. Searching a literal is ten times as fast as searching a pattern."""
    if source.startswith(MARK):
        yield 0
    at = source.find(_NEXT)
    while at >= 0:
        yield at + 1
        at = source.find(_NEXT, at + 1)


def _stamps(source: str) -> Iterator[re.Match[str]]:
    for at in _marked_lines(source):
        found = _STAMP.match(source, at)
        if found is not None:
            yield found


def _docstring_end(source: str) -> int:
    """How many lines the module's docstring and what precedes it take; 0 without one."""
    body = tree(source).body
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first.end_lineno or 0
    return 0
