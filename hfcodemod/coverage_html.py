"""Coverage as one page: without a server, without a request to anybody, and a plain table where no script runs."""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable
from html import escape

from hfcodemod.coverage_cases import DEFINITION, STATES, Case, Coverage, State, tally
from hfcodemod.coverage_words import GROUPED, NUMBERS, Row, rows_by, runs_said, seen_said, title_of, uncounted_said

# Where a long name may be broken: behind an underscore, before what a class is for.
_BREAK = re.compile(r"(?<=_)|(?<=[a-z0-9])(?=(?:For|With)[A-Z])")
PLACE = re.compile(r"\{\{(\w+)\}\}")


def as_html(coverage: Coverage) -> str:
    """The page; the same coverage gives the same text."""
    template = (importlib.resources.files("hfcodemod") / "data" / "coverage.html").read_text(encoding="utf-8")
    count = tally(coverage.cases)
    figures = {"Heads covered": coverage.heads, "Model types covered": coverage.covered_types}
    filled = {
        "title": escape(title_of(coverage)),
        "figures": "\n".join(
            f"<div><dt>{what}</dt><dd>{each.percent} % <small>{each.covered:,} of {each.total:,}</small></dd></div>"
            for what, each in figures.items()
        ),
        "bar": "".join(_mark(state, number) for state, number in count.items()),
        "legend": "\n".join(_legend(state, number) for state, number in count.items()),
        "runs": escape(runs_said(coverage)),
        "definition": escape(DEFINITION),
        "groups": "\n".join(_group(what, heading, rows_by(coverage, what)) for what, heading in GROUPED.items()),
        "uncounted": _uncounted(coverage),
        "filters": "\n".join(
            _choice(what, heading, coverage.by(what)) for what, heading in {"state": "State", **GROUPED}.items()
        ),
        "rows": "\n".join(_row(case) for case in coverage.cases),
    }
    return PLACE.sub(lambda place: filled[place[1]], template)


def _broken(text: str) -> str:
    return _BREAK.sub("<wbr>", escape(text))


def _class(state: State) -> str:
    return state.replace(" ", "-")


def _mark(state: State, width: int) -> str:
    return f'<i class="{_class(state)}" style="flex-grow:{width}"></i>'


def _legend(state: State, number: int) -> str:
    link = f'<a href="{_filtered("state", state)}">{state} {number:,}</a>'
    return f'<li><i class="{_class(state)}"></i>{link} <small>{STATES[state]}</small></li>'


def _filtered(what: str, value: str) -> str:
    """The page's own address of the rows that have a value, as its script reads it."""
    return f"#{what}={escape(value.replace(' ', '+'))}"


def _choice(name: str, label: str, values: Iterable[str]) -> str:
    options = "".join(f"<option>{escape(value)}</option>" for value in values)
    return f'<label>{label}<select name="{name}"><option value="">all</option>{options}</select></label>'


def _group(what: str, heading: str, rows: Iterable[Row]) -> str:
    columns = [heading, *NUMBERS, "not covered"]
    body = "\n".join(
        "<tr>"
        + f'<td><a href="{_filtered(what, row.name)}">{_broken(row.name)}</a></td>'
        + "".join(f'<td class="n">{number}</td>' for number in row.numbers)
        + f"<td>{row.rest}</td></tr>"
        for row in rows
    )
    return _details(f"By {what}", columns, body)


def _uncounted(coverage: Coverage) -> str:
    if not coverage.uncounted:
        return ""
    body = "\n".join(
        f"<tr><td>{escape(name)}</td><td>{escape(cls)}</td><td>{escape(why)}</td></tr>"
        for name, cls, why in uncounted_said(coverage)
    )
    return _details(f"Records that do not count: {len(coverage.uncounted):,}", ["module", "class", "why"], body)


def _details(summary: str, columns: Iterable[str], body: str) -> str:
    head = "".join(f"<th{_NUMBER * (name in NUMBERS)}>{name[0].upper()}{name[1:]}</th>" for name in columns)
    return (
        f'<details><summary>{summary}</summary><div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div></details>"
    )


_NUMBER = ' class="n"'


def _row(case: Case) -> str:
    record = case.record
    cells = [
        case.model_type,
        case.head,
        case.state,
        case.family,
        case.modality,
        " ".join((*case.tasks, *case.pipelines)),
        seen_said(case),
        f"{record.parameters:,}" if record is not None else "",
        f"{record.seconds:.1f}" if record is not None else "",
        case.reason,
    ]
    texts = [_broken(cell) for cell in cells]
    texts[2] = f'<b class="{_class(case.state)}">{case.state}</b>'
    opened = ['<td class="n">' if place in (7, 8) else "<td>" for place in range(len(cells))]
    return f"<tr>{''.join(f'{tag}{text}</td>' for tag, text in zip(opened, texts, strict=True))}</tr>"
