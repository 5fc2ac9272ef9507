"""The square for every architecture: added, migrated to a changed skeleton, and added with it, byte for byte.

python tests/square_all.py --write docs/performance.md
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from forest import ORDINARY, change_skeleton
from scale import write_section

SECTION = "## The square of every architecture\n"


def hfcodemod(root: Path, *arguments: str) -> float:
    """Run a command in a repository; the answer is how long it took."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hfcodemod", *arguments], cwd=root, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def modules(root: Path) -> dict[str, bytes]:
    """Every module and base of a repository."""
    files = [*(root / "tests").glob("test_*.py"), *(root / ".hfcodemod" / "base").iterdir()]
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


def closed(folder: Path) -> tuple[int, dict[str, float]]:
    """How many modules both ways gave, and the seconds of each step; raises AssertionError where they differ."""
    old, new = folder / "old", folder / "new"
    for root in (old, new):
        root.mkdir()
        ORDINARY.lay_out(root)
    seconds = {"add --all": hfcodemod(old, "add", "--all")}
    before = modules(old)
    change_skeleton(old)
    change_skeleton(new)
    seconds["migrate-all"] = hfcodemod(old, "migrate-all")
    after = modules(old)
    assert before.keys() & after.keys() == {name for name in before if name.startswith("tests")}, "a base was kept"
    hfcodemod(new, "add", "--all")
    added = modules(new)
    assert after.keys() == added.keys(), sorted(after.keys() ^ added.keys())
    different = [name for name in after if after[name] != added[name]]
    assert not different, different
    seconds["migrate-all again"] = hfcodemod(old, "migrate-all")
    assert modules(old) == after
    return sum(name.startswith("tests") for name in after), seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the document whose section to write")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        count, seconds = closed(Path(folder).resolve())
    said = ", ".join(f"`{what}` {value:.1f} s" for what, value in seconds.items())
    text = "\n".join(
        [
            SECTION,
            "One run of `python tests/square_all.py --write docs/performance.md`: every architecture that has a module",
            "is added, the shipped skeleton changes (a comment, an assertion, a new test), and `migrate-all` writes",
            f"what `add --all` writes with the changed skeleton, {count} modules and their bases, byte for byte.",
            "A second `migrate-all` changes nothing.",
            "",
            f"{date.today()}, Python {platform.python_version()}, {os.cpu_count()} cores: {said}.",
            "",
        ]
    )
    print(json.dumps({"modules": count, **seconds}))
    if options.write:
        write_section(options.write, SECTION, text)


if __name__ == "__main__":
    main()
