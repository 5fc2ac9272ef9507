"""The command that merges three versions of one file, for git and for anybody else."""

from __future__ import annotations

import ast
import json
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.errors import UserError

if TYPE_CHECKING:
    from hfcodemod.textfile import TextFile


def merge(
    base: Annotated[Path, typer.Argument(help="What both sides started from.", metavar="BASE", show_default=False)],
    ours: Annotated[Path, typer.Argument(help="One side; takes the result.", metavar="OURS", show_default=False)],
    theirs: Annotated[Path, typer.Argument(help="The other side.", metavar="THEIRS", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the result here.", metavar="FILE", show_default="OURS")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write the conflicts here, as JSON.", metavar="FILE", show_default=False)
    ] = None,
    by_name: Annotated[
        bool, typer.Option("--by-name", help="Unite imports and keyword arguments that both sides changed in one line.")
    ] = False,
    path: Annotated[
        str | None, typer.Option(help="What messages call the file.", metavar="NAME", show_default="OURS")
    ] = None,
) -> None:
    """Merge three versions of a Python file by its statements; the result goes to OURS.

    Exit codes: 0 merged; 1 there are conflicts, each between git's markers; 2 refused, no file was touched. This is
    what git expects of a merge driver: its three lines of configuration are in
    docs/how-to/merge-driver.md.
    """
    from hfcodemod.merge import merge as merged_sources
    from hfcodemod.outputs import write_outputs
    from hfcodemod.stamp import with_one_stamp
    from hfcodemod.textfile import encoded

    names = (f"base of {path}", path, f"theirs of {path}") if path else (str(base), str(ours), str(theirs))
    sides = [_side(side, name) for side, name in zip((base, ours, theirs), names, strict=True)]
    try:
        merged = merged_sources(*with_one_stamp(*(side.text for side in sides)), by_name=by_name)
    except SyntaxError as error:
        # Each side parses alone, so that it is the recursion over one of them that ends here.
        raise UserError(f"{names[1]}: {error.msg}; merge it with git merge-file") from error
    contents = {output or ours: encoded(merged.marked, sides[1])}
    if record is not None:
        told = {"path": names[1], "conflicts": [asdict(conflict) for conflict in merged.conflicts]}
        contents[record] = json.dumps(told, indent=2).encode() + b"\n"
    write_outputs(contents)
    for conflict in merged.conflicts:
        print(f"{names[1]}:{conflict.marker}: {conflict.item}: {conflict.reason}", file=sys.stderr)
    raise typer.Exit(code=int(bool(merged.conflicts)))


def _side(path: Path, name: str) -> TextFile:
    """The text of a side that parses.

    Raises UserError, with the name that the user knows the file by.
    """
    from hfcodemod.textfile import read

    try:
        file = read(path)
    except UserError as error:
        raise UserError(str(error).replace(str(path), name, 1)) from error
    if file is None:
        raise UserError(f"{name}: is not there; give the three files of a merge")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(file.text)
    except SyntaxError as error:
        raise UserError(f"{name}:{error.lineno or 1}: does not parse ({error.msg}); mend it, then merge") from error
    except (RecursionError, MemoryError) as error:
        raise UserError(f"{name}: is nested too deeply to be parsed; merge it with git merge-file") from error
    return replace(file, path=Path(name))
