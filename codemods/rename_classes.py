"""Renames classes wherever code names them: imports, calls, annotations.

An architecture's classes follow no rule (``XLMRobertaModel``, ``BertLMHeadModel``), so they are looked up in the
catalog and passed in pairs; text is never touched, for a checkpoint often holds the same letters.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import libcst as cst

from .command import lazy_command, pair
from .definitions import names_in


class NameReplacer(cst.CSTTransformer):
    """Replaces identifiers that are exactly an old name; the keyword of an argument is none of them."""

    def __init__(self, renames: Mapping[str, str]) -> None:
        super().__init__()
        self.renames = renames
        self._keyword: cst.Name | None = None

    def _concerned(self, node: cst.CSTNode) -> bool:
        return not self.renames.keys().isdisjoint(names_in(node))

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return self._concerned(node)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return self._concerned(node)

    def visit_Arg(self, node: cst.Arg) -> None:
        self._keyword = node.keyword

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:
        new = self.renames.get(original_node.value)
        if new is None or original_node is self._keyword:
            return updated_node
        return updated_node.with_changes(value=new)


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument(
        "--rename", metavar="OLD=NEW", type=pair, action="append", required=True, help="a class and its new name"
    )


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return NameReplacer(dict(arguments["rename"]))


__getattr__ = lazy_command(
    __name__,
    "RenameClasses",
    "Rename classes in code; strings, comments and checkpoints stay.",
    _transformer,
    _add_arguments,
)
