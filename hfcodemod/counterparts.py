"""Which class of one architecture stands for which of another: by role in the facts, never by spelling."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hfcodemod.architecture import Architecture, Head

GENERIC_TOKENIZERS = frozenset({"PreTrainedTokenizerFast", "TokenizersBackend"})
# Most classes are in the pretraining mapping for no other reason than to be what was trained first.
WEAK_TASKS = frozenset({"pretraining"})


@dataclass(frozen=True)
class Counterparts:
    """The renames from a reference to a target, and the reference's classes that the target has nothing for."""

    renames: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    """Class to reason."""


def likeness(one: Head, other: Head) -> float:
    """How many tasks two heads share; the weak ones count little."""
    shared = set(one.tasks) & set(other.tasks)
    return len(shared - WEAK_TASKS) + 0.5 * len(shared & WEAK_TASKS)


def counterpart(head: Head, architecture: Architecture) -> Head | None:
    """The head of an architecture with the same role: the most tasks in common, the first of equals."""
    best = max(architecture.heads, key=lambda other: likeness(head, other), default=None)
    return best if best is not None and likeness(head, best) > 0 else None


def counterparts(reference: Architecture, target: Architecture) -> Counterparts:
    """Every class of ``reference`` with its counterpart in ``target``, or the reason why there is none."""
    renames: dict[str, str] = {}
    absent: dict[str, str] = {}
    for old, new, role in _roles(reference, target):
        if new is not None:
            renames[old] = new
        elif old not in renames:
            absent[old] = f"{target.config.removesuffix('Config') or target.model_type} has no {role}"
    return Counterparts(renames, {old: why for old, why in absent.items() if old not in renames})


def _roles(reference: Architecture, target: Architecture) -> Iterator[tuple[str, str | None, str]]:
    if reference.config:
        yield reference.config, target.config or None, "configuration class"
    for head in reference.heads:
        same = counterpart(head, target)
        tasks = [task for task in head.tasks if task not in WEAK_TASKS] or list(head.tasks)
        yield head.name, same.name if same else None, f"class for {tasks[-1].replace('_', ' ')}"
    if reference.tokenizer and reference.tokenizer not in GENERIC_TOKENIZERS:
        yield reference.tokenizer, target.tokenizer, "tokenizer"
    for backend, name in reference.image_processors.items():
        yield name, target.image_processors.get(backend), f"image processor for {backend}"
    for old, new, role in (
        (reference.processor, target.processor, "processor"),
        (reference.feature_extractor, target.feature_extractor, "feature extractor"),
        (reference.video_processor, target.video_processor, "video processor"),
    ):
        if old is not None:
            yield old, new, role
