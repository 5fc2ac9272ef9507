"""What `hfcodemod list` says to those who plan: what is missing, and what another version of transformers changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hfcodemod.report import note, print_json, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hfcodemod.missing import Missing
    from hfcodemod.since import Step


def print_missing(found: Sequence[Missing], skeleton: str, as_json: bool) -> None:
    """The model types without a module, batch by batch."""
    if as_json:
        print_json([asdict(one) for one in found])
        return
    print_table(
        ("batch", "family", "model type", "add makes none, since"),
        [(str(one.batch), one.family, one.model_type, one.obstacle) for one in found],
    )
    ready = [one for one in found if not one.obstacle]
    if not ready:
        note(f"{_types(len(found))} missing, and `hfcodemod add` can make none of them" if found else "none is missing")
        return
    option = "" if skeleton == "default" else f" --skeleton {skeleton}"
    said = f"{_types(len(found))} missing, of which `hfcodemod add` can make {len(ready)}"
    note(f"{said}; batch by batch, the first: hfcodemod add --batch {ready[0].batch}{option}")


def print_steps(found: Sequence[Step], version: str, pinned: str, as_json: bool) -> None:
    """What changed since a version, with what to type."""
    if as_json:
        print_json([_as_dict(step) for step in found])
        return
    rows = [
        (one.what, one.how, one.model_type, one.before, one.now, one.about, step.command)
        for step in found
        for one in (step.change,)
    ]
    print_table(("what", "how", "model type", "before", "now", "of", "to type"), rows)
    if not found:
        note(f"nothing came, went or has another name in transformers {pinned} since {version}")
        return
    together: dict[str, Counter[str]] = {}
    for step in found:
        together.setdefault(step.change.what, Counter())[step.change.how] += 1
    said = [
        f"{what}s: {', '.join(f'{count} {how}' for how, count in sorted(counts.items()))}"
        for what, counts in together.items()
    ]
    note(f"transformers {pinned} since {version}: {'; '.join(said)}")


def _as_dict(step: Step) -> dict[str, Any]:
    return {**asdict(step.change), "command": step.command}


def _types(count: int) -> str:
    return f"{count} model type{'s are' if count != 1 else ' is'}"
