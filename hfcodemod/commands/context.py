"""What the commands share: the configuration and the facts of the folder that they are typed in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.errors import UserError

if TYPE_CHECKING:
    from hfcodemod.config import Settings

# Options that mean the same in every command.
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Diff = Annotated[bool, typer.Option("--diff", help="Print what would change and write nothing.")]


def here() -> Settings:
    """The configuration of the current folder."""
    from hfcodemod.config import settings_for

    return settings_for(Path.cwd())


def completed_names(incomplete: str) -> list[str]:
    """The known names that begin with what is typed."""
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.names import known_names

    try:
        return [name for name in known_names(pinned_facts(here())) if name.startswith(incomplete)]
    except UserError:
        return []


Like = Annotated[
    str | None, typer.Option(help="Known name whose architecture an unknown NAME has.", autocompletion=completed_names)
]
ModelId = Annotated[str | None, typer.Option(help="Checkpoint that the module names.", metavar="ORG/MODEL")]


def shown(path: Path) -> str:
    """The path from here, if it is below."""
    folder = Path.cwd()
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)
