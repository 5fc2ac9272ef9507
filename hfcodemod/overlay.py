"""What a team's overlay and its left-out tests make of the parts of a skeleton."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfcodemod.errors import UserError
from hfcodemod.loader import codemod
from hfcodemod.textfile import source_of
from hfcodemod.upgrades import upgraded_one, upgrades_in

if TYPE_CHECKING:
    import libcst as cst

    from hfcodemod.skeletons import Part, Skeleton

SHIPPED_HOME = "hfcodemod.skeleton"
"""The package from which an overlay imports what the shipped skeleton has; a team's copy of it serves too."""


@dataclass(frozen=True, eq=False)
class Fold:
    """The fold of one skeleton, made once, when the first part is asked for."""

    skeleton: Skeleton
    """As it is without the fold."""
    overlay: Path | None
    leave_out: tuple[str, ...]

    def folded(self, part: Part) -> str:
        """The text of a part with what the team changes about it.

        Raises UserError, with the line of the overlay, for what cannot be folded.
        """
        return self._texts[part.path]

    @cached_property
    def _parts(self) -> list[Part]:
        return [self.skeleton.canonical, *self.skeleton.fragments.values()]

    @cached_property
    def _tests(self) -> str:
        """The canonical test class, whose name stands for the test class of each fragment."""
        return str(codemod("places", "first_tests")(self.skeleton.canonical.text))

    @cached_property
    def _texts(self) -> dict[Path, str]:
        bound = {part.path: self._places(part) for part in self._parts}
        left_out = self._left_out({name for there in bound.values() for _, name in there})
        texts = {
            part.path: self._without(part, left_out & {name for _, name in bound[part.path]}) for part in self._parts
        }
        if self.overlay is None:
            return texts
        bound = {
            path: {place: there[place] for place in there if place[1] not in left_out} for path, there in bound.items()
        }
        canonical = self.skeleton.canonical.path
        elsewhere = {place: found for path in texts if path != canonical for place, found in bound[path].items()}
        known = {**elsewhere, **bound[canonical]}
        overlay = self._tree({name for _, name in known})
        folder = codemod("fold_overlay", "OverlayFolder")(overlay, elsewhere, self._homes)
        texts[canonical] = self._folded(texts[canonical], folder)
        items = codemod("overlay_items", "items_of")(overlay, codemod("places", "classes_in")(known))
        replaced = {item.place for item in items if item.marked}
        for path in (path for path in texts if path != canonical and replaced & bound[path].keys()):
            texts[path] = codemod("overlay_items", "with_overrides")(_module(texts[path]), items, self._tests).code
        return texts

    def _places(self, part: Part) -> Mapping[tuple[str, str], Any]:
        tests = "" if part is self.skeleton.canonical else self._tests
        try:
            found: Mapping[tuple[str, str], Any] = codemod("places", "places")(part.text, tests)
        except SyntaxError as error:
            raise UserError(f"{part.path}:{error.lineno}: the skeleton does not parse; mend it first") from error
        # What one part imports from another is bound there.
        return {place: binding for place, binding in found.items() if not binding.origin.startswith("from .")}

    def _left_out(self, known: set[str]) -> set[str]:
        """The tests to leave out, under the names that they have now."""
        tests = sorted(name for name in known if name.startswith("test"))
        renames = {old: new for upgrade in upgrades_in(self.skeleton.upgrades) for old, new in upgrade.renames.items()}
        left_out: set[str] = set()
        for given in self.leave_out:
            name = given
            while name not in tests and name in renames:
                name = renames[name]
            if name not in tests:
                near = difflib.get_close_matches(given, tests, n=1, cutoff=0.0)
                nearest = f"; the nearest is {near[0]}" if near else ""
                raise UserError(f"leave-out in pyproject.toml: the skeleton has no test {given!r}{nearest}")
            left_out.add(name)
        return left_out

    def _without(self, part: Part, left_out: set[str]) -> str:
        """The part without some of its tests, and without a test class that they leave empty."""
        if not left_out:
            return part.text
        leaver = codemod("leave_out_tests", "TestLeaver")(dict.fromkeys(left_out, ""))
        module = _visited(_module(part.text), leaver)
        body = [item for item in module.body if not _is_empty(item)]
        if part is self.skeleton.canonical and len(body) < len(module.body):
            raise UserError(f"leave-out in pyproject.toml takes every test of a class of {part.path}; keep one")
        return module.with_changes(body=body).code

    def _tree(self, known: set[str]) -> cst.Module:
        """The overlay parsed, in the names that the skeleton has now."""
        import libcst as cst

        assert self.overlay is not None
        text = source_of(self.overlay, "overlay")
        try:
            ast.parse(text)
            return cst.parse_module(upgraded_one(text, self.skeleton.upgrades, known, self._homes))
        except (SyntaxError, cst.ParserSyntaxError) as error:
            line = error.lineno if isinstance(error, SyntaxError) else error.raw_line
            raise UserError(f"{self.overlay}:{line}: the overlay does not parse; mend it first") from error

    def _folded(self, source: str, folder: cst.CSTTransformer) -> str:
        try:
            return _visited(_module(source), folder).code
        except codemod("fold_overlay", "OverlayError") as error:
            raise UserError(f"{self.overlay}:{error.line}: {error}") from error

    @cached_property
    def _homes(self) -> set[str]:
        """The modules by which an overlay imports from the skeleton: a part's own path, however much of it."""
        return {home for part in self._parts for home in _dotted(part.path)}


def _dotted(path: Path) -> Iterator[str]:
    yield f"{SHIPPED_HOME}.{path.stem}"
    parts = path.with_suffix("").parts
    # One name alone may be a library's: the module is imported from a folder, or relatively.
    yield from (".".join(parts[-length:]) for length in range(2, len(parts)))


def _is_empty(statement: Any) -> bool:
    """Whether a class has lost its last statement."""
    block = statement.body if codemod("definitions", "is_test_class")(statement) else None
    return block is not None and not block.body


def _module(source: str) -> cst.Module:
    import libcst as cst

    return cst.parse_module(source)


def _visited(module: cst.Module, transformer: cst.CSTTransformer) -> cst.Module:
    import libcst as cst

    visited = module.visit(transformer)
    assert isinstance(visited, cst.Module)
    return visited
