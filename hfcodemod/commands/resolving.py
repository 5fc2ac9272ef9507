"""The command that settles conflicts, and how they are shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.commands.context import AsJson, here, shown
from hfcodemod.errors import UserError
from hfcodemod.report import fail, note, painted, say

if TYPE_CHECKING:
    from hfcodemod.conflicts import Pending
    from hfcodemod.resolve import Way

PICTURE = 12
"""Lines of each side of a conflict that are shown."""


def resolve(
    path: Annotated[
        Path | None, typer.Argument(help="The module whose conflicts to settle; all if not given.", show_default=False)
    ] = None,
    ours: Annotated[bool, typer.Option("--ours", help="Keep the module's own text.")] = False,
    theirs: Annotated[bool, typer.Option("--theirs", help="Take the skeleton's.")] = False,
    edited: Annotated[bool, typer.Option("--edited", help="Keep what was edited since the conflict.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the conflicts that wait, or settle those of one module or of all."""
    from hfcodemod import api

    ways: list[Way] = []
    ways += ["ours"] if ours else []
    ways += ["theirs"] if theirs else []
    ways += ["edited"] if edited else []
    if len(ways) > 1:
        raise UserError(f"--{' and --'.join(ways)} exclude each other; pass one of them")
    waiting: list[Pending] = []
    if ways:
        settled, errors = api.resolve(ways[0], path)
        for one in settled:
            say(f"{shown(one.path)}: settled with {ways[0]}")
        if not settled and not errors:
            say("no conflicts")
    else:
        waiting, errors = api.conflicts(path)
        _list(waiting, as_json)
    for error in errors:
        fail(error)
    if errors:
        raise typer.Exit(code=2)
    if waiting:
        raise typer.Exit(code=1)


def _list(waiting: Sequence[Pending], as_json: bool) -> None:
    if as_json:
        from hfcodemod.report import print_json

        print_json([{"path": one.path, "conflicts": [asdict(item) for item in one.conflicts]} for one in waiting])
        return
    root = here().root
    for one in waiting:
        picture(one, root)
    count = sum(len(one.conflicts) for one in waiting)
    print(f"{_counted(count, 'conflict')} in {_counted(len(waiting), 'module')}")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def picture(pending: Pending, root: Path) -> None:
    """The two sides of each conflict, cut short."""
    for conflict in pending.conflicts:
        print(f"{shown(root / pending.path)}:{conflict.line}: {conflict.item}: {conflict.reason}", file=sys.stderr)
        for sign, style, text in (("ours", "red", conflict.ours), ("theirs", "green", conflict.theirs)):
            lines = text.strip("\n").split("\n")
            rest = [f"... {len(lines) - PICTURE} more lines"] if len(lines) > PICTURE else []
            for line in [*lines[:PICTURE], *rest]:
                note(f"  {painted(f'{sign:<6}', style, sys.stderr)} | {line}".rstrip())
    note(f"  settle with: hfcodemod resolve {shown(root / pending.path)} --ours | --theirs | --edited")
