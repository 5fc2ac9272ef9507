"""What the commands do, callable: each function of the package `hfcodemod`, with values for an answer.

The configuration is that of the nearest pyproject.toml at or above ``root``, or the current folder. Paths are from the
current folder. Nothing is printed; that a write which was cut short has been mended is logged as a warning. What the
user can mend is raised as `hfcodemod.errors.UserError`; what is wrong with one of many modules is a value in the
answer, and stops no other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from hfcodemod.add import Addition
    from hfcodemod.add_many import Many
    from hfcodemod.adopt import Adoption
    from hfcodemod.check import Checked
    from hfcodemod.config import Settings
    from hfcodemod.conflicts import Pending
    from hfcodemod.coverage_cases import Coverage
    from hfcodemod.errors import UserError
    from hfcodemod.managed import Tree
    from hfcodemod.merge import Merged
    from hfcodemod.migrate import Migration
    from hfcodemod.missing import Missing
    from hfcodemod.probing.probe import Probed
    from hfcodemod.resolve import Settlement, Way
    from hfcodemod.since import Step
    from hfcodemod.verify import Verification

AnyPath: TypeAlias = "str | os.PathLike[str]"


def render(
    name: str,
    *,
    like: str | None = None,
    model_id: str | None = None,
    skeleton: str = "default",
    root: AnyPath | None = None,
) -> str:
    """The test module for a name, with its stamp, as `add` would write it; nothing is written.

    ``name`` is a model type (``gemma3``), a name in use (``llama-3``) or a checkpoint (``org/model``); ``like`` says
    whose architecture an unknown name has, and ``model_id`` its checkpoint.

    Raises UserError for a name that is not known, and an architecture without a recipe.
    """
    from hfcodemod.add import additions
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.requests import Request

    settings = _settings(root)
    (addition,) = additions([Request(name, like, model_id, skeleton)], settings, pinned_facts(settings), force=True)
    return addition.text


def add(
    names: Sequence[str],
    *,
    like: str | None = None,
    model_id: str | None = None,
    skeleton: str = "default",
    force: bool = False,
    write: bool = True,
    root: AnyPath | None = None,
) -> list[Addition]:
    """Write a test module for each name; all are rendered before the first is written.

    ``force`` overwrites files that were edited by hand. Without ``write`` the answer alone is made.

    Raises UserError as `render` does, for ``like`` or ``model_id`` with several names, and for a file that was edited
    by hand or not made here.
    """
    from hfcodemod.add import additions, files_of
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.errors import UserError
    from hfcodemod.journal import write_files
    from hfcodemod.lock import writing
    from hfcodemod.requests import Request
    from hfcodemod.textfile import encoded

    if (like or model_id) and len(names) > 1:
        raise UserError("like and model_id speak of one name; add the names one by one")
    settings = _settings(root)
    requests = [Request(name, like, model_id, skeleton) for name in names]
    with writing(settings.root) if write else nullcontext():
        made = additions(requests, settings, pinned_facts(settings), force=force)
        if write:
            seen = {addition.path: addition.before for addition in made}
            files = files_of(made, settings.root)
            write_files(settings.root, {path: encoded(text, seen.get(path)) for path, text in files.items()}, seen)
    return made


def add_many(
    *,
    missing: bool = False,
    family: str | None = None,
    task: str | None = None,
    batch: int | None = None,
    skeleton: str = "default",
    force: bool = False,
    write: bool = True,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    root: AnyPath | None = None,
) -> Many:
    """Write a test module for every model type that has a model class; all are rendered before the first is written.

    ``missing`` leaves those that have no module yet, ``family`` and ``task`` those that are of it, ``batch`` those of
    a batch of `missing`. What was edited by hand is kept, unless ``force``, and told in the answer, as is what no
    module can be made for. ``jobs`` is the number of processes at most. ``progress`` is called with how many modules
    are rendered, and of how many.

    Raises UserError for a family, a task, a batch or a skeleton that is not known.
    """
    from hfcodemod.add import files_of
    from hfcodemod.add_many import Wanted, many, wanted_types
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.journal import write_files
    from hfcodemod.lock import writing
    from hfcodemod.managed import tree_of
    from hfcodemod.textfile import encoded

    settings = _settings(root)
    catalog = pinned_facts(settings)
    with writing(settings.root) if write else nullcontext():
        tree = tree_of(settings)
        names = wanted_types(Wanted(missing, family, task, batch), tree, settings, catalog, skeleton)
        found = many(names, tree, settings, catalog, skeleton=skeleton, force=force, jobs=jobs, progress=progress)
        if write:
            seen = {addition.path: addition.before for addition in found.additions}
            files = files_of(found.additions, settings.root)
            write_files(settings.root, {path: encoded(text, seen.get(path)) for path, text in files.items()}, seen)
    return found


def missing(*, skeleton: str = "default", root: AnyPath | None = None) -> list[Missing]:
    """The model types that have no module of a skeleton yet, batch by batch.

    Raises UserError for a skeleton that cannot be loaded.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.managed import tree_of
    from hfcodemod.missing import missing_of

    settings = _settings(root)
    return missing_of(tree_of(settings), settings, pinned_facts(settings), skeleton)


