"""The options that every command has: how much is said, and whether in colour."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from hfcodemod import report
from hfcodemod.errors import UserError

PANEL = "Output"
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say only what was asked for and what is wrong.", rich_help_panel=PANEL)
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Also say what is used and how long it took.", rich_help_panel=PANEL)
]
Color = Annotated[
    report.Color,
    typer.Option("--color", help="Colours; auto: on a terminal, unless NO_COLOR is set.", rich_help_panel=PANEL),
]
OPTIONS = {"quiet": (Quiet, False), "verbose": (Verbose, False), "color": (Color, report.Color.AUTO)}


def with_output_options(command: Callable[..., None]) -> Callable[..., None]:
    """The command with these options, which it does not see itself."""

    @wraps(command)
    def run(*, quiet: bool, verbose: bool, color: report.Color, **arguments: Any) -> None:
        if quiet and verbose:
            raise UserError("--quiet and --verbose exclude each other; leave one out")
        report.look = report.Look(color, quiet)
        if not verbose:
            command(**arguments)
            return
        started = time.monotonic()
        _tell_what_is_used()
        try:
            command(**arguments)
        finally:
            print(f"took {time.monotonic() - started:.1f} s", file=sys.stderr)

    signature = inspect.signature(command, eval_str=True)
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in OPTIONS.items()
    ]
    signature = signature.replace(parameters=[*signature.parameters.values(), *own])
    run.__signature__ = signature  # type: ignore[attr-defined]  # what typer looks at
    run.__annotations__ = {name: parameter.annotation for name, parameter in signature.parameters.items()}
    return run


def _tell_what_is_used() -> None:
    from importlib.metadata import version

    from hfcodemod.config import settings_for

    settings = settings_for(Path.cwd())
    file = settings.root / "pyproject.toml"
    used = {
        "hfcodemod": version("hfcodemod"),
        "configuration": str(file) if file.is_file() else f"none; defaults in {settings.root}",
        "facts": f"of transformers {settings.facts}",
        "default skeleton": "as shipped" if settings.skeleton is None else str(settings.skeleton),
        **{f"skeleton {name}": str(own.path) for name, own in settings.skeletons.items()},
    }
    for name, value in used.items():
        print(f"{name}: {value}", file=sys.stderr)
