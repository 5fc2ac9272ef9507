"""A recipe for an architecture: a tiny configuration by rules, repaired where the model does not build or run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from hfcodemod.architecture import Architecture
from hfcodemod.probing import measuring
from hfcodemod.probing.bench import module
from hfcodemod.probing.entries import FAILURES, Entry, Unsolved, comparable
from hfcodemod.probing.inputs import running
from hfcodemod.probing.loudness import SILENT, WHY, louder
from hfcodemod.probing.networks import with_small_networks
from hfcodemod.probing.overrides import Override
from hfcodemod.probing.shrinking import HEAD_WIDTH, WIDTH, tiny_arguments
from hfcodemod.recipes import CLASS

LARGEST = 1_000_000
"""Parameters of a tiny model at most."""
TRIALS = 160
"""Configurations to try at most."""
STEPS = 6
"""Changes of the rules' configuration at most."""

Path = tuple[str, ...]


@dataclass(frozen=True)
class Judged:
    """How far a configuration comes: the stage that failed, and why."""

    stage: int
    size: int
    why: str

    def better(self, other: Judged) -> bool:
        """Whether it comes further, or is as far and nearer to the size that is wanted."""
        return self.stage > other.stage or (self.stage == other.stage == 2 and self.size < 0.8 * other.size)

    @property
    def fine(self) -> bool:
        """Whether the model builds, is small, and runs."""
        return self.stage == 4


def configuration(name: str, arguments: Mapping[str, Any]) -> Any:
    """The configuration that a recipe says."""
    import transformers

    return getattr(transformers, name)(
        **{
            key: configuration(value[CLASS], value) if isinstance(value, Mapping) and CLASS in value else value
            for key, value in arguments.items()
            if key != CLASS
        }
    )


def default_of(architecture: Architecture, override: Override) -> Any:
    """The default configuration, or what the override makes of a class that has none."""
    import transformers

    try:
        return getattr(transformers, architecture.config)()
    except FAILURES:
        return configuration(architecture.config, override.applied({}))


def judged(architecture: Architecture, arguments: Mapping[str, Any], override: Override) -> Judged:
    """How far the first class of the architecture that can run comes with a configuration."""
    import transformers

    head = next(head for head in architecture.heads if head.name not in override.blocked)
    arguments = {**arguments, **override.of(override.classes, head.name)}
    stage = 0
    try:
        cls = getattr(transformers, head.name)
        config = configuration(architecture.config, arguments)
        stage = 1
        with torch.device("meta"):
            # A class that is a part of an architecture has the configuration of that part.
            size = sum(parameter.numel() for parameter in cls(module.part_of(config, cls) or config).parameters())
        if size > (override.largest or LARGEST):
            return Judged(2, size, f"{size:,} parameters")
        stage = 3
        config = configuration(architecture.config, arguments)
        running(cls, head, module.build(cls, config), config, override)
    except FAILURES as error:
        return Judged(stage, 0, f"{type(error).__name__}: {str(error)[:300]}")
    return Judged(4, size, "")


def repaired(architecture: Architecture, default: Any, override: Override) -> tuple[dict[str, Any], dict[str, str]]:
    """The rules' configuration, changed until it runs and inputs count, with reasons; raises Unsolved."""
    arguments, reasons = made_to_run(architecture, default, override)
    silent = silent_heads(architecture, arguments, override)
    for changed, paths in louder(arguments, default):
        if not silent:
            break
        left = silent_heads(architecture, changed, override)
        if len(left) < len(silent):
            arguments, silent = changed, left
            reasons |= dict.fromkeys(paths, WHY)
    return arguments, reasons


def silent_heads(architecture: Architecture, arguments: Mapping[str, Any], override: Override) -> list[str]:
    """The classes whose answers do not tell one input from another."""
    import transformers

    found = []
    for head in architecture.heads:
        if head.name in override.blocked:
            continue
        try:
            cls = getattr(transformers, head.name)
            config = configuration(architecture.config, {**arguments, **override.of(override.classes, head.name)})
            model = module.build(cls, config)
            inputs, outputs = running(cls, head, model, config, override)
            shapes = comparable(outputs)
            entry = Entry(inputs, {name: list(shape) for name, shape in shapes.items()})
            measuring.weigh(cls, model, entry, override)
        except FAILURES as error:
            found += [head.name] if re.search(SILENT, str(error)) else []
    return found


