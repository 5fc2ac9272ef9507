"""The command that runs modules: verify."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod import report
from hfcodemod.commands.context import AsJson, here
from hfcodemod.commands.migration import Jobs, progress_bar
from hfcodemod.errors import UserError
from hfcodemod.report import fail

if TYPE_CHECKING:
    from hfcodemod.verify import Verification


def verify(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="PATH",
            help="Test files or folders, managed or not; all managed modules without.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Run the I-th of N parts, always of the same modules.")
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Run also what has passed as it is.")] = False,
    time_limit: Annotated[float, typer.Option(metavar="SECONDS", help="What a module may take.")] = 120,
    memory_limit: Annotated[float, typer.Option(metavar="GIB", help="Memory that a module may take.")] = 4,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a JUnit report of what was run.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run modules, and record which model classes were seen running in .hfcodemod/ledger.jsonl.

    What has passed as it is, with the same versions, is not run again. A module that crashes, hangs or takes too much
    memory costs no other one. On a machine with an accelerator, it is used.

    Exit codes: 0 all passed, 1 something did not, 2 wrong usage or configuration, 130 interrupted; what was done until
    then is in the ledger.
    """
    from hfcodemod import api

    for option, limit in (("--time-limit", time_limit), ("--memory-limit", memory_limit)):
        if not limit > 0:
            raise UserError(f"{option} {limit:g}: must be more than nothing")
    with progress_bar() as progress:
        found = api.verify(
            paths or (),
            jobs=jobs,
            shard=None if shard is None else _shard(shard),
            fresh=fresh,
            time_limit=time_limit,
            memory_limit=memory_limit,
            junit=junit,
            progress=progress,
        )
    if as_json:
        report.print_json(_as_json(found))
    elif not report.look.quiet:
        _print_table(found)
    for error in found.errors:
        fail(error)
    if found.errors:
        raise typer.Exit(code=2)
    if found.failed:
        raise typer.Exit(code=1)


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    number, count = map(int, match.groups()) if match else (0, 0)
    if not 1 <= number <= count:
        raise UserError(f"--shard {text}: must be like 2/4, the second of four parts")
    return number, count


def _print_table(found: Verification) -> None:
    rows = [(one.module, one.class_name, one.outcome, one.reason) for one in found.failed]
    if rows:
        report.print_table(("module", "class", "outcome", "why"), [(_shown(path), *rest) for path, *rest in rows])
    modules = "1 module" if found.modules == 1 else f"{found.modules} modules"
    print(f"{modules}, {found.ran} run now; classes: {_counted(found.outcomes())}")
    unmanaged = found.outcomes(managed=False)
    if unmanaged:
        print(f"in modules that are not managed: {_counted(unmanaged)}")


def _shown(module: str) -> str:
    from hfcodemod.commands.context import shown

    return shown(here().root / module)


def _counted(outcomes: dict[str, int]) -> str:
    from hfcodemod.ledger import OUTCOMES

    return ", ".join(f"{outcomes[each]} {each}" for each in OUTCOMES if each in outcomes) or "none"


def _as_json(found: Verification) -> dict[str, object]:
    return {
        "modules": found.modules,
        "ran": found.ran,
        "outcomes": found.outcomes(),
        "unmanaged": found.outcomes(managed=False),
        "records": [one.as_json() for one in found.records],
    }
