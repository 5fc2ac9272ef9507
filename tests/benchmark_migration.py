"""Measures migrate-all and check over 649 modules: ``python tests/benchmark_migration.py --write FILE``.

Both of a pair run in turn on the same two cores. Of several runs the fastest counts on each side: other work on the
machine makes either slower, never faster. The ratio of processor time, which other work hardly touches, stands beside.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from forest import change_skeleton, edit, grow
from scale import write_section

COUNT = 649
SECTION = "## migrate-all over 649 modules\n"
EMPTY = "import typer\n\napp = typer.Typer()\n\n\n@app.command()\ndef nothing() -> None:\n    pass\n\n\napp()\n"
PARSE = """\
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import libcst


def parsed(path):
    libcst.parse_module(path.read_text())


if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(parsed, sorted(Path(sys.argv[1]).glob("*.py")), chunksize=12))
"""
Spent = tuple[float, float]
"""Wall time and processor time, in seconds."""


def spent(command: Sequence[str], folder: Path) -> Spent:
    """What a whole process that must succeed takes, those that it starts included."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return end - start, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def row(what: str, against: str, budget: float, pairs: Sequence[tuple[Spent, Spent]]) -> str:
    """A row of the table, of the fastest run on each side."""
    (one, processor), (other, other_processor) = (
        map(min, zip(*side, strict=True)) for side in zip(*pairs, strict=True)
    )
    ratio = one / other
    verdict = "met" if ratio <= budget else "MISSED"
    times = f"{one:.2f} s | {against} | {other:.2f} s"
    processors = processor / other_processor
    return f"| {what} | {times} | {ratio:.2f} | {processors:.2f} | {budget:g} | {verdict} |"


def measured(folder: Path, runs: int) -> tuple[list[str], list[str]]:
    """The rows of the table, and what is told without a budget."""
    empty, parse = folder / "empty.py", folder / "parse.py"
    empty.write_text(EMPTY)
    parse.write_text(PARSE)
    forest, work = folder / "forest", folder / "work"
    migrate = [sys.executable, "-m", "hfcodemod", "migrate-all", "--jobs", "2"]
    paths = grow(forest, COUNT)
    clone, _ = spent(migrate, forest)
    said = subprocess.run(migrate, cwd=forest, check=True, capture_output=True, text=True).stdout
    assert said == f"{COUNT} in step\n", said
    idle = [(spent(migrate, forest), spent([sys.executable, str(empty)], forest)) for _ in range(runs * 5)]
    ruff, _ = min(spent(["ruff", "check", "--no-cache", "--exit-zero", "tests"], forest) for _ in range(runs))
    rows = [row("nothing to do", "an empty typer command", 2, idle)]
    check = [sys.executable, "-m", "hfcodemod", "check"]
    for what, budget, command in (
        ("`check` of one clean file", 1.5, [*check, str(paths[0])]),
        ("`check` of all, which are clean", 2, check),
    ):
        checked = [(spent(command, forest), spent([sys.executable, str(empty)], forest)) for _ in range(runs * 5)]
        rows.append(row(what, "an empty typer command", budget, checked))

    def pairs() -> list[tuple[Spent, Spent]]:
        found = []
        for _ in range(runs):
            shutil.rmtree(work, ignore_errors=True)
            shutil.copytree(forest, work)
            found.append((spent(migrate, work), spent([sys.executable, str(parse), "tests"], work)))
        return found

    change_skeleton(forest)
    rows.append(row("the skeleton changed, nothing was edited", "`parse_module` of the outputs", 3, pairs()))
    for path in paths:
        edit(path)
    rows.append(row("the skeleton changed, and every module was edited", "`parse_module` of the outputs", 5, pairs()))
    told = [
        f"The first run in a fresh clone, which knows of no module that it is in step, takes {clone:.1f} s;",
        f"`ruff check --no-cache` over the same files takes {ruff:.2f} s.",
    ]
    return rows, told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--write", type=Path, help="the document whose section to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows, told = measured(Path(folder).resolve(), options.runs)
    text = "\n".join(
        [
            SECTION,
            "One run of `python tests/benchmark_migration.py --write docs/performance.md`, with two processes on each",
            "side. The golden architectures under other names serve; `parse_module` is LibCST's. Of several runs the",
            "fastest counts; the ratio of processor time tells more where the machine has other work.",
            "",
            f"{date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores.",
            "",
            "| what | time | against | time | ratio | of processor time | budget | |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            *told,
            "",
        ]
    )
    print(text)
    if options.write:
        write_section(options.write, SECTION, text)
    sys.exit(int("MISSED" in text))


if __name__ == "__main__":
    main()
