"""The command line: parse, call, report, exit. Heavy imports happen inside the command that needs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from hfcodemod import report
from hfcodemod.commands import (
    adopting,
    catalog,
    checking,
    covering,
    doctoring,
    merging,
    migration,
    modules,
    probing,
    resolving,
    skeletons,
    verifying,
)
from hfcodemod.commands.output import with_output_options
from hfcodemod.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="One test module for every Hugging Face architecture, generated from one skeleton and kept in step with it.",
    epilog="Exit codes: 0 fine; 1 --diff found work, or conflicts wait; 2 wrong usage or file; 130 interrupted.",
)

COMMANDS: dict[str, dict[str, Callable[..., None]]] = {
    "Every day": {
        "add": modules.add,
        "migrate-all": migration.migrate_all,
        "migrate": migration.migrate,
        "resolve": resolving.resolve,
        "check": checking.check,
        "verify": verifying.verify,
        "coverage": covering.coverage,
        "list": catalog.list_architectures,
        "show": catalog.show,
    },
    "Setting up": {
        "init": skeletons.init,
        "adopt": adopting.adopt,
        "release-skeleton": skeletons.release_skeleton,
        "facts": catalog.facts,
        "probe": probing.probe,
        "doctor": doctoring.doctor,
    },
    "For git": {"merge": merging.merge},
}
"""By what they are for, as the help shows them."""

for panel, commands in COMMANDS.items():
    for name, command in commands.items():
        app.command(name, rich_help_panel=panel)(with_output_options(command))


def main() -> None:
    """Run the command line; every error that the user can mend is one line on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        report.fail(error)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever reads stdout has seen enough; the interpreter would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        print(f"hfcodemod {version('hfcodemod')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the whole program."""
