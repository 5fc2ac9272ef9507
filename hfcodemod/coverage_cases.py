"""What coverage is told in: a case for each model class of each model type, and counts over some of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hfcodemod.ledger import Record

State = Literal["covered", "failing", "stale", "mock only", "skipped", "blocked", "missing"]
STATES: dict[State, str] = {
    "covered": "ran for real, and passed, as it is now",
    "failing": "ran and failed, or was not seen to do what it must",
    "stale": "something has changed since it ran",
    "mock only": "only a mock of it ran",
    "skipped": "its tests were skipped",
    "blocked": "cannot run, for a reason that a machine can check",
    "missing": "never ran",
}
"""What each state means, in the order in which one of several modules speaks for a class."""

DEFINITION = (
    "A head is a model class that a mapping of transformers names for a model type. It is covered when its test module "
    "passed and was seen to run the real class forward and backward, and to save, load and generate with it where the "
    "skeleton tests that and the recipe gives no reason against it; and when module, recipe and skeleton are what they "
    "were in that run, and transformers was the version that the facts are of. A head that is blocked counts as not "
    "covered. A class that several model types share counts once, and is covered when it is covered for each. A model "
    "type is covered when every head of it is covered or blocked, and at least one is covered."
)
"""The one definition of the percentages."""


CHECKPOINT = "test_real_checkpoint"
"""The test of the shipped skeleton that runs only where somebody asks for it: it downloads."""


def unusual_skips(record: Record) -> list[str]:
    """The tests of a module that were skipped, and usually run."""
    return [name for name in sorted(record.skips) if CHECKPOINT not in name]


@dataclass(frozen=True)
class Case:
    """One model class of one model type, and how it stands."""

    model_type: str
    head: str
    """The class."""
    family: str
    modalities: tuple[str, ...]
    tasks: tuple[str, ...]
    pipelines: tuple[str, ...]
    state: State
    reason: str = ""
    """Why it is not covered; empty where it is."""
    module: str = ""
    """The path of the module that speaks for it, from the root; empty where there is none."""
    record: Record | None = None
    """Of the run that speaks for it."""

    @property
    def modality(self) -> str:
        """What goes into its model type, in one word for each kind."""
        return " ".join(self.modalities) or "other"


@dataclass(frozen=True)
class Count:
    """How many are covered, of how many."""

    covered: int
    total: int

    @property
    def percent(self) -> str:
        """With one place, rounded down: 100.0 means all."""
        tenths = self.covered * 1000 // self.total if self.total else 0
        return f"{tenths // 10}.{tenths % 10}"

    @property
    def said(self) -> str:
        """As people read it: ``1,502 of 1,547 (97.0 %)``."""
        return f"{self.covered:,} of {self.total:,} ({self.percent} %)"

    def reaches(self, percent: float) -> bool:
        """Whether as much is covered."""
        return self.covered * 100 >= percent * self.total


def tally(cases: Iterable[Case]) -> dict[State, int]:
    """How many classes stand how. Each counts once: as covered where it is so in all cases, else by the first other."""
    found: dict[str, set[State]] = {}
    for case in cases:
        found.setdefault(case.head, set()).add(case.state)
    count = Counter(
        next(state for state in STATES if state in states - {"covered"} or states == {state})
        for states in found.values()
    )
    return {state: count[state] for state in STATES if count[state]}


def heads_among(cases: Iterable[Case]) -> Count:
    """How many of the classes of some cases are covered, each counted once."""
    count = tally(cases)
    return Count(count.get("covered", 0), sum(count.values()))


def state_of_type(cases: Iterable[Case]) -> State:
    """How a model type stands by the cases of its classes: one that is not covered tells first what is to be done."""
    states = {case.state for case in cases}
    if states <= {"covered", "blocked"}:
        return "covered" if "covered" in states else "blocked"
    return next(state for state in STATES if state in states - {"covered", "blocked"})


@dataclass(frozen=True)
class Uncounted:
    """A record that says nothing of any case."""

    record: Record
    why: str


GROUPS: dict[str, Callable[[Case], tuple[str, ...]]] = {
    "family": lambda case: (case.family,),
    "modality": lambda case: (case.modality,),
    "task": lambda case: case.tasks,
    "state": lambda case: (case.state,),
}
"""By what cases are told, and under which names a case is there."""


@dataclass(frozen=True)
class Coverage:
    """Every case of a catalog."""

    version: str
    """Of the transformers that the facts are of."""
    cases: tuple[Case, ...]
    """By model type, the classes of each in the order of the catalog."""
    uncounted: tuple[Uncounted, ...] = ()
    earlier: Earlier | None = None
    """What it is compared with, if anything."""

    @cached_property
    def types(self) -> Mapping[str, tuple[Case, ...]]:
        """The cases of each model type."""
        return _grouped(self.cases, lambda case: (case.model_type,))

    @cached_property
    def state_of_types(self) -> Mapping[str, State]:
        """How each model type stands."""
        return {name: state_of_type(cases) for name, cases in self.types.items()}

    @property
    def heads(self) -> Count:
        """How many classes are covered."""
        return heads_among(self.cases)

    @property
    def covered_types(self) -> Count:
        """How many model types are covered."""
        return self.types_among(self.cases)

    def types_among(self, cases: Iterable[Case]) -> Count:
        """How many of the model types of some cases are covered, each with all of its classes."""
        names = {case.model_type for case in cases}
        return Count(sum(self.state_of_types[name] == "covered" for name in names), len(names))

    @property
    def added(self) -> tuple[Case, ...]:
        """What is covered now and was not earlier."""
        return tuple(now for then, now in self._pairs() if now.state == "covered" != then.state)

    @property
    def lost(self) -> tuple[Case, ...]:
        """What was covered earlier and is not now."""
        return tuple(now for then, now in self._pairs() if then.state == "covered" != now.state)

    @property
    def open(self) -> tuple[Case, ...]:
        """What is neither covered nor blocked."""
        return tuple(case for case in self.cases if case.state not in ("covered", "blocked"))

    def _pairs(self) -> Iterable[tuple[Case, Case]]:
        return zip(self.earlier.coverage.cases, self.cases, strict=True) if self.earlier is not None else ()

    def by(self, what: str) -> Mapping[str, tuple[Case, ...]]:
        """The cases by ``family``, ``modality``, ``task`` or ``state``; one is under each of its tasks."""
        grouped = _grouped(self.cases, GROUPS[what])
        order = list(STATES) if what == "state" else sorted(grouped)
        return {name: grouped[name] for name in order if name in grouped}


@dataclass(frozen=True)
class Earlier:
    """Coverage of the same cases at an earlier time."""

    when: str
    """As people read it: a day, a revision."""
    coverage: Coverage
    """By what the ledger of then says: whether its modules were as they had run cannot be seen any more."""
    note: str = ""
    """What is to be known of the comparison; empty where there is nothing."""


def _grouped(cases: Iterable[Case], names: Callable[[Case], tuple[str, ...]]) -> dict[str, tuple[Case, ...]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        for name in names(case):
            found.setdefault(name, []).append(case)
    return {name: tuple(several) for name, several in found.items()}
