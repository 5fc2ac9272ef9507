"""The syntax tree of a text, made once for all that look at it while one module is merged."""

from __future__ import annotations

import ast
import warnings
from functools import lru_cache

KEPT = 8
"""Texts of one module that are looked at in turn: with and without its stamp, base, ours, theirs, and the result."""


@lru_cache(maxsize=KEPT)
def tree(source: str) -> ast.Module:
    """The tree, which nobody may change.

    Raises what ``ast.parse`` raises, each time anew.
    """
    with warnings.catch_warnings():
        # An escape that Python will not take one day is the module's affair.
        warnings.simplefilter("ignore")
        return ast.parse(source)


@lru_cache(maxsize=KEPT)
def nodes(source: str) -> tuple[ast.AST, ...]:
    """All nodes of the tree, outer ones before inner ones, without those that only say load, store or an operator."""
    found: list[ast.AST] = [tree(source)]
    for node in found:
        for name in node._fields:
            value = getattr(node, name, None)
            if value.__class__ is list:
                found += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST) and not isinstance(value, _SIGNS):
                found.append(value)
    return tuple(found)


_SIGNS = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop)
