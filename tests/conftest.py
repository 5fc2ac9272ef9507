"""What the tests share: the installed command, run as somebody would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from repository import repository as repository
from stand_in import runs as runs
from stand_in import three as three
from stand_in import typed as typed

# No example has a time to keep, since machines are busy; continuous integration sees the same examples every time.
settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("suite")

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def hfcodemod(tmp_path: Path) -> Run:
    """The installed command, in an empty folder; standard input is empty, stdout and stderr are pipes."""
    command = str(Path(sys.executable).with_name("hfcodemod"))

    def run(*arguments: str, cwd: Path = tmp_path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *arguments],
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
        )

    return run