def since(version: str, *, root: AnyPath | None = None) -> list[Step]:
    """What came, went or has another name from a version of transformers to the pinned one, each with what to type.

    Raises UserError for a version without a snapshot.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.differences import differences, facts_before
    from hfcodemod.managed import tree_of
    from hfcodemod.since import steps

    settings = _settings(root)
    old, new = facts_before(version, settings), pinned_facts(settings)
    return steps(differences(old, new), tree_of(settings), settings, old, new)


def adopt(
    paths: Sequence[AnyPath],
    *,
    name: str | None = None,
    like: str | None = None,
    model_id: str | None = None,
    skeleton: str | None = None,
    force: bool = False,
    write: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
    root: AnyPath | None = None,
) -> tuple[list[Adoption], list[UserError]]:
    """Take test modules, or folders of them, under management, or mend their stamps and bases.

    The answer is what was adopted, and what is wrong with the other files. ``name`` says what a single file tests,
    where that is not clear. ``force`` adopts a file too that has little in common with its skeleton. ``progress`` is
    called with how many files are done, and of how many.

    Raises UserError for a path that cannot be managed, and a ``name`` for several files.
    """
    from hfcodemod.adopt import Terms, adoptions, files_of, modules_in
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.errors import UserError
    from hfcodemod.journal import write_files
    from hfcodemod.lock import writing
    from hfcodemod.managed import tree_of

    settings = _settings(root)
    files = modules_in([Path(os.path.abspath(path)) for path in paths], settings)
    if (like or model_id) and name is None:
        raise UserError("like and model_id speak of a name; pass name")
    if name is not None and len(files) > 1:
        raise UserError("a name is for one PATH; adopt the files one by one")
    terms = Terms(name, like, model_id, skeleton, force)
    with writing(settings.root) if write else nullcontext():
        adopted, errors = adoptions(files, terms, settings, pinned_facts(settings), tree_of(settings), progress)
        if write:
            seen = {one.path: one.before for one in adopted}
            write_files(settings.root, dict(files_of(adopted, settings.root)), seen)
    return adopted, errors


def migrate(
    names: Sequence[AnyPath] | None = None,
    *,
    changed: bool = False,
    markers: bool = False,
    jobs: int | None = None,
    write: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
    root: AnyPath | None = None,
) -> Migration:
    """Bring modules, named by name or path, in step with their skeleton; all of them without ``names``.

    With ``changed``, ``names`` are paths of files that changed, managed or not: one that modules are made from stands
    for all modules, and what is not managed is passed over.

    What was edited by hand survives. A conflict keeps the module's own text, and waits in ``pending`` of the answer;
    ``markers`` writes git's markers into the module too. ``jobs`` is the number of processes at most. ``progress`` is
    called with how many modules are planned, and of how many.

    Raises UserError for what concerns all modules (configuration, skeleton, facts), and what names no module.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.journal import write_files
    from hfcodemod.lock import writing
    from hfcodemod.migrate import files_of, migration

    settings = _settings(root)
    select = None if names is None else _selection(names, changed, settings)
    with writing(settings.root) if write else nullcontext():
        run = migration(
            settings, lambda: pinned_facts(settings), select=select, markers=markers, jobs=jobs, progress=progress
        )
        if write:
            files, seen = files_of(run)
            write_files(settings.root, files, seen)
    return run


