"""What must hold of every migration, tried on random edits of skeletons and of modules.

python tests/square.py --examples 2000 --seed 1 --write docs/square.md
"""

from __future__ import annotations

import argparse
import ast
import datetime
import platform
import random
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from skeleton_edits import SKELETON, edited

from hfcodemod.add import additions
from hfcodemod.add import files_of as files_added
from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.config import FACTS, Settings, settings_for
from hfcodemod.conflicts import Pending, pending_in
from hfcodemod.journal import write_files
from hfcodemod.managed import base_text, tree_of
from hfcodemod.migrate import Migration, files_of, migration
from hfcodemod.release import compared, released
from hfcodemod.requests import Request
from hfcodemod.resolve import Way, settlement
from hfcodemod.skeletons import skeleton_for
from hfcodemod.stamp import without_stamp

CONFIGURATION = """\
[tool.hfcodemod.skeletons.suite]
path = "suite/llama.py"
reference = "llama"
target = "suite/test_{name}.py"
"""
NAMES = ("mistral", "olmo", "bert")
"""The first is never edited by hand."""


@cache
def facts() -> Catalog:
    """The facts of the package, loaded once."""
    return load_snapshot(FACTS)


@dataclass
class Suite:
    """A repository with one skeleton and modules made from it; every command reads its configuration anew."""

    root: Path
    canonical: Path
    skeleton: str
    """Its name."""
    names: Sequence[str]
    retired: set[str] = field(default_factory=set)

    @property
    def settings(self) -> Settings:
        """The configuration, as a new command reads it."""
        return settings_for(self.root)

    @property
    def requests(self) -> list[Request]:
        """What the modules were asked for."""
        return [Request(name, skeleton=self.skeleton) for name in self.names]

    def path(self, name: str) -> Path:
        """Where a module is."""
        configuration = self.settings
        own = configuration.skeletons.get(self.skeleton)
        return self.root / (own.target if own else configuration.target).format(name=name)

    def add(self) -> None:
        """Write the modules."""
        configuration = self.settings
        made = additions(self.requests, configuration, facts())
        write_files(self.root, {path: text.encode() for path, text in files_added(made, self.root).items()})

    def fresh(self) -> dict[str, str]:
        """The modules as `add` would write them now."""
        made = additions(self.requests, self.settings, facts(), force=True)
        return {one.request.name: one.text for one in made}

    def release(self, renames: Mapping[str, str]) -> dict[str, str]:
        """Release the skeleton; returns the renames that it has, since what was renamed may be gone again."""
        skeleton, _ = skeleton_for(self.skeleton, self.settings, facts())
        comparison = compared(skeleton)
        there = {
            old: new
            for old, new in renames.items()
            if old in comparison.vanished and new in comparison.appeared
        }
        write_files(self.root, released(comparison, comparison.checked(there.items())))
        return there

    def migrate(self) -> Migration:
        """Migrate all, in one process."""
        run = migration(self.settings, facts, jobs=1)
        write_files(self.root, *files_of(run))
        return run

    def resolve(self, way: Way, waiting: Sequence[Pending]) -> None:
        """Settle the conflicts of these modules."""
        configuration = self.settings
        for pending in waiting:
            write_files(self.root, settlement(pending, way, configuration).files)

    def files(self) -> dict[str, bytes]:
        """Every file."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }


@dataclass(frozen=True)
class Side:
    """A module before a migration and after it, each name in its newest spelling."""

    base: str
    ours: str
    theirs: str
    result: str
    pending: Pending | None
    renames: Mapping[str, str]

    @property
    def conflicted(self) -> set[str]:
        """The items that wait."""
        return {conflict.item for conflict in self.pending.conflicts} if self.pending else set()

    @property
    def recorded(self) -> str:
        """What the record holds of both sides."""
        conflicts = self.pending.conflicts if self.pending else ()
        return newest("\n".join(f"{one.ours}\n{one.theirs}" for one in conflicts), self.renames)


def newest(text: str, renames: Mapping[str, str]) -> str:
    """The text with each name as it is called now."""
    for old, new in renames.items():
        text = re.sub(rf"\b{old}\b", new, text)
    return text


def every_line_is_kept(side: Side) -> None:
    """Every line that the hand or the skeleton added is in the module or in the record of its conflicts."""
    there = counted(side.result) + counted(side.recorded)
    for text in (side.ours, without_tests(side.theirs, deleted(side))):
        for line in counted(text) - counted(side.base) - there:
            assert united(line, side), line


def what_the_skeleton_changed_arrives(side: Side) -> None:
    """What the skeleton added, changed or removed, and the hand did not touch, is as in a new module."""
    base, ours, theirs, result = map(definitions, (side.base, side.ours, side.theirs, side.result))
    gone = deleted(side)
    for name in base.keys() | theirs.keys():
        untouched = base.get(name) == ours.get(name) and not within(name, gone)
        if untouched and theirs.get(name) != result.get(name):
            assert waits(name, side), name


def what_both_left_alone_is_unchanged(side: Side) -> None:
    """Definitions and lines that both sides left alone are there byte for byte."""
    base, ours, theirs, result = map(definitions, (side.base, side.ours, side.theirs, side.result))
    for name, text in base.items():
        if text == ours.get(name) == theirs.get(name):
            assert result.get(name) == text, name
    theirs_left = without_tests(side.theirs, deleted(side))
    counts = [Counter(text.split("\n")) for text in (side.base, side.ours, theirs_left)]
    lines = {line for line in counts[0] if all(count[line] == 1 for count in counts)}
    missing = lines - set(side.result.split("\n"))
    for line in missing:
        assert line in side.recorded.split("\n"), line


def deleted_tests_stay_deleted(side: Side) -> None:
    """A test that was deleted by hand is not in the module again."""
    there = definitions(side.result)
    assert {name for name in deleted(side) if name in there} == set()


def the_module_parses(side: Side) -> None:
    """The module compiles, conflicts or not, and has each definition once that each side had once."""
    compile(side.result, "module", "exec", dont_inherit=True)
    counts = [Counter(names_in(ast.parse(text))) for text in (side.base, side.ours, side.theirs, side.result)]
    for name, count in counts[3].items():
        assert count <= max(count[name] for count in counts[:3]), name


PROPERTIES: Sequence[Callable[[Side], None]] = (
    every_line_is_kept,
    what_the_skeleton_changed_arrives,
    what_both_left_alone_is_unchanged,
    deleted_tests_stay_deleted,
    the_module_parses,
)


def counted(text: str) -> Counter[str]:
    """How often each line stands, indentation and blank lines apart."""
    return Counter(line for line in map(str.strip, text.split("\n")) if line)


def names_in(tree: ast.Module) -> Iterator[str]:
    """The dotted names that are defined at the top level and in classes."""
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name, body=body):
                yield name
                yield from (f"{name}.{inner.name}" for inner in body if isinstance(inner, ast.FunctionDef))
            case ast.Assign(targets=[ast.Name(id=name)]):
                yield name


def definitions(text: str) -> dict[str, str]:
    """The functions, methods and constants of a module by their dotted names, decorators included; the last of each.

    A comment behind the last statement belongs to a function if it is indented as its statements are.
    """
    lines, found = text.split("\n"), {}
    for node in ast.parse(text).body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        scope = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for item in inner:
            match item:
                case ast.FunctionDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                    start = min([item.lineno, *(one.lineno for one in getattr(item, "decorator_list", []))])
                    end = item.end_lineno or item.lineno
                    while end < len(lines) and re.match(rf"\s{{{item.col_offset + 1}}}\s*#", lines[end]):
                        end += 1
                    found[scope + name] = "\n".join(lines[start - 1 : end])
    return found


def deleted(side: Side) -> set[str]:
    """The tests that the hand deleted."""
    names = [set(names_in(ast.parse(text))) for text in (side.base, side.ours)]
    return {name for name in names[0] - names[1] if name.rpartition(".")[2].lower().startswith("test")}


def within(name: str, scopes: set[str]) -> bool:
    """Whether it is one of these, or in one of them."""
    return name in scopes or name.rpartition(".")[0] in scopes


def without_tests(text: str, names: set[str]) -> str:
    """The text without some tests, and the comments right above them."""
    for name, there in definitions(text).items():
        if name in names:
            text = re.sub(rf"(?:^[ ]*#.*\n)*{re.escape(there)}", "", text, count=1, flags=re.MULTILINE)
    return text


def waits(name: str, side: Side) -> bool:
    """Whether the item is in conflict, or in one that is."""
    items = {newest(item, side.renames) for item in side.conflicted}
    return "(module)" in items or name in items or name.rpartition(".")[0] in items


def united(line: str, side: Side) -> bool:
    """Whether what a line adds stands in a line that both sides' additions were united in, by name."""
    parts = set(re.findall(r"\w+=[\w\"'.]+|\w+", line))
    old = [set(re.findall(r"\w+=[\w\"'.]+|\w+", other)) for other in counted(side.base)]
    nearest = max(old, key=lambda other: len(other & parts), default=set())
    added = parts - nearest
    return any(added <= set(re.findall(r"\w+=[\w\"'.]+|\w+", other)) for other in counted(side.result))


