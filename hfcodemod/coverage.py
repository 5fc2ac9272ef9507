"""How much of transformers is covered: each model class of the catalog, judged by the ledger and by what is there now.

Neither torch nor transformers is needed. Whether a record counts, and what it says, is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.coverage_cases import STATES, Case, Coverage, State, Uncounted, unusual_skips
from hfcodemod.errors import UserError
from hfcodemod.families import Families
from hfcodemod.ledger import PASSED, Record
from hfcodemod.managed import Managed, tree_of
from hfcodemod.recipes import Recipe, recipe_of
from hfcodemod.skeletons import SHIPPED, skeleton_for
from hfcodemod.verifying.subjects import GENERATION, beyond, managed_subject, required_of
from hfcodemod.workspace import recipes_folder

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture, Head
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings

TRAINING = "test_training_step"
"""The test of the shipped skeleton in which a class is seen to run backward."""
CHECKABLE = {"package": "needs the package {}", "upstream": "fails upstream, see {}", "accelerator": "needs {}"}
"""The kinds of reasons that a machine can check, and how each is told."""


@dataclass(frozen=True)
class _Module:
    """A managed module, and what it tests."""

    path: str
    """From the root."""
    architecture: Architecture
    sources: Mapping[str, str]
    """As a record has them."""


@dataclass(frozen=True)
class _Verdict:
    """What one module says of a class."""

    state: State
    reason: str
    module: str = ""
    record: Record | None = None


@dataclass
class _Said:
    """What all modules and records say."""

    modules: dict[tuple[str, str], _Module] = field(default_factory=dict)
    """By skeleton and name."""
    strange: dict[tuple[str, str], str] = field(default_factory=dict)
    """The modules that test no model class of the catalog, and why."""
    troubles: dict[str, str] = field(default_factory=dict)
    """Path to what is wrong with a file that cannot be managed as it is."""
    verdicts: dict[tuple[str, str], list[_Verdict]] = field(default_factory=dict)
    """By model type and class."""
    uncounted: list[Uncounted] = field(default_factory=list)
    recipes: Path | None = None
    """Where the repository keeps recipes of its own."""


def coverage_of(settings: Settings, catalog: Catalog, records: Iterable[Record]) -> Coverage:
    """Every model class of the catalog, with its state.

    Raises UserError for a skeleton that cannot be loaded.
    """
    tree = tree_of(settings)
    said = _Said(recipes=recipes_folder(settings.root))
    for file in tree.files:
        _know(file, settings, catalog, said)
    for trouble in tree.troubles:
        said.troubles[trouble.path.relative_to(settings.root).as_posix()] = trouble.said
    for record in records:
        why = _why_not(record, catalog, said)
        if why:
            said.uncounted.append(Uncounted(record, why))
            continue
        module = said.modules[record.skeleton, record.name]
        for head in module.architecture.heads:
            # A module in which no class was seen has one record without a class, for all of them.
            if record.class_name in ("", head.name):
                verdict = _Verdict(*_judged(record, module, head, catalog, settings), module.path, record)
                said.verdicts.setdefault((record.model_type, head.name), []).append(verdict)
    families = Families(catalog.architectures)
    cases = (
        _case(item, head, families.of(item.model_type), said)
        for _, item in sorted(catalog.architectures.items())
        for head in item.heads
    )
    return Coverage(catalog.version, tuple(cases), tuple(said.uncounted))


def _know(file: Managed, settings: Settings, catalog: Catalog, said: _Said) -> None:
    key = (file.stamp.skeleton or SHIPPED, file.stamp.name)
    if key[0] in (SHIPPED, *settings.skeletons):
        # What is wrong with a skeleton is wrong with all of its modules.
        skeleton_for(key[0], settings, catalog)
    try:
        subject = managed_subject(file, settings, catalog)
    except UserError as error:
        said.strange[key] = str(error)
        return
    if not subject.has_models or subject.model_type not in catalog.architectures:
        said.strange[key] = f"transformers {catalog.version} has no model class of {subject.model_type!r}"
        return
    path = file.path.relative_to(settings.root).as_posix()
    said.modules[key] = _Module(path, catalog.architectures[subject.model_type], subject.sources)


def _why_not(record: Record, catalog: Catalog, said: _Said) -> str:
    """Why a record says nothing of any class; empty where it counts."""
    if not record.is_sealed:
        return "its seal is not that of what it says: it was edited, or copied under another name"
    if not record.skeleton:
        return "its module is not managed; `hfcodemod adopt` takes it under management"
    key = (record.skeleton, record.name)
    if key in said.strange:
        return said.strange[key]
    item = catalog.architectures.get(record.model_type)
    if item is None:
        return f"transformers {catalog.version} has no model type {record.model_type!r}"
    if record.class_name and record.class_name not in {head.name for head in item.heads}:
        return f"{record.class_name} is no model class of {record.model_type}"
    module = said.modules.get(key)
    if module is None:
        return said.troubles.get(record.module, f"its module {record.module} is gone")
    if module.architecture.model_type != record.model_type:
        return f"its module {module.path} is one of {module.architecture.model_type}, not of {record.model_type}"
    return ""


def _judged(record: Record, module: _Module, head: Head, catalog: Catalog, settings: Settings) -> tuple[State, str]:
    """What a record that counts says of a class."""
    changed = [name for name, digest in record.sources.items() if module.sources.get(name, "") != digest]
    if changed:
        return "stale", f"its {' and its '.join(changed)} changed since it ran"
    used = record.versions["transformers"]
    if used != catalog.version:
        return "stale", f"ran with transformers {used}, and the facts are of {catalog.version}"
    return _shown(record, module.architecture, head, settings)


def _shown(record: Record, item: Architecture, head: Head, settings: Settings) -> tuple[State, str]:
    """What a run showed of a class, by its record alone."""
    recipe = recipe_of(item.model_type, recipes_folder(settings.root))
    if record.outcome == "mock only":
        return "mock only", record.reason
    if record.outcome == "skipped":
        wanted = [name for name in (recipe.requires if recipe is not None else ()) if name in record.reason]
        return ("blocked", CHECKABLE["package"].format(" and ".join(wanted))) if wanted else ("skipped", record.reason)
    skipped = unusual_skips(record)
    if record.outcome == "not seen" and skipped:
        said = ", ".join(f"{name} ({record.skips[name]})" for name in skipped)
        return "skipped", f"{record.reason}; skipped: {said}"
    if record.outcome != PASSED or not record.class_name:
        return "failing", f"{record.outcome}: {record.reason}" if record.reason else record.outcome
    if record.tests["failed"] or not record.tests["passed"]:
        return "failing", "passed {passed} tests and failed {failed}, and is said to have passed".format(**record.tests)
    unseen = sorted(promised(item, head, record.skeleton, settings) - set(record.evidence))
    return ("failing", f"passed, and was not seen to {', '.join(unseen)}") if unseen else ("covered", "")


def covered_by(records: Iterable[Record], settings: Settings, catalog: Catalog) -> frozenset[tuple[str, str]]:
    """The model types and classes that records of another day show covered, by what they say alone.

    Whether the modules of that day were what had run cannot be seen any more.
    """
    found: set[tuple[str, str]] = set()
    for record in records:
        item = catalog.architectures.get(record.model_type)
        if item is None or not record.is_sealed or record.skeleton not in (SHIPPED, *settings.skeletons):
            continue
        for head in item.heads:
            if head.name == record.class_name and _shown(record, item, head, settings)[0] == "covered":
                found.add((item.model_type, head.name))
    return frozenset(found)


def promised(item: Architecture, head: Head, skeleton: str, settings: Settings) -> set[str]:
    """What a class must be seen doing in a module of a skeleton: forward and backward, and what the tests there show.

    Backward is not asked for where the recipe has a reason against it, and generation where it has no prompt.
    """
    recipe = recipe_of(item.model_type, recipes_folder(settings.root))
    without = set(recipe.without) if recipe is not None else set()
    wanted = {"forward"} if TRAINING in without else {"forward", "backward"}
    if skeleton == SHIPPED and settings.skeleton is None and recipe is not None:
        left_out = {*without, *settings.adjustments.leave_out}
        wanted |= required_of(item, recipe, left_out).get(head.name, frozenset())
        wanted -= beyond(recipe, head)
        prompted = not recipe.written_out or "prompt" in recipe.heads.get(head.name, {})
        if head.generates and prompted and GENERATION not in left_out:
            wanted.add("generate")
    return wanted


def _case(item: Architecture, head: Head, family: str, said: _Said) -> Case:
    verdict = _best(item, head, said)
    return Case(
        model_type=item.model_type,
        head=head.name,
        family=family,
        modalities=item.modalities,
        tasks=head.tasks,
        pipelines=head.pipelines,
        state=verdict.state,
        reason=verdict.reason,
        module=verdict.module,
        record=verdict.record,
    )


def _best(item: Architecture, head: Head, said: _Said) -> _Verdict:
    """What the module says that speaks best for a class; where none shows it covered, a reason of the recipe."""
    order = list(STATES)
    verdicts = sorted(said.verdicts.get((item.model_type, head.name), []), key=lambda each: order.index(each.state))
    if verdicts and verdicts[0].state == "covered":
        return verdicts[0]
    blocked = _blocked(recipe_of(item.model_type, said.recipes), head)
    if blocked:
        return _Verdict("blocked", blocked)
    if verdicts:
        return verdicts[0]
    module = next((each.path for each in said.modules.values() if each.architecture is item), "")
    about = (item.model_type, head.name)
    dropped = (each.why for each in said.uncounted if (each.record.model_type, each.record.class_name) == about)
    why = next(dropped, "")
    if why:
        return _Verdict("missing", f"its record does not count: {why}", module)
    return _Verdict("missing", f"{module} has no record of it" if module else "has no module", module)


def _blocked(recipe: Recipe | None, head: Head) -> str:
    """Why a class cannot run, as its recipe says; empty where it says nothing that a machine could check."""
    reason = recipe.blocked.get(head.name, {}) if recipe is not None else {}
    told = CHECKABLE.get(reason.get("kind", ""), "")
    return f"{told.format(reason['name'])}: {reason.get('why', '')}" if told and reason.get("name") else ""
