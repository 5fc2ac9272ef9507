"""The command that says what state everything is in: doctor."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from hfcodemod import report
from hfcodemod.commands.context import AsJson

if TYPE_CHECKING:
    from hfcodemod.doctor import Remark

STYLES = {"fine": "green", "note": "cyan", "todo": "yellow", "broken": "bold red"}


def doctor(as_json: AsJson = False) -> None:
    """Say what is installed and used, what is broken, and what to do next; nothing is written.

    Exit codes: 0 nothing to do, 1 something to do, 2 something is broken.
    """
    from hfcodemod.doctor import examined, worst

    remarks = examined(Path.cwd())
    level = worst(remarks)
    if as_json:
        from dataclasses import asdict

        from hfcodemod.report import print_json

        print_json({"state": level, "remarks": [asdict(remark) for remark in remarks]})
    else:
        _print(remarks)
    raise typer.Exit(code={"todo": 1, "broken": 2}.get(level, 0))


def _print(remarks: Sequence[Remark]) -> None:
    from hfcodemod.doctor import LEVELS

    # What is said of a path is typed here.
    below = f"{Path.cwd()}/"
    for remark in remarks:
        if report.look.quiet and remark.level in ("fine", "note"):
            continue
        level = report.painted(f"{remark.level:<6}", STYLES[remark.level], sys.stdout)
        print(f"{level}  {remark.subject}: {remark.said}".replace(below, ""))
        if remark.remedy:
            print(f"        -> {remark.remedy}".replace(below, ""))
    waiting = [remark for remark in remarks if remark.level in ("todo", "broken")]
    if not waiting:
        report.say("nothing to do")
        return
    first = max(waiting, key=lambda remark: LEVELS.index(remark.level))
    print(f"next: {first.subject}: {first.remedy or first.said}".replace(below, ""))