def _selection(names: Sequence[AnyPath], changed: bool, settings: Settings) -> Callable[[Tree], Tree] | None:
    """What takes the modules that are meant out of all; None where all are."""
    from hfcodemod.given import given_files, stand_for_all, those_of
    from hfcodemod.managed import selected

    if not changed:
        return lambda tree: selected(tree, [os.fspath(name) for name in names], settings)
    given = given_files([Path(name) for name in names], settings)
    return None if stand_for_all(given, settings) else lambda tree: those_of(tree, given)


def check(
    paths: Sequence[AnyPath] = (),
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    root: AnyPath | None = None,
) -> Checked:
    """What is not in step, and which tests never run or cannot fail; nothing is written.

    ``paths`` are test files or folders, managed or not; all managed modules without. ``select`` and ``ignore`` are
    codes, or how codes begin.

    Raises UserError for an unknown code, a path that is not there, and what concerns all modules.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.check import checked
    from hfcodemod.ruleset import Selection

    settings = _settings(root)
    selection = Selection.of(select, ignore)
    return checked(settings, lambda: pinned_facts(settings), selection, [Path(path) for path in paths])


def coverage(*, ledger: AnyPath | None = None, since: str | None = None, root: AnyPath | None = None) -> Coverage:
    """How each model class of the pinned transformers stands, by the ledger and by what is there now.

    ``ledger`` is the file to go by, if not the repository's. ``since`` is a day (``2026-01-31``) or a revision of git
    that the answer is compared with.

    Raises UserError for facts, a skeleton or a ledger that cannot be read, and a ``since`` that is neither.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.coverage import coverage_of
    from hfcodemod.coverage_since import compared
    from hfcodemod.errors import UserError
    from hfcodemod.ledger import ledger_path, read_ledger

    settings = _settings(root)
    catalog = pinned_facts(settings)
    path = ledger_path(settings.root) if ledger is None else Path(os.path.abspath(ledger))
    if ledger is not None and not path.exists():
        raise UserError(f"{ledger}: there is no such ledger; `hfcodemod verify` writes .hfcodemod/ledger.jsonl")
    now = coverage_of(settings, catalog, read_ledger(path).values())
    return now if since is None else compared(now, since, path, settings, catalog)


