"""Test modules that exist, taken under management: their base is today's render, their body stays byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from hfcodemod.config import Settings
from hfcodemod.errors import UserError
from hfcodemod.findings import SAME_MODULE
from hfcodemod.identify import name_of, skeleton_at
from hfcodemod.items import Block, module_block
from hfcodemod.layout import same_layout_apart
from hfcodemod.managed import Identity, Tree, identity, own_files
from hfcodemod.names import resolve
from hfcodemod.own import started
from hfcodemod.requests import Request, made, ordered
from hfcodemod.searched import python_files
from hfcodemod.stamp import Stamp, broken_stamp, stamped, stamps_in, without_broken_stamps, without_stamp
from hfcodemod.testclasses import called
from hfcodemod.textfile import TextFile, bytes_of, encoded, read
from hfcodemod.upgrades import renamed
from hfcodemod.workspace import base_files, base_text

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog


@dataclass(frozen=True)
class Items:
    """The dotted names of what the skeleton makes for a module, by what the module has of it."""

    same: tuple[str, ...] = ()
    """As the skeleton has it, but for its layout: the skeleton's changes arrive."""
    otherwise: tuple[str, ...] = ()
    """In a form of the module's own, which stays."""
    missing: tuple[str, ...] = ()
    """Not at all, and it stays away."""


@dataclass(frozen=True)
class Adoption:
    """A file that gets a stamp, or has it already."""

    path: Path
    request: Request
    before: TextFile
    text: str
    base: str | None
    """What is to be kept as its base; None for a file that is managed already."""
    items: Items = Items()


@dataclass(frozen=True)
class Terms:
    """What somebody said of the modules to adopt."""

    name: str | None = None
    like: str | None = None
    model_id: str | None = None
    skeleton: str | None = None
    force: bool = False


def modules_in(paths: Sequence[Path], settings: Settings) -> list[Path]:
    """The paths, folders replaced by the test modules in them.

    Raises UserError for what cannot be managed: it is not below the root, or is what modules are made from.
    """
    skeletons = set(own_files(settings))
    tests = [path for path in python_files(settings) if path not in skeletons]
    found: list[Path] = []
    for path in paths:
        if path in skeletons:
            raise UserError(f"{path}: is a skeleton or an overlay; its modules are managed, it is not")
        inside = [test for test in tests if test.is_relative_to(path) and _has_tests(test)] if path.is_dir() else [path]
        if not inside:
            raise UserError(f"{path}: holds no test modules; give the path of one")
        if path not in tests and path.exists() and not path.is_dir():
            raise UserError(
                f"{path}: is not where managed modules are looked for; it must be a .py file below {settings.root}, "
                "not in a hidden folder and not excluded"
            )
        found += inside
    return list(dict.fromkeys(found))


def _has_tests(path: Path) -> bool:
    """Whether pytest would look for tests there, and find one."""
    if not (path.stem.startswith("test_") or path.stem.endswith("_test")):
        return False
    return re.search(rb"^[ \t]*(?:async )?def test|^class Test", bytes_of(path) or b"", re.MULTILINE) is not None


def adoptions(
    paths: Sequence[Path],
    terms: Terms,
    settings: Settings,
    catalog: Catalog,
    tree: Tree,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[Adoption], list[UserError]]:
    """Each file with a stamp, and what is wrong with those that cannot have one.

    That is: it is not clear what they are, another file is it, they have less than half of what the skeleton makes.
    """
    found: list[Adoption] = []
    errors: list[UserError] = []
    taken = dict(_identities(tree))
    for number, path in enumerate(paths, 1):
        try:
            one = _adoption(path, terms, settings, catalog, tree)
            wanted = identity(one.request.stamp(""))
            other = next((place for place, what in taken.items() if what == wanted and place != path), None)
            if other is not None:
                raise UserError(f"{path}: {other} is {one.request.name} already; pass --as another name")
            taken[path] = wanted
            found.append(one)
        except UserError as error:
            errors.append(error)
        progress(number, len(paths))
    return found, errors


def files_of(adopted: Sequence[Adoption], root: Path) -> dict[Path, bytes]:
    """Every file to write."""
    files: dict[Path, bytes] = {}
    for one in adopted:
        if one.base is not None:
            files |= {path: text.encode() for path, text in base_files(root, one.base).items()}
            files[one.path] = encoded(one.text, one.before)
    return files


