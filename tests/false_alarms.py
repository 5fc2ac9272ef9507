"""Measures what the rules find in suites that others wrote: ``python tests/false_alarms.py FOLDER...``.

Each FOLDER is a package, or a source distribution, that ships its tests. ``--write docs/false-alarms.md`` puts the
figures between the markers of the page. The sample is the alarms that come first by a hash of their place and code;
verdicts are in ``docs/false-alarms.csv``, and an alarm of the sample without one is an error.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hfcodemod.catalog import load_snapshot
from hfcodemod.check import TEST_FILES
from hfcodemod.config import FACTS, Settings
from hfcodemod.rules.suite import suite
from hfcodemod.ruleset import Facts, rules
from hfcodemod.syntax import tree

SAMPLE = 50
VERDICTS = Path(__file__).parents[1] / "docs" / "false-alarms.csv"
NEEDED = 0.95
"""The part of a rule's alarms that must be right for it to be on by default."""


@dataclass(frozen=True)
class Alarm:
    """A finding in a suite."""

    code: str
    place: str
    """Path and line."""

    @property
    def order(self) -> str:
        """By which the sample is drawn."""
        return hashlib.sha256(f"{self.place} {self.code}".encode()).hexdigest()


@dataclass(frozen=True)
class Measured:
    """A suite with what is found in it."""

    name: str
    files: int
    tests: int
    alarms: tuple[Alarm, ...]


def measured(folder: Path) -> Measured:
    """What the rules find in the test files below a folder."""
    found: list[Alarm] = []
    files = tests = 0
    facts = Facts(Settings(root=folder), None, lambda: load_snapshot(FACTS))
    for path in sorted({path for pattern in TEST_FILES for path in folder.rglob(pattern)}):
        try:
            text = path.read_text(encoding="utf-8")
            parsed = tree(text)
        except (SyntaxError, UnicodeDecodeError):
            continue
        files += 1
        tests += len(suite(text).tests)
        place = path.relative_to(folder.parent).as_posix()
        for rule in rules():
            found += [Alarm(each.code, f"{place}:{each.line}") for each in rule.findings(parsed, text, path, facts)]
    return Measured(folder.name, files, tests, tuple(found))


def sample(alarms: Sequence[Alarm]) -> list[Alarm]:
    """The alarms that are read, in order of place."""
    chosen = sorted(alarms, key=lambda alarm: alarm.order)[:SAMPLE]
    return sorted(chosen, key=lambda alarm: (alarm.code, alarm.place))


def verdicts() -> dict[tuple[str, str], tuple[str, str]]:
    """What was judged of each place and code: right or wrong, and what stands there."""
    with VERDICTS.open(encoding="utf-8", newline="") as file:
        return {(row["place"], row["code"]): (row["verdict"], row["what stands there"]) for row in csv.DictReader(file)}


def page(suites: Sequence[Measured]) -> Iterator[str]:
    """The tables of the page, line by line."""
    alarms = [alarm for each in suites for alarm in each.alarms]
    tests = sum(each.tests for each in suites)
    judged = verdicts()
    yield "| suite | files | tests | alarms | of 1,000 tests | by code |"
    yield "|---|---|---|---|---|---|"
    for each in suites:
        codes = Counter(alarm.code for alarm in each.alarms)
        said = ", ".join(f"{code} {number}" for code, number in sorted(codes.items()))
        rate = 1000 * len(each.alarms) / each.tests
        yield f"| {each.name} | {each.files:,} | {each.tests:,} | {len(each.alarms)} | {rate:.2f} | {said} |"
    yield ""
    yield "| rule | alarms | of 1,000 tests | read | right | on by default |"
    yield "|---|---|---|---|---|---|"
    for rule in rules():
        own = [alarm for alarm in alarms if alarm.code == rule.CODE]
        read = [judged[alarm.place, alarm.code][0] for alarm in own if (alarm.place, alarm.code) in judged]
        right = f"{read.count('right')} ({read.count('right') / len(read):.0%})" if read else ""
        link = f"[{rule.CODE}](codes/{rule.CODE}.md) {rule.NAME}"
        default = "yes" if rule.DEFAULT else "no"
        yield f"| {link} | {len(own)} | {1000 * len(own) / tests:.3f} | {len(read) or ''} | {right} | {default} |"
        if read and rule.DEFAULT and read.count("right") < NEEDED * len(read):
            raise SystemExit(f"{rule.CODE} is on by default, and only {right} of {len(read)} alarms are right")
    yield ""
    yield "| place | code | verdict | what stands there |"
    yield "|---|---|---|---|"
    for alarm in sample(alarms):
        if (alarm.place, alarm.code) not in judged:
            raise SystemExit(f"{alarm.place} {alarm.code}: read it, and write a verdict into {VERDICTS.name}")
        verdict, said = judged[alarm.place, alarm.code]
        yield f"| `{alarm.place}` | {alarm.code} | {verdict} | {said} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--write", type=Path, help="the page whose tables are written anew")
    given = parser.parse_args()
    suites = [measured(folder.resolve()) for folder in given.folders]
    if given.write is None:
        for each in suites:
            print(f"{each.name}: {each.files} files, {each.tests} tests", file=sys.stderr)
        alarms = [alarm for each in suites for alarm in each.alarms]
        chosen = set(sample(alarms))
        for alarm in sorted(alarms, key=lambda alarm: (alarm.code, alarm.place)):
            print(f"{'*' if alarm in chosen else ' '} {alarm.code} {alarm.place}")
        return
    text = given.write.read_text(encoding="utf-8")
    tables = "\n".join(page(suites))
    marks = r"(<!-- measured -->\n).*(\n<!-- end -->)"
    given.write.write_text(
        re.sub(marks, lambda m: f"{m[1]}\n{tables}\n{m[2]}", text, flags=re.DOTALL), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
