"""Why a module did not pass, in one line."""

from __future__ import annotations

LONGEST = 240
"""Characters that are kept."""


def one_line(text: str) -> str:
    """The text without line ends, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def last_error(output: str) -> str:
    """The last line that pytest marks as an error, or the last one."""
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line[1:] for line in lines if line.startswith("E ")]
    return one_line(next(iter(errors[-1:] or lines[-1:]), "nothing was said"))
