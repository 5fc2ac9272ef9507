"""Why a module did not pass, in one line."""

from __future__ import annotations

LONGEST = 240
"""Characters of a reason that are kept."""
KEPT = 4000
"""Characters of an output that are kept."""
FATAL = "Fatal Python error:"
"""How Python begins to say where it was when a signal ended it, the innermost call first."""


def one_line(text: str) -> str:
    """The text without line ends, cut where it is long."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def last_error(output: str) -> str:
    """The last line that pytest marks as an error, or the last one."""
    lines = [line for line in output.splitlines() if line.strip()]
    errors = [line[1:] for line in lines if line.startswith("E ")]
    return one_line(next(iter(errors[-1:] or lines[-1:]), "nothing was said"))


def excerpt(output: str) -> str:
    """The part of an output that tells most: where Python was when it crashed, or the end."""
    crash = output.rfind(FATAL)
    return output[-KEPT:] if crash < 0 else output[crash : crash + KEPT]
