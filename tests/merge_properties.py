"""What must hold of every merge, tried on random modules with random hand edits on both sides.

python tests/merge_properties.py --examples 2000 --seed 1 --write docs/merge-properties.md
"""

from __future__ import annotations

import argparse
import ast
import datetime
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import seed as seeded
from merge_sources import Sides, sides

from hfcodemod.items import Block, module_block
from hfcodemod.merge import Merged, merge, passes


def every_line_is_kept(base: str, ours: str, theirs: str, merged: Merged) -> None:
    """No line that a side added is missing from the result and the record, in the number that it was added."""
    old, result = counted(base), counted(merged.source)
    assert not counted(ours) - old - result
    assert not counted(theirs) - old - with_theirs(merged)


def every_name_is_kept(base: str, ours: str, theirs: str, merged: Merged) -> None:
    """The same by name: no binding of an import, no argument that a side gave to a call, is missing."""
    recorded = [text for conflict in merged.conflicts for text in (conflict.ours, conflict.theirs)]
    told = {name for text in recorded for name in words(text)}
    old, result = pairs(base), pairs(merged.source)
    for side in (ours, theirs):
        missing = pairs(side) - old - result
        assert {pair for pair in missing if not words(" ".join(pair)) <= told} == set()


def what_both_left_alone_is_unchanged(base: str, ours: str, theirs: str, merged: Merged) -> None:
    """Items and lines that stand once in each side are there byte for byte, blank lines apart."""
    recorded = [conflict.theirs for conflict in merged.conflicts]
    three = (base, ours, theirs)
    there = set(items(module_block(merged.source)))
    for text in single([Counter(items(module_block(side))) for side in three]) - there:
        assert any(text in whole for whole in recorded), text
    for line in single([Counter(side.split("\n")) for side in three]) - set(merged.source.split("\n")):
        assert not line.strip() or any(line in whole.split("\n") for whole in recorded), line


def single(counts: Sequence[Counter[str]]) -> set[str]:
    """What stands once in each."""
    return {text for text in counts[0] if all(count[text] == 1 for count in counts)}


def it_parses_and_says_where_it_conflicts(base: str, ours: str, theirs: str, merged: Merged) -> None:
    """The result compiles, also with conflicts; each stands where the record says, with markers and without."""
    compile(merged.source, "merged", "exec", dont_inherit=True)
    lines, marked = merged.source.split("\n"), merged.marked.split("\n")
    for conflict in merged.conflicts:
        kept = conflict.ours.lstrip("\n").split("\n")
        assert lines[conflict.line - 1 :][: len(kept) - 1] == kept[:-1]
        assert marked[conflict.marker - 1] == "<<<<<<< ours"
        assert conflict.ours != conflict.theirs
    if merged.conflicts:
        assert all(f"\n{mark}" in f"\n{merged.marked}" for mark in ("<<<<<<< ours\n", "=======\n", ">>>>>>> theirs\n"))
    else:
        assert (merged.marked, merged.base) == (merged.source, theirs)


def one_side_alone_is_the_result(base: str, ours: str, theirs: str, by_name: bool) -> None:
    """Where one side is the base, or both are the same, the result is the other side."""
    for three, expected in (
        ((base, ours, base), ours),
        ((base, base, theirs), theirs),
        ((base, ours, ours), ours),
    ):
        merged = merge(*three, by_name=by_name)
        assert (merged.source, merged.conflicts, merged.base) == (expected, (), three[2])


def a_clean_merge_of_lines_is_the_result(base: str, ours: str, theirs: str, merged: Merged) -> None:
    """Where git merge-file is clean and the gates let its result pass, that is the result, byte for byte."""
    lines = git_merge_file(base, ours, theirs)
    if lines is not None and passes(base, ours, theirs, lines):
        assert (merged.source, merged.conflicts) == (lines, ())


def a_second_run_changes_nothing(theirs: str, merged: Merged, by_name: bool) -> None:
    """From the next base, the same source and the same conflicts come out."""
    again = merge(merged.base, merged.source, theirs, by_name=by_name)
    assert again.source == merged.source
    assert sides_of(again) == sides_of(merged)
    assert again.base == merged.base


def the_other_way_round_has_the_same_lines(base: str, ours: str, theirs: str, merged: Merged, by_name: bool) -> None:
    """With the sides exchanged, what merges in both ways has the same lines, in whatever order."""
    swapped = merge(base, theirs, ours, by_name=by_name)
    if not merged.conflicts and not swapped.conflicts and not by_name:
        assert set(counted(swapped.source)) == set(counted(merged.source))


