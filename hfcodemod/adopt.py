"""Test modules that exist, taken under management: their base is today's render, their body stays byte for byte."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.config import Settings
from hfcodemod.errors import UserError
from hfcodemod.items import Block, module_block
from hfcodemod.managed import Tree, identity
from hfcodemod.names import bare, resolve
from hfcodemod.own import started
from hfcodemod.requests import Request, made, ordered
from hfcodemod.skeletons import SHIPPED
from hfcodemod.stamp import stamped, without_broken_stamps, without_stamp
from hfcodemod.textfile import TextFile, encoded, read
from hfcodemod.workspace import base_files

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog

_CHECKPOINT = re.compile(r"[\w.~-]*(?:/[\w.~-]+)+")


@dataclass(frozen=True)
class Adoption:
    """A file that gets a stamp."""

    path: Path
    request: Request
    before: TextFile
    text: str
    base: str
    common: int
    """How many of the skeleton's items the file has."""
    missing: tuple[str, ...]
    """The skeleton's items that it does not have, which will stay away."""

    @property
    def files(self) -> dict[Path, bytes]:
        """The module, but for its base."""
        return {self.path: encoded(self.text, self.before)}


def adoption(
    path: Path,
    settings: Settings,
    catalog: Catalog,
    tree: Tree,
    *,
    name: str | None = None,
    skeleton: str | None = None,
    force: bool = False,
) -> Adoption:
    """The file with a stamp, as what it is or as ``name``.

    Raises UserError where it is not clear what it is, where another file is it, and where it has less than half of the
    skeleton's items (unless ``force``).
    """
    file = read(path)
    if file is None:
        raise UserError(f"{path}: there is no such file; give the path of a test module")
    body, stamp = without_stamp(file.text)
    body = without_broken_stamps(body)
    try:
        block = module_block(body)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}: does not parse ({error.msg}); mend it first") from error
    chosen = skeleton or (stamp.skeleton if stamp else None) or _skeleton_at(path, settings)
    if name is not None:
        request = Request(resolve(name, catalog, declared=settings.architectures).original, skeleton=chosen)
    elif stamp is not None:
        request = Request.of(stamp)
    else:
        request = Request(_name_of(path, body, settings, catalog, chosen), skeleton=chosen)
    for other in tree.files:
        if other.identity == identity(request.stamp("")) and other.path.resolve() != path.resolve():
            raise UserError(f"{path}: {other.path} is {request.name} already; pass --as another name")
    order = ordered(request, settings, catalog)
    source = started(made(order).source)
    wanted, have = list(_named(module_block(source))), set(_named(block))
    missing = [item for item in wanted if item not in have]
    common = len(wanted) - len(missing)
    if common * 2 < len(wanted) and not force:
        raise UserError(
            f"{path}: has {common} of the {len(wanted)} items that the skeleton makes for {request.name}; pass --force "
            "if it is to follow the skeleton all the same"
        )
    return Adoption(path, request, file, stamped(body, request.stamp(source)), source, common, tuple(missing))


def files_of(adoptions: Sequence[Adoption], root: Path) -> dict[Path, bytes]:
    """Every file to write."""
    files: dict[Path, bytes] = {}
    for one in adoptions:
        files |= {path: text.encode() for path, text in base_files(root, one.base).items()}
        files |= one.files
    return files


def _named(block: Block, scope: str = "") -> Iterator[str]:
    """The dotted names of what a module defines."""
    for item in block.items:
        if item.key[0] in ("class", "name") or item.key[0].startswith("def"):
            yield f"{scope}{item.key[1]}"
        if item.key[0] == "class" and item.block:
            yield from _named(item.block, f"{scope}{item.key[1]}.")


def _skeleton_at(path: Path, settings: Settings) -> str:
    """The skeleton whose modules lie where the path is."""
    for name, own in settings.skeletons.items():
        if _match(own.target, path, settings):
            return name
    return SHIPPED


def _match(target: str, path: Path, settings: Settings) -> str | None:
    """What stands for ``{name}`` in the path, if it follows the pattern."""
    if not path.resolve().is_relative_to(settings.root.resolve()):
        return None
    pattern = re.escape(target).replace(re.escape("{name}"), "(.+?)")
    found = re.fullmatch(pattern, path.resolve().relative_to(settings.root.resolve()).as_posix())
    return found.group(1) if found else None


def _name_of(path: Path, body: str, settings: Settings, catalog: Catalog, skeleton: str) -> str:
    """What a module is, by its file's name, else its classes, else its checkpoints.

    Raises UserError where none tells, or one tells several.
    """
    own = settings.skeletons.get(skeleton)
    target = settings.target if own is None else own.target
    for names in (_by_file(path, target, settings), _classes(body, catalog), _checkpoints(body)):
        known = dict.fromkeys(found for name in names if (found := _known(name, settings, catalog)) is not None)
        if len(known) > 1:
            raise UserError(f"{path}: may be {', '.join(known)}; say which: hfcodemod adopt {path} --as NAME")
        if known:
            return next(iter(known))
    raise UserError(f"{path}: neither name, classes nor checkpoint say what it is; hfcodemod adopt {path} --as NAME")


def _known(name: str, settings: Settings, catalog: Catalog) -> str | None:
    try:
        return resolve(name, catalog, declared=settings.architectures).original
    except UserError:
        return None


def _by_file(path: Path, target: str, settings: Settings) -> list[str]:
    """The name in the file's name: by the pattern of the skeleton's modules, else without what tests are called."""
    found = _match(target, path, settings)
    words = [word for word in path.stem.split("_") if word not in ("test", "tests", "hf", "modeling", "model")]
    return [found] if found else ["_".join(words)]


def _classes(body: str, catalog: Catalog) -> list[str]:
    """The architectures whose classes the module names."""
    words = set(re.findall(r"\b[A-Z]\w+", body))
    own = [item for item in catalog.architectures.values() if words & {head.name for head in item.heads}]
    if own:
        return [item.model_type for item in own]
    tests = {node.name for node in ast.walk(ast.parse(body)) if isinstance(node, ast.ClassDef)}
    plain = {bare(re.sub(r"^Test|Test(s|Case)?$", "", name)) for name in tests}
    return [item.model_type for item in catalog.architectures.values() if item.heads and bare(item.prefix) in plain]


def _checkpoints(body: str) -> list[str]:
    """The checkpoints that strings of the module name; of a local path the last part."""
    texts = {
        node.value
        for node in ast.walk(ast.parse(body))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    found = [text for text in sorted(texts) if _CHECKPOINT.fullmatch(text)]
    return [text if text.count("/") == 1 and text[0] not in "/.~" else text.rpartition("/")[2] for text in found]
