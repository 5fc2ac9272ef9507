"""The provenance line of a managed file: what it is, what it was rendered from, and what it was then.

``# hfcodemod: mistral-next like=mistral model_id=mistralai/Mistral-Next from=3f2a91c0 base=9c1d00aa``

``from`` is over everything that the text depends on; ``base`` is over the text without the
stamp, so that an edit shows.
"""

from __future__ import annotations

import ast
import hashlib
import re
from dataclasses import dataclass

MARK = "# hfcodemod: "
WIDTH = 120
_STAMP = re.compile(
    r"^# hfcodemod: (?P<name>\S+)(?: like=(?P<like>\S+))?(?: model_id=(?P<model_id>\S+))?"
    r"(?: skeleton=(?P<skeleton>\S+))? from=(?P<fingerprint>[0-9a-f]{8}) base=(?P<base>[0-9a-f]{8})(?:  # noqa: E501)?$"
)


@dataclass(frozen=True)
class Stamp:
    """What a stamp says."""

    name: str
    """The name as it was typed."""
    fingerprint: str
    base: str
    like: str | None = None
    model_id: str | None = None
    skeleton: str | None = None
    """None is the shipped skeleton."""

    def line(self) -> str:
        """The stamp as a line of source."""
        options = {"like": self.like, "model_id": self.model_id, "skeleton": self.skeleton}
        given = "".join(f" {key}={value}" for key, value in options.items() if value is not None)
        line = f"{MARK}{self.name}{given} from={self.fingerprint} base={self.base}"
        return line if len(line) <= WIDTH else f"{line}  # noqa: E501"


def digest(*texts: str) -> str:
    """Eight hexadecimal digits over some texts."""
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:8]


def stamped(source: str, stamp: Stamp) -> str:
    """The source with the stamp as a paragraph of its own below the module's docstring, or on top."""
    lines = source.splitlines(keepends=True)
    at = _docstring_end(source)
    before, after = lines[:at], lines[at:]
    while after and not after[0].strip():
        after = after[1:]
    paragraph = ["\n", stamp.line() + "\n", "\n"] if before else [stamp.line() + "\n", "\n"]
    return "".join([*before, *paragraph, *after])


def without_stamp(source: str) -> tuple[str, Stamp | None]:
    """The source without its stamp, and the stamp, if it has one."""
    lines = source.splitlines(keepends=True)
    for i, line in enumerate(lines):
        match = _STAMP.match(line.rstrip())
        if match:
            # The paragraph goes with the blank line below it.
            end = i + 2 if i + 1 < len(lines) and not lines[i + 1].strip() else i + 1
            return "".join(lines[:i] + lines[end:]), Stamp(**match.groupdict())
    return source, None


def _docstring_end(source: str) -> int:
    """How many lines the module's docstring and what precedes it take; 0 without one."""
    body = ast.parse(source).body
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return first.end_lineno or 0
    return 0
