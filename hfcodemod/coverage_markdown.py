"""Coverage as a page of the documentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

from hfcodemod.coverage_cases import DEFINITION, STATES, Case, Coverage, tally
from hfcodemod.coverage_words import GROUPED, NUMBERS, Row, rows_by, runs_said, title_of, uncounted_said

SPECIAL = re.compile(r"[\\|*`\[\]]|(?<!\w)_|_(?!\w)")
"""What Markdown would take for more than it is; an underscore within a word it leaves alone."""


def as_markdown(coverage: Coverage) -> str:
    """The page; the same coverage gives the same text."""
    return "".join(f"{line}\n" for line in _lines(coverage))


def _lines(coverage: Coverage) -> Iterator[str]:
    yield f"# {title_of(coverage)}"
    yield ""
    yield "Made by `hfcodemod coverage --markdown`; an edit is lost."
    yield ""
    yield f"- Heads covered: **{coverage.heads.said}**"
    yield f"- Model types covered: **{coverage.covered_types.said}**"
    yield ""
    yield plain(DEFINITION)
    yield ""
    yield plain(runs_said(coverage))
    yield ""
    yield from table(
        ("state", "heads", "meaning"),
        ((state, f"{number:,}", STATES[state]) for state, number in tally(coverage.cases).items()),
        "-:-",
    )
    for what, heading in GROUPED.items():
        yield from ("", f"## By {what}", "")
        yield from _group(heading, rows_by(coverage, what))
    yield from ("", "## What is not covered", "")
    yield from _rest(coverage)
    if coverage.uncounted:
        yield from ("", "## Records that do not count", "")
        yield from table(("module", "class", "why"), uncounted_said(coverage), "---")


def _group(heading: str, rows: Iterable[Row]) -> Iterator[str]:
    columns = (heading.lower(), *NUMBERS, "not covered")
    return table(columns, ((row.name, *row.numbers, row.rest) for row in rows), "-:::::-")


def _rest(coverage: Coverage) -> Iterator[str]:
    """The cases that are not covered, those with one state and one reason in one line."""
    order = list(STATES)
    found: dict[tuple[str, str, str], list[Case]] = {}
    for case in sorted(coverage.cases, key=lambda case: order.index(case.state)):
        if case.state != "covered":
            found.setdefault((case.model_type, case.state, case.reason), []).append(case)
    if not found:
        yield "Nothing: every head is covered."
        return
    rows = (
        (model_type, ", ".join(case.head for case in cases), state, reason)
        for (model_type, state, reason), cases in found.items()
    )
    yield from table(("model type", "heads", "state", "reason"), rows, "----")


def table(columns: Iterable[str], rows: Iterable[Iterable[str]], alignment: str) -> Iterator[str]:
    """A table; ``alignment`` has ``:`` for a column of numbers and ``-`` for another."""
    yield _line(columns)
    yield _line("--:" if each == ":" else "---" for each in alignment)
    for row in rows:
        yield _line(plain(cell) for cell in row)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def plain(text: str) -> str:
    """The text as Markdown that shows it as it is, in one line."""
    return SPECIAL.sub(r"\\\g<0>", escape(" ".join(text.split()), quote=False))
