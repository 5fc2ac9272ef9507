"""Inserts the pipeline calls of an architecture's tasks: a fragment's ``test_pipeline_<task>`` and what it needs."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from typing import Any

import libcst as cst

from .command import lazy_command, parsed_file
from .definitions import defined_name, is_test_class, methods_of
from .lift_inputs import PIPELINE_TEST, lifted_imports, with_definitions, with_tests


def pipeline_test(task: str) -> str:
    """The name of the test that calls the pipeline of a task: ``fill-mask`` has ``test_pipeline_fill_mask``."""
    return PIPELINE_TEST + task.replace("-", "_")


class PipelineCallInserter(cst.CSTTransformer):
    """Adds the tests of some tasks, and the definitions of their fragment that the module lacks."""

    def __init__(self, fragment: cst.Module, tasks: Collection[str]) -> None:
        super().__init__()
        self.fragment = fragment
        self.tests = {pipeline_test(task) for task in tasks}

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        present = {defined_name(item) for item in updated_node.body}
        known = methods_of(updated_node)
        tests = [test for name, test in methods_of(self.fragment).items() if name in self.tests and name not in known]
        if not tests:
            return updated_node
        lacking = [
            item
            for item in self.fragment.body
            if defined_name(item) and defined_name(item) not in present and not is_test_class(item)
        ]
        return with_tests(with_definitions(updated_node, lacking, lifted_imports(self.fragment)), tests)


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument("--fragment", metavar="FILE", type=parsed_file, required=True, help="the fragment")
    arg_parser.add_argument("--task", action="append", required=True, help="a pipeline task: fill-mask")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return PipelineCallInserter(arguments["fragment"], arguments["task"])


__getattr__ = lazy_command(
    __name__,
    "InsertPipelineCalls",
    "Insert the pipeline calls of a fragment for some tasks.",
    _transformer,
    _add_arguments,
)
