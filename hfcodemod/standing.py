"""How a managed module stands to its skeleton, as findings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.conflicts import REGION, record_path
from hfcodemod.findings import (
    MISSING_BASE,
    OUT_OF_STEP,
    PENDING_CONFLICT,
    REFUSED,
    UNFILLED,
    UNKNOWN_ARCHITECTURE,
    UNREADABLE,
    Finding,
)
from hfcodemod.managed import Managed
from hfcodemod.stamp import digest, stamp_line, without_stamp
from hfcodemod.workspace import base_text

if TYPE_CHECKING:
    from hfcodemod.plan import Plan

_PLACE = re.compile(r"(\d+): ")


def told(path: Path, said: str, code: str, line: int = 1) -> Finding:
    """What an error says of a file, as a finding: ``path:line: what is wrong; what to type``."""
    text = said.removeprefix(f"{path}:")
    place = _PLACE.match(text) if text != said else None
    if place is not None:
        line, text = int(place.group(1)), text[place.end() :]
    message, _, remedy = text.strip().partition("; ")
    return Finding(path, line, 1, code, message, remedy)


def standing(root: Path, managed: Managed, plan: Plan | None, text: str) -> Iterator[Finding]:
    """The findings in a module that can be read; ``plan`` is None for one that is known to be in step."""
    line = stamp_line(text)
    if plan is not None and plan.action == "conflict":
        yield from _conflicts(root, managed, plan, text, line)
        if REGION.search(text):
            return
    elif plan is not None and plan.action == "keep":
        yield told(managed.path, plan.reason, UNKNOWN_ARCHITECTURE, line)
    elif plan is not None and plan.action in ("replace", "merge"):
        remedy = f"`hfcodemod migrate {managed.path}` brings it in step, --diff shows what changes"
        yield Finding(managed.path, line, 1, OUT_OF_STEP, f"not in step: {plan.reason}", remedy)
    elif record_path(root, managed.identity).exists() and plan is not None and plan.action == "skip":
        remedy = f"`hfcodemod migrate {managed.path}` says so"
        yield Finding(managed.path, line, 1, OUT_OF_STEP, "its conflicts are gone, as the skeleton is now", remedy)
    wrong = list(_wrong(root, managed, text, line))
    if plan is not None and plan.action == "refuse" and not wrong:
        yield told(managed.path, plan.reason, REFUSED, line)
    yield from wrong


def _conflicts(root: Path, managed: Managed, plan: Plan, text: str, line: int) -> Iterator[Finding]:
    path = managed.path
    marked = [text.count("\n", 0, region.start()) + 1 for region in REGION.finditer(text)]
    for marker in marked:
        remedy = f"edit it, then type `hfcodemod resolve {path} --edited`; or --ours, or --theirs"
        yield Finding(path, marker, 1, PENDING_CONFLICT, "a conflict waits, and its markers stand here", remedy)
    if marked:
        return
    assert plan.pending is not None
    if not record_path(root, managed.identity).exists():
        count = len(plan.pending.conflicts)
        said = f"not in step: bringing it in step makes {count} conflict{'s' * (count > 1)}"
        yield Finding(path, line, 1, OUT_OF_STEP, said, f"`hfcodemod migrate {path}` shows and keeps them")
        return
    for conflict in plan.pending.conflicts:
        said = f"a conflict waits in {conflict.item}: {conflict.reason}"
        remedy = f"settle it with `hfcodemod resolve {path} --ours`, --theirs or --edited"
        yield Finding(path, conflict.line, 1, PENDING_CONFLICT, said, remedy)


def _wrong(root: Path, managed: Managed, text: str, line: int) -> Iterator[Finding]:
    """What is wrong with the text and its base, whether or not the skeleton changed."""
    path, base = managed.path, managed.stamp.base
    if digest(without_stamp(text)[0]) != base and base_text(root, base) is None:
        remedy = f"restore .hfcodemod/base with git, or `hfcodemod adopt {path}` takes today's render for it"
        yield Finding(path, line, 1, MISSING_BASE, f"its base {base} is missing or was changed", remedy)
    problem = unparsed(path, text)
    if problem is not None:
        yield problem
    elif "..." in text and "hfcodemod: own" in text:
        from hfcodemod.own import unfilled

        for place, name in unfilled(text):
            yield Finding(
                path, place, 1, UNFILLED, f"{name} has no value yet", "put the module's own in place of `...`"
            )


def unparsed(path: Path, text: str) -> Finding | None:
    """Where a text does not parse, or None."""
    from hfcodemod.errors import UserError
    from hfcodemod.parsing import check_parses

    try:
        check_parses(path, text)
    except UserError as error:
        return told(path, str(error), UNREADABLE)
    return None
