"""Measures what the budgets speak of, in one run, as ratios: ``python tests/benchmark.py --write docs/performance.md``.

Whole commands run in the core installation's interpreter where one is given (``--core``), each beside its yardstick in
turn, so that a machine whose speed drifts slows both.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import libcst as cst
from golden import NAMES

from hfcodemod.architecture import Target
from hfcodemod.catalog import load_snapshot, read_source
from hfcodemod.config import FACTS
from hfcodemod.names import resolve
from hfcodemod.recipes import recipe_of
from hfcodemod.render import render
from hfcodemod.skeletons import shipped_skeleton

EMPTY_TYPER = "import typer; app = typer.Typer(); app.command()(lambda: None); app()"
IMPORTS = "import libcst, typer, rich"


def seconds(command: Sequence[str], cwd: str) -> float:
    """The wall time of a whole process that must succeed."""
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True)
    return time.perf_counter() - start


def process_ratio(command: Sequence[str], yardstick: Sequence[str], runs: int) -> tuple[float, float, float]:
    """Medians of both and of their ratios, run in turn after one warm-up each."""
    pairs = []
    for run in range(runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            pair = seconds(command, folder), seconds(yardstick, folder)
        if run:
            pairs.append(pair)
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def call_ratio(one: Callable[[], object], other: Callable[[], object], runs: int) -> tuple[float, float, float]:
    """The same for two functions in this process."""
    pairs = []
    for run in range(runs + 1):
        times = []
        for function in (one, other):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
        if run:
            pairs.append(times)
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def targets() -> list[Target]:
    """The golden architectures that are known by name alone."""
    catalog = load_snapshot(FACTS)
    return [resolve(name, catalog) for name in NAMES.split()]


def measured(core: str, runs: int) -> list[str]:
    """The rows of the table."""
    catalog = load_snapshot(FACTS)
    known = targets()

    def rendered() -> list[str]:
        skeleton = shipped_skeleton()
        return [
            render(
                target,
                skeleton,
                catalog.architectures,
                catalog.configurations,
                recipe_of(target.architecture.model_type),
            ).source
            for target in known
        ]

    sources = rendered()

    def parsed() -> None:
        for source in sources:
            cst.parse_module(source)

    python = [core, "-c"]
    hfcodemod = [core, "-m", "hfcodemod"]
    rows = []

    def row(what: str, against: str, budget: float, figures: tuple[float, float, float]) -> None:
        one, other, ratio = figures
        verdict = "met" if ratio <= budget else "MISSED"
        rows.append(f"| {what} | {one:.3f} s | {against} | {other:.3f} s | {ratio:.2f} | {budget} | {verdict} |")

    row(
        "`hfcodemod add gemma3`",
        f'`python -c "{IMPORTS}"`',
        4.0,
        process_ratio([*hfcodemod, "add", "gemma3"], [*python, IMPORTS], runs),
    )
    row(
        "`hfcodemod --help`",
        "an empty typer application's",
        1.3,
        process_ratio([*hfcodemod, "--help"], [*python, EMPTY_TYPER, "--help"], runs),
    )
    row(f"rendering {len(known)} modules", "`parse_module` of each", 4.0, call_ratio(rendered, parsed, runs))
    rows += absolute_rows(runs)
    return rows


def absolute_rows(runs: int) -> list[str]:
    """What has a budget in seconds: the catalog from source, and from the snapshot."""
    rows = []
    load = "import time; t = time.perf_counter(); from hfcodemod.catalog import load_snapshot"
    load += f"; c = load_snapshot('{FACTS}'); len(list(c.architectures.values())); print(time.perf_counter() - t)"
    times = [
        float(subprocess.run([sys.executable, "-c", load], check=True, capture_output=True, text=True).stdout)
        for _ in range(runs)
    ]
    spec = importlib.util.find_spec("transformers")
    assert spec is not None and spec.origin is not None
    start = time.perf_counter()
    read_source(Path(spec.origin).parent)
    source = time.perf_counter() - start
    for what, figure, budget in (
        ("the catalog from the snapshot, import included", statistics.median(times), 0.1),
        ("the catalog from the source of transformers", source, 8.0),
    ):
        verdict = "met" if figure <= budget else "MISSED"
        rows.append(f"| {what} | {figure:.3f} s | | | | {budget} s | {verdict} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", default=sys.executable, help="the interpreter of a core installation")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--write", type=Path, help="the document to write")
    options = parser.parse_args()
    rows = measured(options.core, options.runs)
    packages = ", ".join(f"{name} {version(name)}" for name in ("hfcodemod", "libcst", "typer", "rich", "transformers"))
    text = "\n".join(
        [
            "# Performance",
            "",
            "Medians of one run of `python tests/benchmark.py --core CORE/bin/python --write docs/performance.md`,",
            "where CORE is an environment with the core installation only. Ratios are taken pair by pair; times vary",
            "from machine to machine and from hour to hour.",
            "",
            f"{datetime.date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores, {packages}.",
            "",
            "| what | median | against | median | ratio | budget | |",
            "|---|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
    print(text)
    if options.write:
        # Other scripts write the sections below.
        _, mark, rest = options.write.read_text(encoding="utf-8").partition("\n## ")
        options.write.write_text(text + mark + rest, encoding="utf-8")
    sys.exit(int("MISSED" in text))


if __name__ == "__main__":
    main()
