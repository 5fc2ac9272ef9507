"""From names to test modules: everything is rendered before anything is written."""

from __future__ import annotations

import dataclasses
import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hfcodemod.architecture import Architecture, Target
from hfcodemod.config import Settings
from hfcodemod.errors import UserError
from hfcodemod.names import resolve
from hfcodemod.recipes import Recipe, model_types_with_recipe, recipe_of
from hfcodemod.render import needs_recipe, render, used_parts
from hfcodemod.skeletons import SHIPPED, Skeleton, skeleton_for
from hfcodemod.spelling import Leftover, leftovers
from hfcodemod.stamp import Stamp, digest, stamped
from hfcodemod.textfile import TextFile, read
from hfcodemod.workspace import base_files, is_edited

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog


@dataclass(frozen=True)
class Request:
    """What somebody asked for: a name, or a name that is like a known one with a checkpoint."""

    name: str
    like: str | None = None
    model_id: str | None = None
    skeleton: str = SHIPPED


@dataclass(frozen=True)
class Addition:
    """A module to write, and how it differs from what is there."""

    request: Request
    path: Path
    text: str
    status: Literal["new", "unchanged", "replaced"]
    source: str
    """The text without its stamp."""
    leftovers: tuple[Leftover, ...]
    """Where a reference of the skeleton is still spelt in the text."""
    before: TextFile | None
    """What is there."""

    def diff(self, root: Path) -> str:
        """The change as a unified diff."""
        name = self.path.relative_to(root).as_posix() if self.path.is_relative_to(root) else str(self.path)
        before = "" if self.before is None else self.before.text
        old = "/dev/null" if self.status == "new" else f"a/{name}"
        lines = difflib.unified_diff(
            before.splitlines(keepends=True), self.text.splitlines(keepends=True), old, f"b/{name}"
        )
        return "".join(lines)


def additions(
    requests: Sequence[Request], settings: Settings, catalog: Catalog, *, force: bool = False
) -> list[Addition]:
    """The modules that are asked for, in order.

    Raises UserError for a name that is not known, an architecture without a recipe, and an existing file that was
    edited by hand or not made here (unless ``force``).
    """
    return [_addition(request, settings, catalog, force) for request in dict.fromkeys(requests)]


def files_of(made: Sequence[Addition], root: Path) -> dict[Path, str]:
    """Every file to write: the modules that change and their bases."""
    files: dict[Path, str] = {}
    for addition in made:
        if addition.status != "unchanged":
            files[addition.path] = addition.text
            files |= base_files(root, addition.source)
    return files


def _addition(request: Request, settings: Settings, catalog: Catalog, force: bool) -> Addition:
    target = _target(request, settings, catalog)
    skeleton, pattern = skeleton_for(request.skeleton, settings, catalog)
    recipe = _recipe(target, skeleton, catalog)
    rendered = render(target, skeleton, catalog.architectures, catalog.configurations, recipe)
    stamp = Stamp(
        name=request.name,
        like=request.like,
        model_id=request.model_id,
        skeleton=None if request.skeleton == SHIPPED else request.skeleton,
        base=digest(rendered.source),
    )
    text = stamped(rendered.source, stamp)
    path = settings.root / pattern.replace("{name}", target.name)
    before = read(path)
    if before is not None and before.text != text and not force:
        _refuse_edited(path, before.text)
    return Addition(
        request=request,
        path=path,
        text=text,
        status="new" if before is None else "unchanged" if before.text == text else "replaced",
        source=rendered.source,
        leftovers=tuple(leftovers(text, rendered.references, target)),
        before=before,
    )


def _refuse_edited(path: Path, text: str) -> None:
    edited = is_edited(text)
    if edited is None:
        raise UserError(f"{path}: exists and was not made by hfcodemod; move it, or pass --force to overwrite it")
    if edited:
        raise UserError(f"{path}: has been edited by hand; keep it, or pass --force to overwrite the edits")


def _target(request: Request, settings: Settings, catalog: Catalog) -> Target:
    declared = settings.architectures
    return resolve(request.name, catalog, like=request.like, model_id=request.model_id, declared=declared)


def _recipe(target: Target, skeleton: Skeleton, catalog: Catalog) -> Recipe | None:
    if not needs_recipe(skeleton, catalog.architectures):
        return None
    recipe = recipe_of(target.architecture.model_type)
    if recipe is None:
        near = difflib.get_close_matches(target.architecture.model_type, model_types_with_recipe(), n=3, cutoff=0.0)
        raise UserError(
            f"{target.original}: there is no recipe for {target.architecture.model_type!r} yet; nothing was written; "
            f"`hfcodemod list --recipes` shows which have one ({', '.join(near)}, ...)"
        )
    return recipe


def fingerprint(target: Target, skeleton: Skeleton, recipe: Recipe | None) -> str:
    """Over what a text is made from: the parts of the skeleton, the team's codemods, the recipe, the facts."""
    facts = json.dumps({**_said(target), "architecture": _said(target.architecture)}, sort_keys=True)
    tiny = json.dumps(None if recipe is None else _said(recipe), sort_keys=True)
    parts = [part.source for part in used_parts(target, skeleton, recipe)]
    return digest(facts, tiny, *parts, *(own.source for own in skeleton.codemods))


def _said(value: Target | Architecture | Recipe) -> dict[str, Any]:
    """The fields that hold something: a field that comes with a later version and is empty changes no fingerprint."""
    return {name: item for name, item in dataclasses.asdict(value).items() if item}
