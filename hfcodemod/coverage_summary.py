"""What a batch has brought, as the summary that is sent round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hfcodemod.coverage_cases import Case, Coverage, heads_among
from hfcodemod.coverage_markdown import table
from hfcodemod.coverage_words import families_of, rest_of, shortened

FEW = 10
"""So many batches come next."""


def as_summary(now: Coverage, batches: Iterable[tuple[int, Sequence[str]]]) -> str:
    """The summary of a coverage that is compared with an earlier one, in Markdown.

    ``batches`` are the model types in the order in which they are planned, with the number of each batch.
    """
    return "".join(f"{line}\n" for line in _lines(now, batches))


def _lines(now: Coverage, batches: Iterable[tuple[int, Sequence[str]]]) -> Iterator[str]:
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
    added = families_of(now.added)
    yield from table(("family", "heads", "model types"), (row[:3] for row in added), "-:-") if added else ("Nothing.",)
    if now.lost:
        yield from ("", f"## No longer covered: {_counted(now.lost)}", "")
        rows = ((case.model_type, case.head, case.state, case.reason) for case in now.lost)
        yield from table(("model type", "head", "state", "reason"), rows, "----")
    yield from ("", f"## Next: {_counted(now.open)}", "")
    yield from _next(now, batches)


def _next(now: Coverage, batches: Iterable[tuple[int, Sequence[str]]]) -> Iterator[str]:
    """The batches with something to do."""
    found: list[tuple[str, ...]] = []
    for number, model_types in batches:
        cases = [case for case in now.open if case.model_type in model_types]
        if cases:
            families = shortened(case.family for case in cases)
            found.append((f"{number}", families, f"{heads_among(cases).total:,}", rest_of(cases)))
    if not found:
        yield "Nothing."
        return
    yield from table(("batch", "families", "heads", "not covered"), found[:FEW], ":-:-")
    if len(found) > FEW:
        yield from ("", f"And {len(found) - FEW:,} more batches; `hfcodemod list --missing` shows them.")
    yield from (
        "",
        "`hfcodemod add --missing --batch N` adds the modules of a batch, and `hfcodemod verify` runs them.",
    )


def _counted(cases: Iterable[Case]) -> str:
    cases = list(cases)
    heads, types = heads_among(cases).total, len({case.model_type for case in cases})
    return f"{heads:,} head{'s' * (heads != 1)} of {types:,} model type{'s' * (types != 1)}"
