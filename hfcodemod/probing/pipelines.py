"""Pipelines of classes that read text and nothing else: the skeleton's own tests of them, run with these classes."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Mapping
from importlib import import_module
from types import FunctionType
from typing import Any

import transformers
from transformers.pipelines.base import PipelineException

from hfcodemod.architecture import Architecture
from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.counterparts import counterparts
from hfcodemod.loader import codemod
from hfcodemod.probing.bench import module
from hfcodemod.probing.entries import FAILURES
from hfcodemod.probing.promises import first_line
from hfcodemod.probing.search import configuration
from hfcodemod.skeletons import shipped_skeleton

TOKENIZER = "text_pipelines"
"""The fragment that makes a tokenizer, and calls with it what most architectures have."""
FRAGMENTS = (TOKENIZER, "text_encoder")
"""The fragments that call pipelines with text."""
TEXT = re.compile(r"(decoder_)?(input_ids|attention_mask)|token_type_ids")
"""Inputs that are text, or go with it."""


def add_calls(recipe: dict[str, Any], architecture: Architecture) -> None:
    """Say in a recipe which pipelines are called with text, and what is in the way of those that do not answer."""
    called = _called(architecture, recipe["config"], recipe["heads"])
    if called:
        recipe["pipelines"] = list(called)
        # What a later fragment brings replaces its configuration.
        recipe["fragments"] = [TOKENIZER, *recipe["fragments"]]
        pipeline_test = codemod("insert_pipeline_calls", "pipeline_test")
        recipe["without"] |= {pipeline_test(task): why for task, why in called.items() if why}


def _called(architecture: Architecture, arguments: Mapping[str, Any], heads: Mapping[str, Any]) -> dict[str, str]:
    """The tasks whose test in the skeleton fits the architecture, and what is in the way where it does not pass."""
    found: dict[str, str] = {}
    config = configuration(architecture.config, arguments)
    table = {
        getattr(transformers, name): module.Head(
            inputs={},
            outputs={key: tuple(shape) for key, shape in entry["outputs"].items()},
            config=entry.get("config", {}),
        )
        for name, entry in heads.items()
    }
    for task, test, names in _tests(architecture):
        if not all(name in heads and all(map(TEXT.fullmatch, heads[name]["inputs"])) for name in names.values()):
            continue
        classes = {old: getattr(transformers, name) for old, name in names.items()}
        known = {**test.__globals__, "build": module.build, "HEADS": table, **classes}
        try:
            FunctionType(test.__code__, known)(None, config, known["tokenizer"].__wrapped__())
        except (*FAILURES, PipelineException) as error:
            found[task] = _why(error, test, names)
        else:
            found[task] = ""
    return found


def _why(error: BaseException, test: FunctionType, names: Mapping[str, str]) -> str:
    """What a test failed at; an assertion says it by its source, with the classes that it was run with."""
    if not isinstance(error, AssertionError):
        return first_line(error)
    frames = traceback.extract_tb(error.__traceback__)
    said = next(frame.line or "" for frame in reversed(frames) if frame.filename == test.__code__.co_filename)
    for old, new in names.items():
        said = re.sub(rf"\b{old}\b", new, said)
    return f"it fails at `{said}`"


def _tests(architecture: Architecture) -> Iterator[tuple[str, FunctionType, dict[str, str]]]:
    """The tasks of the architecture that a fragment has a test for: the test, and the class for each that it names."""
    pipeline_test = codemod("insert_pipeline_calls", "pipeline_test")
    catalog, skeleton = load_snapshot(FACTS).architectures, shipped_skeleton()
    pipelines = {head.name: head.pipelines for head in architecture.heads}
    for name in FRAGMENTS:
        reference = catalog[skeleton.fragments[name].reference]
        renames = counterparts(reference, architecture).renames
        tests = {
            key: value
            for cls in vars(import_module(f"hfcodemod.skeleton.{name}")).values()
            if isinstance(cls, type) and cls.__name__.startswith("Test")
            for key, value in vars(cls).items()
        }
        for task in sorted({task for tasks in pipelines.values() for task in tasks}):
            test = tests.get(pipeline_test(task))
            if test is None:
                continue
            named = {head.name for head in reference.heads}.intersection(test.__code__.co_names)
            if all(task in pipelines.get(renames.get(old, ""), ()) for old in named):
                yield task, test, {old: renames[old] for old in named}
