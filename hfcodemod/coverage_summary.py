"""What a batch has brought, as the summary that is sent round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hfcodemod.coverage_cases import Case, Coverage, heads_among
from hfcodemod.coverage_markdown import table
from hfcodemod.coverage_words import families_of

FEW = 12
"""So many families come next."""


def as_summary(now: Coverage) -> str:
    """The summary of a coverage that is compared with an earlier one, in Markdown."""
    return "".join(f"{line}\n" for line in _lines(now))


def _lines(now: Coverage) -> Iterator[str]:
    assert now.earlier is not None
    before = now.earlier.coverage
    yield f"# What is covered of transformers {now.version} since {now.earlier.when}"
    yield ""
    yield from table(
        ("", "before", "now"),
        (
            ("heads", before.heads.said, now.heads.said),
            ("model types", before.covered_types.said, now.covered_types.said),
        ),
        "-::",
    )
    if now.earlier.note:
        yield from ("", now.earlier.note)
    yield from ("", f"## Added: {_counted(now.added)}", "")
    yield from _by_family(now.added)
    if now.lost:
        yield from ("", f"## No longer covered: {_counted(now.lost)}", "")
        rows = ((case.model_type, case.head, case.state, case.reason) for case in now.lost)
        yield from table(("model type", "head", "state", "reason"), rows, "----")
    yield from ("", f"## Next: {_counted(now.open)}", "")
    yield from _by_family(now.open, FEW)


def _by_family(cases: Iterable[Case], limit: int | None = None) -> Iterator[str]:
    families = families_of(cases)
    if not families:
        yield "Nothing."
        return
    columns = ("family", "heads", "model types", "not covered")
    yield from table(columns, families[:limit], "-:--")
    if limit is not None and len(families) > limit:
        yield from ("", f"And {len(families) - limit:,} more families.")


def _counted(cases: Iterable[Case]) -> str:
    cases = list(cases)
    heads, types = heads_among(cases).total, len({case.model_type for case in cases})
    return f"{heads:,} head{'s' * (heads != 1)} of {types:,} model type{'s' * (types != 1)}"
