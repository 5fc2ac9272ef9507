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
from hfcodemod.managed import tree_of
from hfcodemod.migrate import Migration, files_of, migration
from hfcodemod.release import compared, released
from hfcodemod.requests import Request
from hfcodemod.resolve import Way, settlement
from hfcodemod.skeletons import skeleton_for
from hfcodemod.stamp import without_stamp
from hfcodemod.workspace import base_text

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
    requests: Sequence[Request]
    catalog: Callable[[Settings], Catalog] = lambda configuration: facts()
    retired: set[str] = field(default_factory=set)
    """Names that were renamed away in the skeleton, and may not come back."""

    @property
    def settings(self) -> Settings:
        """The configuration, as a new command reads it."""
        return settings_for(self.root)

    def add(self) -> None:
        """Write the modules."""
        configuration = self.settings
        made = additions(self.requests, configuration, self.catalog(configuration))
        write_files(self.root, {path: text.encode() for path, text in files_added(made, self.root).items()})

    def fresh(self) -> dict[Path, str]:
        """The modules as `add` would write them now, were they not there."""
        configuration = self.settings
        made = additions(self.requests, configuration, self.catalog(configuration), force=True)
        return {one.path: one.text for one in made}

    def release(self, renames: Mapping[str, str]) -> dict[str, str]:
        """Release the skeleton; returns the renames that it has, since what was renamed may be gone again."""
        configuration = self.settings
        skeleton, _ = skeleton_for(self.requests[0].skeleton, configuration, self.catalog(configuration))
        comparison = compared(skeleton)
        there = {old: new for old, new in renames.items() if old in comparison.vanished and new in comparison.appeared}
        write_files(self.root, released(comparison, comparison.checked(there.items())))
        return there

    def migrate(self) -> Migration:
        """Migrate all, in one process."""
        configuration = self.settings
        run = migration(configuration, lambda: self.catalog(configuration), jobs=1)
        write_files(self.root, *files_of(run))
        return run

    def resolve(self, way: Way, waiting: Sequence[Pending]) -> None:
        """Settle the conflicts of these modules."""
        configuration = self.settings
        for pending in waiting:
            write_files(self.root, settlement(pending, way, configuration).files)

    def texts(self) -> dict[Path, str]:
        """The modules as they are."""
        return {file.path: file.path.read_text() for file in tree_of(self.settings).files}

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
    for text in (side.ours, without(side.theirs, deleted(side))):
        for line in counted(text) - counted(side.base) - there:
            assert united(line, side), line


def what_the_skeleton_changed_arrives(side: Side) -> None:
    """What the skeleton added, changed or removed, and the hand did not touch, is as in a new module."""
    base, ours, theirs, result = map(definitions, (side.base, side.ours, side.theirs, side.result))
    touched = deleted(side) | moved(side)
    for name in base.keys() | theirs.keys():
        untouched = base.get(name) == ours.get(name) and not within(name, touched)
        if untouched and theirs.get(name) != result.get(name):
            assert waits(name, side), name


def what_both_left_alone_is_unchanged(side: Side) -> None:
    """Definitions and lines that both sides left alone are there byte for byte."""
    base, ours, theirs, result = map(definitions, (side.base, side.ours, side.theirs, side.result))
    for name, text in base.items():
        if text == ours.get(name) == theirs.get(name):
            assert result.get(name) == text, name
    texts = side.base, side.ours, without(side.theirs, deleted(side))
    counts = [Counter(text.split("\n")) for text in texts]
    lines = {line for line in counts[0] if all(count[line] == 1 for count in counts)}
    missing = lines - set(side.result.split("\n"))
    for line in missing:
        assert line in side.recorded.split("\n"), line


def deleted_tests_stay_deleted(side: Side) -> None:
    """A test that was deleted by hand is not in the module again."""
    there = definitions(side.result)
    tests = {name for name in deleted(side) if name.rpartition(".")[2].startswith("test")}
    assert tests & there.keys() == set()


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
    """What the hand deleted."""
    names = [set(names_in(ast.parse(text))) for text in (side.base, side.ours)]
    return names[0] - names[1]


