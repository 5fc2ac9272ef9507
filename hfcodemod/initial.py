"""What ``init`` writes: the configuration, and a start for what a team wants of its own."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfcodemod.config import FACTS, TARGET, Settings, SkeletonSettings, checked_target, tools_in
from hfcodemod.errors import UserError
from hfcodemod.loader import codemod
from hfcodemod.names import resolve
from hfcodemod.release import compared, released
from hfcodemod.skeletons import MANIFEST, SHIPPED, Part, of_one_file, shipped_skeleton, skeleton_for
from hfcodemod.textfile import bytes_of

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog

TABLE = "tool.hfcodemod"
OVERLAY = "tests/hf_overlay.py"
OWN_SKELETON = "skeleton"
# A line of `markers` in an ini file, or an argument of `addinivalue_line`.
SLOW = re.compile(r"""^\s*(?:markers\s*=\s*)?slow\s*(?::|$)|["']slow\b""", re.MULTILINE)
EXAMPLE_NEEDS = frozenset({"HEADS", "build", "config", "run"})

OVERLAY_TEXT = '''"""What each test module has besides the skeleton.

This module is folded onto the skeleton by scope and name, and is written for its architecture: classes, checkpoint and
names become those of each module. What is new is added. To replace what the skeleton has, write
`# hfcodemod: override` above it. To drop a test, name it in `leave-out` under tool.hfcodemod in pyproject.toml.
"""
'''
EXAMPLE = """
import pytest
import torch
{imports}


class {tests}:
    # An example: change it, or take it away.
    @pytest.mark.parametrize("cls", HEADS)
    def test_same_again(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        model = build(cls, config, **HEADS[cls].config)
        expected = run(model, HEADS[cls])
        for name, output in run(model, HEADS[cls]).items():
            assert torch.equal(output, expected[name]), name
"""


@dataclass(frozen=True)
class Wish:
    """What somebody asked for beside the configuration."""

    overlay: bool = False
    own_skeleton: bool = False
    skeleton: Path | None = None
    """A test module that becomes a skeleton."""
    reference: str = ""
    """The architecture that it is written for."""
    name: str = ""
    target: str = ""
    """Where modules go; the usual place if empty."""
    format_command: str = ""


@dataclass(frozen=True)
class Start:
    """The files to write, and what to type next."""

    files: Mapping[Path, bytes]
    advice: list[str] = field(default_factory=list)


def is_new(settings: Settings) -> bool:
    """Whether nobody has configured anything yet."""
    return _project(settings.root).table(TABLE) is None


def start(wish: Wish, settings: Settings, catalog: Catalog) -> Start:
    """What ``init`` writes for a wish.

    Raises UserError for a file or a key that is there already, a target without {name}, and a module that cannot be a
    skeleton.
    """
    if wish.target:
        checked_target(settings.root / "pyproject.toml", TABLE, wish.target)
    if wish.skeleton is not None:
        return _with_module(wish, wish.skeleton, settings, catalog)
    wanted: dict[str, str] = {}
    files: dict[Path, str] = {}
    if wish.own_skeleton:
        wanted["skeleton"] = OWN_SKELETON
        files |= _copied_skeleton(settings.root / OWN_SKELETON)
    if wish.overlay:
        wanted["overlay"] = OVERLAY
        files[settings.root / OVERLAY] = _overlay(wish, settings, catalog)
    for path in files:
        if path.exists():
            raise UserError(f"{path}: is there already; move it, or write {' and '.join(wanted)} into pyproject.toml")
    project = _project(settings.root)
    # A table that is there has what it wants of the rest.
    if wish.format_command:
        wanted["format-command"] = wish.format_command
    if wish.target:
        wanted["target"] = wish.target
    general = {} if wanted and project.table(TABLE) is not None else {"facts": FACTS, "target": TARGET}
    contents = {path: text.encode() for path, text in files.items()}
    contents[project.path] = project.with_keys(TABLE, {**general, **wanted})
    return Start(contents, ["run: hfcodemod add NAME", *_slow_mark(settings.root, project)])


def _copied_skeleton(folder: Path) -> dict[Path, str]:
    """The shipped skeleton with its upgrades, as released: what is changed from here on shows at the next release."""
    skeleton = shipped_skeleton()
    parts = [skeleton.canonical, *skeleton.fragments.values()]
    files = {folder / part.path.name: part.text for part in parts}
    files |= {folder / "released" / part.path.name: part.text for part in parts}
    others = [skeleton.folder / MANIFEST, skeleton.folder / "__init__.py"]
    files |= {folder / path.name: path.read_text(encoding="utf-8") for path in others}
    upgrades = sorted(skeleton.upgrades.glob("to_*.py"))
    files |= {folder / "upgrades" / path.name: path.read_text(encoding="utf-8") for path in upgrades}
    return files


def _overlay(wish: Wish, settings: Settings, catalog: Catalog) -> str:
    """An overlay with an example, if the skeleton has what that needs."""
    skeleton, _ = skeleton_for(SHIPPED, settings, catalog)
    canonical = skeleton.canonical
    tests = codemod("places", "first_tests")(canonical.text)
    if not (tests and {name for _, name in codemod("places", "places")(canonical.text)} >= EXAMPLE_NEEDS):
        return OVERLAY_TEXT
    own = OWN_SKELETON if wish.own_skeleton else _dotted(settings.skeleton, settings.root)
    models = "from transformers import PreTrainedConfig, PreTrainedModel"
    ours = f"from {own or 'hfcodemod.skeleton'}.{canonical.path.stem} import HEADS, build, run"
    # In the order in which they are sorted: what is installed, then what is of the repository.
    imports = f"{models}\n\n{ours}" if own else f"{ours}\n{models}"
    return OVERLAY_TEXT + EXAMPLE.format(imports=imports, tests=tests)