def migrated(suite: Suite, renames: Mapping[str, str]) -> tuple[Migration, list[Side]]:
    """Migrate, and hold the result against every property."""
    before = {name: without_stamp(suite.path(name).read_text())[0] for name in suite.names}
    bases = {}
    for file in tree_of(suite.settings).files:
        bases[file.stamp.name] = base_text(suite.root, file.stamp.base)
    fresh = suite.fresh()
    run = suite.migrate()
    assert not run.refused, ([plan.reason for plan in run.plans], run.tree.troubles)
    pending = {one.name: one for one in run.pending}
    sides = []
    for name in suite.names:
        spelled = {old.replace("llama", name): new.replace("llama", name) for old, new in renames.items()}
        base = bases[name]
        assert base is not None
        result, stamp = without_stamp(suite.path(name).read_text())
        theirs, expected = without_stamp(fresh[name])
        if before[name] == base:
            assert suite.path(name).read_text() == fresh[name], name
        if name not in pending:
            assert stamp == expected
        texts = [newest(text, spelled) for text in (base, before[name], theirs, result)]
        side = Side(texts[0], texts[1], texts[2], texts[3], pending.get(name), spelled)
        for promise in PROPERTIES:
            promise(side)
        sides.append(side)
    needed = {file.stamp.base for file in tree_of(suite.settings).files} | {one.theirs for one in run.pending}
    there = {path.name for path in (suite.root / ".hfcodemod" / "base").iterdir()}
    assert needed <= there
    if run.changed:
        assert there == needed
    return run, sides


