"""Judges what a merge command made of a real merge: against what a human committed, and by what must never happen."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from merge_extraction import Pair, parsed
from merge_losses import lost_lines, views

# The outcomes of a run.
RESOLVED, UNPARSABLE, CONFLICTS, REFUSED, TIMEOUT = "resolved", "unparsable", "conflicts", "refused", "timeout"
# What else can be true of it.
EQUAL, UNORDERED, DIFFERS = "equal", "equal_unordered", "differs"
LOST, REGROUPED, DUPLICATES = "lost_lines", "regrouped_lines", "new_duplicates"
LOST_BESIDE, UNMARKED, CRASH, GIT_BYTES = "lost_beside_conflicts", "unmarked", "crash", "bytes_equal_git"
# What each is called in a table, in its order.
TITLES = {
    RESOLVED: "resolved: exit 0, and it parses",
    EQUAL: "- the code that a human committed",
    UNORDERED: "- the same, apart from the order of definitions and imports",
    DIFFERS: "- other code",
    GIT_BYTES: "- byte for byte what git writes",
    CONFLICTS: "conflicts",
    REFUSED: "refused, the file untouched",
    UNPARSABLE: "**exit 0, and it doesn't parse**",
    LOST: "**resolved, with a line lost**",
    LOST_BESIDE: "**conflicts, with a line lost beside them**",
    DUPLICATES: "**resolved, with a new duplicate definition**",
    UNMARKED: "**conflicts, without a marker**",
    CRASH: "**crash or traceback**",
    TIMEOUT: "**out of time**",
    REGROUPED: "imports or arguments on other lines",
}

NEVER = (UNPARSABLE, LOST, DUPLICATES, LOST_BESIDE, UNMARKED, CRASH, TIMEOUT)

# Two definitions of one name belong together under these decorators.
TOGETHER = {"overload", "getter", "setter", "deleter", "register"}


@dataclass(frozen=True)
class Verdict:
    """One run of a command over one pair."""

    outcome: str
    code: int | None
    seconds: float
    marks: tuple[str, ...]
    lost: tuple[str, ...]
    result: str


def judged(pair: Pair, result: bytes, code: int | None, stderr: bytes, seconds: float) -> Verdict:
    """The verdict over what lies in OURS after a run, `code` being None if it took too long."""
    # What is no UTF-8 then doesn't parse either.
    text = result.decode("utf-8", "surrogateescape")
    marks = []
    lost: list[str] = []
    # Git and shells speak of a failure or a signal by codes from 128.
    if b"Traceback (most recent call last)" in stderr or code not in (None, *range(128)):
        marks.append(CRASH)
    if code is None:
        outcome = TIMEOUT
    elif code == 0:
        outcome = RESOLVED if parsed(text) else UNPARSABLE
    else:
        outcome = REFUSED if result == pair.ours.encode() else CONFLICTS
    if outcome == RESOLVED:
        marks.append(likeness(text, pair.human))
        if new_duplicates(text, [pair.base, pair.ours, pair.theirs]):
            marks.append(DUPLICATES)
    if outcome == CONFLICTS and len(views(text)) == 1:
        marks.append(UNMARKED)
    if outcome in (RESOLVED, CONFLICTS):
        lost, regrouped = lost_lines(pair.base, [pair.ours, pair.theirs], text)
        if lost:
            marks.append(LOST if outcome == RESOLVED else LOST_BESIDE)
        elif regrouped:
            marks.append(REGROUPED)
    return Verdict(outcome, code, seconds, tuple(marks), tuple(lost), text)


def likeness(text: str, human: str) -> str:
    """Whether two sources that parse are the same code, in the same order or in another."""
    if text == human:
        return EQUAL
    one, other = parsed(text), parsed(human)
    assert one and other
    if ast.dump(one) == ast.dump(other):
        return EQUAL
    return UNORDERED if ast.dump(unordered(one)) == ast.dump(unordered(other)) else DIFFERS


def unordered(tree: ast.Module) -> ast.Module:
    """The tree with imported names, and a module's and a class's imports, functions and classes, in one fixed order."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            node.names.sort(key=ast.dump)
    # Inner bodies first, since a class is sorted by what it holds.
    for node in reversed(list(ast.walk(tree))):
        if isinstance(node, (ast.Module, ast.ClassDef)):
            movable = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
            moved = sorted((item for item in node.body if isinstance(item, movable)), key=ast.dump)
            node.body = [*moved, *(item for item in node.body if not isinstance(item, movable))]
    return tree


def new_duplicates(text: str, sides: Sequence[str]) -> list[str]:
    """The dotted names that one body of `text` defines more often than any body of the sides."""
    known: Counter[str] = Counter()
    for side in sides:
        known |= definitions(side)
    return sorted(name for name, count in definitions(text).items() if count > max(known[name], 1))


@lru_cache(maxsize=8)  # the sides are asked about for git and for the command
def definitions(text: str) -> Counter[str]:
    """How often each function and class, by its dotted name, is defined in one body."""
    found: Counter[str] = Counter()
    tree = parsed(text)
    assert tree

    def visit(node: ast.AST, scope: str) -> None:
        for _, value in ast.iter_fields(node):
            if not isinstance(value, list):
                continue
            here: Counter[str] = Counter()
            for item in value:
                inner = scope
                if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    inner = f"{scope}{item.name}."
                    here[inner[:-1]] += not any(map(keeps_together, item.decorator_list))
                if isinstance(item, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                    visit(item, inner)
            found.update({name: max(count, found[name]) - found[name] for name, count in here.items()})

    visit(tree, "")
    return found


def keeps_together(decorator: ast.expr) -> bool:
    """Whether a decorator makes one of several definitions of a name."""
    function = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in TOGETHER