def moved(side: Side) -> set[str]:
    """What stands behind another definition than in the base, of those that the hand kept."""
    old, new = [list(definitions(text)) for text in (side.base, side.ours)]
    common = [[name for name in names if name in old and name in new] for names in (old, new)]
    before = [dict(zip(names[1:], names, strict=False)) for names in common]
    return {name for name in common[0] if before[0].get(name) != before[1].get(name)}


def within(name: str, scopes: set[str]) -> bool:
    """Whether it is one of these, or in one of them."""
    return name in scopes or name.rpartition(".")[0] in scopes


def without(text: str, names: set[str]) -> str:
    """The text without some definitions, and the comments right above them."""
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


def migrated(suite: Suite, renames: Mapping[str, str]) -> Migration:
    """Migrate, and hold the result of each module against every property."""
    fresh = suite.fresh()
    files = tree_of(suite.settings).files
    before = {file.path: file.path.read_text() for file in files}
    bases = {file.path: base_text(suite.root, file.stamp.base) for file in files}
    assert set(fresh) == set(before)
    run = suite.migrate()
    assert not run.refused, ([plan.reason for plan in run.plans], run.tree.troubles)
    waiting = {suite.root / one.path: one for one in run.pending}
    for file in files:
        base, ours, after = bases[file.path], without_stamp(before[file.path])[0], file.path.read_text()
        assert base is not None
        if ours == base:
            assert after == fresh[file.path]
        (result, stamp), (theirs, expected) = without_stamp(after), without_stamp(fresh[file.path])
        pending = waiting.get(file.path)
        assert (stamp == expected) or pending
        name = file.stamp.name
        spelled = {old.replace("llama", name): new.replace("llama", name) for old, new in renames.items()}
        # Where the hand has given the new name to something else beside the old one, the old one goes as if removed.
        defined = {name.rpartition(".")[2] for name in definitions(ours)}
        spelled = {old: new for old, new in spelled.items() if not {old, new} <= defined}
        texts = [newest(text, spelled) for text in (base, ours, theirs, result)]
        side = Side(texts[0], texts[1], texts[2], texts[3], pending, spelled)
        for promise in PROPERTIES:
            promise(side)
    needed = {file.stamp.base for file in tree_of(suite.settings).files} | {one.theirs for one in run.pending}
    there = {path.name for path in (suite.root / ".hfcodemod" / "base").iterdir()}
    assert there == needed if run.changed else there >= needed
    return run


def a_second_run_changes_nothing(suite: Suite, run: Migration) -> None:
    """A second run changes no file, and tells the same conflicts."""
    before = suite.files()
    second = suite.migrate()
    assert [plan.path for plan in second.changed] == []
    assert by_name(second.pending) == by_name(run.pending)
    assert suite.files() == before


def after_all_is_settled_nothing_is_left(suite: Suite, way: Way) -> None:
    """After `resolve --ours` or `--theirs` of everything nothing is left to do, and the next run says so."""
    waiting, _ = pending_in(suite.root)
    kept = suite.texts()
    suite.resolve(way, waiting)
    assert way == "theirs" or bodies(suite.texts()) == bodies(kept)
    done = suite.migrate()
    assert [(plan.action, plan.path) for plan in done.plans if plan.action != "skip"] == []
    assert (done.pending, done.refused, pending_in(suite.root)) == ((), False, ([], []))
    third = suite.migrate()
    assert (third.plans, third.in_step) == ((), len(suite.requests))


def by_name(waiting: Sequence[Pending]) -> list[Pending]:
    """Conflicts in order of their modules' names."""
    return sorted(waiting, key=lambda pending: pending.name)


def bodies(texts: Mapping[Path, str]) -> dict[Path, str]:
    """Modules without their stamps."""
    return {path: without_stamp(text)[0] for path, text in texts.items()}


