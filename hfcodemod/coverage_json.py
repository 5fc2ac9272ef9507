"""Coverage for programs."""

from __future__ import annotations

from typing import Any

from hfcodemod.coverage_cases import DEFINITION, Case, Count, Coverage, tally
from hfcodemod.coverage_words import GROUPED, rows_by


def as_dict(coverage: Coverage) -> dict[str, Any]:
    """The coverage as it is printed as JSON."""
    earlier = coverage.earlier
    compared = (
        {
            "since": {
                "when": earlier.when,
                "note": earlier.note,
                "heads": _count(earlier.coverage.heads),
                "model_types": _count(earlier.coverage.covered_types),
                "added": [_named(case) for case in coverage.added],
                "lost": [_named(case) for case in coverage.lost],
            }
        }
        if earlier is not None
        else {}
    )
    return {
        "transformers": coverage.version,
        "definition": DEFINITION,
        "heads": _count(coverage.heads),
        "model_types": _count(coverage.covered_types),
        "states": tally(coverage.cases),
        **{
            f"by_{what}": [
                {"name": row.name, "heads": _count(row.heads), "model_types": _count(row.types)}
                for row in rows_by(coverage, what)
            ]
            for what in GROUPED
        },
        "cases": [_case(coverage, case) for case in coverage.cases],
        "uncounted": [
            {"module": each.record.module, "class": each.record.class_name, "name": each.record.name, "why": each.why}
            for each in coverage.uncounted
        ],
        **compared,
    }


def _count(count: Count) -> dict[str, Any]:
    return {"covered": count.covered, "total": count.total, "percent": float(count.percent)}


def _named(case: Case) -> dict[str, str]:
    return {"model_type": case.model_type, "class": case.head, "state": case.state, "reason": case.reason}


def _case(coverage: Coverage, case: Case) -> dict[str, Any]:
    record = case.record
    run = (
        {
            "evidence": list(record.evidence),
            "parameters": record.parameters,
            "seconds": record.seconds,
            "tests": dict(record.tests),
            "date": record.date,
            "device": record.device,
            "versions": dict(record.versions),
        }
        if record is not None
        else None
    )
    return {
        **_named(case),
        "model_type_state": coverage.state_of_types[case.model_type],
        "family": case.family,
        "modalities": list(case.modalities),
        "tasks": list(case.tasks),
        "pipelines": list(case.pipelines),
        "module": case.module,
        "run": run,
    }
