"""What the commands share: the configuration and the facts of the folder that they are typed in."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.errors import UserError

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings

# Options that mean the same in every command.
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Diff = Annotated[bool, typer.Option("--diff", help="Print what would change and write nothing.")]


def here() -> Settings:
    """The configuration of the current folder."""
    from hfcodemod.config import settings_for

    return settings_for(Path.cwd())


def known(settings: Settings) -> Catalog:
    """The facts that the configuration pins."""
    from hfcodemod.catalog import load_snapshot
    from hfcodemod.workspace import facts_folder

    return load_snapshot(settings.facts, [facts_folder(settings.root)])


def completed_names(incomplete: str) -> list[str]:
    """The known names that begin with what is typed."""
    from hfcodemod.names import known_names

    try:
        return [name for name in known_names(known(here())) if name.startswith(incomplete)]
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


def writing(root: Path) -> AbstractContextManager[None]:
    """Nobody else writes meanwhile, and a write that was cut short is mended first, which is told."""
    from hfcodemod.lock import writing

    return writing(root)
