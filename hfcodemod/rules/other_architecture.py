"""A checkpoint of another architecture than the module's: a Gemma 3 test that loads Gemma 1 says nothing of Gemma 3."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from hfcodemod.architecture import Architecture
from hfcodemod.errors import UserError
from hfcodemod.findings import Finding
from hfcodemod.rules.suite import at, dotted, last
from hfcodemod.ruleset import Facts
from hfcodemod.syntax import nodes

CODE = "HF208"
NAME = "other-architecture"
DEFAULT = True
MESSAGE = "the checkpoint of a module is one of another architecture than the module's"

_CONSTANT = re.compile(r"(^|_)(model|checkpoint|ckpt|repo|pretrained)(_(id|name|path|name_or_path))?$", re.IGNORECASE)
_LOADER = re.compile(r"^(Auto|TFAuto|FlaxAuto)?Model|For[A-Z]\w+$|Model$|LMHeadModel$")
_FILE = re.compile(r"^test_(?:hf_|modeling_)?(?P<name>\w+?)$|^(?P<other>\w+?)_test$")


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at each checkpoint of another architecture, where no checkpoint of the module is of its own."""
    if "/" not in source:
        return
    own = _own(path, facts)
    if own is None or _names(source, own.checkpoint):
        return
    ids = list(_checkpoints(source))
    found = [(node, known) for node, text in ids if (known := _of_checkpoint(text, facts)) is not None]
    if any(_alike(own, known) for _, known in found):
        return
    for node, known in found:
        said = f"{node.value!s} is a checkpoint of {known.model_type}, and the module is of {own.model_type}"
        yield at(path, node, CODE, said, f"load one of {own.model_type}")


def _names(source: str, checkpoint: str | None) -> bool:
    """Whether a source holds a checkpoint as a string; it is searched before the tree is, since most modules do."""
    return checkpoint is not None and (f'"{checkpoint}"' in source or f"'{checkpoint}'" in source)


def _checkpoints(source: str) -> Iterator[tuple[ast.Constant, str]]:
    """What a model is loaded from: an argument of ``from_pretrained``, or a constant that is called so."""
    from hfcodemod.names import CHECKPOINT

    for node in nodes(source):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            value = node.value if _CONSTANT.search(last(dotted(node.targets[0]))) else None
        elif isinstance(node, ast.Call) and node.args and dotted(node.func).endswith(".from_pretrained"):
            value = node.args[0] if _LOADER.search(dotted(node.func).split(".")[-2]) else None
        else:
            continue
        if isinstance(value, ast.Constant) and isinstance(value.value, str) and CHECKPOINT.fullmatch(value.value):
            yield value, value.value


def _own(path: Path, facts: Facts) -> Architecture | None:
    """The architecture of the module: by its stamp, else by the name of its file."""
    if facts.stamp is not None:
        return _by_name(facts.stamp.like or facts.stamp.name, facts)
    found = _FILE.match(path.stem)
    return _by_name(found["name"] or found["other"], facts) if found else None


def _by_name(name: str, facts: Facts) -> Architecture | None:
    from hfcodemod.names import resolve

    try:
        return resolve(name, facts.catalog, declared=facts.settings.architectures).architecture
    except UserError:
        return None


def _of_checkpoint(checkpoint: str, facts: Facts) -> Architecture | None:
    """The architecture of a checkpoint, where its name leaves no doubt: GLM-5.3 is none of GLM, as far as is known."""
    from hfcodemod.names import bare

    known = _by_name(checkpoint, facts)
    name = bare(checkpoint.rpartition("/")[2])
    if known is None or re.match(rf"{bare(known.model_type)}v?\d+(?![\dbmk])", name):
        return None
    return known


def _alike(one: Architecture, other: Architecture) -> bool:
    """Whether a checkpoint of the one may serve the other: parts of one model, or one model's classes."""
    left, right = one.model_type.replace("-", "_"), other.model_type.replace("-", "_")
    return one.prefix == other.prefix or left.startswith(f"{right}_") or right.startswith(f"{left}_")
