"""The modules that can be verified, and what must be seen in each for it to pass."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.errors import UserError
from hfcodemod.ledger import SOURCES
from hfcodemod.managed import Managed
from hfcodemod.requests import Order, Request, ordered
from hfcodemod.skeletons import SHIPPED
from hfcodemod.textfile import read

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture, Head
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.recipes import Recipe

UNMANAGED = ""
"""In the place of a skeleton's name."""
SHOWN_BY = {
    "test_save_load": ("save", "load"),
    "test_training_step": ("backward",),
}
"""What the tests of the shipped skeleton show of a class, beside that it runs forward."""
GENERATION = "test_cached_generation_equals_uncached"


@dataclass(frozen=True)
class Subject:
    """A module, and what must be seen in it."""

    path: Path
    skeleton: str
    name: str
    model_type: str
    """Empty for a module that is not managed."""
    sources: Mapping[str, str]
    """As in a record of the ledger."""
    required: Mapping[str, frozenset[str]]
    """What must be seen of each class; where there is none, some class must run forward."""
    generators: frozenset[str] = field(default_factory=frozenset)
    """Of the required classes those that must generate too where the module says that they can."""
    has_models: bool = True
    """Whether the module is of an architecture that transformers has."""

    @property
    def identity(self) -> tuple[str, str]:
        """What its records have in common."""
        return self.skeleton, self.name


def managed_subject(file: Managed, settings: Settings, catalog: Catalog) -> Subject:
    """What must be seen in a managed module.

    Raises UserError for a file that cannot be read, and a stamp that names what is not there any more.
    """
    text = _text_of(file.path)
    order = ordered(Request.of(file.stamp), settings, catalog)
    architecture = order.target.architecture
    common = file.path, order.request.skeleton, file.stamp.name, architecture.model_type, sources_of(text, order)
    if order.request.skeleton != SHIPPED or settings.skeleton is not None or order.recipe is None:
        return Subject(*common, named(text, catalog), has_models=bool(architecture.heads))
    left_out = {*order.recipe.without, *settings.adjustments.leave_out}
    required = required_of(architecture, order.recipe, left_out)
    able = {head.name for head in architecture.heads if head.generates and GENERATION not in left_out}
    return Subject(*common, required, frozenset(able & required.keys()))


def required_of(architecture: Architecture, recipe: Recipe, left_out: set[str]) -> dict[str, frozenset[str]]:
    """What must be seen of each class of an architecture that is not known to be blocked.

    What only tests show that are left out is not asked for.
    """
    shown = {what for test, seen in SHOWN_BY.items() if test not in left_out for what in seen}
    needed: dict[str, frozenset[str]] = {}
    for head in architecture.heads:
        if head.name not in recipe.blocked:
            prompted = head.generates and GENERATION not in left_out and "prompt" in recipe.heads.get(head.name, {})
            seen = {"forward", *shown, *(["generate"] if prompted else [])}
            needed[head.name] = frozenset(seen - beyond(recipe, head))
    return needed


def beyond(recipe: Recipe, head: Head) -> set[str]:
    """What a class cannot be seen doing: backward, where the recipe says that it answers without gradients."""
    return {"backward"} if recipe.heads.get(head.name, {}).get("rate") == 0 else set()


def unmanaged_subject(path: Path, settings: Settings, catalog: Catalog) -> Subject:
    """A test file of which nothing is known but what stands in it.

    Raises UserError for a file that cannot be read.
    """
    text = _text_of(path)
    name = path.relative_to(settings.root).as_posix()
    return Subject(path, UNMANAGED, name, "", sources_of(text, None), named(text, catalog))


def sources_of(text: str, order: Order | None) -> dict[str, str]:
    """What a module is made from, as digests; where one of them changes, what was seen of it is of yesterday."""
    said = dict.fromkeys(SOURCES, "")
    said["module"] = _sha(text)
    if order is not None:
        from hfcodemod.render import used_parts

        parts = used_parts(order.target, order.skeleton, order.recipe)
        own = order.skeleton.codemods
        said["skeleton"] = _sha(*(part.source for part in parts), *(codemod.source for codemod in own))
        if order.recipe is not None:
            # A field that comes with a later version and is empty changes nothing.
            held = {name: value for name, value in dataclasses.asdict(order.recipe).items() if value}
            said["recipe"] = _sha(json.dumps(held, sort_keys=True))
    return said


def named(text: str, catalog: Catalog) -> dict[str, frozenset[str]]:
    """The model classes that a module names, each of which is to run forward; none of one that does not parse."""
    try:
        names = set(_names_in(ast.parse(text)))
    except (SyntaxError, RecursionError):
        return {}
    return {name: frozenset({"forward"}) for name in sorted(names & model_types(catalog).keys())}


def model_types(catalog: Catalog) -> dict[str, str]:
    """Each model class with the model type that it belongs to."""
    found: dict[str, str] = {}
    for architecture in catalog.architectures.values():
        for head in architecture.heads:
            found.setdefault(head.name, architecture.model_type)
    return found


def _names_in(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module.partition(".")[0] == "transformers":
                yield from (alias.name for alias in names)
            case ast.Attribute(value=ast.Name(id="transformers"), attr=name):
                yield name


def _text_of(path: Path) -> str:
    file = read(path)
    if file is None:
        raise UserError(f"{path}: is gone; run the command again")
    return file.text


def _sha(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def in_shard(subject: Subject, shard: tuple[int, int]) -> bool:
    """Whether a module is in the part of that number, out of so many: always the same one."""
    number, count = shard
    return int(_sha(*subject.identity), 16) % count == number - 1


def longest_first(subjects: Sequence[Subject], seconds: Mapping[tuple[str, str], float]) -> list[Subject]:
    """The modules in an order in which no worker is left alone with a long one; those that never ran come first."""
    return sorted(subjects, key=lambda subject: -seconds.get(subject.identity, float("inf")))
