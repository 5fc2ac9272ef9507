"""The commands that write test modules."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.commands.context import Diff, Like, ModelId, completed_names, here, shown
from hfcodemod.commands.migration import FEW, Jobs, progress_bar
from hfcodemod.errors import UserError
from hfcodemod.report import fail, note, print_diff, say

if TYPE_CHECKING:
    from hfcodemod.add import Addition
    from hfcodemod.add_many import LeftOut, Many

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="NAME",
        help="What to add: a model type (gemma3, XLM-RoBERTa), a name in use (llama-3), a checkpoint (org/model).",
        autocompletion=completed_names,
        show_default=False,
    ),
]


MANY = "Instead of NAME"
NAMED = 20
"""So many model types are named for one reason that they were left out for."""


def add(
    names: Names = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every model type that has a model class.", rich_help_panel=MANY)
    ] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only those that have no module yet.", rich_help_panel=MANY)
    ] = False,
    family: Annotated[
        str | None, typer.Option(help="Only those of a family: qwen, bert.", rich_help_panel=MANY)
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Only those with a class for the task: causal_lm.", rich_help_panel=MANY)
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(metavar="N", help="Only batch N of `hfcodemod list --missing`.", rich_help_panel=MANY),
    ] = None,
    like: Like = None,
    model_id: ModelId = None,
    skeleton: Annotated[str, typer.Option(help="Skeleton to clone.")] = "default",
    diff: Diff = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that were edited by hand.")] = False,
    jobs: Jobs = None,
) -> None:
    """Write a test module for each NAME, or for many model types at once.

    The module builds a tiny random-weight model of the real architecture and passes on CPU without network. It goes to
    tests/models/test_hf_NAME.py; `target` under tool.hfcodemod in pyproject.toml says otherwise.

    --missing, --family, --task and --batch together leave the model types that are all of it. Modules that were edited
    by hand are kept, and model types that no module can be made for are left out; both are said at the end.
    """
    chosen = {"--missing": missing, "--family": family, "--task": task, "--batch": batch}
    given = [option for option, value in chosen.items() if value is not None and value is not False]
    _check_combination(names or [], every, given, bool(like or model_id))
    if every or given:
        _add_many(missing, family, task, batch, skeleton=skeleton, diff=diff, force=force, jobs=jobs)
        return
    from hfcodemod.api import add as made_of

    made = made_of(names or [], like=like, model_id=model_id, skeleton=skeleton, force=force, write=not diff)
    if diff:
        _print_diff(made)
    _tell(made, steady=True)
    say(f"run: pytest {' '.join(shown(addition.path) for addition in made)}")


def _check_combination(names: Sequence[str], every: bool, given: Sequence[str], new: bool) -> None:
    """Raise UserError for options that exclude one another, and where nothing says what to add."""
    if new and (every or given or len(names) > 1):
        raise UserError("--like and --model-id speak of one NAME; add the names one by one")
    if every and (names or given):
        raise UserError(f"--all is every model type; leave it out, or {given[0] if given else 'NAME'}")
    if names and given:
        raise UserError(f"{given[0]} says what to add, and so does {names[0]}; leave one of them out")
    if not (names or every or given):
        raise UserError("nothing says what to add; give a NAME, --all, --missing, --family, --task or --batch")


def _add_many(
    missing: bool,
    family: str | None,
    task: str | None,
    batch: int | None,
    *,
    skeleton: str,
    diff: bool,
    force: bool,
    jobs: int | None,
) -> None:
    from hfcodemod.api import add_many

    with progress_bar() as progress:
        found = add_many(
            missing=missing,
            family=family,
            task=task,
            batch=batch,
            skeleton=skeleton,
            force=force,
            write=not diff,
            jobs=jobs,
            progress=progress,
        )
    if not diff:
        _tell(found.additions, steady=False)
        say(_counted(found))
    for kept in found.kept:
        note(f"kept {shown(kept.path)}: {kept.why}")
    _tell_left_out(found.left_out)
    if diff:
        _print_diff(found.additions, code=2 if found.refused else 0)
    if found.additions:
        say(f"run: pytest {_places(found.additions)}")
    if found.refused:
        raise typer.Exit(code=2)


def _print_diff(made: Iterable[Addition], code: int = 0) -> None:
    """The changes; ends the command, with ``code`` if that is not 0."""
    root = here().root
    changed = [addition for addition in made if addition.status != "unchanged"]
    for addition in changed:
        print_diff(addition.diff(root))
    raise typer.Exit(code=code or int(bool(changed)))


def _tell(made: Iterable[Addition], steady: bool) -> None:
    """What was written, and what is to be known of it; with ``steady`` also what was in step already."""
    from hfcodemod.own import unfilled

    for addition in made:
        path = shown(addition.path)
        if addition.status != "unchanged":
            say(f"wrote {path}")
        elif steady:
            say(f"{path}: already in step")
        for left in addition.leftovers:
            note(f"{path}:{left.line}: still says {left.text!r}")
        for line, name in unfilled(addition.text):
            note(f"{path}:{line}: {name} is the module's own, and is to be filled in")


def _counted(found: Many) -> str:
    written = sum(addition.status != "unchanged" for addition in found.additions)
    counts = {"kept": len(found.kept), "left out": len(found.left_out)}
    rest = [f"{count} {what}" for what, count in counts.items() if count]
    return ", ".join([f"{written} written", f"{len(found.additions) - written} already in step", *rest])


def _tell_left_out(left_out: Iterable[LeftOut]) -> None:
    """The model types without a module, those with one reason together."""
    together: dict[tuple[bool, str], list[LeftOut]] = {}
    for one in left_out:
        together.setdefault((one.wrong, one.why), []).append(one)
    for (wrong, why), several in together.items():
        if several[0].place and len(several) == 1:
            fail(f"{several[0].place}{why}")
            continue
        names = ", ".join(one.model_type for one in several[:NAMED])
        more = f" and {len(several) - NAMED} more" if len(several) > NAMED else ""
        if wrong:
            fail(f"{names}{more}: {why.strip()}")
        else:
            note(f"left out {names}{more}: {why}")


def _places(made: Sequence[Addition]) -> str:
    """The paths as words of a command; their folders where there are many."""
    paths: list[Path] = [addition.path for addition in made]
    if len(paths) > FEW:
        paths = list(dict.fromkeys(path.parent for path in paths))
    return shlex.join(map(shown, paths))
