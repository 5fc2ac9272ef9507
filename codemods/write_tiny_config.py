"""Writes the tiny configuration of an architecture as the keyword arguments of its configuration class.

Inside the fixture stands what a reader needs to know about the model; nothing is computed when the test runs.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

import libcst as cst

from .command import lazy_command
from .definitions import Statement, small_statement
from .expressions import CLASS, exploded


class TinyConfigWriter(cst.CSTTransformer):
    """Replaces the arguments of the call that a fixture returns."""

    def __init__(self, config_class: str, arguments: Mapping[str, Any]) -> None:
        super().__init__()
        self.config_class = config_class
        self.arguments = arguments

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body = [self._written(statement) for statement in updated_node.body]
        nested = sorted(set(classes_in(self.arguments)))
        if nested:
            body = [with_imported(statement, self.config_class, nested) for statement in body]
        return updated_node.with_changes(body=body)

    def _written(self, statement: Statement) -> Statement:
        if isinstance(statement, cst.FunctionDef) and isinstance(statement.body, cst.IndentedBlock):
            last = statement.body.body[-1]
            small = small_statement(last)
            if isinstance(small, cst.Return) and self._is_config(small.value):
                # In the body of the fixture every line stands four columns further to the right.
                call = cst.parse_expression(exploded({CLASS: self.config_class, **self.arguments}, indent=0, after=5))
                returned = last.with_changes(body=[small.with_changes(value=call)])
                block = statement.body.with_changes(body=[*statement.body.body[:-1], returned])
                return statement.with_changes(body=block)
        return statement

    def _is_config(self, value: cst.BaseExpression | None) -> bool:
        return (
            isinstance(value, cst.Call) and isinstance(value.func, cst.Name) and value.func.value == self.config_class
        )


def classes_in(arguments: Mapping[str, Any]) -> Iterator[str]:
    """The classes of the configurations nested in the arguments."""
    for value in arguments.values():
        if isinstance(value, Mapping):
            if CLASS in value:
                yield value[CLASS]
            yield from classes_in(value)


def with_imported(statement: Statement, beside: str, names: list[str]) -> Statement:
    """The import that brings the configuration class, with more names; any other statement as it is."""
    small = small_statement(statement)
    if not isinstance(small, cst.ImportFrom) or isinstance(small.names, cst.ImportStar):
        return statement
    present = [alias.name.value for alias in small.names if isinstance(alias.name, cst.Name)]
    new = [name for name in names if name not in present]
    if beside not in present or not new:
        return statement
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    aliases = [alias.with_changes(comma=comma) for alias in small.names]
    aliases += [cst.ImportAlias(name=cst.Name(name), comma=comma) for name in new]
    aliases[-1] = aliases[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    changed = small.with_changes(names=aliases)
    return statement.with_changes(body=[changed])


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument("--config-class", required=True, help="the configuration class")
    arg_parser.add_argument("--arguments", metavar="JSON", type=json.loads, required=True, help="its arguments")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return TinyConfigWriter(arguments["config_class"], arguments["arguments"])


__getattr__ = lazy_command(
    __name__,
    "WriteTinyConfig",
    "Write keyword arguments into the call of a configuration class that a fixture returns.",
    _transformer,
    _add_arguments,
)
