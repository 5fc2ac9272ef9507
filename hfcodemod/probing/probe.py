"""Architectures probed one by one or by several processes: a recipe for each, or what is in the way."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

from hfcodemod.architecture import Architecture, Head
from hfcodemod.probing import sessions
from hfcodemod.recipes import recipe_of

LIMIT = 120
"""Seconds for one architecture."""
MEMORY = 12 << 30
"""Bytes of address space for one process."""
TASKS = 40
"""Architectures until a process makes room for a fresh one."""
FRAGMENT = "any_inputs"
"""The fragment of the skeleton whose tests the recipes are for."""
UNSOLVED = "unsolved"
"""The kind of a blocked class for which nothing is known but that the probe finds no way."""
LOSSES = ("test_loss_is_of_the_next_token", "test_loss_is_of_the_classes")
CROSS_ENTROPY = "test_loss_is_the_cross_entropy"
TRAINING = "test_training_step"
GENERATION = "test_cached_generation_equals_uncached"


class OutOfTime(Exception):
    """An architecture took longer than LIMIT."""


@dataclass(frozen=True)
class Probed:
    """What came of one architecture."""

    model_type: str
    recipe: Mapping[str, Any] | None
    """As JSON holds it; None where not even a configuration was found."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Class, or ``*`` for all of them, to what is in the way."""
    seconds: float = 0.0

    @property
    def solved(self) -> bool:
        """Whether every class of the architecture runs, or is known not to."""
        return self.recipe is not None and not self.failures


def probed(architecture: Architecture, limit: float = LIMIT) -> Probed:
    """A recipe for an architecture by rules, search and what its override says; failures are values."""
    start = time.monotonic()
    try:
        with _quiet(), _limited(limit):
            recipe, failures = _found(architecture)
    except OutOfTime:
        recipe, failures = None, {"*": f"took longer than {limit:.0f} s"}
    return Probed(architecture.model_type, recipe, failures, time.monotonic() - start)


def _found(architecture: Architecture) -> tuple[dict[str, Any] | None, dict[str, str]]:
    from hfcodemod.probing.overrides import ANY
    from hfcodemod.probing.packages import absent, blocked_by, packages_asked_for

    with packages_asked_for() as asked:
        recipe, failures = _searched(architecture)
    lacking = absent(asked)
    for name in [name for name, why in failures.items() if lacking and "ImportError" in why]:
        del failures[name]
        names = [head.name for head in architecture.heads] if name == ANY else [name]
        recipe = recipe or {}
        recipe["blocked"] = {**recipe.get("blocked", {}), **dict.fromkeys(names, blocked_by(lacking[0]))}
    if recipe is not None and recipe.get("heads") and (needed := sorted(asked.difference(lacking))):
        recipe["requires"] = needed
    return recipe, failures


def _searched(architecture: Architecture) -> tuple[dict[str, Any] | None, dict[str, str]]:
    import transformers

    from hfcodemod.probing import entries, measuring, pipelines, promises, search
    from hfcodemod.probing.declared import undeclared
    from hfcodemod.probing.overrides import ANY, override_of

    override = override_of(architecture.model_type)
    if ANY in override.blocked:
        return {"blocked": {head.name: dict(override.blocked[ANY]) for head in architecture.heads}}, {}
    try:
        arguments, reasons = search.repaired(architecture, search.default_of(architecture, override), override)
    except entries.FAILURES as error:
        return None, {"*": promises.first_line(error)}
    reasons |= {path[7:]: why for path, why in override.why.items() if path.startswith("config.")}
    declared = getattr(transformers, architecture.config)
    heads: dict[str, Any] = {}
    failures: dict[str, str] = {}
    for head in architecture.heads:
        if head.name in override.blocked:
            continue
        changes = {**decoding(head, declared), **override.of(override.classes, head.name)}
        try:
            cls = getattr(transformers, head.name)
            entry = measuring.measured(
                cls, head, search.configuration(architecture.config, {**arguments, **changes}), override
            )
            entry.config = changes
            config = search.configuration(architecture.config, {**arguments, **changes})
            missing = override.left_out(head.name)
            missing += promises.promised(cls, head, config, entry, override.without)
        except entries.FAILURES as error:
            failures[head.name] = promises.first_line(error)
            continue
        heads[head.name] = _with_comment(entry.recipe(), missing)
    if not heads:
        return None, failures
    blocked = {name: dict(why) for name, why in override.blocked.items()}
    blocked |= {name: {"kind": UNSOLVED, "name": "", "why": f"{why}."} for name, why in failures.items()}
    recipe = _recipe(arguments, heads, reasons, blocked, architecture.heads)
    recipe["without"] |= override.without
    pipelines.add_calls(recipe, architecture)
    if unknown := undeclared(architecture.config, arguments, override.why):
        recipe["undeclared"] = unknown
    return recipe, failures


