"""Pages of the documentation, executed block by block from an empty folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BLOCK = re.compile(r'^```(?P<kind>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.MULTILINE | re.DOTALL)
SECONDS = re.compile(r"\bin \d+\.\d\ds(?: \(\d+:\d\d:\d\d\))?$", re.MULTILINE)
"""What pytest says of the time."""


@dataclass(frozen=True)
class Block:
    """A block of code: a file where it has a title, commands with what they print where it is of a console."""

    kind: str
    title: str | None
    text: str


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of a page, in order."""
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Block(match["kind"], match["title"], match["text"])


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script in bash, with the installed command, without colours, and without a network for transformers."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-uo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "NO_COLOR": "1", "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def executed(block: Block, folder: Path) -> str:
    """What stands in a block of a console when its commands are typed: what goes to stderr comes last."""
    said = ""
    for command in re.findall(r"^\$ (.*)$", block.text, re.MULTILINE):
        done = shell(command, folder)
        said += f"$ {command}\n{done.stdout}{done.stderr}"
    return timeless(said)


def timeless(text: str) -> str:
    """The text without what differs from run to run."""
    return SECONDS.sub("in 0.00s", text)
