"""Folds a team's overlay onto a skeleton, by scope and name.

What the skeleton does not have is added; what it has is replaced where the overlay says ``# hfcodemod: override``, and
is refused otherwise, so that a skeleton which comes to have a test of the same name is noticed.
"""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import libcst as cst

from .command import lazy_command, parsed_file
from .definitions import defined_name, is_import, small_statement
from .lift_inputs import with_definitions
from .overlay_items import Item, items_of, members_of, text_of, with_blank_lines, with_members, with_overrides
from .places import Binding, Place, classes_in, nameless, places
from .unite_imports import ImportUniter


class OverlayError(Exception):
    """What the author of an overlay can mend, and the line of the overlay."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


class OverlayFolder(cst.CSTTransformer):
    """Folds an overlay onto the canonical module of a skeleton.

    ``elsewhere`` is what fragments bind, ``homes`` the modules by which an overlay imports from the skeleton itself.
    Raises OverlayError.
    """

    def __init__(
        self, overlay: cst.Module, elsewhere: Mapping[Place, Binding] | None = None, homes: Collection[str] = ()
    ) -> None:
        super().__init__()
        self.overlay = overlay
        self.elsewhere = dict(elsewhere or {})
        self.homes = homes

    def visit_Module(self, node: cst.Module) -> bool:
        return False

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        here = places(updated_node.code)
        known = {**self.elsewhere, **here}
        classes = classes_in(known)
        for line, text in nameless(self.overlay.code, classes):
            raise OverlayError(line, f"{text!r} cannot be folded; an overlay holds imports, definitions and constants")
        mine = places(self.overlay.code)
        imports = [item for item in self.overlay.body if is_import(item) and not self._is_own(item, mine, known)]
        there = {place: text_of(node) for place, node in _definitions(updated_node)}
        items = [item for item in items_of(self.overlay, classes) if there.get(item.place) != text_of(item.node)]
        for item in items:
            _check(item, mine[item.place].line, known, here)
        module = with_overrides(updated_node, items).visit(ImportUniter(imports))
        assert isinstance(module, cst.Module)
        new = [item for item in items if item.place not in known]
        top = [item for item in new if not item.scope]
        module = with_definitions(module, [item.node for item in top if not item.is_test], [])
        body = [_grown(statement, new) for statement in module.body]
        body += [item.node for item in top if item.is_test]
        return module.with_changes(body=list(_spaced(body, {item.name for item in top})))

    def _is_own(self, statement: cst.CSTNode, mine: Mapping[Place, Binding], known: Mapping[Place, Binding]) -> bool:
        """Whether an import is from the skeleton itself, which has the names already."""
        small = small_statement(statement)
        assert isinstance(small, cst.Import | cst.ImportFrom)
        if isinstance(small.names, cst.ImportStar):
            return self._is_home(small)
        for alias in small.names:
            name = str(alias.evaluated_name)
            bound = alias.evaluated_alias or name.split(".")[0]
            binding = mine[("", bound)]
            if self._is_home(small):
                if isinstance(small, cst.Import):
                    raise OverlayError(binding.line, f"imports {name}, which is the skeleton; import its names from it")
                if bound != name:
                    raise OverlayError(binding.line, f"imports {name} of the skeleton as {bound}; name it {name}")
                if ("", name) not in known:
                    raise OverlayError(binding.line, f"the skeleton has no {name}{_nearest(('', name), known)}")
            elif (other := known.get(("", bound))) is not None and other.origin != binding.origin:
                what = f"says {other.origin!r}" if other.origin else f"defines {bound}"
                raise OverlayError(binding.line, f"imports {bound}, and the skeleton {what}; give it another name")
        return self._is_home(small)

    def _is_home(self, small: cst.Import | cst.ImportFrom) -> bool:
        if isinstance(small, cst.Import):
            return any(alias.evaluated_name in self.homes for alias in small.names)
        module = cst.Module([]).code_for_node(small.module) if small.module else ""
        return bool(small.relative) or module in self.homes


def _definitions(module: cst.Module) -> Iterator[tuple[Place, cst.CSTNode]]:
    for statement in module.body:
        name = defined_name(statement)
        if name is not None:
            yield ("", name), statement
        if isinstance(statement, cst.ClassDef):
            members = ((defined_name(member), member) for member in members_of(statement))
            yield from ((((statement.name.value), name), member) for name, member in members if name is not None)


def _check(item: Item, line: int, known: Mapping[Place, Binding], here: Mapping[Place, Binding]) -> None:
    """Whether an item may take its place: a new one if it is free, an override if it is not."""
    there = known.get(item.place)
    if there is not None and there.origin:
        raise OverlayError(line, f"defines {item.name}, and the skeleton says {there.origin!r}; give it another name")
    if there is not None and not item.marked:
        remedy = "write `# hfcodemod: override` above it if that is meant"
        raise OverlayError(line, f"redefines {item.name} of the skeleton; {remedy}")
    if there is None and item.marked:
        near = _nearest(item.place, known)
        raise OverlayError(line, f"overrides {item.name}, which the skeleton does not have{near}")
    if there is None and item.scope and ("", item.scope) not in here:
        raise OverlayError(
            line, f"adds to {item.scope}, which only a fragment has; name a class of the canonical module"
        )


def _nearest(place: Place, known: Iterable[Place]) -> str:
    near = difflib.get_close_matches(place[1], [name for scope, name in known if scope == place[0]], n=1)
    return f"; the nearest is {near[0]}" if near else ""


def _spaced(body: Sequence[Any], new: Collection[str]) -> Iterator[Any]:
    """The statements with two blank lines around each new function and class, and between new ones and others."""
    before = None
    for statement in body:
        name = defined_name(statement)
        blocks = isinstance(statement, cst.FunctionDef | cst.ClassDef) or isinstance(
            before, cst.FunctionDef | cst.ClassDef
        )
        if before is not None and blocks and (name in new or defined_name(before) in new):
            statement = with_blank_lines(statement, 2)
        before = statement
        yield statement


def _grown(statement: Any, new: Iterable[Item]) -> Any:
    members = [item for item in new if isinstance(statement, cst.ClassDef) and item.scope == statement.name.value]
    return with_members(statement, members) if members else statement


def _add_arguments(arg_parser: argparse.ArgumentParser) -> None:
    arg_parser.add_argument("--overlay", metavar="FILE", type=parsed_file, required=True, help="the overlay")


def _transformer(arguments: Mapping[str, Any]) -> cst.CSTTransformer:
    return OverlayFolder(arguments["overlay"])


__getattr__ = lazy_command(
    __name__,
    "FoldOverlay",
    "Fold an overlay onto a skeleton, by scope and name.",
    _transformer,
    _add_arguments,
)
