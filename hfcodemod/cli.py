"""The command line: parse, call, report, exit. Heavy imports happen inside the command that needs them."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from hfcodemod.commands import adopting, catalog, checking, doctoring, merging, migration, modules, resolving, skeletons
from hfcodemod.errors import UserError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="One test module for every Hugging Face architecture, generated from one skeleton and kept in step with it.",
    epilog="Exit codes: 0 fine; 1 --diff found work, or conflicts wait; 2 wrong usage or file; 130 interrupted.",
)


app.command()(modules.add)
app.command()(adopting.adopt)
app.command()(migration.migrate)
app.command()(migration.migrate_all)
app.command()(resolving.resolve)
app.command()(checking.check)
app.command()(doctoring.doctor)
app.command("list")(catalog.list_architectures)
app.command()(catalog.show)
app.command()(catalog.facts)
app.command()(merging.merge)
app.command()(skeletons.init)
app.command()(skeletons.release_skeleton)


def main() -> None:
    """Run the command line; every error that the user can mend is one line on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
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
