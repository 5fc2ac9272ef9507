"""What ``init`` proposes: what a repository shows of its tests and its formatter."""

from __future__ import annotations

import ast
import re
import shutil
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfcodemod.config import TARGET, Settings, tools_in
from hfcodemod.names import bare, identifier, known_names
from hfcodemod.searched import python_files
from hfcodemod.stamp import MARK
from hfcodemod.textfile import bytes_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog

FORMATTERS = {"ruff": "ruff format --stdin-filename {path} -", "black": "black --quiet --stdin-filename {path} -"}
WORDS = frozenset({"test", "tests", "hf", "model", "modeling"})
"""What the names of test files have beside what they test."""


@dataclass(frozen=True)
class Suite:
    """Test modules that are called after architectures, one of which can be a skeleton."""

    module: Path
    reference: str
    """The name of the architecture that the module is for."""
    others: int
    """How many more there are of the same pattern."""


@dataclass(frozen=True)
class Formatter:
    """What formats the repository."""

    command: str
    said: str
    """In words, with the line length if it is known."""


@dataclass(frozen=True)
class Proposal:
    """What there is."""

    target: str
    """Where modules go."""
    formatter: Formatter | None
    suite: Suite | None


def proposal(settings: Settings, catalog: Catalog) -> Proposal:
    """What the repository shows.

    Raises UserError for a pyproject.toml that is not TOML.
    """
    file = settings.root / "pyproject.toml"
    tools = tools_in(file, (bytes_of(file) or b"").decode("utf-8", "replace"))
    target = f"{_tests_folder(settings.root, tools)}/{TARGET.partition('/')[2]}"
    return Proposal(target, _formatter(settings.root, tools), _suite(settings, catalog))


def _tests_folder(root: Path, tools: Mapping[str, Any]) -> str:
    """Where pytest is told to look, else a folder that is there."""
    pytest = tools.get("pytest", {})
    told = pytest.get("testpaths") or pytest.get("ini_options", {}).get("testpaths") or []
    names = told.split() if isinstance(told, str) else list(told)
    there = (name.strip("/") for name in [*names, "tests", "test"] if (root / name).is_dir())
    return next(there, "tests")


def _formatter(root: Path, tools: Mapping[str, Any]) -> Formatter | None:
    """The formatter that is configured and installed; ruff beside black is for linting, unless it says otherwise."""
    ruff = {**_toml(root / ".ruff.toml"), **_toml(root / "ruff.toml")} or tools.get("ruff")
    black = tools.get("black")
    name, table = ("black", black) if black is not None and "format" not in (ruff or {}) else ("ruff", ruff)
    if table is None or shutil.which(name) is None:
        return None
    length = table.get("line-length")
    return Formatter(FORMATTERS[name], name if length is None else f"{name}, line length {length}")


def _toml(file: Path) -> Mapping[str, Any]:
    try:
        table: dict[str, Any] = tomllib.loads((bytes_of(file) or b"").decode())
    except ValueError:
        return {}
    return table


def _suite(settings: Settings, catalog: Catalog) -> Suite | None:
    """The largest group of test modules of one pattern; a module of llama stands for its group, else the first."""
    names = {bare(name): name for name in known_names(catalog)}
    groups: dict[str, list[tuple[Path, str]]] = {}
    for path in python_files(settings):
        name = _name_in(path.stem, names)
        if name is not None and _tests_a_model(path):
            pattern = path.with_name(path.name.replace(identifier(name), "{name}")).as_posix()
            groups.setdefault(pattern, []).append((path, name))
    if not groups:
        return None
    largest = max(groups.values(), key=len)
    path, name = next((one for one in largest if one[1] == "llama"), largest[0])
    return Suite(path, name, len(largest) - 1)


def _name_in(stem: str, names: Mapping[str, str]) -> str | None:
    """The known name that a test file is called after: the longest."""
    if not (stem.startswith("test_") or stem.endswith("_test")):
        return None
    words = [word for word in stem.split("_") if word not in WORDS]
    for beginning in _beginnings(words):
        name = names.get(bare("".join(beginning)))
        if name is not None and identifier(name) == "_".join(beginning):
            return name
    return None


def _beginnings(words: Sequence[str]) -> Iterator[Sequence[str]]:
    for end in range(len(words), 0, -1):
        yield words[:end]


def _tests_a_model(path: Path) -> bool:
    """Whether it is a test module that somebody wrote, and speaks of transformers."""
    text = path.read_bytes().decode("utf-8", "replace")
    if MARK in text or not re.search(r"\btransformers\b", text):
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
