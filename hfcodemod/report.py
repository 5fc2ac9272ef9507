"""One result, two faces: a table for people, JSON for programs. Nothing of the result is read as markup."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def print_json(value: Any) -> None:
    """The value as JSON on stdout."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on stdout: as wide as the terminal, or tab-separated lines where stdout is none."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(row))
        return
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Names and values, one a line, the values aligned."""
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        print(f"{name:<{width}}  {value}".rstrip())


def diff_of(name: str, before: str | None, after: str | None) -> str:
    """The change of a file as a unified diff; None where there is no file."""
    old, new = (None if text is None else text.splitlines(keepends=True) for text in (before, after))
    names = "/dev/null" if old is None else f"a/{name}", "/dev/null" if new is None else f"b/{name}"
    return "".join(difflib.unified_diff(old or [], new or [], *names))
