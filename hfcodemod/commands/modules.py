"""The commands that write test modules."""

from __future__ import annotations

from typing import Annotated

import typer

from hfcodemod.commands.context import Diff, Like, ModelId, completed_names, here, shown
from hfcodemod.errors import UserError
from hfcodemod.report import note, print_diff, say

Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME",
        help="What to add: a model type (gemma3, XLM-RoBERTa), a name in use (llama-3), a checkpoint (org/model).",
        autocompletion=completed_names,
        show_default=False,
    ),
]


def add(
    names: Names,
    like: Like = None,
    model_id: ModelId = None,
    skeleton: Annotated[str, typer.Option(help="Skeleton to clone.")] = "default",
    diff: Diff = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that were edited by hand.")] = False,
) -> None:
    """Write a test module for each NAME.

    The module builds a tiny random-weight model of the real architecture and passes on CPU without network. It goes to
    tests/models/test_hf_NAME.py; `target` under tool.hfcodemod in pyproject.toml says otherwise.
    """
    from hfcodemod.api import add as made_of
    from hfcodemod.own import unfilled

    if (like or model_id) and len(names) > 1:
        raise UserError("--like and --model-id speak of one NAME; add the names one by one")
    made = made_of(names, like=like, model_id=model_id, skeleton=skeleton, force=force, write=not diff)
    if diff:
        root = here().root
        for addition in made:
            print_diff(addition.diff(root) if addition.status != "unchanged" else "")
        raise typer.Exit(code=int(any(addition.status != "unchanged" for addition in made)))
    for addition in made:
        path = shown(addition.path)
        say(f"{path}: already in step" if addition.status == "unchanged" else f"wrote {path}")
        for left in addition.leftovers:
            note(f"{path}:{left.line}: still says {left.text!r}")
        for line, name in unfilled(addition.text):
            note(f"{path}:{line}: {name} is the module's own, and is to be filled in")
    say(f"run: pytest {' '.join(shown(addition.path) for addition in made)}")
