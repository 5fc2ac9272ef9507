"""What a test module that exists is: by its file's name, else by its classes, else by its checkpoints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.config import Settings
from hfcodemod.errors import UserError
from hfcodemod.names import resolve
from hfcodemod.skeletons import SHIPPED

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog

_CHECKPOINT = re.compile(r"[\w.~-]*(?:/[\w.~-]+)+/?")
_TEST_WORDS = frozenset({"test", "tests", "hf", "modeling", "model"})


def name_of(path: Path, body: str, settings: Settings, catalog: Catalog, skeleton: str) -> str:
    """The name of the architecture that a module of a skeleton tests.

    Raises UserError where nothing tells, and where several are told by the first that tells any.
    """
    own = settings.skeletons.get(skeleton)
    target = settings.target if own is None else own.target
    by_pattern = _match(target, path, settings)
    told = ([by_pattern] if by_pattern else [], [_by_file(path, target)], _by_classes(body, catalog))
    for names in (*told, _by_checkpoints(body)):
        known = dict.fromkeys(found for name in names if (found := _known(name, settings, catalog)) is not None)
        if len(known) > 1:
            raise UserError(f"{path}: may be {', '.join(known)}; say which: hfcodemod adopt {path} --as NAME")
        if known:
            return next(iter(known))
    raise UserError(
        f"{path}: neither its name, its classes nor its checkpoints say what it is; hfcodemod adopt {path} --as NAME"
    )


def skeleton_at(path: Path, settings: Settings) -> str:
    """The skeleton whose modules lie where the path is, and are called like it."""
    for name, own in settings.skeletons.items():
        if _match(own.target, path, settings):
            return name
    folder = path.parent.resolve()
    there = [
        name for name, own in settings.skeletons.items() if (settings.root / own.target).parent.resolve() == folder
    ]
    shipped = (settings.root / settings.target).parent.resolve() == folder
    return there[0] if len(there) == 1 and not shipped else SHIPPED


def _match(target: str, path: Path, settings: Settings) -> str | None:
    """What stands for ``{name}`` in the path, if it follows the pattern."""
    if not path.resolve().is_relative_to(settings.root.resolve()):
        return None
    pattern = re.escape(target).replace(re.escape("{name}"), "(.+?)")
    found = re.fullmatch(pattern, path.resolve().relative_to(settings.root.resolve()).as_posix())
    return found.group(1) if found else None


def _known(name: str, settings: Settings, catalog: Catalog) -> str | None:
    try:
        return resolve(name, catalog, declared=settings.architectures).original
    except UserError:
        return None


def _by_file(path: Path, target: str) -> str:
    """What is left of the file's name without the words of the pattern and of tests."""
    dropped = _TEST_WORDS | set(re.split(r"[_\W]+", Path(target).stem))
    return "_".join(word for word in path.stem.split("_") if word.lower() not in dropped)


def _by_classes(body: str, catalog: Catalog) -> list[str]:
    """By the classes of transformers that it names, else by what its test classes are called after."""
    words = set(re.findall(r"\b[A-Z]\w+", body))
    used = [item.model_type for item in catalog.architectures.values() if words & {head.name for head in item.heads}]
    if used:
        return used
    tests = {node.name for node in ast.walk(ast.parse(body)) if isinstance(node, ast.ClassDef)}
    return [found for name in sorted(tests) for found in _titled(re.sub(r"^Test", "", name), catalog)]


def _titled(name: str, catalog: Catalog) -> list[str]:
    """The architectures with the longest prefix that the name begins with, as words: ``BertAwqTest`` is BERT."""
    found = {
        item.prefix: [other.model_type for other in catalog.architectures.values() if other.prefix == item.prefix]
        for item in catalog.architectures.values()
        if item.heads and re.match(rf"(?i:{re.escape(item.prefix)})(?![a-z0-9])", name)
    }
    return found[max(found, key=len)] if found else []


def _by_checkpoints(body: str) -> Iterator[str]:
    """By the checkpoints that its strings name; of a local path the last part counts."""
    texts = {node.value for node in ast.walk(ast.parse(body)) if isinstance(node, ast.Constant)}
    for text in sorted(text for text in texts if isinstance(text, str) and _CHECKPOINT.fullmatch(text)):
        local = text[0] in "/.~" or text.rstrip("/").count("/") > 1
        yield f"local/{text.rstrip('/').rpartition('/')[2]}" if local else text