def verify(
    paths: Sequence[AnyPath] = (),
    *,
    jobs: int | None = None,
    shard: tuple[int, int] | None = None,
    fresh: bool = False,
    time_limit: float = 120.0,
    memory_limit: float = 4.0,
    junit: AnyPath | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    root: AnyPath | None = None,
) -> Verification:
    """Run modules, and write which model classes were seen running into the ledger.

    ``paths`` are test files or folders, managed or not; all managed modules without. What has passed as it is, with the
    same versions, is run again only if ``fresh``. ``jobs`` is the number of processes at most, ``shard`` the number of
    a part and of how many. A module may take ``time_limit`` seconds and ``memory_limit`` GiB. ``junit`` is where a
    report of what was run goes. ``progress`` is called with how many modules are done, and of how many.

    Raises UserError for a path that is not there, a ledger that cannot be read, what is not installed, and where the
    disk refuses.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.verify import Terms, verification
    from hfcodemod.verifying.workers import Limits

    settings = _settings(root)
    limits = Limits(time_limit, memory_limit)
    terms = Terms(jobs, shard, limits, fresh, None if junit is None else Path(junit))
    return verification(settings, pinned_facts(settings), [Path(path) for path in paths], terms, progress)


def conflicts(path: AnyPath | None = None, *, root: AnyPath | None = None) -> tuple[list[Pending], list[UserError]]:
    """The conflicts of migrations that wait, by module, and what is wrong with records that cannot be read.

    ``path`` is the path or the name of a single module.

    Raises UserError for a ``path`` without conflicts.
    """
    return _waiting(path, _settings(root))


def probe(
    names: Sequence[str] | None = None,
    *,
    to: AnyPath | None = None,
    jobs: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    root: AnyPath | None = None,
) -> list[Probed]:
    """Find recipes, and write each that is found; without ``names`` of all architectures whose recipe no hand wrote.

    ``to`` is the folder for the recipes, if not the repository's. ``jobs`` is the number of processes at most.
    ``progress`` is called with how many architectures are done, and of how many.

    Raises UserError for a name that is not known, and where torch or transformers is not installed.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.probe import recipes_found
    from hfcodemod.workspace import recipes_folder

    settings = _settings(root)
    folder = recipes_folder(settings.root) if to is None else Path(os.path.abspath(to))
    return recipes_found(names, folder, settings, pinned_facts(settings), jobs=jobs, progress=progress)


def resolve(
    way: Way, path: AnyPath | None = None, *, root: AnyPath | None = None
) -> tuple[list[Settlement], list[UserError]]:
    """Settle the conflicts that wait, of one module or of all; the answer has what could not be settled too.

    ``way`` is ``"ours"`` for the module's own text, ``"theirs"`` for the skeleton's, or ``"edited"`` for what somebody
    wrote since.

    Raises UserError for a ``path`` without conflicts.
    """
    from hfcodemod.errors import UserError
    from hfcodemod.journal import write_files
    from hfcodemod.lock import writing
    from hfcodemod.resolve import settlement

    settings = _settings(root)
    done: list[Settlement] = []
    with writing(settings.root):
        waiting, errors = _waiting(path, settings)
        for pending in waiting:
            try:
                done.append(settlement(pending, way, settings))
            except UserError as error:
                errors.append(error)
        files = {file: content for one in done for file, content in one.files.items()}
        write_files(settings.root, files, {one.path: one.before for one in done})
    return done, errors


def merge(base: str, ours: str, theirs: str, *, by_name: bool = False) -> Merged:
    """Merge three sources of Python by their statements.

    ``by_name`` unites imports and keyword arguments too that both sides changed within one line. Where there is a
    conflict, ``source`` of the answer holds ours, and ``marked`` git's markers.

    Raises SyntaxError where a side does not parse.
    """
    from hfcodemod.merge import merge as merged

    return merged(base, ours, theirs, by_name=by_name)


def _settings(root: AnyPath | None) -> Settings:
    from hfcodemod.config import settings_for

    return settings_for(Path.cwd() if root is None else Path(os.path.abspath(root)))


def _waiting(path: AnyPath | None, settings: Settings) -> tuple[list[Pending], list[UserError]]:
    """The conflicts of one module or of all, with the paths that the modules have now."""
    from hfcodemod.conflicts import pending_in
    from hfcodemod.errors import UserError
    from hfcodemod.managed import tree_of
    from hfcodemod.resolve import where_they_are

    recorded, troubles = pending_in(settings.root)
    waiting = where_they_are(recorded, settings, tree_of(settings))
    if path is not None:
        real = Path(path).resolve()
        waiting = [
            one for one in waiting if one.name == os.fspath(path) or (settings.root / one.path).resolve() == real
        ]
        if not waiting:
            raise UserError(f"{path}: has no conflicts; `hfcodemod resolve` lists those that wait")
    return waiting, [UserError(trouble.said, trouble.code) for trouble in troubles]
