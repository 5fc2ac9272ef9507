"""The rules over test files, found in ``rules/``: no rule is registered by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from hfcodemod.errors import UserError
from hfcodemod.findings import CODES, Code, Finding

if TYPE_CHECKING:
    import ast

    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.pytest_settings import PytestSettings
    from hfcodemod.stamp import Stamp


@dataclass(frozen=True)
class Facts:
    """What a rule can ask beside the source."""

    settings: Settings
    stamp: Stamp | None
    """What the file says that it is; None for one that is not managed."""
    load: Callable[[], Catalog]

    @cached_property
    def catalog(self) -> Catalog:
        """The facts of all architectures, loaded when a rule asks for them."""
        return self.load()

    @cached_property
    def pytest(self) -> PytestSettings:
        """What pytest is told in this repository."""
        from hfcodemod.pytest_settings import pytest_settings

        return pytest_settings(self.settings.root)


class Rule(Protocol):
    """A module in ``rules/``: it reads no disk, and imports nothing heavy before it is asked."""

    CODE: str
    """``HF2`` and two digits."""
    NAME: str
    """Words with hyphens."""
    DEFAULT: bool
    """Whether it runs unless somebody says otherwise."""
    MESSAGE: str
    """What it means, in one line."""

    def findings(self, tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
        """What it finds in a file that parses, in any order."""
        ...


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in order of the codes."""
    import importlib
    import pkgutil

    from hfcodemod import rules as folder

    names = [found.name for found in pkgutil.iter_modules(folder.__path__)]
    modules = [importlib.import_module(f"{folder.__name__}.{name}") for name in names]
    found = [cast(Rule, module) for module in modules if hasattr(module, "CODE")]
    return tuple(sorted(found, key=lambda rule: rule.CODE))


@cache
def known_codes() -> Mapping[str, Code]:
    """Every code with what it means."""
    own = [Code(rule.CODE, rule.NAME, rule.MESSAGE, rule.DEFAULT) for rule in rules()]
    return {code.code: code for code in (*CODES, *own)}


@dataclass(frozen=True)
class Selection:
    """Which codes are looked for: of what is said of a code, the longest prefix counts."""

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, select: Iterable[str], ignore: Iterable[str]) -> Selection:
        """The selection that was typed, several codes in one word with commas between.

        Raises UserError for what no code begins with.
        """
        return cls(tuple(_typed(select, "--select")), tuple(_typed(ignore, "--ignore")))

    def wants(self, code: str, default: bool = True) -> bool:
        """Whether the code is looked for."""
        wanted = _longest(code, self.select) if self.select else default - 1
        return wanted > _longest(code, self.ignore)

    def wanted_rules(self) -> list[Rule]:
        """The rules that are looked for."""
        return [rule for rule in rules() if self.wants(rule.CODE, rule.DEFAULT)]


def _longest(code: str, prefixes: tuple[str, ...]) -> int:
    """The length of the longest of the prefixes that the code begins with; -1 without one."""
    return max((len(prefix) for prefix in prefixes if code.startswith(prefix)), default=-1)


def _typed(words: Iterable[str], option: str) -> Iterator[str]:
    for word in ",".join(words).split(","):
        prefix = word.strip().upper()
        if not prefix:
            continue
        if not any(code.startswith(prefix) for code in known_codes()):
            raise UserError(f"{option} {word.strip()}: no such code; {nearest(prefix, known_codes())}")
        yield prefix


def nearest(word: str, known: Iterable[str]) -> str:
    """What to say of a word that is not among those that are known: codes are near by what they begin with."""
    from difflib import SequenceMatcher
    from itertools import takewhile

    def likeness(other: str) -> tuple[int, float]:
        common = takewhile(lambda pair: pair[0] == pair[1], zip(word, other, strict=False))
        return len(list(common)), SequenceMatcher(None, word, other).ratio()

    return f"did you mean {max(known, key=likeness)}?"
