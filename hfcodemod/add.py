"""From names to test modules: everything is rendered before anything is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hfcodemod.config import Settings
from hfcodemod.errors import UserError
from hfcodemod.formatter import Formatter
from hfcodemod.own import started
from hfcodemod.report import diff_of
from hfcodemod.requests import Request, made, ordered
from hfcodemod.spelling import Leftover, leftovers
from hfcodemod.stamp import digest, stamped, stamps_in
from hfcodemod.textfile import TextFile, read
from hfcodemod.workspace import base_files, is_edited

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog


class Taken(UserError):
    """A file in the place of a module stays as it is."""

    def __init__(self, path: Path, said: str, why: str) -> None:
        super().__init__(f"{path}: {said}")
        self.path = path
        self.why = why
        """For a list of many: without the path, and without a remedy where nothing has to be done."""


@dataclass(frozen=True)
class Addition:
    """A module to write, and how it differs from what is there."""

    request: Request
    path: Path
    text: str
    status: Literal["new", "unchanged", "replaced"]
    source: str
    """What was generated, before any formatter."""
    leftovers: tuple[Leftover, ...]
    """Where a reference of the skeleton is still spelt in the text."""
    before: TextFile | None
    """What is there."""

    def diff(self, root: Path) -> str:
        """The change as a unified diff."""
        name = self.path.relative_to(root).as_posix() if self.path.is_relative_to(root) else str(self.path)
        return diff_of(name, None if self.before is None else self.before.text, self.text)


def additions(
    requests: Sequence[Request], settings: Settings, catalog: Catalog, *, force: bool = False
) -> list[Addition]:
    """The modules that are asked for, in order.

    Raises UserError for a name that is not known, an architecture without a recipe, and an existing file that was
    edited by hand or not made here (unless ``force``).
    """
    return [addition_of(request, settings, catalog, force=force) for request in dict.fromkeys(requests)]


def files_of(made: Sequence[Addition], root: Path) -> dict[Path, str]:
    """Every file to write: the modules that change and their bases."""
    files: dict[Path, str] = {}
    for addition in made:
        if addition.status != "unchanged":
            files[addition.path] = addition.text
            files |= base_files(root, addition.source)
    return files


def addition_of(
    request: Request, settings: Settings, catalog: Catalog, *, force: bool = False, path: Path | None = None
) -> Addition:
    """The module that is asked for; ``path`` is where it is, if not where a new one goes.

    Raises UserError as `additions` does, for a file that stays as it is `Taken`.
    """
    order = ordered(request, settings, catalog)
    rendered = made(order)
    source, path = started(rendered.source), path or order.path
    layout = Formatter(order.skeleton.format_command, settings.root)
    text = stamped(layout.formatted(source, path), request.stamp(source))
    before = read(path)
    if before is not None and before.text != text and not force:
        _refuse_edited(path, before.text, digest(source))
    return Addition(
        request=request,
        path=path,
        text=text,
        status="new" if before is None else "unchanged" if before.text == text else "replaced",
        source=source,
        leftovers=tuple(leftovers(text, rendered.references, order.target)),
        before=before,
    )


def _refuse_edited(path: Path, text: str, base: str) -> None:
    edited = is_edited(text)
    if edited is None:
        said = "exists and was not made by hfcodemod; move it, or pass --force to overwrite it"
        raise Taken(path, said, "was not made by hfcodemod; `hfcodemod adopt` takes it under management")
    if edited:
        behind = "" if stamps_in(text)[0].base == base else ", and is not in step; `hfcodemod migrate` keeps the edits"
        said = "has been edited by hand; keep it, or pass --force to overwrite the edits"
        raise Taken(path, said, f"was edited by hand{behind}")
