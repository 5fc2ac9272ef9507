"""What is known to be in step: a file of this machine, which git ignores, and which can be deleted at any time."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.workspace import STATE, facts_folder, recipes_folder

if TYPE_CHECKING:
    from hfcodemod.config import Adjustments, Settings

NAME = "cache.json"
PACKAGE = Path(__file__).parent


@dataclass
class Cache:
    """What earlier runs found out."""

    inputs: str
    """Over all that any module is made from, the code of hfcodemod included."""
    engine: str
    """Over the code of hfcodemod alone."""
    in_step: dict[str, str] = field(default_factory=dict)
    """Path to digest of the files that are in step with these inputs."""
    renders: dict[str, str] = field(default_factory=dict)
    """Fingerprint to id of the base, as this engine renders it."""
    cleared: dict[str, str] = field(default_factory=dict)
    """Path to mark of the skeletons' sources in which the rules find nothing (`hfcodemod.cleared`)."""


def cache_path(root: Path) -> Path:
    """Where the cache lies."""
    return root / STATE / NAME


def load_cache(settings: Settings) -> Cache:
    """The cache as far as it holds for the inputs of now."""
    engine = _engine()
    inputs = _digest([engine, *(f"{path.name} {_content(path)}" for path in inputs_of(settings))])
    try:
        said = json.loads(cache_path(settings.root).read_bytes())
        same = said["engine"] == engine
        known = said["in_step"] if said["inputs"] == inputs else {}
        clear = said["cleared"] if said["inputs"] == inputs else {}
        return Cache(inputs, engine, dict(known), dict(said["renders"]) if same else {}, dict(clear))
    except (OSError, ValueError, KeyError, TypeError):
        return Cache(inputs, engine)


def cache_bytes(cache: Cache) -> bytes:
    """The cache as it is stored."""
    return json.dumps(vars(cache), sort_keys=True, separators=(",", ":")).encode()


def _engine() -> str:
    """Over the code and data of the package, by name, size and time: it changes only when hfcodemod does."""
    return _digest(_stats(_package_folders()))


def _package_folders() -> Iterator[Path]:
    import importlib.resources

    yield PACKAGE
    for name in ("hfcodemod.codemods", "hfcodemod.skeleton"):
        yield Path(str(importlib.resources.files(name)))


def _stats(folders: Iterable[Path]) -> Iterator[str]:
    for folder in folders:
        for place, below, names in os.walk(folder):
            below[:] = sorted(name for name in below if name != "__pycache__")
            for name in sorted(names):
                stat = os.stat(os.path.join(place, name))
                yield f"{name} {stat.st_size} {stat.st_mtime_ns}"


def inputs_of(settings: Settings) -> Iterator[Path]:
    """The repository's own files that modules are made from, whether they are there or not."""
    yield settings.root / "pyproject.toml"
    yield from _below(recipes_folder(settings.root))
    yield facts_folder(settings.root) / f"facts-{settings.facts}.json.gz"
    if settings.skeleton is not None:
        yield from _below(settings.skeleton)
    yield from _adjusted(settings.adjustments)
    for name, own in settings.skeletons.items():
        yield own.path
        yield from _below(settings.root / STATE / "skeletons" / name)
        yield from _adjusted(own.adjustments)


def _adjusted(adjustments: Adjustments) -> Iterator[Path]:
    if adjustments.overlay is not None:
        yield adjustments.overlay
    if adjustments.upgrades is not None:
        yield from _below(adjustments.upgrades)
    for own in adjustments.codemods:
        yield own.path


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path


def _content(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def remember(
    cache: Cache, in_step: Mapping[str, str], renders: Mapping[str, str], present: Iterable[str], bases: Collection[str]
) -> None:
    """Add what a run found out, and forget files that are gone and renders that are the base of no module."""
    known = {**cache.in_step, **in_step}
    cache.in_step = {name: known[name] for name in present if name in known}
    cache.renders = {**{mark: base for mark, base in cache.renders.items() if base in bases}, **renders}
