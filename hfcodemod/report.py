"""One result, two faces: colours and tables for people, plain text for programs. Nothing of it is read as markup."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


class Color(str, Enum):
    """When there are colours."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True)
class Look:
    """What somebody wants to see of a command."""

    color: Color = Color.AUTO
    quiet: bool = False


look = Look()
"""Of the command that runs."""

DIFF_STYLES = (("---", "bold"), ("+++", "bold"), ("@@", "cyan"), ("-", "red"), ("+", "green"))
"""By what a line begins with; the first that fits."""


def say(text: str) -> None:
    """What was done, as a line on stdout."""
    if not look.quiet:
        print(text)


def note(text: str) -> None:
    """What is worth knowing beside the answer, as a line on stderr."""
    if not look.quiet:
        print(text, file=sys.stderr)


def fail(error: object) -> None:
    """What is wrong, as a line on stderr."""
    print(f"{painted('error:', 'bold red', sys.stderr)} {error}", file=sys.stderr)


def painted(text: str, style: str, stream: TextIO) -> str:
    """The text in a style, where the stream takes colours: nothing else of it is changed."""
    if not _takes_colors(stream):
        return text
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)


def _takes_colors(stream: TextIO) -> bool:
    if look.color != Color.AUTO:
        return look.color == Color.ALWAYS
    # https://no-color.org: any value that is not empty counts.
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def print_json(value: Any) -> None:
    """The value as JSON on stdout."""
    import json

    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout: as wide as the terminal, or tab-separated lines where stdout is none."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    console = console_of(sys.stdout)
    table = Table(box=SIMPLE, pad_edge=False)
    for number, column in enumerate(columns):
        # What the row is about stays in one piece to be copied, where it leaves room for the rest.
        whole = number == 0 and max((len(row[0]) for row in rows), default=0) <= console.width // 2
        table.add_column(column, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def console_of(stream: TextIO) -> Console:
    """What draws on a terminal, in colours or not."""
    from rich.console import Console

    colors = _takes_colors(stream)
    return Console(file=stream, color_system="standard" if colors else None, no_color=not colors)


def print_facts(facts: Mapping[str, str]) -> None:
    """Names and values, one a line, the values aligned."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{painted(f'{name:<{width}}', 'bold', sys.stdout)}  {value}".rstrip())


def diff_of(name: str, before: str | None, after: str | None) -> str:
    """The change of a file as a unified diff; None where there is no file."""
    import difflib

    old, new = (None if text is None else text.splitlines(keepends=True) for text in (before, after))
    names = "/dev/null" if old is None else f"a/{name}", "/dev/null" if new is None else f"b/{name}"
    return "".join(difflib.unified_diff(old or [], new or [], *names))


def print_diff(diff: str) -> None:
    """A diff on stdout."""
    if not _takes_colors(sys.stdout):
        sys.stdout.write(diff)
        return
    for line in diff.splitlines(keepends=True):
        text = line.rstrip("\r\n")
        style = next((style for start, style in DIFF_STYLES if text.startswith(start)), "none")
        sys.stdout.write(painted(text, style, sys.stdout) + line[len(text) :])
