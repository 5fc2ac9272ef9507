"""The command that only looks: check."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from hfcodemod.commands.context import shown
from hfcodemod.errors import UserError


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Test files or folders, managed or not; all managed modules without.",
            show_default=False,
        ),
    ] = None,
    select: Annotated[
        list[str] | None, typer.Option(metavar="CODES", help="Look for these only: codes or how they begin.")
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="CODES", help="Do not look for these.")] = None,
    output_format: Annotated[str, typer.Option(metavar="FORMAT", help="text, json, github or sarif.")] = "text",
) -> None:
    """Say which modules are not in step, and which tests never run or cannot fail; nothing is written.

    Exit codes: 0 nothing was found, 1 something was, 2 wrong usage or configuration.
    """
    from hfcodemod.api import check as checked
    from hfcodemod.formats import FORMATS
    from hfcodemod.ruleset import nearest

    if output_format not in FORMATS:
        raise UserError(f"--output-format {output_format}: no such format; {nearest(output_format, FORMATS)}")
    found = checked(paths or (), select=select or (), ignore=ignore or ())
    # What is said of a path is typed here.
    below = f"{Path.cwd()}/"
    findings = [
        replace(each, message=each.message.replace(below, ""), remedy=each.remedy.replace(below, ""))
        for each in found.findings
    ]
    print(FORMATS[output_format](findings, found.files, _annotated if output_format == "github" else shown), end="")
    if findings:
        raise typer.Exit(code=1)


def _annotated(path: Path) -> str:
    """The path as GitHub knows it: from the top of what is checked out, wherever in it the command was typed."""
    top = os.environ.get("GITHUB_WORKSPACE", "")
    return path.relative_to(top).as_posix() if top and path.is_relative_to(top) else shown(path)