def _adoption(path: Path, terms: Terms, settings: Settings, catalog: Catalog, tree: Tree) -> Adoption:
    file = read(path)
    if file is None:
        raise UserError(f"{path}: there is no such file; give the path of a test module")
    stamps = stamps_in(file.text)
    if len(stamps) > 1 and terms.name is None:
        raise UserError(
            f"{path}: has {len(stamps)} stamps; delete those that are not this module's, or say what it is: "
            f"hfcodemod adopt {path} --as NAME"
        )
    for trouble in tree.troubles:
        if trouble.path == path and trouble.code == SAME_MODULE and terms.name is None:
            raise UserError(trouble.said, trouble.code)
    stamp = stamps[0] if stamps else _mended(broken_stamp(file.text), settings, catalog)
    body = without_broken_stamps(without_stamp(file.text)[0])
    try:
        module_block(body)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}: does not parse ({error.msg}); mend it first") from error
    request = _request(path, body, stamp, terms, settings, catalog)
    if stamps and terms == Terms() and base_text(settings.root, stamps[0].base) is not None:
        return Adoption(path, request, file, file.text, None)
    base = started(made(ordered(request, settings, catalog)).source)
    items = compared(base, body)
    common, wanted = len(items.same) + len(items.otherwise), sum(map(len, vars(items).values()))
    if common * 2 < wanted and not terms.force:
        raise UserError(
            f"{path}: has {common} of the {wanted} items that the skeleton makes for {request.name}; pass --force if "
            "it is to follow the skeleton all the same"
        )
    return Adoption(path, request, file, stamped(body, request.stamp(base)), base, items)


def _request(path: Path, body: str, stamp: Stamp | None, terms: Terms, settings: Settings, catalog: Catalog) -> Request:
    """What the module is, by what was said, else by its stamp, else by what it looks like."""
    skeleton = terms.skeleton or (Request.of(stamp).skeleton if stamp else skeleton_at(path, settings))
    if terms.name is not None:
        named = Request(terms.name, terms.like, terms.model_id, skeleton)
        known = terms.like or resolve(terms.name, catalog, declared=settings.architectures).original
        return named if terms.like else replace(named, name=known)
    if stamp is not None:
        return replace(Request.of(stamp), skeleton=skeleton)
    return Request(name_of(path, body, settings, catalog, skeleton), skeleton=skeleton)


def _mended(stamp: Stamp | None, settings: Settings, catalog: Catalog) -> Stamp | None:
    """What is left of a stamp that somebody edited, if it names something."""
    if stamp is not None:
        try:
            ordered(Request.of(stamp), settings, catalog)
        except UserError:
            return None
    return stamp


def compared(base: str, body: str) -> Items:
    """What a module has of its base."""
    base = renamed(base, called(base, body))
    found: dict[str, list[str]] = {"same": [], "otherwise": [], "missing": []}
    for name, how in _compared(module_block(base), module_block(body), ""):
        found[how].append(name)
    return Items(*map(tuple, found.values()))


def _compared(base: Block, body: Block, scope: str) -> Iterator[tuple[str, str]]:
    there = {item.key: item for item in body.items}
    for item in base.items:
        kind, name, _ = item.key
        if kind not in ("class", "name") and not kind.startswith("def"):
            continue
        own = there.get(item.key)
        if own is None:
            yield f"{scope}{name}", "missing"
        elif kind == "class":
            # Its members are told one by one.
            yield f"{scope}{name}", "same"
        else:
            alike = same_layout_apart(dedent(item.text), dedent(own.text))
            yield f"{scope}{name}", "same" if alike else "otherwise"
        if kind == "class" and item.block:
            inner = own.block if own and own.block else Block("", (), "")
            yield from _compared(item.block, inner, f"{scope}{name}.")


def _identities(tree: Tree) -> Iterator[tuple[Path, Identity]]:
    """What each file with a stamp is, those included that share one."""
    for file in tree.files:
        yield file.path, file.identity
    for trouble in tree.troubles:
        if trouble.code == SAME_MODULE:
            file_text = read(trouble.path)
            for stamp in stamps_in(file_text.text)[:1] if file_text else ():
                yield trouble.path, identity(stamp)
