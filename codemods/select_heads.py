"""Selects the heads of an architecture in the table of heads, in its order, with what is particular to each."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from .command import lazy_command
from .definitions import Statement, assigned_value, with_value
from .expressions import source_of
from .leave_out_tests import wrapped_comment


@dataclass(frozen=True)
class HeadEntry:
    """One entry to keep: its key in the table, the arguments to replace or add, the comment to set above it."""

    key: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""


class HeadSelector(cst.CSTTransformer):
    """Keeps the entries of a module-level dict whose values are calls, in a given order."""

    def __init__(self, entries: Sequence[HeadEntry], table: str = "HEADS") -> None:
        super().__init__()
        self.entries = entries
        self.table = table

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body = [self._selected(statement) for statement in updated_node.body]
        return updated_node.with_changes(body=body)

    def _selected(self, statement: Statement) -> Statement:
        value = assigned_value(statement)
        small = getattr(statement, "body", None)
        if not (isinstance(value, cst.Dict) and isinstance(small, Sequence) and _target(small[0]) == self.table):
            return statement
        assert isinstance(statement, cst.SimpleStatementLine)
        found = {
            e.key.value: e for e in value.elements if isinstance(e, cst.DictElement) and isinstance(e.key, cst.Name)
        }
        entries = [_entry(found[entry.key], entry) for entry in self.entries]
        first = _comment_lines(self.entries[0].comment)
        brace = value.lbrace.with_changes(whitespace_after=_between(first))
        # The comment of an entry hangs on the comma before it.
        for i, entry in enumerate(self.entries[1:]):
            entries[i] = entries[i].with_changes(
                comma=cst.Comma(whitespace_after=_between(_comment_lines(entry.comment)))
            )
        return with_value(statement, value.with_changes(elements=entries, lbrace=brace))


def _target(small: cst.BaseSmallStatement) -> str | None:
    target = small.target if isinstance(small, cst.AnnAssign) else None
    if isinstance(small, cst.Assign):
        target = small.targets[0].target
    return target.value if isinstance(target, cst.Name) else None


def _comment_lines(comment: str) -> list[cst.EmptyLine]:
    texts = wrapped_comment(comment) if comment else []
    return [cst.EmptyLine(comment=cst.Comment(text), whitespace=cst.SimpleWhitespace("    ")) for text in texts]


def _between(comments: Sequence[cst.EmptyLine]) -> cst.ParenthesizedWhitespace:
    return cst.ParenthesizedWhitespace(empty_lines=comments, indent=True, last_line=cst.SimpleWhitespace("    "))


def _entry(element: cst.DictElement, entry: HeadEntry) -> cst.DictElement:
    call = element.value
    assert isinstance(call, cst.Call)
    arguments = {argument.keyword.value: argument for argument in call.args if argument.keyword is not None}
    inner = _between([]).with_changes(last_line=cst.SimpleWhitespace(" " * 8))
    for name, value in entry.arguments.items():
        expression = cst.parse_expression(source_of(value, indent=8, before=9 + len(name)))
        pattern = next(iter(arguments.values()))
        arguments[name] = pattern.with_changes(keyword=cst.Name(name), value=expression)
    spread = [argument.with_changes(comma=cst.Comma(whitespace_after=inner)) for argument in arguments.values()]
    spread[-1] = spread[-1].with_changes(comma=cst.Comma(whitespace_after=_between([])))
    comma = cst.Comma()
    return element.with_changes(value=call.with_changes(args=spread), comma=comma)


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument(
        "--head",
        metavar="JSON",
        type=lambda text: HeadEntry(**json.loads(text)),
        action="append",
        required=True,
        help='an entry to keep: {"key": "BertModel", "arguments": {"half": "float32"}, "comment": "why"}',
    )
    arg_parser.add_argument("--table", default="HEADS", help="the name of the table")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return HeadSelector(arguments["head"], arguments["table"])


__getattr__ = lazy_command(
    __name__,
    "SelectHeads",
    "Keep the entries of the table of heads that an architecture has, in its order.",
    _transformer,
    _add_arguments,
)
