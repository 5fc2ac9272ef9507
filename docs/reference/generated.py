"""What the reference says by itself: the commands from typer, the keys from the tables of the configuration.

mkdocs calls `on_page_markdown` for each page. A line ``<!-- generated: WHAT -->`` is replaced by what this module makes
of the code, so that the reference cannot say anything else than the program does.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfcodemod.config import ADJUSTMENTS, ARCHITECTURE_KEYS, KINDS, OWN_KEYS, SKELETON_KEYS, Key

if TYPE_CHECKING:
    from mkdocs.structure.files import Files

PLACE = re.compile(r"^<!-- generated: (\S+) -->$", re.MULTILINE)
CODES = Path(__file__).parents[1] / "codes"
UPSTREAM = Path(__file__).parents[1] / "upstream"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """The page with what is generated in its places."""
    return PLACE.sub(lambda place: MADE[place[1]](), markdown)


def on_files(files: Files, **_: Any) -> None:
    """The pages of codes are reached from their index, not from the navigation."""
    for file in files.documentation_pages():
        if file.src_uri.startswith("codes/") and file.src_uri != "codes/index.md":
            file.inclusion = file.inclusion.NOT_IN_NAV


@cache
def commands() -> str:
    """The help of each command, as typer writes it."""
    words = ["hfcodemod.cli", "utils", "docs", "--name", "hfcodemod"]
    done = subprocess.run([sys.executable, "-m", "typer", *words], capture_output=True, text=True, check=True)
    # The list of commands above is cut short, and the table of contents has it whole.
    return done.stdout[done.stdout.index("\n## ") + 1 :]


def keys() -> str:
    """The keys of ``[tool.hfcodemod]``."""
    return _table({**OWN_KEYS, **ADJUSTMENTS})


def skeleton_keys() -> str:
    """The keys of a skeleton."""
    return _table({**SKELETON_KEYS, **ADJUSTMENTS})


def architecture_keys() -> str:
    """The keys of an architecture."""
    return _table(ARCHITECTURE_KEYS)


def upstream() -> str:
    """The scripts that show a fault of transformers, each with its docstring; the head of the table stands above."""
    scripts = sorted(UPSTREAM.glob("*.py"))
    return "\n".join(f"| `{script.stem}` | {ast.get_docstring(ast.parse(script.read_text()))} |" for script in scripts)


MADE: dict[str, Callable[[], str]] = {
    "commands": commands,
    "keys": keys,
    "skeleton-keys": skeleton_keys,
    "architecture-keys": architecture_keys,
    "upstream": upstream,
}


def _table(known: Mapping[str, Key]) -> str:
    return "\n".join(["| key | is | what it says |", "|---|---|---|", *_rows(known)])


def _rows(known: Mapping[str, Key]) -> Iterator[str]:
    for name, key in known.items():
        kinds = " or ".join(KINDS[kind] for kind in key.kinds)
        yield f"| `{name}` | {kinds}{', needed' if key.needed else ''} | {key.meaning} |"
