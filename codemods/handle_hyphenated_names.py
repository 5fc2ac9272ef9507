"""Writes an architecture's name as its place allows: ``xlm-roberta`` in text, never in an identifier.

A model type may hold hyphens and dots. Docstrings and string literals carry it as it is; identifiers are
`RenameIdentifiers`' concern.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

import libcst as cst

from .command import lazy_command, pair
from .definitions import strings_in


class NameWriter(cst.CSTTransformer):
    """Replaces names in docstrings, as whole words, and string literals that are exactly a model type."""

    def __init__(self, names: Mapping[str, str], model_types: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.names = names
        self.model_types = model_types or {}
        words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
        self.word = re.compile(rf"(?<![\w/.-])(?:{words})(?![\w/-])")
        self.docstring: cst.BaseExpression | None = None

    def _concerned(self, node: cst.CSTNode) -> bool:
        return any(self.word.search(text) or text in self.model_types for text in strings_in(node))

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return self._concerned(node)

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return self._concerned(node)

    def visit_Expr(self, node: cst.Expr) -> None:
        # A string that stands alone documents what it stands in or under.
        self.docstring = node.value

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        if original_node is self.docstring:
            return updated_node.with_changes(
                value=self.word.sub(lambda match: self.names[match.group()], original_node.value)
            )
        new = self.model_types.get(original_node.raw_value)
        if new is None:
            return updated_node
        return updated_node.with_changes(value=original_node.prefix + original_node.quote + new + original_node.quote)


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument(
        "--name", metavar="OLD=NEW", type=pair, action="append", required=True, help="a name in docstrings"
    )
    arg_parser.add_argument(
        "--model-type", metavar="OLD=NEW", type=pair, action="append", default=[], help="a string that is a type"
    )


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return NameWriter(dict(arguments["name"]), dict(arguments["model_type"]))


__getattr__ = lazy_command(
    __name__,
    "HandleHyphenatedNames",
    "Write an architecture's name, hyphens and dots kept, in docstrings and in strings that are it.",
    _transformer,
    _add_arguments,
)
