"""Which of a repository's own sources of tests the rules find nothing in: remembered, since every check asks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.managed import own_files
from hfcodemod.textfile import read

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings

PYTEST = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
"""What tells pytest which tests there are, beside pyproject.toml, on which the whole cache depends."""


def sources_of(settings: Settings) -> list[Path]:
    """The repository's own sources of tests, which no migration looks at."""
    found = [*own_files(settings)]
    if settings.skeleton is not None:
        found += sorted(settings.skeleton.glob("*.py"))
    return [path for path in dict.fromkeys(found) if path.is_file()]


def mark_of(path: Path, root: Path) -> str:
    """A digest over all that a rule may ask of a file."""
    digest = hashlib.sha256()
    for file in (path, *(root / name for name in PYTEST)):
        digest.update(file.read_bytes() if file.is_file() else b"-")
    return digest.hexdigest()


def cleared(settings: Settings, catalog: Callable[[], Catalog], known: Mapping[str, str]) -> dict[str, str]:
    """The sources in which the rules that run by default find nothing, each with its mark; ``known`` are not read."""
    return dict(_cleared(settings, catalog, known))


def _cleared(settings: Settings, catalog: Callable[[], Catalog], known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    from hfcodemod.ruleset import Facts, Selection
    from hfcodemod.standing import unparsed
    from hfcodemod.syntax import tree

    rules = Selection().wanted_rules()
    facts = Facts(settings, None, catalog)
    for path in sources_of(settings):
        name, mark = str(path), mark_of(path, settings.root)
        if known.get(name) == mark:
            yield name, mark
            continue
        file = read(path)
        assert file is not None
        text = file.text
        if "hfcodemod: ignore" in text or unparsed(path, text) is not None:
            continue
        if not any(finding for rule in rules for finding in rule.findings(tree(text), text, path, facts)):
            yield name, mark
