"""Modules for many model types: all are rendered before any is written, and what is wrong with one stops no other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.add import Addition, Taken, addition_of
from hfcodemod.batches import batch_of
from hfcodemod.errors import Unavailable, UserError
from hfcodemod.missing import missing_of
from hfcodemod.names import identifier
from hfcodemod.processes import worked
from hfcodemod.requests import Request
from hfcodemod.selection import chosen
from hfcodemod.skeletons import SHIPPED, skeleton_for

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.managed import Managed, Tree

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Wanted:
    """Of which model types modules are wanted; each of these leaves some out, and nothing is left out without."""

    missing: bool = False
    """Only those without a module."""
    family: str | None = None
    task: str | None = None
    """Only those with a class for the task."""
    batch: int | None = None
    """Only those of the batch with this number."""


@dataclass(frozen=True)
class Kept:
    """A file in the place of a module that stays as it is."""

    model_type: str
    path: Path
    why: str


@dataclass(frozen=True)
class LeftOut:
    """A model type without a module."""

    model_type: str
    why: str
    """Without the path, so that it is the same for all that are left out for one reason."""
    wrong: bool
    """Whether there is something to mend; otherwise what the module would need is not there."""
    place: str = ""
    """The path that ``why`` speaks of, if it does."""


@dataclass(frozen=True)
class Many:
    """What came of each model type."""

    additions: tuple[Addition, ...] = ()
    kept: tuple[Kept, ...] = ()
    left_out: tuple[LeftOut, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether something was in the way that only the user can mend."""
        return any(one.wrong for one in self.left_out)


def wanted_types(wanted: Wanted, tree: Tree, settings: Settings, catalog: Catalog, skeleton: str) -> list[str]:
    """The model types that are meant, in the order of the catalog, or of a batch.

    Raises UserError for a family, a task or a batch that there is not, and where no model type has all of them.
    """
    found = [item.model_type for item in chosen(catalog, family=wanted.family, task=wanted.task)]
    if wanted.batch is not None:
        found = [name for name in batch_of(wanted.batch, catalog).model_types if name in found]
    if not found:
        asked = {"family": wanted.family, "task": wanted.task, "batch": wanted.batch}
        said = " and ".join(f"{what} {value}" for what, value in asked.items() if value is not None)
        raise UserError(f"no model type is of {said}; leave one of them out")
    if wanted.missing:
        missing = {one.model_type for one in missing_of(tree, settings, catalog, skeleton)}
        found = [name for name in found if name in missing]
    return found


def many(
    names: Sequence[str],
    tree: Tree,
    settings: Settings,
    catalog: Catalog,
    *,
    skeleton: str = SHIPPED,
    force: bool = False,
    jobs: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Many:
    """The modules of these model types, rendered by several processes.

    A module that is there is made as its stamp says, where it was moved to.

    Raises UserError for what concerns all of them: the configuration, the skeleton.
    """
    loaded, pattern = skeleton_for(skeleton, settings, catalog)
    for part in (loaded.canonical, *loaded.fragments.values()):
        # Parsed before processes are forked, which then share it.
        _ = part.module
    files = {file.stamp.name: file for file in tree.files if Request.of(file.stamp).skeleton == skeleton}
    by_path = {file.path: file for file in tree.files}
    adder = _Adder(settings, catalog, skeleton, pattern, force, files, by_path)
    found: list[Addition | Kept | LeftOut] = []
    for one in worked(adder.added, names, jobs):
        found.append(one)
        progress(len(found), len(names))
    return Many(
        tuple(one for one in found if isinstance(one, Addition)),
        tuple(one for one in found if isinstance(one, Kept)),
        tuple(one for one in found if isinstance(one, LeftOut)),
    )


@dataclass(frozen=True)
class _Adder:
    """What is the same for all model types."""

    settings: Settings
    catalog: Catalog
    skeleton: str
    pattern: str
    """Where new modules go."""
    force: bool
    files: Mapping[str, Managed]
    """The modules of the skeleton by name."""
    by_path: Mapping[Path, Managed]

    def added(self, name: str) -> Addition | Kept | LeftOut:
        """What comes of one model type; what is wrong with it is a value, so that it stops no other."""
        file = self.files.get(name)
        request = Request(name, skeleton=self.skeleton) if file is None else Request.of(file.stamp)
        path = self.settings.root / self.pattern.replace("{name}", identifier(name)) if file is None else file.path
        try:
            addition = addition_of(request, self.settings, self.catalog, force=self.force, path=path)
        except Taken as taken:
            return Kept(name, taken.path, taken.why)
        except Unavailable as unavailable:
            return LeftOut(name, unavailable.why, wrong=False)
        except UserError as error:
            place, said = f"{path}:", str(error)
            known = said.startswith(place)
            return LeftOut(name, said.removeprefix(place) if known else said, True, place if known else "")
        other = self.by_path.get(path)
        if other is not None and other != file:
            return Kept(name, path, f"is the module of {other.stamp.name}")
        return addition
