"""A skeleton: a test module written for a reference architecture, with fragments beside it if it has any."""

from __future__ import annotations

import ast
import importlib.resources
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from hfcodemod.errors import UserError
from hfcodemod.names import resolve
from hfcodemod.own import started
from hfcodemod.own_codemods import OwnCodemod
from hfcodemod.textfile import source_of

if TYPE_CHECKING:
    import libcst as cst

    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Adjustments, Settings, SkeletonSettings
    from hfcodemod.overlay import Fold

SHIPPED = "default"
"""The name of the skeleton that hfcodemod ships, or of the folder that stands in its place."""
MANIFEST = "skeleton.json"
OWN = Path(".hfcodemod") / "skeletons"
"""Where the manifest of a skeleton of one file is kept, from the root."""


# Two parts are never the same part: a file that was read again may have changed.
@dataclass(frozen=True, eq=False)
class Part:
    """One source file of a skeleton and the model type that it is written for."""

    path: Path
    reference: str
    fold: Fold | None = None
    """What the team's overlay and its left-out tests make of the file."""

    @cached_property
    def text(self) -> str:
        """The text of the file, without a byte order mark and with plain line ends."""
        return source_of(self.path, "skeleton")

    @cached_property
    def source(self) -> str:
        """The text as modules are made from it: folded, where there is an overlay."""
        return self.text if self.fold is None else self.fold.folded(self)

    @cached_property
    def module(self) -> cst.Module:
        """The source parsed, once."""
        import libcst as cst

        try:
            # The interpreter's own parser too: a codemod reads statements with it. And the starts of own values.
            ast.parse(self.source)
            started(self.source)
            return cst.parse_module(self.source)
        except (SyntaxError, cst.ParserSyntaxError) as error:
            line = error.lineno if isinstance(error, SyntaxError) else error.raw_line
            said = error.msg if isinstance(error, SyntaxError) else error.message
            raise UserError(f"{self.path}:{line or 1}: the skeleton does not parse ({said}); mend it first") from error


@dataclass(frozen=True)
class Skeleton:
    """A canonical module and its fragments by name, with what a team makes of them."""

    name: str
    version: int
    canonical: Part
    folder: Path
    """Where its manifest lies, or will once it is released."""
    upgrades: Path
    """The folder of the codemods that lead from one version to the next."""
    fragments: Mapping[str, Part] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()
    codemods: tuple[OwnCodemod, ...] = ()
    format_command: tuple[str, ...] = ()

    @property
    def released(self) -> Path:
        """The folder with copies of the parts as they were last released."""
        return self.folder / "released"


@cache
def shipped_skeleton() -> Skeleton:
    """The skeleton in the package."""
    skeleton = skeleton_in(Path(str(importlib.resources.files("hfcodemod.skeleton"))))
    codemods = Path(str(importlib.resources.files("hfcodemod.codemods")))
    return replace(skeleton, upgrades=codemods / "upgrades")


def skeleton_in(folder: Path) -> Skeleton:
    """The skeleton that the manifest of a folder describes.

    Raises UserError for a manifest that is missing, is not what a manifest is, or names a file that is missing.
    """
    file = folder / MANIFEST
    manifest = _manifest(file)
    try:
        canonical = Part(folder / manifest["canonical"]["path"], manifest["canonical"]["reference"])
        named = dict(manifest.get("fragments", {}))
        version = int(manifest["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{file}: is no manifest of a skeleton ({type(error).__name__}: {error}); "
            'it holds "version", "canonical" with "path" and "reference", "fragments"'
        ) from error
    fragments = {name: Part(folder / f"{name}.py", reference) for name, reference in named.items()}
    for part in (canonical, *fragments.values()):
        if not part.path.is_file():
            raise UserError(f"{file}: names {part.path.name}, which is not there; add it or correct the manifest")
    return Skeleton(SHIPPED, version, canonical, folder, folder / "upgrades", fragments)


def _manifest(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"{file}: is not there; `hfcodemod init --own-skeleton` writes a skeleton, or correct `skeleton` in "
            "pyproject.toml"
        ) from None
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read as JSON ({error}); mend it") from error


_loaded: WeakKeyDictionary[Settings, dict[str, tuple[Skeleton, str]]] = WeakKeyDictionary()
"""Each skeleton is read once for a command, which has one configuration."""


def skeleton_for(name: str, settings: Settings, catalog: Catalog) -> tuple[Skeleton, str]:
    """The named skeleton as the configuration adjusts it, and the pattern of its modules' paths.

    Raises UserError for a name that the configuration does not have, and a skeleton that cannot be loaded.
    """
    known = _loaded.setdefault(settings, {})
    if name not in known:
        known[name] = _skeleton_for(name, settings, catalog)
    return known[name]


def _skeleton_for(name: str, settings: Settings, catalog: Catalog) -> tuple[Skeleton, str]:
    if name == SHIPPED:
        default = shipped_skeleton() if settings.skeleton is None else skeleton_in(settings.skeleton)
        return _adjusted(default, settings.adjustments), settings.target
    if name not in settings.skeletons:
        known = ", ".join([SHIPPED, *settings.skeletons])
        raise UserError(f"no skeleton {name!r}; known: {known}; add [tool.hfcodemod.skeletons.{name}] for another")
    own = settings.skeletons[name]
    return _adjusted(of_one_file(name, own, settings.root, catalog), own.adjustments), own.target


def of_one_file(name: str, own: SkeletonSettings, root: Path, catalog: Catalog) -> Skeleton:
    """A test module of the team's; it has a manifest only once it was released."""
    reference = resolve(own.reference, catalog).architecture.model_type
    folder = root / OWN / name
    file = folder / MANIFEST
    version = _manifest(file).get("version", 1) if file.exists() else 1
    return Skeleton(name, version, Part(own.path, reference), folder, folder / "upgrades")


def _adjusted(skeleton: Skeleton, adjustments: Adjustments) -> Skeleton:
    """The skeleton with a team's overlay, left-out tests and codemods."""
    skeleton = replace(
        skeleton,
        upgrades=adjustments.upgrades or skeleton.upgrades,
        codemods=tuple(OwnCodemod(own.path, own.name) for own in adjustments.codemods),
        format_command=adjustments.format_command,
    )
    if adjustments.overlay is None and not adjustments.leave_out:
        return skeleton
    from hfcodemod.overlay import Fold

    fold = Fold(skeleton, adjustments.overlay, adjustments.leave_out)
    return replace(
        skeleton,
        canonical=replace(skeleton.canonical, fold=fold),
        fragments={name: replace(part, fold=fold) for name, part in skeleton.fragments.items()},
        leave_out=adjustments.leave_out,
    )
