"""How an architecture is spelt in identifiers, in text and in checkpoints, and what a clone has left of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import libcst as cst

from hfcodemod.architecture import Architecture, Target
from hfcodemod.loader import codemod
from hfcodemod.names import bare

KEEP = "# hfcodemod: keep"
# A path or checkpoint that ends like this names a file, not a model.
FILE_ENDINGS = (".bin", ".csv", ".gguf", ".json", ".md", ".py", ".safetensors", ".toml", ".txt", ".yaml", ".yml")


@dataclass(frozen=True)
class Leftover:
    """A spelling of the reference that is left in a clone."""

    line: int
    text: str


def spellings(architecture: Architecture) -> set[str]:
    """The names of an architecture: model type with each separator, class prefix, checkpoint."""
    found = {architecture.model_type, architecture.prefix, bare(architecture.model_type)}
    found |= {re.sub(r"[-_.]", separator, architecture.model_type) for separator in "-_."}
    if architecture.checkpoint:
        found |= {architecture.checkpoint, architecture.checkpoint.rpartition("/")[2]}
    return found - {""}


def identifier_words(references: Iterable[Architecture], target: Target) -> dict[str, str]:
    """Words of identifiers and what stands for them: ``Llama``, ``llama``, ``LLAMA``."""
    words: dict[str, str] = {}
    for reference in references:
        snake = re.sub(r"[-.]", "_", reference.model_type)
        words[snake.upper()] = target.name.upper()
        words[snake] = target.name
        if reference.prefix:
            words[reference.prefix] = target.class_name
    return words


def text_names(references: Iterable[Architecture], target: Target) -> dict[str, str]:
    """Names in docstrings and what stands for them."""
    names: dict[str, str] = {}
    for reference in references:
        names[reference.prefix or reference.model_type] = target.class_name
        names[reference.model_type] = target.original
    return names


def named_checkpoints(module: cst.Module, reference: Architecture, target: Target) -> dict[str, str]:
    """The strings of a module that name a checkpoint of the reference, and what stands for each.

    None where the target has no checkpoint: what is left of the reference is then listed.
    """
    if not target.checkpoint:
        return {}
    strings_in = codemod("definitions", "strings_in")
    own = bare(reference.model_type)
    found: dict[str, str] = {}
    for text in {text for statement in module.body for text in strings_in(statement)}:
        folder, slash, last = text.rpartition("/")
        if not slash or not re.fullmatch(r"[\w./~-]+", text) or last.endswith(FILE_ENDINGS):
            continue
        if text == reference.checkpoint or _is_variant(last, own):
            path = folder.count("/") or folder.startswith((".", "~")) or not folder
            found[last if path else text] = target.checkpoint.rpartition("/")[2] if path else target.checkpoint
    return found


# What follows an architecture's name in that of a checkpoint: a version, a size, a kind of training.
_VARIANT = re.compile(
    r"v?\d[\dx]*[bmk]?|a\d+[bmk]?|base|chat|hf|instruct|it|large|medium|mini|small|tiny|preview", re.IGNORECASE
)


def _is_variant(name: str, own: str) -> bool:
    """Whether a name is the architecture's with nothing but versions, sizes and kinds behind it."""
    words = [word for word in re.split(r"[-_.]", name) if word]
    for length in range(1, len(words) + 1):
        begun = bare("".join(words[:length]))
        if begun.startswith(own) and not begun[len(own) :].strip("0123456789"):
            return all(_VARIANT.fullmatch(word) for word in words[length:])
    return False


def leftovers(source: str, references: Iterable[Architecture], target: Target) -> Iterator[Leftover]:
    """The lines in which a reference is still spelt, the target's own names apart."""
    own = spellings(target.architecture) | {target.original, target.checkpoint, target.name, target.class_name}
    own |= {head.name for head in target.architecture.heads}
    masks = re.compile("|".join(re.escape(name) for name in sorted(own, key=len, reverse=True)))
    words = {word for reference in references for word in spellings(reference)}
    anywhere = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    spelt = re.compile(rf"(?<![a-z])(?:{anywhere})(?![a-z])", re.IGNORECASE)
    prefixes = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True) if not word.islower())
    prefixed = re.compile(rf"(?:{prefixes})(?![a-z])") if prefixes else spelt
    for number, line in enumerate(source.splitlines(), 1):
        if KEEP in line:
            continue
        rest = masks.sub("", line)
        match = spelt.search(rest) or prefixed.search(rest)
        if match:
            yield Leftover(number, match.group())
