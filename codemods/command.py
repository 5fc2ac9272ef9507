"""The thin command around a transformer, by which LibCST's own tool runs a codemod."""

from __future__ import annotations

import argparse
from abc import abstractmethod
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.codemod import CodemodCommand, CodemodContext


class TransformerCommand(CodemodCommand):
    """A command that visits the module once with the transformer that its arguments make."""

    def __init__(self, context: CodemodContext, **arguments: Any) -> None:
        super().__init__(context)
        self.arguments = arguments

    @abstractmethod
    def transformer(self) -> cst.CSTTransformer:
        """A fresh transformer for one file."""

    def transform_module_impl(self, tree: cst.Module) -> cst.Module:
        return tree.visit(self.transformer())


def pair(argument: str) -> tuple[str, str]:
    """``OLD=NEW`` as two strings."""
    old, equals, new = argument.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{argument!r} is not OLD=NEW")
    return old, new


def parsed_file(argument: str) -> cst.Module:
    """The file of that path, parsed."""
    return cst.parse_module(Path(argument).read_bytes())
