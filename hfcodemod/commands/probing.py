"""The command that finds recipes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hfcodemod.commands.context import AsJson, completed_names, here, shown
from hfcodemod.commands.migration import Jobs, progress_bar
from hfcodemod.errors import UserError
from hfcodemod.report import note, print_json, print_table, say

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...",
        help="Architectures: a model type, a name in use, a checkpoint.",
        autocompletion=completed_names,
        show_default=False,
    ),
]


def probe(
    names: Names = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every architecture whose recipe was not written by hand.")
    ] = False,
    to: Annotated[Path | None, typer.Option(help="Folder for the recipes.", show_default=".hfcodemod/recipes")] = None,
    jobs: Jobs = None,
    as_json: AsJson = False,
) -> None:
    """Find the recipe of an architecture: a tiny configuration, inputs and labels for each of its classes.

    Each class is built, run forward and backward, saved and loaded; every input must count. What is found is a data
    file that `add` makes modules from; what is in the way of a class is told, and the exit code is 1. Needs torch and
    transformers.
    """
    from hfcodemod.api import probe as probed
    from hfcodemod.workspace import recipes_folder

    if bool(names) == every:
        raise UserError("give a NAME, or --all; not both")
    with progress_bar() as progress:
        found = probed(names, to=to, jobs=jobs, progress=progress)
    stuck = [one for one in found if not one.solved]
    rows = [(one.model_type, name, why) for one in stuck for name, why in one.failures.items()]
    if as_json:
        print_json(
            [
                {"model_type": one.model_type, "solved": one.solved, "failures": one.failures, "seconds": one.seconds}
                for one in found
            ]
        )
    elif rows:
        print_table(("model type", "class", "what is in the way"), rows)
    written = sum(one.recipe is not None for one in found)
    folder = recipes_folder(here().root) if to is None else to.resolve()
    tell = note if as_json else say
    tell(f"wrote {written} recipe{'' if written == 1 else 's'} to {shown(folder)}")
    if stuck:
        note(f"{len(stuck)} of {len(found)} not solved")
        raise typer.Exit(code=1)
