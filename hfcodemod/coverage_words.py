"""How coverage is told, whatever the page: its title, the runs that it rests on, the rows of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hfcodemod.coverage_cases import Case, Count, Coverage, heads_among, tally, unusual_skips

GROUPED = {"family": "Family", "modality": "Takes", "task": "Task"}
"""By what the tables are, and what stands above their first column."""
NUMBERS = ("%", "heads covered", "of", "types covered", "of")
"""The columns of numbers in such a table."""
FEW = 12
"""So many names stand in one cell."""


@dataclass(frozen=True)
class Row:
    """A line of a table: a family, what goes in, or a task."""

    name: str
    types: Count
    heads: Count
    rest: str
    """How many classes are not covered, by state: ``2 blocked, 1 failing``."""

    @property
    def numbers(self) -> tuple[str, ...]:
        """What `NUMBERS` stand for."""
        each = (self.heads.covered, self.heads.total, self.types.covered, self.types.total)
        return (self.heads.percent, *(f"{number:,}" for number in each))


def title_of(coverage: Coverage) -> str:
    """What the page is about."""
    return f"Coverage of transformers {coverage.version}"


def rows_by(coverage: Coverage, what: str) -> Iterator[Row]:
    """The lines of the table by ``what``."""
    for name, cases in coverage.by(what).items():
        yield Row(name, coverage.types_among(cases), heads_among(cases), rest_of(cases))


def rest_of(cases: Iterable[Case]) -> str:
    """How many classes are not covered, by state."""
    return ", ".join(f"{number:,} {state}" for state, number in tally(cases).items() if state != "covered")


def families_of(cases: Iterable[Case]) -> list[tuple[str, str, str, str]]:
    """Family, number of classes, model types, and how the classes stand; the families with most classes first."""
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.family, []).append(case)
    families = sorted(found, key=lambda name: (-heads_among(found[name]).total, name))
    return [
        (
            name,
            f"{heads_among(found[name]).total:,}",
            shortened(case.model_type for case in found[name]),
            rest_of(found[name]),
        )
        for name in families
    ]


def shortened(several: Iterable[str]) -> str:
    """Some names, each once, and how many more there are."""
    names = list(dict.fromkeys(several))
    more = f" and {len(names) - FEW:,} more" if len(names) > FEW else ""
    return ", ".join(names[:FEW]) + more


def runs_said(coverage: Coverage) -> str:
    """When the runs were that count, and with what."""
    records = [case.record for case in coverage.cases if case.record is not None]
    if not records:
        return "No run counts: the ledger holds no record of a module that is here."
    days = sorted(record.date[:10] for record in records)
    when = f"on {days[0]}" if days[0] == days[-1] else f"from {days[0]} to {days[-1]}"
    used = [
        f"{name} {', '.join(sorted({record.versions[name] for record in records}))}"
        for name in ("transformers", "torch", "python")
    ]
    devices = ", ".join(sorted({record.device for record in records} - {""}))
    return f"Run {when} (UTC) with {', '.join(used)}{' on ' * bool(devices)}{devices}."


def seen_said(case: Case) -> str:
    """What the class was seen doing, and which tests of its module did not run."""
    if case.record is None:
        return ""
    skipped = [f"skipped {name}" for name in unusual_skips(case.record)]
    return ", ".join([*case.record.evidence, *skipped])


def uncounted_said(coverage: Coverage) -> Iterator[tuple[str, str, str]]:
    """The records that count for nothing: module, class, and why."""
    for each in coverage.uncounted:
        yield each.record.module, each.record.class_name, each.why
