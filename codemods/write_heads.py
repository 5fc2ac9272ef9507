"""Writes the table of heads from plain values: what goes into each class, and what comes out.

Where the inputs of an architecture are like no other's, an entry that was written for another class is of no use.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import libcst as cst

from .command import lazy_command
from .definitions import Statement, assigned_value, defined_name, first_definition, is_import, names_in, with_value
from .expressions import CLASS, Source, exploded, source_of
from .leave_out_tests import wrapped_comment
from .select_heads import HeadEntry
from .write_tiny_config import with_imported

KINDS = ("tokens", "kinds", "places", "mask", "noise", "integers", "boxes", "tensor", "list", "value")
"""The keys of which each description of an input has exactly one; the others are arguments."""

DESCRIBED = ("inputs", "instead", "labels", "prompt")
"""The arguments of an entry whose values are described."""


def expression(described: Mapping[str, Any]) -> Any:
    """The source of an input that is described by one of KINDS.

    ``{"tokens": [2, 7], "inserted": [5, 5]}`` becomes ``tokens(2, 7, inserted=[5, 5])``, with ``"method": "float"`` the
    call of that method of it; ``tensor`` and ``value`` hold the value itself, ``list`` a mapping of descriptions for
    each row.
    """
    kind, value = next((kind, described[kind]) for kind in KINDS if kind in described)
    if kind == "value":
        return value
    if kind == "list":
        return [{name: expression(item) for name, item in row.items()} for row in value]
    name = "torch.tensor" if kind == "tensor" else kind
    positional = {" " * place: size for place, size in enumerate([value] if kind == "tensor" else value)}
    options = {key: Source(_runs(item)) for key, item in described.items() if key not in (kind, "method")}
    call = {CLASS: name, **positional, **options}
    return Source(f"{_plain(call)}.{described['method']}()") if "method" in described else call


def _plain(value: Any) -> str:
    return source_of(value, before=-100_000)


def _runs(value: Any) -> str:
    """The source of a value; of a list with what stands in it often in a row said once."""
    if not isinstance(value, list):
        return _plain(value)
    groups = [(item, len(list(group))) for item, group in groupby(value)]
    items = [
        f"*[{_plain(item)}] * {count}" if count > 3 else ", ".join([_plain(item)] * count) for item, count in groups
    ]
    return f"[{', '.join(items)}]"


class HeadWriter(cst.CSTTransformer):
    """Replaces the entries of a module-level table, and puts the functions that they call above it."""

    def __init__(self, entries: Sequence[HeadEntry], beside: str, table: str = "HEADS", entry: str = "Head") -> None:
        super().__init__()
        self.entries = entries
        self.beside = beside
        self.table = table
        self.entry = entry

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        value = cst.parse_expression(self._source())
        names = names_in(value)
        body: list[Statement] = []
        called: list[Statement] = []
        for statement in updated_node.body:
            if isinstance(statement, cst.FunctionDef) and statement.name.value in names:
                called.append(statement)
                continue
            if isinstance(statement, cst.SimpleStatementLine) and assigned_value(statement) is not None:
                statement = with_value(statement, value) if defined_name(statement) == self.table else statement
            elif is_import(statement):
                statement = with_imported(statement, self.beside, [entry.key for entry in self.entries])
            body.append(statement)
        at = first_definition(body)
        body[at:at] = called
        return updated_node.with_changes(body=body)

    def _source(self) -> str:
        lines = ["{"]
        for entry in self.entries:
            lines += [f"    {text}" for text in (wrapped_comment(entry.comment) if entry.comment else [])]
            call = exploded({CLASS: self.entry, **_arguments(entry)}, 4)
            lines.append(f"    {entry.key}: {call},")
        return "\n".join([*lines, "}"])


def _arguments(entry: HeadEntry) -> dict[str, Any]:
    """The arguments of an entry, its inputs, labels and prompt as expressions."""
    return {
        name: {key: expression(item) for key, item in value.items()} if name in DESCRIBED else value
        for name, value in entry.arguments.items()
    }


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument(
        "--head",
        metavar="JSON",
        type=lambda text: HeadEntry(**json.loads(text)),
        action="append",
        required=True,
        help='an entry: {"key": "ViTModel", "arguments": {"inputs": {"pixel_values": {"noise": [2, 9]}}}}',
    )
    arg_parser.add_argument(
        "--beside", required=True, help="a class that is imported: the entries' are imported with it"
    )
    arg_parser.add_argument("--table", default="HEADS", help="the name of the table")
    arg_parser.add_argument("--entry", default="Head", help="the class of an entry")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return HeadWriter(arguments["head"], arguments["beside"], arguments["table"], arguments["entry"])


__getattr__ = lazy_command(
    __name__,
    "WriteHeads",
    "Write the table of heads from plain values.",
    _transformer,
    _add_arguments,
)
