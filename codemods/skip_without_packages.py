"""Skips a module where an optional package is absent that its architecture needs: nothing in it could run there."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import Any

import libcst as cst

from .command import lazy_command
from .definitions import is_import


class PackageAsker(cst.CSTTransformer):
    """Asks for the packages behind the first run of imports; those that are asked for already are left."""

    def __init__(self, packages: Sequence[str]) -> None:
        super().__init__()
        self.packages = packages

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body = list(updated_node.body)
        start = next((i for i, item in enumerate(body) if is_import(item)), len(body))
        end = next((i for i in range(start, len(body)) if not is_import(body[i])), len(body))
        lines = [f'pytest.importorskip("{package}")' for package in self.packages]
        known = {updated_node.code_for_node(item).strip() for item in body}
        asked = list(cst.parse_module("\n".join(line for line in lines if line not in known)).body)
        if not asked:
            return updated_node
        asked[0] = asked[0].with_changes(leading_lines=[cst.EmptyLine(indent=False)])
        return updated_node.with_changes(body=[*body[:end], *asked, *body[end:]])


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--package", action="append", required=True, help="the name by which it is imported")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return PackageAsker(arguments["package"])


__getattr__ = lazy_command(
    __name__,
    "SkipWithoutPackages",
    "Skip a module where an optional package is absent.",
    _transformer,
    _add_arguments,
)