def _dotted(folder: Path | None, root: Path) -> str:
    return ".".join(folder.relative_to(root).parts) if folder is not None and folder.is_relative_to(root) else ""


def _with_module(wish: Wish, module: Path, settings: Settings, catalog: Catalog) -> Start:
    """A test module of the team's as a skeleton, released as it is."""
    path = Path(os.path.abspath(module))
    if not path.is_file():
        raise UserError(f"{module}: is not there; say which test module is to be the skeleton")
    if not path.is_relative_to(settings.root):
        raise UserError(f"{module}: is not in {settings.root}, where pyproject.toml is; move it there")
    _ = Part(path, wish.reference).module
    relative = path.relative_to(settings.root)
    spelt = resolve(wish.reference, catalog).name
    # With the numbers behind it: the llama of `test_llama3_2_awq.py` is `llama3_2`.
    spelling = re.compile(rf"(?<![a-z]){spelt}(?:_?\d+)*(?![a-z])", re.IGNORECASE)
    name = wish.name or spelling.sub("", relative.stem.removeprefix("test_")).strip("_") or spelt
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise UserError(f"{name!r} cannot name a skeleton; pass --skeleton with letters, digits, - and _")
    if name == SHIPPED or name in settings.skeletons:
        raise UserError(f"there is a skeleton {name!r} already; pass --skeleton for another")
    target = spelling.sub("{name}", relative.as_posix())
    if "{name}" not in target:
        target = relative.with_name(f"{relative.stem}_{{name}}.py").as_posix()
    keys = {"path": relative.as_posix(), "reference": wish.reference, "target": wish.target or target}
    if wish.format_command:
        keys["format-command"] = wish.format_command
    own = SkeletonSettings(path, wish.reference, keys["target"])
    files = released(compared(of_one_file(name, own, settings.root, catalog)), {})
    contents = {place: content for place, content in files.items() if content is not None}
    project = _project(settings.root)
    contents[project.path] = project.with_keys(f"{TABLE}.skeletons.{name}", keys)
    return Start(contents, [f"run: hfcodemod add NAME --skeleton {name}"])


class _Project:
    """A pyproject.toml to which keys are added, every byte of it kept."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.text = text
        self.tools = tools_in(path, text)

    def table(self, name: str) -> Mapping[str, Any] | None:
        """The table under ``tool``, or None."""
        found: Any = self.tools
        for key in name.split(".")[1:]:
            if not isinstance(found, dict) or key not in found:
                return None
            found = found[key]
        return found if isinstance(found, dict) else None

    def with_keys(self, table: str, keys: Mapping[str, str]) -> bytes:
        """The file with more keys in a table, which stands at the end if it is new.

        Raises UserError for a key that is there.
        """
        there = self.table(table) or {}
        for key in keys:
            if key in there:
                raise UserError(f"{self.path}: [{table}] has {key} = {there[key]!r} already; change it there")
        newline = "\r\n" if "\r\n" in self.text else "\n"
        lines = "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}{newline}" for key, value in keys.items())
        words = r"[ \t]*\.[ \t]*".join(table.split("."))
        header = re.search(rf"^[ \t]*\[[ \t]*{words}[ \t]*\][^\n]*(?:\n|\Z)", self.text, re.MULTILINE)
        before, after = (self.text[: header.end()], self.text[header.end() :]) if header else (self.text, "")
        ended = before if before.endswith("\n") or not before else before + newline
        start = "" if header else f"{newline if ended else ''}[{table}]{newline}"
        text = ended + start + lines + after
        wanted = {**there, **keys}
        try:
            new = _Project(self.path, text)
        except UserError:
            new = None
        if new is None or new.table(table) != wanted:
            said = "; ".join(lines.split(newline)).strip("; ")
            raise UserError(f"{self.path}: [{table}] cannot be added to as it is written; add by hand: {said}")
        return text.encode()


def _project(root: Path) -> _Project:
    path = root / "pyproject.toml"
    return _Project(path, (bytes_of(path) or b"").decode("utf-8"))


def _slow_mark(root: Path, project: _Project) -> Iterable[str]:
    """What to do about the mark that one test of each module has, unless pytest knows it."""
    pytest = project.tools.get("pytest", {})
    marks = [*_marks(pytest.get("ini_options", {})), *_marks(pytest)]
    others = ("pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg", "conftest.py", "tests/conftest.py")
    texts = [(bytes_of(root / name) or b"").decode("utf-8", "replace") for name in others]
    if any(re.match(r"slow\b", mark) for mark in marks) or any(SLOW.search(text) for text in texts):
        return []
    return ['register the mark of pytest: markers = ["slow: downloads a real checkpoint"] in [tool.pytest.ini_options]']


def _marks(table: Mapping[str, Any]) -> list[str]:
    marks = table.get("markers", [])
    return marks.split("\n") if isinstance(marks, str) else marks
