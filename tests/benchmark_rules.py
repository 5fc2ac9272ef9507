"""Measures the rules over 649 modules: ``python tests/benchmark_rules.py --write docs/performance.md``.

Beside them, in turn and in the same process, ``ast.parse`` of each module; and once pytest's own collection of them,
which imports them and with them transformers.
"""

from __future__ import annotations

import argparse
import ast
import datetime
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from forest import grow

from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.config import FACTS, Settings
from hfcodemod.rules.suite import suite
from hfcodemod.ruleset import Facts, rules
from hfcodemod.stamp import without_stamp
from hfcodemod.syntax import nodes, tree

BUDGET = 1.5
COUNT = 649
RUNS = 5


def processor_time(work: Callable[[], object]) -> float:
    """How long something takes, without what others do on the machine meanwhile."""
    start = time.process_time()
    work()
    return time.process_time() - start


def checked(modules: dict[Path, str], catalog: Catalog, parsed: list[float]) -> None:
    """Every rule over every module; what parsing them took is added to ``parsed``."""
    for cache in (tree, nodes, suite):
        cache.cache_clear()
    for path, text in modules.items():
        parsed[0] += processor_time(lambda text=text: tree(text))  # type: ignore[misc]
        facts = Facts(Settings(root=path.parent), without_stamp(text)[1], lambda: catalog)
        found = [each for rule in rules() for each in rule.findings(tree(text), text, path, facts)]
        if found:
            raise SystemExit(f"a generated module is not sound: {found[0].path.name}: {found[0].said}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the page whose section is written anew")
    given = parser.parse_args()
    catalog = load_snapshot(FACTS)
    with tempfile.TemporaryDirectory() as folder:
        modules = {path: path.read_text(encoding="utf-8") for path in grow(Path(folder, "forest"), COUNT)}
        pairs = []
        for _ in range(RUNS):
            plain = processor_time(lambda: [ast.parse(text) for text in modules.values()])
            parsed = [0.0]
            whole = processor_time(lambda parsed=parsed: checked(modules, catalog, parsed))  # type: ignore[misc]
            pairs.append((plain, whole - parsed[0]))
        start = time.perf_counter()
        command = [sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "no:cacheprovider"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        collected = time.perf_counter() - start
    ratio = statistics.median(own / plain for plain, own in pairs)
    plain, own = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
    lines = [
        "## Rules",
        "",
        f"Medians of {RUNS} runs of `python tests/benchmark_rules.py --write docs/performance.md`, in processor time.",
        "The golden architectures under other names serve, each parsed once for all rules. Beside them, pytest's own",
        "collection of the same files, once, by the clock: it imports them, and transformers.",
        "",
        f"{datetime.date.today()}, Python {platform.python_version()}.",
        "",
        "| modules | the rules | `ast.parse` of each | ratio | budget | | pytest's collection |",
        "|---|---|---|---|---|---|---|",
        f"| {len(modules)} | {own:.2f} s | {plain:.2f} s | {ratio:.2f} | {BUDGET} | "
        f"{'met' if ratio <= BUDGET else 'not met'} | {collected:.0f} s |",
    ]
    section = "\n".join(lines) + "\n"
    print(section)
    if given.write is not None:
        text = given.write.read_text(encoding="utf-8")
        rest = re.sub(r"\n## Rules\n.*?(?=\n## |\Z)", "", text, flags=re.DOTALL)
        given.write.write_text(f"{rest.rstrip()}\n\n{section}", encoding="utf-8")


if __name__ == "__main__":
    main()
