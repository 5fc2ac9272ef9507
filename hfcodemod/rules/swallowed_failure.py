"""A ``try`` around what a test asserts whose handler goes on, or skips: whatever is wrong, the test does not fail."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path

from hfcodemod.findings import Finding
from hfcodemod.rules.suite import Test, at, blocks, called, dotted, is_assertion, last, suite
from hfcodemod.ruleset import Facts

CODE = "HF202"
NAME = "swallowed-failure"
DEFAULT = True
MESSAGE = "an exception handler swallows every failure of a test"

_EVERYTHING = {"Exception", "BaseException", "AssertionError"}
_TELLS = {"print", "logging", "logger", "log", "LOGGER", "LOG", "warnings", "traceback", "sys", "gc"}
_READS = {"str", "repr", "type", "len", "format", "isinstance", "getattr", "hasattr", "join", "strip", "lower"}
_SKIPS = {"pytest.skip", "pytest.xfail", "self.skipTest"}


def findings(tree: ast.Module, source: str, path: Path, facts: Facts) -> Iterator[Finding]:
    """A finding at the handler, or at the ``with suppress(...)``."""
    if "except" not in source and "suppress" not in source:
        return
    for test in suite(source).tests:
        where = [guard for statement in test.statements for guard in _guards(statement)]
        if where and not test.inner and _Hushed(test).holds(test.function.body):
            skips = any(called(node) in _SKIPS for node in ast.walk(where[0]))
            said = "turns every failure of the test into a skip" if skips else "swallows every failure of the test"
            yield at(path, where[0], CODE, f"this {said}", "let what goes wrong be raised")


def _guards(statement: ast.stmt) -> Iterator[ast.excepthandler | ast.stmt]:
    """What in a statement swallows an assertion that fails in its body."""
    if isinstance(statement, ast.Try):
        yield from (handler for handler in statement.handlers if _swallows(handler))
    elif isinstance(statement, ast.With):
        for item in statement.items:
            if last(called(item.context_expr)) == "suppress" and _names(item.context_expr.args) & _EVERYTHING:  # type: ignore[attr-defined]  # a call
                yield statement


def _swallows(handler: ast.ExceptHandler) -> bool:
    """Whether a handler catches what an assertion raises, and neither raises nor does what may."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    if kinds and not _names(kinds) & _EVERYTHING:
        return False
    for node in ast.walk(ast.Module(handler.body, [])):
        if isinstance(node, ast.Raise | ast.Assert):
            return False
        if isinstance(node, ast.Call) and not _is_talk(node):
            return False
    return True


def _names(kinds: Sequence[ast.expr]) -> set[str]:
    return {last(dotted(kind)) for kind in kinds}


def _is_talk(call: ast.Call) -> bool:
    """Whether a call only tells something."""
    name = dotted(call.func)
    return name in _SKIPS or (name.partition(".")[0] in _TELLS and last(name) != "exit") or last(name) in _READS


class _Hushed:
    """Whether nothing in a test can fail but what a guard is around."""

    def __init__(self, test: Test) -> None:
        guarded = [statement for statement in test.statements if next(_guards(statement), None) is not None]
        inside = [node for statement in guarded for each in next(blocks(statement)) for node in ast.walk(each)]
        self._asserts = any(is_assertion(node) for node in inside)
        self._calls = any(isinstance(node, ast.Call) for node in inside)

    def holds(self, body: Sequence[ast.stmt]) -> bool:
        """Whether it is so in a body of which something is guarded."""
        return self._calls and all(self._cannot_fail(statement) for statement in body)

    def _cannot_fail(self, statement: ast.stmt) -> bool:
        inner = list(blocks(statement))
        if next(_guards(statement), None) is not None:
            return all(self.holds(block) for block in inner[1:])
        if inner:
            return not isinstance(statement, ast.Match) and all(self.holds(block) for block in inner)
        if isinstance(statement, ast.Assert | ast.Raise | ast.Delete):
            return False
        # A call outside of the guard may prepare what is asserted in it; one whose result nobody takes, of a function
        # that is not known, may assert something too.
        prepares = self._asserts and not isinstance(statement, ast.Expr)
        return all(
            _is_talk(call)
            or (self._asserts and (prepares or isinstance(call.func, ast.Attribute)) and not is_assertion(call))
            for call in ast.walk(statement)
            if isinstance(call, ast.Call)
        )
