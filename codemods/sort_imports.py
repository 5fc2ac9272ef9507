"""Unites and sorts the imports of a module as ruff's isort rules do, so that a renaming leaves them in order.

``from transformers import`` is always one name a line: its layout then depends on no name's length.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import libcst as cst

from .command import lazy_command
from .definitions import is_import, small_statement
from .expressions import WIDTH


class ImportSorter(cst.CSTTransformer):
    """Rewrites the first run of imports; later ones belong to what they stand beside."""

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body = list(updated_node.body)
        start = next((i for i, item in enumerate(body) if is_import(item)), len(body))
        end = next((i for i in range(start, len(body)) if not is_import(body[i])), len(body))
        plain: set[str] = set()
        members: dict[str, set[str]] = defaultdict(set)
        for statement in body[start:end]:
            small = small_statement(statement)
            if isinstance(small, cst.Import):
                plain |= {_source(alias) for alias in small.names}
            elif isinstance(small, cst.ImportFrom):
                module = "." * len(small.relative) + (updated_node.code_for_node(small.module) if small.module else "")
                if isinstance(small.names, cst.ImportStar):
                    members[module].add("*")
                else:
                    members[module] |= {_source(alias) for alias in small.names}
        lines = _sorted_lines(plain, members)
        if not lines or start == end:
            return updated_node
        new = list(cst.parse_module("\n".join(lines) + "\n").body)
        new[0] = new[0].with_changes(leading_lines=body[start].leading_lines)
        return updated_node.with_changes(body=[*body[:start], *new, *body[end:]])


def _source(alias: cst.ImportAlias) -> str:
    return cst.Module([]).code_for_node(alias.with_changes(comma=cst.MaybeSentinel.DEFAULT))


def _section(module: str) -> int:
    if module.startswith("."):
        return 3
    top = module.split(".")[0].split(" ")[0]
    return 0 if top == "__future__" else 1 if top in sys.stdlib_module_names else 2


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A key under which ``Gemma2`` stands before ``Gemma10``."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", text) if part]


def _member_key(name: str) -> tuple[int, list[tuple[int, int, str]], list[tuple[int, int, str]]]:
    """Constants, then classes, then the rest."""
    bare = name.split(" ")[0]
    kind = 0 if bare.isupper() and len(bare) > 1 else 1 if bare[:1].isupper() else 2
    return kind, _natural(bare.lower()), _natural(bare)


def _sorted_lines(plain: set[str], members: dict[str, set[str]]) -> list[str]:
    lines: list[str] = []
    for section in range(4):
        part = [
            f"import {name}" for name in sorted(plain, key=lambda n: _natural(n.lower())) if _section(name) == section
        ]
        for module in sorted(members, key=lambda name: _natural(name.lower())):
            if _section(module) == section:
                part += _from_lines(module, sorted(members[module], key=_member_key))
        lines += ["", *part] if lines and part else part
    return lines


def _from_lines(module: str, names: list[str]) -> list[str]:
    flat = f"from {module} import {', '.join(names)}"
    if module != "transformers" and len(flat) <= WIDTH:
        return [flat]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return ImportSorter()


__getattr__ = lazy_command(
    __name__,
    "SortImports",
    "Unite and sort the imports at the head of a module.",
    _transformer,
)