def decoding(head: Head, config: type) -> dict[str, Any]:
    """What a class that generates needs: an encoder's kind looks back alone, and keeps a cache, only when told so."""
    defaults = {field.name: field.default for field in dataclasses.fields(config)}
    return {"is_decoder": True} if head.generates and defaults.get("is_decoder") is False else {}


def _recipe(
    arguments: Mapping[str, Any],
    heads: Mapping[str, Any],
    reasons: Mapping[str, str],
    blocked: Mapping[str, Any],
    promised: Sequence[Head],
) -> dict[str, Any]:
    # The table says of each class what its loss is of, and one test holds all to it.
    without = dict.fromkeys(LOSSES, "")
    if not any(entry.get("loss") for entry in heads.values()):
        without[CROSS_ENTROPY] = ""
    if all(entry.get("half", "") is None for entry in heads.values()):
        without["test_bfloat16"] = "no class of it runs in bfloat16"
    if not any(entry.get("prompt") for entry in heads.values()):
        without[GENERATION] = "" if not any(head.generates for head in promised) else "HEADS says why for each class"
    if all(entry.get("rate") == 0 for entry in heads.values()):
        without[TRAINING] = "no class of it answers with gradients"
    fragments = [FRAGMENT]
    if any(sessions.in_session(entry["inputs"]) for entry in heads.values()):
        fragments.append(sessions.FRAGMENT)
    recipe = {"config": arguments, "heads": heads, "fragments": fragments, "without": without}
    more = {"reasons": dict(sorted(reasons.items())), "blocked": dict(sorted(blocked.items()))}
    return {**recipe, **{name: value for name, value in more.items() if value}}


UNTRAINED = (
    (r"expert(?!_bias)|router|gate", "Experts that no token chose get no gradient."),
    (r"pooler|pooled", "The pooled output is not asked for."),
)
"""Why parameters get no gradient, by a part of their names; of all others it is only known that they get none."""


def _with_comment(entry: dict[str, Any], missing: Sequence[str]) -> dict[str, Any]:
    """The entry of a head with a comment on each exception that it makes."""
    sentences: list[str] = []
    for part in entry.get("untrained", ()):
        sentences.append(next((why for pattern, why in UNTRAINED if re.search(pattern, part)), ""))
    if "" in sentences:
        sentences = [sentence for sentence in sentences if sentence]
        sentences.append("With these inputs no gradient reaches the parameters that are named as untrained.")
    if entry.get("rate") == 0:
        sentences.append("It answers in inference mode, without gradients.")
    if entry.get("single"):
        sentences.append(f"In bfloat16 {', '.join(entry['single'])} stay in float32.")
    if entry.get("half"):
        sentences.append(f"In bfloat16 it answers in {entry['half']}.")
    if entry.get("joint"):
        sentences.append(f"Rows of a batch meet in {', '.join(entry['joint'])}.")
    if entry.get("inert"):
        sentences.append(f"Other values of {', '.join(entry['inert'])} change no output.")
    said = dict.fromkeys([*sentences, *missing])
    return {**entry, "why": " ".join(said)} if said else entry


def by_hand(model_type: str) -> bool:
    """Whether the package's recipe was written by hand: one that was found is for the fragment of any inputs."""
    recipe = recipe_of(model_type)
    return recipe is not None and bool(recipe.heads) and FRAGMENT not in recipe.fragments


def probed_all(architectures: Sequence[Architecture], jobs: int | None = None) -> Iterator[Probed]:
    """What came of each architecture, as they are done; ``jobs`` processes at most."""
    import multiprocessing

    workers = min(jobs or os.cpu_count() or 1, len(architectures))
    if workers <= 1:
        yield from map(probed, architectures)
        return
    # Processes are spawned: torch has threads, which a fork would not take along.
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _begin, maxtasksperchild=TASKS) as pool:
        yield from pool.imap_unordered(probed, architectures)


def _begin() -> None:
    import resource

    # A terminal interrupts all of its processes; the one that waits for them ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise OutOfTime when the block takes longer."""

    def over(signum: int, frame: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what transformers says of models that are built to be tried."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    import transformers

    torch.set_num_threads(1)
    level = transformers.logging.get_verbosity()
    logging: Any = transformers.logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        # What some models print is no result.
        with warnings.catch_warnings(), redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        transformers.logging.set_verbosity(level)
