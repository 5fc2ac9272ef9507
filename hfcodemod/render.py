"""Skeleton and architecture to source: the ordered codemods."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import libcst as cst

from hfcodemod.architecture import Architecture, Configuration, Head, Target
from hfcodemod.counterparts import Counterparts, counterparts, likeness
from hfcodemod.errors import Unavailable, UserError
from hfcodemod.loader import codemod
from hfcodemod.own_codemods import applied
from hfcodemod.recipes import Recipe, check_fields
from hfcodemod.skeletons import Part, Skeleton
from hfcodemod.spelling import identifier_words, named_checkpoints, text_names

CHECKPOINT = "MODEL_ID"
"""The constant of a module that names its checkpoint."""
OF_A_CHECKPOINT = {"test_real_checkpoint": "no checkpoint of it is known", "test_model_with_mock": ""}
"""The tests of the shipped skeleton that name the checkpoint, and why one without has none."""


@dataclass(frozen=True)
class Rendered:
    """The text of a module, and whose text it was."""

    source: str
    references: tuple[Architecture, ...]
    """The architectures that the parts of the skeleton were written for."""


def render(
    target: Target,
    skeleton: Skeleton,
    architectures: Mapping[str, Architecture],
    configurations: Mapping[str, Configuration],
    recipe: Recipe | None,
) -> Rendered:
    """The skeleton as a module for ``target``.

    Raises UserError where the skeleton needs what the target does not have: a recipe, a class, a fragment.
    """
    parts = used_parts(target, skeleton, recipe)
    references = [_reference(part, architectures) for part in parts]
    roles = [counterparts(reference, target.architecture) for reference in references]
    if recipe is None:
        module = _fitting(skeleton.canonical, roles[0], target)
    else:
        check_fields(recipe, target.architecture, configurations)
        module = _composed(target, skeleton, roles, architectures, recipe)
    for renamer in _renamers(module, target, references, roles):
        module = _visited(module, renamer)
    if recipe is not None:
        writer = codemod("write_tiny_config", "TinyConfigWriter")
        module = _visited(module, writer(target.architecture.config, recipe.config))
        if recipe.written_out:
            module = _visited(module, _head_writer(target.architecture, recipe))
            module = _visited(module, _dropper(target))
        module = _visited(module, codemod("sort_imports", "ImportSorter")())
        if recipe.requires:
            module = _visited(module, codemod("skip_without_packages", "PackageAsker")(recipe.requires))
    return Rendered(applied(skeleton.codemods, module.code, target), tuple(references))


def needs_recipe(skeleton: Skeleton, architectures: Mapping[str, Architecture]) -> bool:
    """Whether the skeleton makes a configuration: without one there is nothing for a recipe to say."""
    return f"{_reference(skeleton.canonical, architectures).config}(" in skeleton.canonical.source


def used_parts(target: Target, skeleton: Skeleton, recipe: Recipe | None) -> list[Part]:
    """The parts of the skeleton that a module is made of: the canonical one, fragments, pipeline calls."""
    if recipe is None:
        return [skeleton.canonical]
    donors = _donors(skeleton, recipe)
    return list(dict.fromkeys([*donors, *_pipeline_parts(target, skeleton, recipe).values()]))


def _donors(skeleton: Skeleton, recipe: Recipe) -> list[Part]:
    """The canonical part and the fragments that the recipe names, in order."""
    for name in recipe.fragments:
        if name not in skeleton.fragments:
            raise UserError(f"{skeleton.canonical.path}: the skeleton has no fragment {name!r}")
    return [skeleton.canonical, *(skeleton.fragments[name] for name in recipe.fragments)]


def _pipeline_parts(target: Target, skeleton: Skeleton, recipe: Recipe) -> dict[str, Part]:
    """For each pipeline task of the target the fragment that calls it: the recipe's last that does, else any."""
    found: dict[str, Part] = {}
    tasks = [task for head in target.architecture.heads for task in head.pipelines]
    for task in recipe.pipelines if recipe.written_out else dict.fromkeys(tasks):
        test = codemod("insert_pipeline_calls", "pipeline_test")(task)
        fragments = [skeleton.fragments[name] for name in (*reversed(recipe.fragments), *skeleton.fragments)]
        part = next((part for part in fragments if f"def {test}(" in part.source), None)
        if part is None and (test in recipe.without or test in skeleton.leave_out):
            continue
        if part is None:
            raise UserError(f"no fragment of the skeleton calls the pipeline {task!r}; add {test}, or leave it out")
        found[task] = part
    return found


def _reference(part: Part, architectures: Mapping[str, Architecture]) -> Architecture:
    try:
        return architectures[part.reference]
    except KeyError:
        raise UserError(f"{part.path}: its reference {part.reference!r} is no model type; correct it") from None


def _fitting(part: Part, roles: Counterparts, target: Target) -> cst.Module:
    """The module of a skeleton that needs no recipe, if the target has every class that it uses."""
    names_in = codemod("definitions", "names_in")
    for name, why in roles.absent.items():
        if any(name in names_in(statement) for statement in part.module.body):
            unfit = f"the skeleton uses {name}, and {why}"
            raise Unavailable(f"{part.path}: {unfit}; it does not fit {target.original}", unfit)
    return part.module


