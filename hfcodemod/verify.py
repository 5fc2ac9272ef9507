"""Modules run for real, and what was seen of each model class written into the ledger."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import secrets
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatch
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.check import TEST_FILES
from hfcodemod.durable import blaming, move, write_new
from hfcodemod.errors import UserError
from hfcodemod.given import given_files, part_of
from hfcodemod.ledger import PASSED, Record, ledger_path, read_ledger
from hfcodemod.managed import Tree, tree_of
from hfcodemod.verifying.recording import record
from hfcodemod.verifying.subjects import (
    UNMANAGED,
    Subject,
    in_shard,
    longest_first,
    managed_subject,
    model_types,
    unmanaged_subject,
)
from hfcodemod.verifying.workers import Limits, processors

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.verifying.pool import Done

RUN_WITH = ("torch", "transformers", "pytest")
PAUSE = 10.0
"""Seconds between two writes of the ledger."""

Identity = tuple[str, str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Terms:
    """How modules are run."""

    jobs: int | None = None
    """Processes at most; as many as processors without."""
    shard: tuple[int, int] | None = None
    """The number of a part, and of how many: only the modules of that part are run."""
    limits: Limits = field(default_factory=Limits)
    """What one module may take."""
    fresh: bool = False
    """Run also what has passed as it is."""
    junit: Path | None = None
    """Where a report of what was run goes, as JUnit has it."""
    copies: bool = True
    """Whether each module may run in a copy of a warm process, where the system has a way."""


@dataclass(frozen=True)
class Verification:
    """What is known of the modules after a run."""

    records: tuple[Record, ...]
    """Of all modules that were to be verified, in order of their keys."""
    modules: int
    """How many modules these are."""
    ran: int
    """How many of them were run now; the others had passed as they are."""
    errors: tuple[UserError, ...]
    """What is wrong with modules that cannot be run."""

    @property
    def failed(self) -> list[Record]:
        """Those that did not pass."""
        return [one for one in self.records if one.outcome != PASSED]

    def outcomes(self, *, managed: bool = True) -> dict[str, int]:
        """How many classes came out how, of modules that are managed or of those that are not."""
        found = (one.outcome for one in self.records if (one.skeleton != UNMANAGED) == managed)
        return dict(sorted(Counter(found).items()))


def verification(
    settings: Settings, catalog: Catalog, paths: Sequence[Path], terms: Terms, progress: Progress
) -> Verification:
    """Run the managed modules, or those and the other test files among ``paths``, that have not passed as they are.

    What was seen is written into the ledger while the modules are run, also where that is interrupted.

    Raises UserError for a path that is not there, a ledger that cannot be read, what is not installed, and where the
    disk refuses.
    """
    versions = installed_versions()
    root = settings.root
    known: dict[Identity, list[Record]] = {}
    for key, one in read_ledger(ledger_path(root)).items():
        known.setdefault(key[:2], []).append(one)
    subjects, errors = _subjects(paths, settings, catalog)
    # A ledger forgets modules that are no more, where all were looked at.
    there = {*(subject.identity for subject in subjects), *_unmanaged_there(known, root)}
    forgets = not paths and not errors and not known.keys() <= there
    if terms.shard is not None:
        subjects = [subject for subject in subjects if in_shard(subject, terms.shard)]
    waiting = [
        subject
        for subject in subjects
        if terms.fresh or not has_passed(subject, known.get(subject.identity, []), versions)
    ]
    took = {identity: records[0].seconds for identity, records in known.items()}
    run = _Run(root, versions, model_types(catalog), terms)
    run.through(longest_first(waiting, took), there if forgets else None, progress)
    if terms.junit is not None:
        _write_junit(terms.junit, run.done, root)
    found = {**known, **run.records}
    records = [one for subject in subjects for one in found[subject.identity]]
    return Verification(tuple(sorted(records, key=lambda one: one.key)), len(subjects), len(waiting), tuple(errors))


def has_passed(subject: Subject, records: Collection[Record], versions: Mapping[str, str]) -> bool:
    """Whether a module passed as it is, with the versions of now."""
    return (
        bool(records)
        and subject.required.keys() <= {one.class_name for one in records}
        and all(
            one.outcome == PASSED and one.is_sealed and one.sources == subject.sources and one.versions == versions
            for one in records
        )
    )


def installed_versions() -> dict[str, str]:
    """What modules are run with.

    Raises UserError where something is missing that they need.
    """
    found = {"hfcodemod": importlib.metadata.version("hfcodemod"), "python": platform.python_version()}
    for name in RUN_WITH:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            said = f"{name} is not installed, and modules cannot be run without it"
            raise UserError(f"{said}; pip install 'hfcodemod[models]'") from None
    del found["pytest"]
    return found


def _subjects(paths: Sequence[Path], settings: Settings, catalog: Catalog) -> tuple[list[Subject], list[UserError]]:
    """The modules that are meant, and what is wrong with those that cannot be run."""
    given = given_files(paths, settings)
    tree = part_of(given, settings) if paths else tree_of(settings)
    errors = [UserError(trouble.said, trouble.code) for trouble in tree.troubles]
    subjects: list[Subject] = []
    makers = {file.path: partial(managed_subject, file) for file in tree.files}
    makers |= {path: partial(unmanaged_subject, path) for path in _others(paths, given, tree)}
    for path, subject_of in makers.items():
        try:
            subjects.append(subject_of(settings, catalog))
        except UserError as error:
            said = str(error)
            errors.append(error if said.startswith(str(path)) else UserError(f"{path}: {said}"))
    return subjects, errors


def _others(paths: Sequence[Path], given: Sequence[Path], tree: Tree) -> Iterator[Path]:
    """The files that are not managed, and named; in folders that are named, those that test transformers."""
    named = {Path(os.path.abspath(path)) for path in paths}
    seen = {file.path for file in tree.files} | {trouble.path for trouble in tree.troubles}
    for path in given:
        if path.suffix != ".py" or path in seen:
            continue
        if path in named or (any(fnmatch(path.name, each) for each in TEST_FILES) and _tests_transformers(path)):
            yield path


def _tests_transformers(path: Path) -> bool:
    try:
        return b"transformers" in path.read_bytes()
    except OSError:
        return False


def _unmanaged_there(known: Collection[Identity], root: Path) -> Iterator[Identity]:
    for skeleton, name in known:
        if skeleton == UNMANAGED and (root / name).is_file():
            yield skeleton, name


class _Run:
    """One run: what was seen so far, and what of it the ledger does not have yet."""

    def __init__(self, root: Path, versions: Mapping[str, str], types: Mapping[str, str], terms: Terms) -> None:
        self.root = root
        self.versions = versions
        self.types = types
        self.terms = terms
        self.done: list[Done] = []
        self.records: dict[Identity, list[Record]] = {}
        self._unwritten: list[Record] = []
        self._wrote = time.monotonic()

    def through(self, subjects: Sequence[Subject], there: Collection[Identity] | None, progress: Progress) -> None:
        """Run the modules, and write what was seen while they are run."""
        from hfcodemod.verifying.pool import Pool

        jobs = self.terms.jobs or processors()
        try:
            with (
                tempfile.TemporaryDirectory(prefix="hfcodemod-", ignore_cleanup_errors=True) as folder,
                Pool(self.root, Path(folder), jobs, self.terms.limits, self.terms.copies) as pool,
            ):
                progress(0, len(subjects))
                for done in pool.run(subjects):
                    self._take(done)
                    progress(len(self.done), len(subjects))
        except BaseException:
            self._write(None)
            raise
        self._write(there)

    def _take(self, done: Done) -> None:
        from hfcodemod.verifying.verdict import records_of

        date = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        records = records_of(done, self.root, self.versions, self.types, date)
        self.done.append(done)
        self.records[done.subject.identity] = records
        self._unwritten += records
        # Nobody is waited for here: there is a next time.
        if time.monotonic() - self._wrote > PAUSE and record(self.root, self._unwritten, patience=0):
            self._unwritten = []
            self._wrote = time.monotonic()

    def _write(self, there: Collection[Identity] | None) -> None:
        """Write what is left.

        Raises UserError where somebody else does not let go of the ledger.
        """
        if (self._unwritten or there is not None) and not record(self.root, self._unwritten, there):
            said = f"{ledger_path(self.root)}: another hfcodemod is at work here, so not all is written that was seen"
            raise UserError(f"{said}; wait for it, and run the command again")
        self._unwritten = []


def _write_junit(path: Path, runs: Sequence[Done], root: Path) -> None:
    from hfcodemod.verifying.junit import junit_text

    path = path.absolute()
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with blaming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            write_new(part, junit_text(runs, root).encode())
            move(part, path)
        finally:
            part.unlink(missing_ok=True)
