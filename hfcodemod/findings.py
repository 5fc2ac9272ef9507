"""What `hfcodemod check` finds, and the codes of it. Each code has a page in ``docs/codes/``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Finding:
    """Something in a file that somebody should look at."""

    path: Path
    line: int
    """Counted from 1; 1 where the whole file is meant."""
    column: int
    """Counted from 1, in characters."""
    code: str
    message: str
    """What is wrong: one line, without a full stop."""
    remedy: str = ""
    """What to type or to write."""

    @property
    def said(self) -> str:
        """All in one line."""
        return f"{self.message}; {self.remedy}" if self.remedy else self.message


@dataclass(frozen=True)
class Code:
    """A kind of finding."""

    code: str
    name: str
    """Words with hyphens."""
    message: str
    """What it means, in one line."""
    default: bool = True
    """Whether it is looked for unless somebody says otherwise."""


MALFORMED_IGNORE = "HF001"
UNUSED_IGNORE = "HF002"
OUT_OF_STEP = "HF101"
PENDING_CONFLICT = "HF102"
UNFILLED = "HF103"
EDITED_STAMP = "HF104"
SECOND_STAMP = "HF105"
LOST_STAMP = "HF106"
MISSING_BASE = "HF107"
UNKNOWN_ARCHITECTURE = "HF108"
SAME_MODULE = "HF109"
UNREADABLE = "HF110"
REFUSED = "HF111"
BROKEN_RECORD = "HF112"
FORGOTTEN_BASE = "HF113"

CODES = (
    Code(MALFORMED_IGNORE, "malformed-ignore", "a comment that is to ignore a finding is not of the right form"),
    Code(UNUSED_IGNORE, "unused-ignore", "a comment ignores a finding that is not there"),
    Code(OUT_OF_STEP, "out-of-step", "the module is not as its skeleton would have it"),
    Code(PENDING_CONFLICT, "pending-conflict", "a conflict of the module waits for a decision"),
    Code(UNFILLED, "unfilled-own-value", "a value of the module's own is still open"),
    Code(EDITED_STAMP, "edited-stamp", "a line was a stamp before somebody edited it"),
    Code(SECOND_STAMP, "second-stamp", "the file has two stamps"),
    Code(LOST_STAMP, "lost-stamp", "the file was generated and has no stamp any more"),
    Code(MISSING_BASE, "missing-base", "what was generated is no longer kept, or was changed"),
    Code(
        UNKNOWN_ARCHITECTURE, "unknown-architecture", "the facts or the configuration do not have what the stamp names"
    ),
    Code(SAME_MODULE, "same-module", "two files say that they are the same module"),
    Code(UNREADABLE, "unreadable-file", "the file cannot be read as Python source, or not be kept byte for byte"),
    Code(REFUSED, "refused", "the module cannot be brought in step as it is"),
    Code(BROKEN_RECORD, "broken-record", "a record of conflicts cannot be read"),
    Code(FORGOTTEN_BASE, "forgotten-base", "git has the module, and not what was generated for it"),
)
"""The codes of the state of modules, and of the comments that ignore findings."""
