"""From what was seen of a module to the records of its classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from hfcodemod.ledger import COUNTS, PASSED, Record
from hfcodemod.verifying.pool import Done
from hfcodemod.verifying.reasons import last_error, one_line

NOTHING = dict.fromkeys(COUNTS, 0)


def records_of(
    done: Done, root: Path, versions: Mapping[str, str], types: Mapping[str, str], date: str
) -> list[Record]:
    """A record for each class that was to be seen, or that was seen where none was named; one at least.

    ``types`` says which model type a class belongs to, for a module of which that is not known.
    """
    subject, ending, told = done.subject, done.ending, done.ending.told
    seen = told.get("seen", {})
    common = _of_all(done)
    records = []
    for name in subject.required or sorted(seen) or [""]:
        evidence = frozenset(seen[name]["evidence"] if name in seen else ())
        outcome, reason = common or _of_class(done, name, evidence)
        records.append(
            Record(
                skeleton=subject.skeleton,
                name=subject.name,
                class_name=name,
                model_type=subject.model_type or types.get(name, ""),
                module=subject.path.relative_to(root).as_posix(),
                outcome=outcome,
                reason=reason,
                evidence=tuple(sorted(evidence)),
                parameters=seen[name]["parameters"] if name in seen else 0,
                seconds=told.get("seconds", ending.seconds),
                tests=told.get("tests", NOTHING),
                skips=told.get("skips", {}),
                date=date,
                device=done.device,
                versions=dict(versions),
                sources=subject.sources,
            ).sealed()
        )
    return records


def _of_all(done: Done) -> tuple[str, str] | None:
    """The outcome of all classes and the reason, where the classes need not be looked at one by one."""
    ending, told = done.ending, done.ending.told
    if ending.how:
        return ending.how, one_line(ending.said)
    if not told["began"]:
        return "failed", last_error(ending.output)
    if told["failure"]:
        return "failed", told["failure"]
    if told["tests"] == NOTHING:
        return "not seen", "the module has no tests"
    if not told["tests"]["passed"]:
        return "skipped", one_line("; ".join(dict.fromkeys(told["skips"].values())))
    return None


def _of_class(done: Done, name: str, evidence: Collection[str]) -> tuple[str, str]:
    """The outcome of one class and the reason; all tests that were run have passed."""
    subject, told = done.subject, done.ending.told
    needed = subject.required.get(name, frozenset({"forward"} if subject.has_models else ()))
    if name in subject.generators and name in told["generators"]:
        needed |= {"generate"}
    if name in told["without_forward"]:
        # What it does instead counts as running forward, and may give no gradients.
        needed -= {"backward"}
    missing = sorted(needed - set(evidence))
    if not missing:
        return PASSED, ""
    if evidence:
        return "not seen", f"it was seen, but not at: {', '.join(missing)}"
    if not name:
        return "not seen", "no model class of transformers was seen running"
    if {name, ""} & set(told["mocked"]):
        return "mock only", "only a mock stood for it"
    return "not seen", "the class of transformers was not seen running"
