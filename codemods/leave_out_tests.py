"""Leaves out the tests that make no sense for an architecture, with a comment that says why.

A skip would count as a test that did not run; a comment says that there is nothing to run.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

import libcst as cst

from .command import lazy_command, pair
from .definitions import Statement, assigned_value, defined_name, is_test_class, names_in, with_value


class TestLeaver(cst.CSTTransformer):
    """Removes tests by name, and those that need a class which the architecture lacks.

    A reason that is empty is not written down. At the top level a test goes without a word.
    Absent classes are first taken out of lists at the top level; a list that they leave empty is absent too, and so is
    a function that names what is absent.
    """

    def __init__(self, reasons: Mapping[str, str], absent: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.reasons = reasons
        self.absent = dict(absent or {})

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        body: list[Statement] = []
        for statement in updated_node.body:
            value = assigned_value(statement)
            if isinstance(value, cst.List) and isinstance(statement, cst.SimpleStatementLine):
                short = self._shortened(value)
                if short is not value:
                    if not short.elements:
                        first = next(name for name in self.absent if name in names_in(value))
                        self.absent[defined_name(statement) or ""] = self.absent[first]
                        continue
                    statement = with_value(statement, short)
            elif isinstance(statement, cst.ClassDef) and _is_test_block(statement):
                self._spread(updated_node)
                statement = self._without_tests(statement)
            elif self._reason(statement) is not None:
                continue
            body.append(statement)
        return updated_node.with_changes(body=body)

    def _shortened(self, display: cst.List) -> cst.List:
        kept = [e for e in display.elements if not (isinstance(e.value, cst.Name) and e.value.value in self.absent)]
        if len(kept) == len(display.elements):
            return display
        if kept:
            # The last one stands before the bracket, whichever it is.
            kept[-1] = kept[-1].with_changes(comma=display.elements[-1].comma)
        return display.with_changes(elements=kept)

    def _spread(self, module: cst.Module) -> None:
        """Call functions absent that name what is, until there is none more; tests go by themselves."""
        functions = [item for item in module.body if isinstance(item, cst.FunctionDef)]
        waiting = {item.name.value: names_in(item) for item in functions if not item.name.value.startswith("test")}
        while found := {name: names for name, names in waiting.items() if not names.isdisjoint(self.absent)}:
            for name, names in found.items():
                self.absent.setdefault(name, next(why for other, why in self.absent.items() if other in names))
                del waiting[name]

    def _reason(self, method: cst.CSTNode) -> str | None:
        name = defined_name(method)
        if name is None or not name.startswith("test"):
            return None
        if name in self.reasons:
            return self.reasons[name]
        return next((why for cls, why in self.absent.items() if cls in names_in(method)), None)

    def _without_tests(self, tests: cst.ClassDef) -> cst.ClassDef:
        kept: list[cst.CSTNode] = []
        comments: list[str] = []
        removed = False
        for method in tests.body.body:
            reason = self._reason(method)
            if reason is not None:
                removed = True
                comments += wrapped_comment(f"{defined_name(method)} is left out: {reason}.") if reason else []
                continue
            if comments and isinstance(method, cst.FunctionDef):
                lines = _comment_lines(comments)
                before = [] if not kept else [cst.EmptyLine(indent=False)]
                rest = [line for line in method.leading_lines if line.comment is not None]
                method = method.with_changes(leading_lines=[*before, *lines, cst.EmptyLine(indent=False), *rest])
                comments = []
            elif removed and not kept and isinstance(method, cst.FunctionDef):
                method = method.with_changes(
                    leading_lines=[line for line in method.leading_lines if line.comment is not None]
                )
            kept.append(method)
        footer = [cst.EmptyLine(indent=False), *_comment_lines(comments)] if comments else []
        return tests.with_changes(
            body=tests.body.with_changes(body=kept, footer=[*footer, *tests.body.footer])  # type: ignore[attr-defined]  # an indented block
        )


def _is_test_block(cls: cst.ClassDef) -> bool:
    """Whether it is a test class with lines of its own; ``class TestX(ModelTest): pass`` has no test to leave out."""
    return is_test_class(cls) and isinstance(cls.body, cst.IndentedBlock)


def wrapped_comment(text: str, width: int = 114) -> list[str]:
    """The text as comment lines of at most ``width`` columns."""
    lines = ["#"]
    for word in text.split():
        if len(lines[-1]) + 1 + len(word) > width:
            lines.append("#")
        lines[-1] += " " + word
    return lines


def _comment_lines(comments: list[str]) -> list[cst.EmptyLine]:
    return [cst.EmptyLine(comment=cst.Comment(text)) for text in comments]


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument("--test", metavar="NAME=WHY", type=pair, action="append", default=[], help="a test")
    arg_parser.add_argument("--absent", metavar="CLASS=WHY", type=pair, action="append", default=[], help="a class")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return TestLeaver(dict(arguments["test"]), dict(arguments["absent"]))


__getattr__ = lazy_command(
    __name__,
    "LeaveOutTests",
    "Leave out tests by name, or because a class that they need is absent; a comment says why.",
    _transformer,
    _add_arguments,
)