def made_to_run(architecture: Architecture, default: Any, override: Override) -> tuple[dict[str, Any], dict[str, str]]:
    """The rules' configuration, changed until the first class runs, with the reasons; raises Unsolved."""
    arguments = with_small_networks(override.applied(tiny_arguments(default)), default)
    reasons: dict[str, str] = {}
    now = judged(architecture, arguments, override)
    trials = 0
    for _ in range(STEPS):
        if now.fine:
            return arguments, reasons
        if re.search(SILENT, now.why):
            for changed, paths in louder(arguments, default):
                if judged(architecture, changed, override).fine:
                    return changed, {**reasons, **dict.fromkeys(paths, WHY)}
        best: tuple[Judged, Path, dict[str, Any]] | None = None
        for path, changed in changes(arguments, default, now.why):
            trials += 1
            if trials > TRIALS:
                break
            found = judged(architecture, changed, override)
            if found.better(now) and (best is None or found.better(best[0])):
                best = (found, path, changed)
                if found.fine or found.stage > now.stage:
                    break
        if best is None:
            break
        reasons[".".join(best[1])] = reason(value_at(arguments, default, best[1]), now.why)
        now, _, arguments = best
    if now.fine:
        return arguments, reasons
    raise Unsolved(f"stage {now.stage}: {now.why}")


def value_at(arguments: Mapping[str, Any], default: Any, path: Path) -> Any:
    """The value of a field: as the arguments have it, or the default."""
    name, *rest = path
    before = getattr(default, "__dict__", {}).get(name)
    return value_at(arguments[name], before, tuple(rest)) if rest else arguments.get(name, before)


def reason(value: Any, why: str) -> str:
    """Why a field has another value, as a sentence."""
    # What is said of inputs: the class, then the first and the last error.
    error = re.sub(r"^Unsolved: \w+: (no inputs fit: )?", "", " ".join(why.split())).split(" | ")[0]
    return f"With {value} it fails: {error[:160].rstrip('. ')}."


def changes(arguments: Mapping[str, Any], default: Any, why: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Configurations with one field changed: those that the error names first, and those that the rules changed."""
    options = [(path, value) for path, values in alternatives(arguments, default) for value in values]
    named = [option for option in options if re.search(rf"\b{re.escape(option[0][-1])}\b", why)]
    for path, value in [*named, *(option for option in options if option not in named)]:
        yield path, with_value(arguments, path, value)


SIZES = r"(^|_)(dims?|size|width|heads?|experts?|layers?|rank|groups?)$"
"""Fields that hold numbers: where one is None, the model may want it."""
ABSENT = object()
"""The value of a field that is left to its default."""


def alternatives(arguments: Mapping[str, Any], default: Any, path: Path = ()) -> Iterator[tuple[Path, list[Any]]]:
    """For each field other values to try."""
    for name, value in arguments.items():
        if name == CLASS or name == "model_type":
            continue
        before = getattr(default, "__dict__", {}).get(name)
        if isinstance(value, Mapping):
            yield from alternatives(value, before, (*path, name))
            continue
        options: list[Any] = [ABSENT]
        if isinstance(value, int) and not isinstance(value, bool) and not name.endswith(("_id", "_index")):
            others = (value * 2, value // 2, value * 4, value * 3 // 2, 1, 3)
            options += [number for number in others if number not in (0, value)]
        yield (*path, name), options
    for name, value in getattr(default, "__dict__", {}).items():
        if name in arguments or name.startswith("_"):
            continue
        if isinstance(value, int) and not isinstance(value, bool) and value > 4:
            yield (*path, name), [number for number in (16, 32, 64, 8, 4, 2) if number < value]
        elif value is None and re.search(SIZES, name):
            yield (*path, name), [HEAD_WIDTH, 1, WIDTH]
        elif isinstance(value, list | tuple) and len(value) > 1:
            yield (*path, name), [list(value[:1]), list(value[:2])]


def with_value(arguments: Mapping[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """The arguments with another value at a path."""
    name, *rest = path
    changed = dict(arguments)
    if rest:
        changed[name] = with_value(changed[name], tuple(rest), value)
    elif value is ABSENT:
        changed.pop(name, None)
    else:
        changed[name] = value
    return changed
