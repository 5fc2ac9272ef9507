"""The command that says how much of transformers is covered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.commands.context import AsJson, here
from hfcodemod.report import note

if TYPE_CHECKING:
    from hfcodemod.coverage_cases import Coverage

FEW = 20
"""So many families are shown, and so many records that do not count."""
WIDTH = 100


def coverage(
    html: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write one page there, index.html, that needs no server.")
    ] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page in Markdown.")] = None,
    badge: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a badge, an SVG.")] = None,
    fail_under: Annotated[
        float | None,
        typer.Option(metavar="P", help="Exit 1 if less than P % of the heads are covered.", min=0, max=100),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE_OR_REVISION", help="Print what was covered since a day (2026-01-31) or a revision of git."
        ),
    ] = None,
    ledger: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The ledger to go by; .hfcodemod/ledger.jsonl if not given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how many of transformers' model classes are covered: ran for real, and passed, as they are now.

    It goes by the ledger that `hfcodemod verify` writes, and by the modules, recipes and skeletons that are there now;
    neither torch nor transformers is needed.
    """
    from hfcodemod.api import coverage as found
    from hfcodemod.coverage_badge import as_badge
    from hfcodemod.coverage_html import as_html
    from hfcodemod.coverage_markdown import as_markdown
    from hfcodemod.coverage_summary import as_summary
    from hfcodemod.durable import blaming
    from hfcodemod.outputs import write_outputs

    now = found(ledger=ledger, since=since)
    if html is not None:
        with blaming(html):
            html.mkdir(parents=True, exist_ok=True)
    wanted = {html and html / "index.html": as_html, markdown: as_markdown, badge: as_badge}
    pages = {path: page(now).encode() for path, page in wanted.items() if path is not None}
    write_outputs(pages)
    for path in pages:
        note(f"wrote {path}")
    if as_json:
        from hfcodemod.coverage_json import as_dict
        from hfcodemod.report import print_json

        print_json(as_dict(now))
    elif since is not None:
        from hfcodemod.batches import batches_of
        from hfcodemod.catalog import pinned_facts

        batches = [(batch.number, batch.model_types) for batch in batches_of(pinned_facts(here()))]
        print(as_summary(now, batches), end="")
    else:
        _print(now)
    if fail_under is not None and not now.heads.reaches(fail_under):
        note(f"{now.heads.percent} % of the heads are covered, and --fail-under asks for {fail_under:g} %")
        raise typer.Exit(code=1)


def _print(now: Coverage) -> None:
    """The figures, what they mean, and where most is to be done."""
    import textwrap

    from hfcodemod.coverage_cases import DEFINITION, STATES, tally
    from hfcodemod.coverage_words import families_of, rows_by, runs_said, title_of
    from hfcodemod.report import print_facts, print_table

    count = tally(now.cases)
    rest: dict[str, str] = {
        state: f"{count[state]:,} head{'s' * (count[state] != 1)}: {meaning}"
        for state, meaning in STATES.items()
        if state in count and state != "covered"
    }
    print(f"{title_of(now)}\n")
    print_facts({"heads covered": now.heads.said, "model types covered": now.covered_types.said, **rest})
    print(f"\n{textwrap.fill(DEFINITION, WIDTH)}\n\n{textwrap.fill(runs_said(now), WIDTH)}\n\nBy what goes in:")
    rows = [(row.name, row.types.said, row.heads.said, row.rest) for row in rows_by(now, "modality")]
    print_table(("takes", "model types", "heads", "not covered"), rows)
    families = families_of(now.open)
    print("\nFamilies with most to do:" if families else "\nNothing is to be done.")
    print_table(("family", "heads", "model types", "not covered"), families[:FEW])
    if len(families) > FEW:
        print(f"And {len(families) - FEW:,} more; --html and --markdown show all, --json says it to programs.")
    for each in now.uncounted[:FEW]:
        note(f"{each.record.module}: {each.record.class_name or each.record.name}: does not count: {each.why}")
    if len(now.uncounted) > FEW:
        note(f"{len(now.uncounted) - FEW:,} more records do not count; --json tells all")