def _composed(
    target: Target,
    skeleton: Skeleton,
    roles: Sequence[Counterparts],
    architectures: Mapping[str, Architecture],
    recipe: Recipe,
) -> cst.Module:
    """The canonical module with fragments, pipeline calls and heads of the architecture, in the references' names."""
    donors = _donors(skeleton, recipe)
    module = _lifted(tuple(donors))
    for task, part in _pipeline_parts(target, skeleton, recipe).items():
        module = _visited(module, codemod("insert_pipeline_calls", "PipelineCallInserter")(part.module, [task]))
    absent = {name: why for role in roles for name, why in role.absent.items()}
    without = recipe.without if target.checkpoint else {**OF_A_CHECKPOINT, **recipe.without}
    module = _visited(module, codemod("leave_out_tests", "TestLeaver")(without, absent))
    if recipe.written_out:
        return module
    entries = [_entry(head, donors, architectures, recipe) for head in _running(target.architecture, recipe)]
    module = _visited(module, codemod("select_heads", "HeadSelector")(entries))
    return _visited(module, _dropper(target))


def _dropper(target: Target) -> cst.CSTTransformer:
    """The codemod that drops what is not used; the checkpoint of an architecture that has one stays in any case."""
    dropper: cst.CSTTransformer = codemod("drop_unused_definitions", "UnusedDefinitionDropper")(
        kept=(CHECKPOINT,) if target.checkpoint else ()
    )
    return dropper


@cache
def _lifted(parts: tuple[Part, ...]) -> cst.Module:
    """The canonical module united with some fragments; the same for a whole family, so remembered."""
    module = parts[0].module
    for fragment in parts[1:]:
        module = _visited(module, codemod("lift_inputs", "InputLifter")(fragment.module))
    return module


def _visited(module: cst.Module, transformer: cst.CSTTransformer) -> cst.Module:
    visited = module.visit(transformer)
    assert isinstance(visited, cst.Module)
    return visited


def _running(architecture: Architecture, recipe: Recipe) -> list[Head]:
    """The heads of an architecture but those that the recipe says do not run."""
    return [head for head in architecture.heads if head.name not in recipe.blocked]


def _entry(head: Head, donors: Sequence[Part], architectures: Mapping[str, Architecture], recipe: Recipe) -> Any:
    """The entry of a head: whose it is in the table, and what the recipe says of it."""
    arguments, comment = _arguments(head, recipe)
    return codemod("select_heads", "HeadEntry")(_donor(head, donors, architectures), arguments, comment)


def _head_writer(architecture: Architecture, recipe: Recipe) -> cst.CSTTransformer:
    """The codemod that writes the table of heads from what the recipe says alone."""
    entries = [
        codemod("select_heads", "HeadEntry")(head.name, *_arguments(head, recipe))
        for head in _running(architecture, recipe)
    ]
    writer: cst.CSTTransformer = codemod("write_heads", "HeadWriter")(entries, architecture.config)
    return writer


def _arguments(head: Head, recipe: Recipe) -> tuple[dict[str, Any], str]:
    """What the recipe says of a head: arguments for the table of heads, and a comment."""
    if head.name not in recipe.heads:
        raise UserError(f"the recipe has no entry for {head.name}; add the shapes of its outputs")
    arguments = dict(recipe.heads[head.name])
    comment = arguments.pop("why", "")
    arguments["outputs"] = {name: tuple(shape) for name, shape in arguments["outputs"].items()}
    for name in ("inert", "single", "untrained", "joint"):
        if name in arguments:
            arguments[name] = tuple(arguments[name])
    if arguments.get("half") is not None:
        arguments["half"] = codemod("expressions", "Source")(f"torch.{arguments['half']}")
    return arguments, comment


def _donor(head: Head, parts: Sequence[Part], architectures: Mapping[str, Architecture]) -> str:
    """The class of a reference whose entry in the table serves the head: the likest, the later part of equals."""
    best, score = "", 0.0
    for part in parts:
        for other in _reference(part, architectures).heads:
            value = likeness(head, other)
            if value and value >= score and re.search(rf"^    {other.name}: ", part.source, re.MULTILINE):
                best, score = other.name, value
    if not best:
        raise UserError(f"no fragment of the skeleton has an entry for {head.name} ({', '.join(head.tasks)})")
    return best


def _renamers(
    module: cst.Module, target: Target, references: Sequence[Architecture], roles: Sequence[Counterparts]
) -> Iterator[cst.CSTTransformer]:
    checkpoints = named_checkpoints(module, references[0], target)
    if checkpoints:
        yield codemod("rewrite_model_ids", "ModelIdRewriter")(checkpoints)
    yield codemod("handle_hyphenated_names", "NameWriter")(
        text_names(references, target),
        {reference.model_type: target.architecture.model_type for reference in references},
    )
    yield codemod("rename_classes", "NameReplacer")({old: new for role in roles for old, new in role.renames.items()})
    yield codemod("rename_identifiers", "IdentifierRenamer")(identifier_words(references, target))
