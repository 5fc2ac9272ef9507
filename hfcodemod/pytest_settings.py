"""What a repository's pytest configuration says of which tests there are."""

from __future__ import annotations

import configparser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfcodemod.config import tools_in
from hfcodemod.errors import UserError


@dataclass(frozen=True)
class PytestSettings:
    """What the rules ask; the defaults are pytest's own."""

    classes: tuple[str, ...] = ("Test",)
    """What the names of test classes begin with."""
    strict_xfail: bool = False


def pytest_settings(root: Path) -> PytestSettings:
    """The settings in the first file that has some, in pytest's order; a file that cannot be read has none."""
    table = next(_tables(root), {})
    patterns = table.get("python_classes", ())
    words = patterns.split() if isinstance(patterns, str) else patterns
    strict = str(table.get("xfail_strict", table.get("strict_xfail", table.get("strict", ""))))
    return PytestSettings(
        classes=tuple(word.partition("*")[0] for word in words) or ("Test",),
        strict_xfail=strict.lower() in ("true", "1", "yes", "on"),
    )


def _tables(root: Path) -> Iterator[Mapping[str, Any]]:
    for name, section in (
        ("pytest.ini", "pytest"),
        (".pytest.ini", "pytest"),
        ("pyproject.toml", ""),
        ("tox.ini", "pytest"),
        ("setup.cfg", "tool:pytest"),
    ):
        file = root / name
        try:
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            if section:
                parser = configparser.ConfigParser(interpolation=None)
                parser.read_string(text)
                table = dict(parser[section]) if section in parser else None
            else:
                # `ini_options` holds strings as in an ini file, or lists; pytest 9 reads [tool.pytest] too.
                own = tools_in(file, text).get("pytest", {})
                table = own.get("ini_options", own) or None
        except (OSError, UnicodeDecodeError, configparser.Error, UserError):
            continue
        if table is not None:
            yield table
