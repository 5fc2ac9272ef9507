"""What a skeleton and its fragments must be for the codemods to take them apart and together again."""

from __future__ import annotations

import ast
import re

import libcst as cst
import pytest

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.loader import codemod
from hfcodemod.recipes import model_types_with_recipe, recipe_of
from hfcodemod.skeletons import Part, shipped_skeleton

SKELETON = shipped_skeleton()
PIPELINE_TEST = codemod("lift_inputs", "PIPELINE_TEST")
PARTS = {"canonical": SKELETON.canonical, **SKELETON.fragments}


def test_every_module_of_the_folder_is_registered() -> None:
    folder = SKELETON.canonical.path.parent
    assert {path.stem for path in folder.glob("*.py")} == {*PARTS, "__init__"}


@pytest.mark.parametrize("part", PARTS.values(), ids=list(PARTS))
def test_every_statement_can_be_lifted(part: Part) -> None:
    """A docstring, imports, and definitions of one name each: anything else would be lost in silence."""
    defined_name, is_import = codemod("definitions", "defined_name"), codemod("definitions", "is_import")
    for statement in part.module.body[1:]:
        assert is_import(statement) or defined_name(statement), part.module.code_for_node(statement)
    assert part.module.get_docstring()


@pytest.mark.parametrize("part", PARTS.values(), ids=list(PARTS))
def test_the_reference_has_a_recipe(part: Part) -> None:
    assert recipe_of(part.reference) is not None


def test_every_fragment_serves_a_recipe() -> None:
    named = {name for model_type in model_types_with_recipe() for name in recipe_of(model_type).fragments}  # type: ignore[union-attr]  # it has one
    with_pipelines = {name for name, part in SKELETON.fragments.items() if f"def {PIPELINE_TEST}" in part.source}
    assert set(SKELETON.fragments) == named | with_pipelines


@pytest.mark.parametrize("part", PARTS.values(), ids=list(PARTS))
def test_no_name_changes_the_layout(part: Part) -> None:
    """A line that holds a class of the reference has room for the longest class of the catalog in its place."""
    architectures = load_snapshot(FACTS).architectures
    longest = max(len(head.name) for item in architectures.values() for head in item.heads)
    reference = architectures[part.reference]
    names = {reference.config, *(head.name for head in reference.heads)}
    for line in part.source.splitlines():
        held = [match.group() for name in names for match in re.finditer(rf"\b{name}\b", line)]
        if held and not line.lstrip().startswith(("#", "from ", "import ")):
            length = len(line) - sum(map(len, held)) + longest * len(held)
            assert length <= 120, f"{part.path.name}: {line.strip()} would take {length} columns"


def test_pipeline_tests_are_named_for_their_task() -> None:
    tasks = {task.replace("-", "_") for task in load_snapshot(FACTS).pipelines}
    for part in PARTS.values():
        found = re.findall(rf"def {PIPELINE_TEST}(\w+)\(", part.source)
        assert set(found) <= tasks, part.path.name


def test_parts_are_parsed_once() -> None:
    assert SKELETON.canonical.module is SKELETON.canonical.module
    assert isinstance(SKELETON.canonical.module, cst.Module)
    assert shipped_skeleton() is SKELETON
    assert ast.parse(SKELETON.canonical.source)
