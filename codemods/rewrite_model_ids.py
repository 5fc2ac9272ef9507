"""Rewrites checkpoints: string literals that are a model id, or a path that ends in one.

Only whole strings count: a longer text that mentions a checkpoint is prose. Of a local path the last part is the
checkpoint (``/data/models/Llama-2-7b``), and only that part is rewritten.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import libcst as cst

from .command import lazy_command, pair
from .definitions import strings_in


class ModelIdRewriter(cst.CSTTransformer):
    """Replaces string literals by exact value, or by the last part of a path."""

    def __init__(self, model_ids: Mapping[str, str]) -> None:
        super().__init__()
        self.model_ids = model_ids
        self.last_parts = {old.rpartition("/")[2]: new.rpartition("/")[2] for old, new in model_ids.items()}

    def _concerned(self, node: cst.CSTNode) -> bool:
        return any(last in literal for literal in strings_in(node) for last in self.last_parts)

    def visit_SimpleStatementLine(self, node: cst.SimpleStatementLine) -> bool:
        return self._concerned(node)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        return self._concerned(node)

    def leave_SimpleString(self, original_node: cst.SimpleString, updated_node: cst.SimpleString) -> cst.SimpleString:
        old = original_node.raw_value
        new = self.model_ids.get(old)
        folder, slash, last = old.rpartition("/")
        if new is None and last in self.last_parts and (folder.count("/") or old.startswith(("/", "./", "~"))):
            new = folder + slash + self.last_parts[last]
        if new is None:
            return updated_node
        prefix, quote = original_node.prefix, original_node.quote
        return updated_node.with_changes(value=f"{prefix}{quote}{new}{quote}")


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument(
        "--model-id", metavar="OLD=NEW", type=pair, action="append", required=True, help="a checkpoint and its new"
    )


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return ModelIdRewriter(dict(arguments["model_id"]))


__getattr__ = lazy_command(
    __name__,
    "RewriteModelIds",
    "Rewrite the checkpoints that string literals name; identifiers and prose stay.",
    _transformer,
    _add_arguments,
)
