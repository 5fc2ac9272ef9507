"""The command that takes test modules that exist under management."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfcodemod.commands.context import AsJson, Diff, Like, ModelId, completed_names, shown
from hfcodemod.commands.migration import progress_bar
from hfcodemod.errors import UserError
from hfcodemod.report import fail, say

if TYPE_CHECKING:
    from hfcodemod.adopt import Adoption


def adopt(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH", help="Test modules, or folders of them.", show_default=False)
    ],
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help="What it tests, if it isn't clear.", autocompletion=completed_names),
    ] = None,
    like: Like = None,
    model_id: ModelId = None,
    skeleton: Annotated[str | None, typer.Option(help="Skeleton that it is to follow.", show_default="by path")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also with little in common with the skeleton.")] = False,
    diff: Diff = False,
    as_json: AsJson = False,
) -> None:
    """Take test modules that exist under management, or mend their stamps and bases.

    Nothing but the stamp is added. Tests of the skeleton that a module does not have stay away; from then on the
    skeleton's changes reach what it has as the skeleton has it.
    """
    from hfcodemod.api import adopt as adopted_of

    if (like or model_id) and name is None:
        raise UserError("--like and --model-id speak of a name; say which: --as NAME")
    with progress_bar() as progress:
        adopted, errors = adopted_of(
            paths,
            name=name,
            like=like,
            model_id=model_id,
            skeleton=skeleton,
            force=force,
            write=not diff,
            progress=progress,
        )
    if as_json:
        _print_json(adopted, errors)
    elif diff:
        _print_diff(adopted)
    else:
        _print_lines(adopted)
    for error in errors:
        fail(error)
    if errors:
        raise typer.Exit(code=2)
    raise typer.Exit(code=int(diff and any(one.text != one.before.text for one in adopted)))


def _print_diff(adopted: Sequence[Adoption]) -> None:
    from hfcodemod.report import diff_of, print_diff

    for one in adopted:
        print_diff(diff_of(shown(one.path), one.before.text, one.text))


def _print_lines(adopted: Sequence[Adoption]) -> None:
    for one in adopted:
        if one.base is None:
            say(f"{shown(one.path)}: is managed as {one.request.name} already")
            continue
        same = len(one.items.same)
        said = [f"{same} {'item' if same == 1 else 'items'} as in the skeleton"]
        said += [f"otherwise: {', '.join(one.items.otherwise)}"] if one.items.otherwise else []
        said += [f"not here: {', '.join(one.items.missing)}"] if one.items.missing else []
        say(f"adopted {shown(one.path)} as {one.request.name}: {'; '.join(said)}")


def _print_json(adopted: Sequence[Adoption], errors: Sequence[UserError]) -> None:
    from hfcodemod.report import print_json

    def said(one: Adoption) -> dict[str, Any]:
        return {
            "path": shown(one.path),
            "name": one.request.name,
            "skeleton": one.request.skeleton,
            "changed": one.text != one.before.text,
            "same": one.items.same,
            "otherwise": one.items.otherwise,
            "missing": one.items.missing,
        }

    print_json({"modules": [said(one) for one in adopted], "errors": [str(error) for error in errors]})
