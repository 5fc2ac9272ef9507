"""Skeleton and architecture to source: the ordered codemods."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import libcst as cst

from hfcodemod.architecture import Architecture, Configuration, Head, Target
from hfcodemod.counterparts import Counterparts, counterparts, likeness
from hfcodemod.errors import UserError
from hfcodemod.recipes import Recipe, check_fields
from hfcodemod.skeletons import Part, Skeleton
from hfcodemod.spelling import Leftover, identifier_words, leftovers, named_checkpoints, text_names

PIPELINE_TEST = "test_pipeline_"


@dataclass(frozen=True)
class Rendered:
    """The text of a module, and where the reference's name is left in it."""

    source: str
    leftovers: tuple[Leftover, ...]


@cache
def codemod(module: str, transformer: str) -> Any:
    """A transformer class of ``codemods/``; the mapping of that folder into the package hides it from type checkers."""
    return getattr(importlib.import_module(f"hfcodemod.codemods.{module}"), transformer)


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
    parts = _parts(skeleton, recipe)
    roles = {part: counterparts(_reference(part, architectures), target.architecture) for part in parts.values()}
    if recipe is None:
        module = _canonical(skeleton.canonical, roles[skeleton.canonical], target)
    else:
        check_fields(recipe, target.architecture, configurations)
        module = _composed(target, skeleton, parts, roles, architectures, recipe)
    module = _renamed(module, target, [_reference(part, architectures) for part in parts.values()], roles)
    if recipe is not None:
        writer = codemod("write_tiny_config", "TinyConfigWriter")
        module = module.visit(writer(target.architecture.config, recipe.config, recipe.constants))
        module = module.visit(codemod("sort_imports", "ImportSorter")())
    source = module.code
    references = [_reference(part, architectures) for part in parts.values()]
    return Rendered(source, tuple(leftovers(source, references, target)))


def needs_recipe(skeleton: Skeleton, architectures: Mapping[str, Architecture]) -> bool:
    """Whether the skeleton makes a configuration: without one there is nothing for a recipe to say."""
    return f"{_reference(skeleton.canonical, architectures).config}(" in skeleton.canonical.source


def _reference(part: Part, architectures: Mapping[str, Architecture]) -> Architecture:
    try:
        return architectures[part.reference]
    except KeyError:
        raise UserError(f"{part.path}: its reference {part.reference!r} is no model type; correct it") from None


def _parts(skeleton: Skeleton, recipe: Recipe | None) -> dict[str, Part]:
    """The canonical part under the empty name, and every fragment, those of the recipe first."""
    parts = {"": skeleton.canonical}
    if recipe is not None:
        for name in (*recipe.fragments, *skeleton.fragments):
            if name not in skeleton.fragments:
                raise UserError(f"{skeleton.canonical.path}: the skeleton has no fragment {name!r}")
            parts[name] = skeleton.fragments[name]
    return parts


def _canonical(part: Part, roles: Counterparts, target: Target) -> cst.Module:
    names = codemod("definitions", "names_in")
    used = [why for name, why in roles.absent.items() if any(name in names(item) for item in part.module.body)]
    if used:
        raise UserError(f"{part.path}: the skeleton does not fit {target.original}: {used[0]}")
    return part.module


def _composed(
    target: Target,
    skeleton: Skeleton,
    parts: Mapping[str, Part],
    roles: Mapping[Part, Counterparts],
    architectures: Mapping[str, Architecture],
    recipe: Recipe,
) -> cst.Module:
    """The canonical module with fragments, pipeline calls and heads of the architecture, in the references' names."""
    module = _lifted(skeleton, recipe.fragments)
    for task in dict.fromkeys(task for head in target.architecture.heads for task in head.pipelines):
        module = _with_pipeline_call(module, task, parts, recipe)
    absent = {name: why for part in parts.values() for name, why in roles[part].absent.items()}
    module = module.visit(codemod("leave_out_tests", "TestLeaver")(recipe.without, absent))
    entries = [
        codemod("select_heads", "HeadEntry")(
            _donor(head, module, parts, architectures, recipe), *_particulars(head, recipe)
        )
        for head in target.architecture.heads
        if head.name in recipe.heads
    ]
    module = module.visit(codemod("select_heads", "HeadSelector")(entries))
    dropped = module.visit(codemod("drop_unused_definitions", "UnusedDefinitionDropper")())
    assert isinstance(dropped, cst.Module)
    return dropped