def again(suite: Suite, run: Migration) -> None:
    """A second run changes no file, and tells the same conflicts."""
    before = suite.files()
    second = suite.migrate()
    assert [plan.path for plan in second.changed] == []
    assert sorted(second.pending, key=lambda one: one.name) == sorted(run.pending, key=lambda one: one.name)
    assert suite.files() == before


def settled(suite: Suite, way: Way, waiting: Sequence[Pending]) -> None:
    """After all is settled nothing is left to do."""
    suite.resolve(way, waiting)
    done = suite.migrate()
    assert (done.pending, done.refused, [plan.action for plan in done.plans if plan.action != "skip"]) == ((), False, [])
    assert pending_in(suite.root) == ([], [])
    third = suite.migrate()
    assert (third.plans, third.in_step) == ((), len(suite.names))


def small(root: Path, pick: random.Random, size: int) -> Suite:
    """A suite with a skeleton of one file, which is random."""
    (root / "suite").mkdir(parents=True)
    (root / "pyproject.toml").write_text(CONFIGURATION)
    suite = Suite(root, root / "suite" / "llama.py", "suite", NAMES)
    suite.canonical.write_text(edited(SKELETON, pick, size, renaming=False).text)
    suite.release({})
    suite.add()
    return suite


def hold(suite: Suite, pick: random.Random, rounds: Sequence[tuple[int, int]]) -> Counter[str]:
    """Edit skeleton and modules, migrate, and so on; every property of each migration; raises AssertionError."""
    seen: Counter[str] = Counter()
    for skeleton_edits, hand_edits in rounds:
        editor = edited(suite.canonical.read_text(), pick, skeleton_edits, retired=suite.retired)
        suite.canonical.write_text(editor.text)
        suite.retired = editor.retired
        renames = suite.release(editor.renames)
        for name in suite.names[1:]:
            path = suite.path(name)
            path.write_text(edited(path.read_text(), pick, hand_edits).text)
        run, _ = migrated(suite, renames)
        seen.update(plan.action for plan in run.plans)
        seen["renames"] += len(renames)
        seen["conflicts"] += sum(len(one.conflicts) for one in run.pending)
        again(suite, run)
        way = pick.choice(("ours", "theirs", None))
        if way is not None:
            settled(suite, way, run.pending)
            seen[f"settled with {way}"] += len(run.pending)
    return seen


ROUNDS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=3)


def example(seed: int, size: int, rounds: Sequence[tuple[int, int]]) -> Counter[str]:
    """One example in a folder of its own."""
    pick = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        return hold(small(Path(folder), pick, size), pick, rounds)