def hold(three: Sides) -> Merged:
    """Every property of the merge of the three; raises AssertionError. Returns the merge by lines."""
    first: Merged | None = None
    for by_name in (False, True):
        merged = merge(*three, by_name=by_name)
        first = first or merged
        if not by_name:
            every_line_is_kept(*three, merged)
        every_name_is_kept(*three, merged)
        what_both_left_alone_is_unchanged(*three, merged)
        it_parses_and_says_where_it_conflicts(*three, merged)
        one_side_alone_is_the_result(*three, by_name)
        a_clean_merge_of_lines_is_the_result(*three, merged)
        a_second_run_changes_nothing(three[2], merged, by_name)
        the_other_way_round_has_the_same_lines(*three, merged, by_name)
    assert first is not None
    return first


def counted(text: str) -> Counter[str]:
    """How often each line stands, indentation and blank lines apart."""
    return Counter(line for line in map(str.strip, text.split("\n")) if line)


def with_theirs(merged: Merged) -> Counter[str]:
    """The lines of the result with theirs at each conflict."""
    lines = counted(merged.source)
    for conflict in merged.conflicts:
        lines = lines - counted(conflict.ours) + counted(conflict.theirs)
    return lines


def sides_of(merged: Merged) -> list[tuple[str, str, str, str]]:
    """The conflicts without their places and reasons."""
    return [(conflict.item, conflict.base, conflict.ours, conflict.theirs) for conflict in merged.conflicts]


def items(block: Block) -> Iterator[str]:
    """The texts of the items of a module, and of those in its classes.

    The newline at the end is not an item's but the file's: the last item has none where the file has none.
    """
    for item in block.items:
        yield item.text.removesuffix("\n")
        if item.key[0] == "class" and item.block:
            yield from items(item.block)


def pairs(source: str) -> set[tuple[str, str]]:
    """What imports bind, with the module, and the keyword arguments of calls, with their value."""
    found: set[tuple[str, str]] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(name), names=names):
                found |= {(name, alias.name) for alias in names}
            case ast.Import(names=names):
                found |= {("import", alias.name) for alias in names}
            case ast.Call(keywords=keywords):
                found |= {(str(keyword.arg), ast.unparse(keyword.value)) for keyword in keywords}
    return found


def words(text: str) -> set[str]:
    """The words and dotted names of a text."""
    return set("".join(letter if letter.isalnum() or letter in "_." else " " for letter in text).split())


def git_merge_file(base: str, ours: str, theirs: str) -> str | None:
    """What git makes of the three, None of a conflict."""
    with tempfile.TemporaryDirectory() as name:
        for side, text in (("base", base), ("ours", ours), ("theirs", theirs)):
            Path(name, side).write_bytes(text.encode())
        run = subprocess.run(
            ["git", "merge-file", "-p", "ours", "base", "theirs"], cwd=name, capture_output=True, check=False
        )
    return run.stdout.decode() if run.returncode == 0 else None


PAGE = """# The properties of a merge, tried at length

`{command}`

{examples} random modules, each with random hand edits on two sides, merged by lines and by name; seed {seed}, {date},
{versions}; {seconds:.0f} seconds.

| what came of them | |
|---|--:|
{table}

Nothing failed. Each of these held of each merge:

{properties}
"""

PROPERTIES: Sequence[Callable[..., None]] = (
    every_line_is_kept,
    every_name_is_kept,
    what_both_left_alone_is_unchanged,
    it_parses_and_says_where_it_conflicts,
    one_side_alone_is_the_result,
    a_clean_merge_of_lines_is_the_result,
    a_second_run_changes_nothing,
    the_other_way_round_has_the_same_lines,
)


def long_run(examples: int, seed: int) -> Counter[str]:
    """What came of so many examples; raises AssertionError at the first that breaks a property."""
    seen: Counter[str] = Counter()

    @seeded(seed)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(sides())
    def run(three: Sides) -> None:
        merged = hold(three)
        lines = git_merge_file(*three)
        seen["git merge-file clean" if lines is not None else "git merge-file in conflict"] += 1
        if lines is None:
            seen["in conflict for both" if merged.conflicts else "in conflict for git alone"] += 1
        elif lines != merged.source or merged.conflicts:
            seen["clean for git, refused by a gate"] += 1

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
    git = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.strip()
    page = PAGE.format(
        command=" ".join(["python", "tests/merge_properties.py", *sys.argv[1:]]),
        examples=seen["git merge-file clean"] + seen["git merge-file in conflict"],
        seed=options.seed,
        date=datetime.date.today(),
        versions=f"{git}, Python {platform.python_version()}, hypothesis {version('hypothesis')}",
        seconds=time.monotonic() - start,
        table="\n".join(f"| {name} | {count} |" for name, count in sorted(seen.items())),
        properties="\n".join(f"- {(promise.__doc__ or '').strip()}" for promise in PROPERTIES),
    )
    print(page)
    if options.write:
        options.write.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