@cache
def _lifted_once(canonical: Part, fragments: tuple[Part, ...]) -> cst.Module:
    module = canonical.module
    for fragment in fragments:
        lifted = module.visit(codemod("lift_inputs", "InputLifter")(fragment.module))
        assert isinstance(lifted, cst.Module)
        module = lifted
    return module


def _lifted(skeleton: Skeleton, fragments: tuple[str, ...]) -> cst.Module:
    """The canonical module united with some fragments; the same for a whole family, so remembered."""
    return _lifted_once(skeleton.canonical, tuple(skeleton.fragments[name] for name in fragments))


def _with_pipeline_call(module: cst.Module, task: str, parts: Mapping[str, Part], recipe: Recipe) -> cst.Module:
    """The module with the pipeline call of a task, from the recipe's last fragment that has it, else from any."""
    test = codemod("insert_pipeline_calls", "pipeline_test")(task)
    for name in (*reversed(recipe.fragments), *parts):
        if test in codemod("definitions", "methods_of")(parts[name].module):
            inserted = module.visit(
                codemod("insert_pipeline_calls", "PipelineCallInserter")(parts[name].module, [task])
            )
            assert isinstance(inserted, cst.Module)
            return inserted
    if test in recipe.without:
        return module
    raise UserError(
        f"no fragment of the skeleton calls the pipeline {task!r}; add {test}, or leave it out in the recipe"
    )


def _donor(
    head: Head,
    module: cst.Module,
    parts: Mapping[str, Part],
    architectures: Mapping[str, Architecture],
    recipe: Recipe,
) -> str:
    """The class of a reference whose entry in the table serves the head: the likest, the later fragment of equals."""
    best, score = "", 0.0
    for name in ("", *recipe.fragments):
        for other in architectures[parts[name].reference].heads:
            value = likeness(head, other)
            if value and value >= score and re.search(rf"^    {other.name}: ", parts[name].source, re.MULTILINE):
                best, score = other.name, value
    if not best:
        raise UserError(f"no fragment of the skeleton has an entry for {head.name} ({', '.join(head.tasks)})")
    return best


def _particulars(head: Head, recipe: Recipe) -> tuple[dict[str, Any], str]:
    source = codemod("expressions", "Source")
    arguments = dict(recipe.heads[head.name])
    comment = arguments.pop("why", "")
    arguments["outputs"] = {name: tuple(shape) for name, shape in arguments["outputs"].items()}
    for name in ("inert", "untrained"):
        if name in arguments:
            arguments[name] = tuple(arguments[name])
    if "half" in arguments:
        arguments["half"] = source(f"torch.{arguments['half']}")
    return arguments, comment


def _renamed(
    module: cst.Module, target: Target, references: list[Architecture], roles: Mapping[Part, Counterparts]
) -> cst.Module:
    renames = {old: new for part in roles.values() for old, new in part.renames.items()}
    for transformer in _renamers(module, target, references, renames):
        renamed = module.visit(transformer)
        assert isinstance(renamed, cst.Module)
        module = renamed
    return module


def _renamers(
    module: cst.Module, target: Target, references: list[Architecture], renames: Mapping[str, str]
) -> Iterator[cst.CSTTransformer]:
    checkpoints = named_checkpoints(module, references[0], target)
    if checkpoints:
        yield codemod("rewrite_model_ids", "ModelIdRewriter")(checkpoints)
    yield codemod("handle_hyphenated_names", "NameWriter")(
        text_names(references, target),
        {reference.model_type: target.architecture.model_type for reference in references},
    )
    yield codemod("rename_classes", "NameReplacer")(renames)
    yield codemod("rename_identifiers", "IdentifierRenamer")(identifier_words(references, target))