def small(root: Path, pick: random.Random, size: int) -> Suite:
    """A suite with a skeleton of one file, which is random."""
    (root / "suite").mkdir(parents=True)
    (root / "pyproject.toml").write_text(CONFIGURATION)
    suite = Suite(root, root / "suite" / "llama.py", [Request(name, skeleton="suite") for name in NAMES])
    suite.canonical.write_text(edited(SKELETON, pick, size, renaming=False).text)
    suite.release({})
    suite.add()
    return suite


def hold(
    suite: Suite, pick: random.Random, rounds: Sequence[tuple[int, int]], *, renaming: bool = True
) -> Counter[str]:
    """Edit skeleton and modules, migrate, settle or not, and again; raises AssertionError where a property fails.

    The first module is never edited by hand.
    """
    seen: Counter[str] = Counter()
    for skeleton_edits, hand_edits in rounds:
        editor = edited(suite.canonical.read_text(), pick, skeleton_edits, renaming=renaming, retired=suite.retired)
        suite.canonical.write_text(editor.text)
        suite.retired = editor.retired
        renames = suite.release(editor.renames)
        for path in list(suite.fresh())[1:]:
            path.write_text(edited(path.read_text(), pick, hand_edits).text)
        run = migrated(suite, renames)
        seen.update(f"modules: {plan.action}" for plan in run.plans)
        seen["renames released"] += len(renames)
        seen["conflicts"] += sum(len(one.conflicts) for one in run.pending)
        a_second_run_changes_nothing(suite, run)
        way: Way | None = pick.choice(("ours", "theirs", None))
        if way is not None:
            after_all_is_settled_nothing_is_left(suite, way)
            seen[f"modules settled with --{way}"] += len(run.pending)
    seen["migrations"] += len(rounds)
    return seen


SEEDS = st.integers(0, 2**32)
"""The content comes from a seed, since hypothesis varies a seed more than the draws of its own; the sizes shrink."""
SIZES = st.integers(0, 6)
ROUNDS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=3)


def example(seed: int, size: int, rounds: Sequence[tuple[int, int]]) -> Counter[str]:
    """One example in a folder of its own."""
    pick = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        return hold(small(Path(folder), pick, size), pick, rounds)


PAGE = """# The square, tried at length

`{command}`

{examples} random skeletons with three modules each, one of them never edited by hand; in one to three rounds random
edits of the skeleton, released, and random hand edits of the modules, then `migrate-all`, the same again, and `resolve`
of everything with `--ours` or `--theirs`, or not yet. Seed {seed}, {date}, {versions}; {seconds:.0f} seconds.

| what came of it | |
|---|--:|
{table}

Nothing failed. Each of these held of each migration:

- A module that was not edited by hand is what `add` writes with the new skeleton, byte for byte, its stamp included.
{properties}
"""


def long_run(examples: int, seed: int) -> Counter[str]:
    """What came of so many examples; raises AssertionError at the first that breaks a property."""
    seen: Counter[str] = Counter()

    @seeded(seed)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(SEEDS, SIZES, ROUNDS)
    def run(number: int, size: int, rounds: list[tuple[int, int]]) -> None:
        seen.update(example(number, size, rounds))
        seen["examples"] += 1

    run()
    return seen


def main() -> None:
    """Run, and write the page where one is named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="put what came of it into this page")
    options = parser.parse_args()
    start = time.monotonic()
    seen = long_run(options.examples, options.seed)
    examples = seen.pop("examples")
    page = PAGE.format(
        command=" ".join(["python", "tests/square.py", *sys.argv[1:]]),
        examples=f"{examples:,}",
        seed=options.seed,
        date=datetime.date.today(),
        versions=f"Python {platform.python_version()}, LibCST {version('libcst')}, hypothesis {version('hypothesis')}",
        seconds=time.monotonic() - start,
        table="\n".join(f"| {name} | {count:,} |" for name, count in sorted(seen.items())),
        properties="\n".join(
            f"- {(promise.__doc__ or '').strip()}"
            for promise in (*PROPERTIES, a_second_run_changes_nothing, after_all_is_settled_nothing_is_left)
        ),
    )
    print(page)
    if options.write:
        options.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
