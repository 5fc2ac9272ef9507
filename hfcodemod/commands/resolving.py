"""The command that settles conflicts, and how they are shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.commands.context import AsJson, here, shown, writing
from hfcodemod.errors import UserError

if TYPE_CHECKING:
    from hfcodemod.config import Settings
    from hfcodemod.conflicts import Pending
    from hfcodemod.managed import Trouble
    from hfcodemod.resolve import Settlement, Way

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
    from hfcodemod.conflicts import pending_in
    from hfcodemod.managed import tree_of
    from hfcodemod.resolve import where_they_are

    settings = here()
    ways = [way for way, given in (("ours", ours), ("theirs", theirs), ("edited", edited)) if given]
    if len(ways) > 1:
        raise UserError(f"--{' and --'.join(ways)} exclude each other; pass one of them")
    with writing(settings.root) if ways else nullcontext():
        recorded, troubles = pending_in(settings.root)
        waiting = _wanted(where_they_are(recorded, settings, tree_of(settings)), path, settings)
        if ways:
            troubles += _settle(waiting, ways[0], settings)  # type: ignore[arg-type]  # a way
    if not ways and as_json:
        from hfcodemod.report import print_json

        print_json([{"path": one.path, "conflicts": [asdict(item) for item in one.conflicts]} for one in waiting])
    elif not ways:
        for one in waiting:
            picture(one, settings.root)
        count = sum(len(one.conflicts) for one in waiting)
        print(f"{_counted(count, 'conflict')} in {_counted(len(waiting), 'module')}")
    for trouble in troubles:
        print(f"error: {trouble.said}", file=sys.stderr)
    if troubles:
        raise typer.Exit(code=2)
    if waiting and not ways:
        raise typer.Exit(code=1)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _settle(waiting: Sequence[Pending], way: Way, settings: Settings) -> list[Trouble]:
    """Settle what can be settled in this way; the rest is returned, with the remedy."""
    from hfcodemod.journal import write_files
    from hfcodemod.managed import Trouble
    from hfcodemod.resolve import settlement

    done: list[Settlement] = []
    troubles: list[Trouble] = []
    for one in waiting:
        try:
            done.append(settlement(one, way, settings))
        except UserError as error:
            troubles.append(Trouble(settings.root / one.path, str(error)))
    files = {file: content for one in done for file, content in one.files.items()}
    write_files(settings.root, files, {one.path: one.before for one in done})
    for settled in done:
        print(f"{shown(settled.path)}: settled with {way}")
    if not waiting:
        print("no conflicts")
    return troubles


def _wanted(waiting: Sequence[Pending], path: Path | None, settings: Settings) -> list[Pending]:
    if path is None:
        return list(waiting)
    real = path.resolve()
    found = [one for one in waiting if one.name == str(path) or (settings.root / one.path).resolve() == real]
    if not found:
        raise UserError(f"{path}: has no conflicts; `hfcodemod resolve` lists those that wait")
    return found


def picture(pending: Pending, root: Path) -> None:
    """The two sides of each conflict, cut short."""
    for conflict in pending.conflicts:
        print(f"{shown(root / pending.path)}:{conflict.line}: {conflict.item}: {conflict.reason}", file=sys.stderr)
        for sign, text in (("ours", conflict.ours), ("theirs", conflict.theirs)):
            lines = text.strip("\n").split("\n")
            rest = [f"... {len(lines) - PICTURE} more lines"] if len(lines) > PICTURE else []
            for line in [*lines[:PICTURE], *rest]:
                print(f"  {sign:<6} | {line}".rstrip(), file=sys.stderr)
    print(
        f"  settle with: hfcodemod resolve {shown(root / pending.path)} --ours | --theirs | --edited", file=sys.stderr
    )
