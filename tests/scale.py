"""Measures memory and time of a migration of many modules: ``python tests/scale.py --write docs/performance.md``.

Two kinds of modules: those of the golden architectures, of some 450 lines, and small ones of some 30, of which ten
thousand are migrated in minutes. Every tenth is edited by hand. Memory is that of all processes together, pages that
they share counted once (Linux only).
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from forest import ORDINARY, SMALL, Kind, change_skeleton, edit, grow

BUDGET = 1024
"""MiB."""
SECTION = "## Many modules\n"


@dataclass(frozen=True)
class Measured:
    """One migration."""

    kind: Kind
    count: int
    wall: float
    processor: float
    """Seconds of all processes."""
    peak: float
    """MiB of all processes."""


def children(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for one in found:
        try:
            found += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
        except FileNotFoundError:
            continue
    return found


def memory(pid: int) -> float:
    """MiB of a process and all below it, shared pages counted once."""
    total = 0
    for one in children(pid):
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def run(root: Path) -> tuple[float, float, float]:
    """Wall time, processor time and peak memory of a migration."""
    before, start, peak = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter(), 0.0
    command = [sys.executable, "-m", "hfcodemod", "migrate-all", "--json"]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, memory(process.pid))
            time.sleep(0.5)
    assert process.returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, spent, peak


def measured(kind: Kind, count: int) -> Measured:
    """A migration of so many modules, whose skeleton has changed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "forest"
        paths = grow(root, count, kind)
        change_skeleton(root, kind)
        for path in paths[::10]:
            edit(path, kind)
        return Measured(kind, count, *run(root))


def rows(found: list[Measured]) -> list[str]:
    """The table, with what each module took."""
    table = [
        "| modules | number | time | processor time | of each | peak memory | budget | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        each = one.processor / one.count * 1000
        verdict = "met" if one.peak <= BUDGET else "MISSED"
        table.append(
            f"| {one.kind.name} | {one.count:,} | {one.wall:.0f} s | {one.processor:.0f} s | {each:.1f} ms | "
            f"{one.peak:.0f} MiB | {BUDGET} MiB | {verdict} |"
        )
    return table


def write_section(document: Path, heading: str, text: str) -> None:
    """Replace a section of the document, or add it at the end; the text begins with the heading."""
    head, _, rest = document.read_text(encoding="utf-8").partition(heading)
    _, mark, after = rest.partition("\n## ")
    document.write_text(head.rstrip("\n") + "\n\n" + text + (mark + after), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ordinary", type=int, nargs="*", default=(1_000, 3_000))
    parser.add_argument("--small", type=int, nargs="*", default=(1_000, 3_000, 10_000))
    parser.add_argument("--write", type=Path, help="the document whose section to write")
    options = parser.parse_args()
    found = []
    for kind, counts in ((SMALL, options.small), (ORDINARY, options.ordinary)):
        for count in counts:
            found.append(measured(kind, count))
            print(rows(found)[-1], flush=True)
    text = "\n".join(
        [
            SECTION,
            "One run of `python tests/scale.py --write docs/performance.md`: the skeleton has changed, and every tenth",
            "module was edited by hand. Ordinary modules are the golden ones under other names (some 450 lines), small",
            "ones have some 20 lines. Memory is that of all processes together, shared pages counted once.",
            "",
            f"{date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores.",
            "",
            *rows(found),
            "",
        ]
    )
    print(text)
    if options.write:
        write_section(options.write, SECTION, text)
    sys.exit(int("MISSED" in text))


if __name__ == "__main__":
    main()
