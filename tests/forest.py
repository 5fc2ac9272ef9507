"""A repository of as many modules as wanted: golden architectures under other names, with a skeleton of its own.

A module is rendered once for each architecture, and copied from there under names of the same length: that this is
what would be rendered shows where a migration finds all of them in step.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import repository
from golden import NAMES

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import settings_for
from hfcodemod.own import started
from hfcodemod.requests import Request, made, ordered
from hfcodemod.stamp import stamped
from hfcodemod.workspace import base_files

SHIPPED = Path(__file__).parents[1] / "skeleton"
Replaced = tuple[tuple[str, str], ...]
"""What stands in a file once, and what comes instead."""


@dataclass(frozen=True)
class Kind:
    """What modules are made from, how the skeleton changes, and what somebody edits in each."""

    name: str
    architectures: tuple[str, ...]
    skeleton: str
    """Its name."""
    file: str
    """What of it changes."""
    lay_out: Callable[[Path], None]
    """Writes configuration and skeleton."""
    changes: Replaced
    edits: Replaced
    test: str
    """What else is added at the end."""


def _shipped(root: Path) -> None:
    (root / "pyproject.toml").write_text('[tool.hfcodemod]\ntarget = "tests/test_{name}.py"\nskeleton = "skeleton"\n')
    (root / "tests").mkdir()
    shutil.copytree(SHIPPED, root / "skeleton", ignore=shutil.ignore_patterns("__pycache__", "released", "__init__.py"))


def _suite(root: Path) -> None:
    (root / "pyproject.toml").write_text(repository.CONFIGURATION)
    (root / "suite").mkdir()
    (root / "suite" / "llama.py").write_text(repository.SKELETON)


_LOADED = "        torch.testing.assert_close(run(loaded, head), run(model, head))\n"
ORDINARY = Kind(
    "ordinary",
    tuple(NAMES.split()),
    "default",
    "skeleton/canonical.py",
    _shipped,
    (
        ("How close two float32 computations of the same values come.", "How close two float32 computations come."),
        ("        assert not loaded.training\n", "        assert loaded.training is False\n"),
        (
            _LOADED,
            f"""{_LOADED}
    @pytest.mark.parametrize("cls", HEADS)
    def test_has_parameters(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        assert list(build(cls, config, **HEADS[cls].config).parameters())
""",
        ),
    ),
    (
        # Below a line that the skeleton changes: no merge of lines alone takes both.
        ('TOLERANCE: dict[str, Any] = {"atol": 1e-4,', 'TOLERANCE: dict[str, Any] = {"atol": 2e-4,'),
        ("assert output.isfinite().all(), name\n", "assert output.isfinite().all()\n"),
    ),
    "\n    def test_of_its_own(self, config: PreTrainedConfig) -> None:\n        assert config.to_dict()\n",
)
SMALL = Kind(
    "small",
    ("llama", "mistral", "olmo", "bert"),
    "suite",
    "suite/llama.py",
    _suite,
    (("< 2\n", "< 2\n\n    def test_new(self):\n        assert rounded(1.5) == 1\n"), ("LIMIT = 0.5", "LIMIT = 0.6")),
    (("assert rounded(LIMIT) == 0\n", "assert rounded(LIMIT) == 0, LIMIT\n"),),
    "\n    def test_of_its_own(self):\n        assert LIMIT\n",
)


def name_of(number: int) -> str:
    """The name of a module; all are of one length."""
    return f"grove{number:05}"


def request(kind: Kind, number: int) -> Request:
    """What is asked for: the architectures in turn."""
    like = kind.architectures[number % len(kind.architectures)]
    return Request(name_of(number), like, f"forest/{name_of(number)}", kind.skeleton)


def grow(root: Path, count: int, kind: Kind = ORDINARY) -> list[Path]:
    """Write a repository of ``count`` modules, all in step."""
    root.mkdir()
    kind.lay_out(root)
    settings = settings_for(root)
    catalog = load_snapshot(settings.facts)
    patterns = [
        made(ordered(request(kind, number), settings, catalog)) for number in range(min(count, len(kind.architectures)))
    ]
    paths = []
    for number in range(count):
        pattern, name = patterns[number % len(patterns)], name_of(number)
        source = started(pattern.source).replace(pattern.order.target.name[1:], name[1:])
        path = pattern.order.path.with_name(f"test_{name}.py")
        path.write_text(stamped(source, request(kind, number).stamp(source)), encoding="utf-8")
        for file, text in base_files(root, source).items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def change_skeleton(root: Path, kind: Kind = ORDINARY) -> None:
    """Change the repository's skeleton as a release would."""
    _replace(root / kind.file, kind.changes)


def edit(path: Path, kind: Kind = ORDINARY) -> None:
    """Edit a module by hand."""
    _replace(path, kind.edits)
    path.write_text(path.read_text(encoding="utf-8") + kind.test, encoding="utf-8")


def _replace(path: Path, replaced: Replaced) -> None:
    text = path.read_text(encoding="utf-8")
    for old, new in replaced:
        assert text.count(old) == 1, (path, old)
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
