"""Measures how long it takes to add all modules: ``python tests/benchmark_add.py --write docs/performance.md``."""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from scale import write_section

SECTION = "## add --all\n"
BUDGET = 60
"""Seconds for all modules, on two cores."""
COMMANDS = (
    ("every module is new", ["add", "--all"]),
    ("every module is in step", ["add", "--all"]),
    ("what is missing", ["list", "--missing"]),
    ("what changed since 5.0.0", ["list", "--since", "5.0.0"]),
)


def measured(arguments: Sequence[str], folder: Path) -> tuple[float, float]:
    """Wall time and processor time of a command."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "hfcodemod", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the document whose section to write")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for what, arguments in COMMANDS:
            wall, processor = measured(arguments, Path(folder))
            modules = len(list(Path(folder).glob("tests/models/test_hf_*.py")))
            budget = f"{BUDGET} s | {'met' if wall <= BUDGET else 'MISSED'}" if arguments[0] == "add" else "|"
            called = " ".join(["hfcodemod", *arguments])
            rows.append(f"| `{called}`: {what} | {modules} | {wall:.1f} s | {processor:.1f} s | {budget} |")
            print(rows[-1], flush=True)
    text = "\n".join(
        [
            SECTION,
            "One run of `python tests/benchmark_add.py --write docs/performance.md`, in an empty folder.",
            "",
            f"{date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores.",
            "",
            "| what | modules | time | processor time | budget | |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
    if options.write:
        write_section(options.write, SECTION, text)
    sys.exit(int("MISSED" in text))


if __name__ == "__main__":
    main()
