"""The thin command around a transformer, by which LibCST's own tool runs a codemod."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import libcst as cst

Arguments = Mapping[str, Any]


def lazy_command(
    module: str,
    name: str,
    description: str,
    transformer: Callable[[Arguments], cst.CSTTransformer],
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> Callable[[str], Any]:
    """The ``__getattr__`` of a module, which makes its command when LibCST's tool asks for it.

    What a command is made of takes longer to import than the codemod takes to run; the engine does without.
    """

    @cache
    def command() -> type:
        from libcst.codemod import CodemodCommand, CodemodContext

        def __init__(self: Any, context: CodemodContext, **arguments: Any) -> None:
            CodemodCommand.__init__(self, context)
            self.arguments = arguments

        members = {
            "__doc__": description,
            "__module__": module,
            "DESCRIPTION": description,
            "__init__": __init__,
            "add_args": staticmethod(add_arguments),
            # A fresh transformer for each file.
            "transform_module_impl": lambda self, tree: tree.visit(transformer(self.arguments)),
        }
        return type(name, (CodemodCommand,), members)

    def attribute(wanted: str) -> Any:
        if wanted == name:
            return command()
        raise AttributeError(f"module {module!r} has no attribute {wanted!r}")

    return attribute


def pair(argument: str) -> tuple[str, str]:
    """``OLD=NEW`` as two strings."""
    old, equals, new = argument.partition("=")
    if not (old and equals and new):
        raise argparse.ArgumentTypeError(f"{argument!r} is not OLD=NEW")
    return old, new


def parsed_file(argument: str) -> cst.Module:
    """The file of that path, parsed."""
    return cst.parse_module(Path(argument).read_bytes())
