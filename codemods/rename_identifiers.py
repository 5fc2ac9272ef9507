"""Renames what a module itself defines after an architecture: ``TestLlama``, ``test_llama_scores``, ``LLAMA_DIR``.

Names that are imported or only used belong to somebody else and stay; classes of transformers are looked up
(`RenameClasses`), never derived.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any

import libcst as cst

from .command import lazy_command, pair
from .definitions import defined_inside
from .rename_classes import NameReplacer


def renamed(identifier: str, words: Mapping[str, str]) -> str:
    """The identifier with each old word that stands in it as a word of its own replaced.

    A word ends where an underscore, a change of case or the identifier ends: ``TestLlama`` and ``llama_scores`` hold
    ``Llama`` and ``llama``; ``llamafile`` and ``TestLlamas`` do not.
    """
    for old in sorted(words, key=len, reverse=True):
        before = "(?<![A-Za-z0-9])" if old[0].islower() else "(?<![A-Z0-9])"
        # A version that follows at once belongs to the word: ``TestLlama3_2``.
        after = r"(?:\d+(?:_\d+)*)?" + ("(?![a-z0-9])" if not old.isupper() else "(?![A-Za-z0-9])")
        identifier = re.sub(f"{before}{re.escape(old)}{after}", words[old], identifier)
    return identifier


class IdentifierRenamer(cst.CSTTransformer):
    """Collects the definitions first, then replaces their names wherever they are used."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__()
        self.words = words

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        defined = {name for statement in original_node.body for name in defined_inside(statement)}
        renames = {name: renamed(name, self.words) for name in defined}
        renames = {old: new for old, new in renames.items() if old != new}
        if not renames:
            return updated_node
        replaced = updated_node.visit(NameReplacer(renames))
        assert isinstance(replaced, cst.Module)
        return replaced


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument(
        "--word", metavar="OLD=NEW", type=pair, action="append", required=True, help="a spelling and its new one"
    )


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return IdentifierRenamer(dict(arguments["word"]))


__getattr__ = lazy_command(
    __name__,
    "RenameIdentifiers",
    "Rename the functions, classes, constants and parameters that carry an architecture's name.",
    _transformer,
    _add_arguments,
)
