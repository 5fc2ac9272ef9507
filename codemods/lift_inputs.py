"""Lifts a fragment into a module: its inputs, its heads, its versions of tests; pipeline calls excepted.

A fragment is real code beside the skeleton, written for an architecture of another modality. Its definitions replace
those of the same scope and name, dict displays of the same name unite by key, the rest is added.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import libcst as cst

from .command import lazy_command, parsed_file
from .definitions import (
    Statement,
    assigned_value,
    defined_name,
    first_definition,
    is_import,
    is_test_class,
    methods_of,
    names_in,
    small_statement,
    with_value,
)

PIPELINE_TEST = "test_pipeline_"


def lifted_imports(fragment: cst.Module) -> list[Statement]:
    """The fragment's imports but those from the skeleton beside it, whose names the module has already."""
    return [
        statement
        for statement in fragment.body
        if is_import(statement)
        and not (isinstance(small := small_statement(statement), cst.ImportFrom) and small.relative)
    ]


def with_definitions(module: cst.Module, definitions: Iterable[Statement], imports: Iterable[Statement]) -> cst.Module:
    """The module with top-level definitions replaced by name, or added: constants before the first definition unless
    they need one, the rest before the tests."""
    body = list(module.body)
    for statement in definitions:
        name = defined_name(statement)
        at = next((i for i, item in enumerate(body) if defined_name(item) == name), None)
        if at is not None:
            body[at] = _united(body[at], statement)
        elif isinstance(statement, cst.FunctionDef | cst.ClassDef) or _needs_definition(statement, body):
            body.insert(next((i for i, item in enumerate(body) if is_test_class(item)), len(body)), statement)
        else:
            body.insert(first_definition(body), statement)
    end = first_definition(body)
    body[:end] = _in_order_of_use(body[:end])
    end = next((i for i in range(len(body), 0, -1) if is_import(body[i - 1])), 0)
    present = [item for item in body[:end] if is_import(item)]
    new = [item for item in imports if not any(item.deep_equals(known) for known in present)]
    body[end:end] = new
    return module.with_changes(body=body)


def _needs_definition(constant: Statement, body: Sequence[Statement]) -> bool:
    """Whether a constant is computed from what stands at the first function or class, or below."""
    names = names_in(constant)
    return any(defined_name(item) in names for item in body[first_definition(body) :])


def _in_order_of_use(statements: Sequence[Statement]) -> list[Statement]:
    """The statements with each constant before those that name it, otherwise as they are."""
    assigned = Counter(defined_name(item) for item in statements)
    # A name that is assigned again stands where it does for a reason.
    constants = {name: item for item in statements if (name := defined_name(item)) and assigned[name] == 1}
    ordered: list[Statement] = []
    seen: set[Statement] = set()

    def place(statement: Statement) -> None:
        if statement in seen:
            return
        seen.add(statement)
        for name in (name for name in constants if name in names_in(statement) and constants[name] is not statement):
            place(constants[name])
        ordered.append(statement)

    for statement in statements:
        if is_import(statement):
            ordered.append(statement)
        else:
            place(statement)
    return ordered


def _united(old: cst.CSTNode, new: Statement) -> Statement:
    """The new definition; of two dict displays, the new entries behind the old ones, by key."""
    before, after = assigned_value(old), assigned_value(new)
    if not (isinstance(before, cst.Dict) and isinstance(after, cst.Dict) and _is_table(after)):
        return new
    assert isinstance(old, cst.SimpleStatementLine)
    keys = {entry.key.value for entry in after.elements if isinstance(entry, cst.DictElement)}  # type: ignore[attr-defined]  # keys of a table are names
    kept = [e for e in before.elements if not (isinstance(e, cst.DictElement) and getattr(e.key, "value", "") in keys)]
    elements = [*kept, *after.elements]
    # What stands between two entries: after the opening brace it is the same.
    between = cst.Comma(whitespace_after=before.lbrace.whitespace_after)
    elements[:-1] = [element.with_changes(comma=between) for element in elements[:-1]]
    return with_value(old, before.with_changes(elements=elements))


def _is_table(value: cst.Dict) -> bool:
    """Whether the keys are names, as in a table of classes; a dict with string keys is one value."""
    return all(isinstance(entry, cst.DictElement) and isinstance(entry.key, cst.Name) for entry in value.elements)


class InputLifter(cst.CSTTransformer):
    """Unites a module with one fragment."""

    def __init__(self, fragment: cst.Module) -> None:
        super().__init__()
        self.fragment = fragment

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        definitions = [item for item in self.fragment.body if defined_name(item) and not is_test_class(item)]
        module = with_definitions(updated_node, definitions, lifted_imports(self.fragment))
        tests = [test for name, test in methods_of(self.fragment).items() if not name.startswith(PIPELINE_TEST)]
        return with_tests(module, tests)


def with_tests(module: cst.Module, tests: Iterable[cst.FunctionDef]) -> cst.Module:
    """The module with methods of its first test class replaced by name, or added at its end."""
    body = list(module.body)
    for i, statement in enumerate(body):
        if isinstance(statement, cst.ClassDef) and is_test_class(statement):
            methods = list(statement.body.body)
            for test in tests:
                at = next((k for k, item in enumerate(methods) if defined_name(item) == test.name.value), None)
                if at is None:
                    methods.append(test.with_changes(leading_lines=[cst.EmptyLine(indent=False)]))
                else:
                    above = getattr(methods[at], "leading_lines", ())
                    methods[at] = test.with_changes(leading_lines=above)
            body[i] = statement.with_changes(body=statement.body.with_changes(body=methods))
            break
    return module.with_changes(body=body)


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument("--fragment", metavar="FILE", type=parsed_file, required=True, help="the fragment")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return InputLifter(arguments["fragment"])


__getattr__ = lazy_command(
    __name__,
    "LiftInputs",
    "Lift the inputs, heads and tests of a fragment into a module.",
    _transformer,
    _add_arguments,
)
