"""What `hfcodemod check` finds: modules that are not in step, and what the rules find in test files.

Nothing is written. A module that is known to be in step and that nobody edited is known by hash alone: what it holds
is the skeleton's, and the rules are told of it there. Everything else is read, and planned as a migration would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.cleared import mark_of, sources_of
from hfcodemod.conflicts import REGION
from hfcodemod.errors import UserError
from hfcodemod.findings import FORGOTTEN_BASE, SAME_MODULE, UNREADABLE, Finding
from hfcodemod.given import given_files, part_of, stand_for_all
from hfcodemod.managed import Managed, Trouble
from hfcodemod.migrate import Migration, migration
from hfcodemod.stamp import digest, stamp_line, without_stamp
from hfcodemod.textfile import read
from hfcodemod.tracked import with_forgotten_bases
from hfcodemod.workspace import STATE

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.ruleset import Selection

TEST_FILES = ("test_*.py", "*_test.py")
"""What the names of test files look like where pytest's configuration says nothing."""


@dataclass(frozen=True)
class Checked:
    """What a check found."""

    findings: tuple[Finding, ...]
    """In order of path, line, column and code."""
    files: int
    """How many files were looked at."""


def checked(
    settings: Settings, catalog: Callable[[], Catalog], selection: Selection, paths: Sequence[Path] = ()
) -> Checked:
    """The findings in all managed files of a repository, or in the files ``paths``, managed or not.

    A file that modules are made from stands for all of them. ``catalog`` is called only where a module has to be
    rendered, or a rule asks for it.

    Raises UserError for a path that is not there or not below the root, and for what concerns all modules: the
    configuration, the skeleton, the facts.
    """
    given = given_files(paths, settings)
    whole = not paths or stand_for_all(given, settings)
    skeletons = sources_of(settings)
    tests = [path for path in given if path in skeletons or _is_test(path)]
    run = migration(settings, catalog, tree=None if whole else part_of(given, settings))
    return _Check(settings, catalog, selection, run).of([*tests, *(skeletons if whole else ())])


def _is_test(path: Path) -> bool:
    return any(fnmatch(path.name, pattern) for pattern in TEST_FILES)


class _Check:
    """The check of one run: what the migration found out, and what only the text of a file tells."""

    def __init__(
        self, settings: Settings, catalog: Callable[[], Catalog], selection: Selection, run: Migration
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._selection = selection
        self._run = run
        self._plans = {plan.path: plan for plan in run.plans}

    def of(self, tests: Iterable[Path]) -> Checked:
        """All findings; the rules are run over the test files too that are not managed."""
        from_tree: dict[Path, list[Finding]] = {}
        for trouble in self._run.tree.troubles:
            from_tree.setdefault(trouble.path, []).append(_told(trouble))
        for file in with_forgotten_bases(self._settings.root, self._run.tree.files):
            from_tree.setdefault(file.path, []).append(_forgotten(file, self._settings.root))
        managed = {file.path: file for file in self._run.tree.files}
        paths = dict.fromkeys([*managed, *from_tree, *tests])
        found: list[Finding] = []
        for path in paths:
            known = managed.get(path)
            if self._cleared(path):
                continue
            if known is None or path in from_tree or path in self._plans or not known.as_generated:
                found += self._in(path, known, from_tree.get(path, []))
        return Checked(tuple(sorted(found)), len(paths))

    def _cleared(self, path: Path) -> bool:
        """Whether the rules are known to find nothing in a source of the skeletons."""
        mark = self._run.cache.cleared.get(str(path))
        usual = not self._selection.select and not self._selection.ignore
        return usual and mark is not None and mark == mark_of(path, self._settings.root)

    def _in(self, path: Path, managed: Managed | None, said: list[Finding]) -> Iterator[Finding]:
        """The findings in one file, without those that its comments ignore."""
        text = None
        if path.suffix == ".py" and not any(finding.code == UNREADABLE for finding in said):
            text, more = self._read(path, managed)
            line = stamp_line(text or "")
            # What is said of a stamp is known without the text of the file, and the place of its stamp is not.
            said = [replace(each, line=line) if each.code in (SAME_MODULE, FORGOTTEN_BASE) else each for each in said]
            said += more
        wanted = [finding for finding in said if self._selection.wants(finding.code)]
        if text is None or "hfcodemod: ignore" not in text:
            yield from wanted
            return
        from hfcodemod.ignores import ignores_in, without_ignored

        ignores, malformed = ignores_in(text, path)
        found = [*without_ignored(wanted, ignores, path, self._looked_for(said)), *malformed]
        yield from (finding for finding in found if self._selection.wants(finding.code))

    def _read(self, path: Path, managed: Managed | None) -> tuple[str | None, list[Finding]]:
        """The text of a file, None where it cannot be read, and what is found in it."""
        from hfcodemod.standing import standing, told, unparsed

        plan = self._plans.get(path)
        try:
            file = read(path, unmerged=plan is not None and plan.action == "conflict")
        except UserError as error:
            return None, [told(path, str(error), UNREADABLE)]
        if file is None:
            return None, []
        text = file.text
        if managed is None:
            problem = unparsed(path, text)
            return text, [problem] if problem else self._ruled(path, None, text)
        found = list(standing(self._settings.root, managed, plan, text))
        readable = REGION.search(text) is None and all(finding.code != UNREADABLE for finding in found)
        if readable and ("hfcodemod: ignore" in text or digest(without_stamp(text)[0]) != managed.stamp.base):
            found += self._ruled(path, managed, text)
        return text, found

    def _ruled(self, path: Path, managed: Managed | None, text: str) -> list[Finding]:
        """What the rules find."""
        from hfcodemod.ruleset import Facts
        from hfcodemod.syntax import tree

        facts = Facts(self._settings, managed.stamp if managed else None, self._catalog)
        rules = self._selection.wanted_rules()
        return [finding for rule in rules for finding in rule.findings(tree(text), text, path, facts)]

    def _looked_for(self, said: Sequence[Finding]) -> set[str]:
        """The codes of which can be told that they are not there: in a file that does not parse, none is."""
        from hfcodemod.ruleset import known_codes

        if any(finding.code == UNREADABLE for finding in said):
            return set()
        codes = known_codes().values()
        return {code.code for code in codes if self._selection.wants(code.code, code.default)}


def _told(trouble: Trouble) -> Finding:
    from hfcodemod.standing import told

    return told(trouble.path, trouble.said, trouble.code)


def _forgotten(file: Managed, root: Path) -> Finding:
    said = f"git has the module, and not its base {file.stamp.base}"
    return Finding(file.path, 1, 1, FORGOTTEN_BASE, said, f"`git add {root / STATE}` adds it")
