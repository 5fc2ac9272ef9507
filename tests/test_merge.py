"""The rules of the merge, one example each: what comes out, or why it is a conflict."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run

from hfcodemod.errors import UserError
from hfcodemod.gates import strayed
from hfcodemod.items import module_block
from hfcodemod.lines import git_merged
from hfcodemod.merge import Conflict, Merged, merge

ONE = "def one():\n    return 1\n"
TWO = "def two():\n    return 2\n"
THREE = "def three():\n    return 3\n"
GETTER = "@property\ndef a(self):\n    return 1\n"
SETTER = "\n@a.setter\ndef a(self, b):\n    pass\n"
FOUR = "def four():\n    return 4\n"


def module(*items: str) -> str:
    """Functions with two blank lines between them."""
    return "\n\n".join(items)


def cased(items: str) -> str:
    """A class with these members."""
    return "class TestIt:\n" + "".join(f"    {line}" if line.strip() else line for line in items.splitlines(True))


def a_test(name: str, *lines: str) -> str:
    """A test with these lines."""
    return f"def test_{name}():\n" + "".join(f"    {line}\n" for line in lines)


MERGES = {
    "what both sides add at the end, ours first": (
        module(ONE), module(ONE, TWO), module(ONE, THREE), module(ONE, TWO, THREE),
    ),
    "what both sides add to a class": (
        cased(a_test("a", "pass")),
        cased(module(a_test("a", "pass"), a_test("b", "assert 1"))),
        cased(module(a_test("a", "pass"), a_test("c", "assert 2"))),
        cased(module(a_test("a", "pass"), a_test("b", "assert 1"), a_test("c", "assert 2"))),
    ),
    "what one side adds and the other moves": (
        module(ONE, TWO, THREE), module(THREE, ONE, TWO), module(ONE, TWO, THREE, FOUR),
        module(THREE, FOUR, ONE, TWO),
    ),
    "what one side moves and the other changes": (
        module(ONE, TWO, THREE), module(THREE, ONE, TWO), module(ONE, TWO, THREE.replace("3", "33")),
        module(THREE.replace("3", "33"), ONE, TWO),
    ),
    "what each side removes": (module(ONE, TWO, THREE), module(ONE, THREE), module(ONE, TWO), ONE),
    "what both sides remove": (
        module(ONE, TWO, THREE), module(ONE, FOUR), module(ONE, "A = 1\n"), module(ONE, FOUR, "A = 1\n"),
    ),
    "what both sides add alike": (
        "A = 1\n", module("A = 1\n", ONE, TWO), module("A = 1\n", ONE, THREE), module("A = 1\n", ONE, TWO, THREE),
    ),
    "imports in their order": (
        "import os\n\nA = os\n",
        "import os\nfrom b import c\n\nA = os, c\n",
        "import os\nfrom a import d\n\nA = os\nB = d\n",
        "import os\nfrom a import d\nfrom b import c\n\nA = os, c\nB = d\n",
    ),
    "imports of one module on two lines": (
        "from a import b\nfrom a import c\n\nA = b, c\n",
        "from a import b\nfrom a import c\nfrom a import d\n\nA = b, c\nD = d\n",
        "from a import b\nfrom a import c\nfrom a import e\n\nA = b, c\nE = e\n",
        "from a import b\nfrom a import c\nfrom a import d\nfrom a import e\n\nA = b, c\nD = d\nE = e\n",
    ),
    "decorators of both sides, theirs outermost": (
        f"{ONE}", f"@ours\n{ONE}", f"@theirs\n{ONE}", f"@theirs\n@ours\n{ONE}",
    ),
    "a lead here and a body there": (
        module(ONE, TWO), module(ONE, f"# Said.\n{TWO}"), module(ONE, TWO.replace("two()", "two(a)")),
        module(ONE, f"# Said.\n{TWO.replace('two()', 'two(a)')}"),
    ),
    "more blank lines of both": (
        f"A = 1\n{ONE}", f"A = 2\n\n\n{ONE}", f"A = 1\n\n{ONE}\n\n{TWO}", f"A = 2\n\n\n{ONE}\n\n{TWO}",
    ),
    "changes of neighbouring lines": (
        a_test("a", "first = 1", "second = 2"), a_test("a", "first = 100", "second = 2"),
        a_test("a", "first = 1", "other(3, 4)"), a_test("a", "first = 100", "other(3, 4)"),
    ),
    "elements of both sides": (
        'A = [\n    "a",\n]\n', 'A = [\n    "a",\n    "z",\n]\n', 'A = [\n    "a",\n    "q",\n]\n',
        'A = [\n    "a",\n    "q",\n    "z",\n]\n',
    ),
    "elements of both sides without an order": (
        'A = [\n    "k",\n]\n', 'A = [\n    "k",\n    "b",\n]\n', 'A = [\n    "k",\n    "a",\n]\n',
        'A = [\n    "k",\n    "b",\n    "a",\n]\n',
    ),
    "a definition under a condition": (
        "if X:\n    A = 1\n", "if X:\n    A = 1\n    B = 2\n", "if X:\n    A = 1\n    C = 3\n",
        "if X:\n    A = 1\n    B = 2\n    C = 3\n",
    ),
    "no line end at the end": ("A = 1", "A = 1\nB = 2", "A = 1\nC = 3", "A = 1\nB = 2\nC = 3"),
    "no line end where ours took it away": (
        "A = 1\n", "A = 1\nB = 2", "A = 1\nC = 3\n", "A = 1\nB = 2\nC = 3",
    ),
    "a getter and its setter": (
        cased(GETTER), cased(GETTER + SETTER), cased(f"{GETTER}\n{ONE}"), cased(f"{GETTER}{SETTER}\n{ONE}"),
    ),
}  # fmt: skip

CONFLICTS = {
    "the same line": (
        ONE, ONE.replace("1", "10"), ONE.replace("1", "20"),
        "one", "both sides changed the same lines",
    ),
    "added in two ways": (
        "A = 1\n", module("A = 1\n", ONE), module("A = 1\n", ONE.replace("1", "2")),
        "one", "both sides added it, each in its own way",
    ),
    "imports added in two ways": (
        "A = 1\n", "from a import b\nA = 1\n", "from a import c\nA = 1\n",
        "a", "both sides added it, each in its own way",
    ),
    "ours changed what theirs removed": (
        module(ONE, TWO), module(ONE, TWO.replace("2", "22")), ONE,
        "two", "ours changed what theirs removed",
    ),
    "theirs changed what ours removed": (
        module(ONE, TWO), ONE, module(ONE, TWO.replace("2", "22")),
        "two", "theirs changed what ours removed",
    ),
    "a comment above what theirs removed": (
        module(ONE, TWO), module(ONE, f"# Why.\n{TWO}", "A = 1\n"), module(ONE, "B = 1\n"),
        "two", "ours changed what theirs removed",
    ),
    "moved and removed": (
        module(ONE, TWO, THREE), module(THREE, ONE, TWO, "A = 1\n"), module(ONE, TWO, "B = 1\n"),
        "three", "ours moved what theirs removed",
    ),
    "removed and moved": (
        module(ONE, TWO, THREE), module(ONE, TWO, "A = 1\n"), module(THREE, ONE, TWO, "B = 1\n"),
        "(module)", "theirs moved what ours removed",
    ),
    "both moved": (
        module(ONE, TWO, THREE), module(THREE, ONE, TWO), module(ONE, THREE, TWO),
        "(module)", "both sides moved items",
    ),
    "both moved in a class": (
        cased("A = 1\nB = 2\nC = 3\n"), cased("C = 3\nA = 1\nB = 2\n"), cased("A = 1\nC = 3\nB = 2\n"),
        "TestIt", "both sides moved items",
    ),
    "statements without a name": (
        "A = 1\n", "A = 1\nprint(1)\n", "A = 1\nprint(2)\n",
        "(module)", "both sides changed statements that have no name",
    ),
    "in a member of a class": (
        cased(a_test("a", "pass")), cased(a_test("a", "assert 1")), cased(a_test("a", "assert 2")),
        "TestIt.test_a", "both sides changed the same lines",
    ),
    "a definition twice": (
        ONE, f"class A:\n    pass\n\n\n{ONE}", f"def A():\n    pass\n\n\n{ONE}",
        "(module)", "the merge would define A twice",
    ),
    "a class that both empty": (
        cased("A = 1\nB = 2\n"), cased("A = 1\n"), cased("B = 2\n"),
        "(module)",
        "the merge would not compile (expected an indented block after class definition on line 1 (merged, line 1))",
    ),
    "an argument twice": (
        "A = f(\n    a=1,\n)\n", "A = f(\n    a=1,\n    b=2,\n)\n", "A = f(\n    a=1,\n    b=3,\n)\n",
        "(module)", "the merge would not compile (keyword argument repeated: b (merged, line 4))",
    ),
    "what new lines use was renamed": (
        "def f(a):\n    return a.old\n", "def f(a):\n    return a.new\n",
        "def f(a):\n    return a.old\n\n\ndef g(b):\n    return b.old\n",
        "(module)", "old: one side took away what the other uses",
    ),
    "a side removed what stands beside something new": (
        module(ONE, TWO, THREE), module(ONE, TWO, FOUR, THREE), module(ONE, THREE),
        "two", "theirs removed what stands beside something new of ours",
    ),
    "theirs removed a helper that ours uses": (
        module(ONE, TWO, THREE, "A = 0\n"), module(ONE, TWO, THREE, "A = two()\n"),
        module(ONE, THREE, "A = 0\nB = 1\n"),
        "two", "theirs removed what ours uses",
    ),
    "elements that are no elements": (
        "A = [\n    1,\n]\n", "A = [\n    1,\n    [2\n    ],\n]\n", "A = [\n    1,\n    (3\n    ),\n]\n",
        "A", "both sides changed the same lines",
    ),
    "lines that are alike": (
        a_test("a", "first = 1", "second = 2"), a_test("a", "number = first(1)", "second = 2"),
        a_test("a", "first = 1", "number = first(2)"),
        "test_a", "both sides changed the same lines",
    ),
}  # fmt: skip

BY_NAME = {
    "an import of both": (
        "from a import b\n", "from a import b, d\n", "from a import b, c\n", "from a import b, c, d\n",
    ),
    "an import that neither side sorts": (
        "from a import z, b\n", "from a import z, b, d\n", "from a import z, b, c\n", "from a import z, b, d, c\n",
    ),
    "an import that both add": (
        "A = 1\n", "from a import b\n\nA = 1\n", "from a import c\n\nA = 1\n", "from a import b, c\n\nA = 1\n",
    ),
    "an import that is in brackets": (
        "from a import (\n    b, c,\n)\n", "from a import (\n    b, c, d\n)\n", "from a import (\n    b,\n)\n",
        "from a import (\n    b,\n    d,\n)\n",
    ),
    "an import that holds what both want": (
        "from a import b\n", "from a import b, c\n", "from a import b, c, d\n", "from a import b, c, d\n",
    ),
    "an argument of each": ("a = f(x=1)\n", "a = f(x=1, y=2)\n", "a = f(x=1, z=3)\n", "a = f(x=1, y=2, z=3)\n"),
    "a value and an argument": ("a = f(x=1)\n", "a = f(x=1, y=2)\n", "a = f(x=11)\n", "a = f(x=11, y=2)\n"),
    "an argument here and a value there": ("a = f(x=1)\n", "a = f(x=11)\n", "a = f(x=1, y=2)\n", "a = f(x=11, y=2)\n"),
    "an argument that theirs took": ("a = f(x=1, y=2)\n", "a = f(x=11, y=2)\n", "a = f(x=1)\n", "a = f(x=11)\n"),
    "the first argument that theirs took": (
        "a = f(x=1, y=2)\n", "a = f(x=1, y=22)\n", "a = f(y=2)\n", "a = f(y=22)\n",
    ),
    "an argument that ours took": ("a = f(x=1, y=2)\n", "a = f(x=1)\n", "a = f(x=11, y=2)\n", "a = f(x=11)\n"),
    "the same argument of both": (
        "a = f(x=1)\n", "a = f(x=1, y=2, z=3)\n", "a = f(x=1, w=4, y=2)\n", "a = f(x=1, y=2, z=3, w=4)\n",
    ),
    "arguments on lines": (
        "a = f(\n    x=1)\n", "a = f(\n    x=11)\n", "a = f(\n    x=1, y=2)\n", "a = f(\n    x=11,\n    y=2)\n",
    ),
}  # fmt: skip
NOT_BY_NAME = {
    "an import with a comment": ("from a import b\n", "from a import b, c  # ours\n", "from a import b, d  # theirs\n"),
    "a module under two names": ("import a as b\n", "import a as c\n", "import a as d\n"),
    "an import that nobody wants": ("from a import b, c\n", "from a import b\n", "from a import c\n"),
    "two values": ("a = f(x=1)\n", "a = f(x=2)\n", "a = f(x=3)\n"),
    "two values of what both added": ("a = f(x=1)\n", "a = f(x=1, y=2)\n", "a = f(x=1, y=3)\n"),
    "a value that the other took": ("a = f(x=1, y=2)\n", "a = f(x=1)\n", "a = f(x=1, y=3)\n"),
    "a taken argument with a value of ours": ("a = f(x=1, y=2)\n", "a = f(x=1, y=3)\n", "a = f(x=1)\n"),
    "another function": ("a = f(x=1)\n", "a = g(x=1)\n", "a = f(x=2)\n"),
    "arguments from a mapping": ("a = f(**b)\n", "a = f(x=1, **b)\n", "a = f(y=1, **b)\n"),
    "a call with a comment": ("a = f(x=1)  # why\n", "a = f(x=1, y=2)  # why\n", "a = f(x=1, z=2)  # why\n"),
    "no call": ("a = 1\n", "a = 2\n", "a = 3\n"),
}  # fmt: skip


@pytest.mark.parametrize(("base", "ours", "theirs", "expected"), MERGES.values(), ids=MERGES)
def test_what_git_calls_a_conflict_merges(base: str, ours: str, theirs: str, expected: str) -> None:
    assert git_merged(base, ours, theirs) is None
    assert merge(base, ours, theirs) == Merged(expected, marked=expected, base=theirs)


@pytest.mark.parametrize(("base", "ours", "theirs", "item", "reason"), CONFLICTS.values(), ids=CONFLICTS)
def test_a_conflict_keeps_ours_and_says_why(base: str, ours: str, theirs: str, item: str, reason: str) -> None:
    merged = merge(base, ours, theirs)
    assert [(conflict.item, conflict.reason) for conflict in merged.conflicts] == [(item, reason)]
    assert merged.conflicts[0].ours in ours and merged.conflicts[0].ours in merged.source
    again = merge(merged.base, merged.source, theirs)
    assert (again.source, again.conflicts) == (merged.source, merged.conflicts)


@pytest.mark.parametrize(("base", "ours", "theirs", "expected"), BY_NAME.values(), ids=BY_NAME)
def test_by_name_imports_and_arguments_unite(base: str, ours: str, theirs: str, expected: str) -> None:
    assert merge(base, ours, theirs, by_name=True) == Merged(expected, marked=expected, base=theirs)
    assert merge(base, ours, theirs).conflicts


@pytest.mark.parametrize(("base", "ours", "theirs"), NOT_BY_NAME.values(), ids=NOT_BY_NAME)
def test_what_has_no_name_stays_a_conflict(base: str, ours: str, theirs: str) -> None:
    merged = merge(base, ours, theirs, by_name=True)
    assert merged.source == ours
    assert len(merged.conflicts) == 1


def test_record_markers_and_next_base_of_a_conflict_beside_what_merges() -> None:
    base = module("import os\n", ONE, TWO)
    ours = module("import os\n", ONE.replace("1", "10"), TWO, THREE)
    theirs = module("import os\n", ONE.replace("1", "20"), TWO, FOUR)
    merged = merge(base, ours, theirs)
    conflict = Conflict(
        "one",
        "both sides changed the same lines",
        f"\n\n{ONE}",
        f"\n\n{ONE.replace('1', '10')}",
        f"\n\n{ONE.replace('1', '20')}",
        line=4,
        marker=5,
    )
    assert merged.conflicts == (conflict,)
    assert merged.source == module("import os\n", ONE.replace("1", "10"), TWO, THREE, FOUR)
    assert merged.marked == merged.source.replace(
        "    return 10\n",
        "<<<<<<< ours\n    return 10\n=======\n    return 20\n>>>>>>> theirs\n",
    )
    assert merged.base == module("import os\n", ONE, TWO, FOUR)


def test_the_next_base_keeps_what_theirs_removed_and_ours_changed() -> None:
    base = module(ONE, TWO, "A = 1\n")
    merged = merge(base, module(ONE, TWO.replace("2", "22"), "A = 10\n"), module(ONE, "A = 1\n", FOUR))
    assert [conflict.item for conflict in merged.conflicts] == ["two"]
    assert merged.base == module(ONE, TWO, "A = 1\n", FOUR)
    assert merged.source == module(ONE, TWO.replace("2", "22"), "A = 10\n", FOUR)


def test_a_definition_that_theirs_uses_is_put_back() -> None:
    base = module(ONE, TWO, "A = 0\n")
    ours, theirs = module(ONE, "A = 0\n", "B = 1\n"), module(ONE, TWO, "A = 0\n", "C = two()\n")
    assert merge(base, ours, theirs).source == module(ONE, TWO, "A = 0\n", "B = 1\n", "C = two()\n")


def test_an_import_that_one_side_uses_is_put_back() -> None:
    base = "import os\nimport sys\n\nA = sys\n"
    ours, theirs = "import sys\n\nA = sys\nB = 1\n", "import os\nimport sys\n\nA = sys\nC = os\n"
    assert merge(base, ours, theirs).source == "import os\nimport sys\n\nA = sys\nB = 1\nC = os\n"


def test_a_fixture_that_a_test_asks_for_is_put_back() -> None:
    fixture = '@pytest.fixture(name="size")\ndef made():\n    return 1\n'
    base = module("import pytest\n", fixture, ONE)
    ours = module("import pytest\n", ONE, TWO)
    theirs = module("import pytest\n", fixture, ONE, "def test_size(size):\n    assert size\n")
    merged = merge(base, ours, theirs)
    assert [conflict.reason for conflict in merged.conflicts] == ["size: one side took away what the other uses"]


def test_a_method_never_lands_in_another_function() -> None:
    helper = "def beta():\n    return 1\n"
    base = module("class A:\n    def a(self):\n        pass\n", "class B:\n    b = 1\n", helper)
    ours = module("class A:\n    def a(self):\n        pass\n", helper, "class B:\n    b = 1\n")
    theirs = base.replace("class B", "    def c(self):\n        pass\n\n\nclass B")
    merged = merge(base, ours, theirs)
    assert merged.source == ours.replace("\n\ndef beta", "\n\n    def c(self):\n        pass\n\n\ndef beta", 1)


def test_items_are_slices_of_the_source_with_a_kind_and_a_name() -> None:
    statements = {
        '"""Said."""\n': ("text", ""),
        "import a.b\n": ("import", "a.b"),
        "from ..c import d\n": ("from", "..c"),
        "A = 1; B = 2\n": ("line", "A = 1; B = 2"),
        "E: int = 3\n": ("name", "E"),
        "\n# Above.\n@overload\ndef f(): ...\n": ("def overload", "f"),
        "async def f():\n    pass\n    # Deeper, so below it.\n": ("def", "f"),
        "if A: B = 3\n": ("if", "A"),
        "if B:\n    pass\nelse:\n    pass\n": ("if", "B"),
        "with a.b as g, d:\n\n    # First.\n    pass\n": ("with", "a.b as g, d"),
        "try:\n    pass\nfinally:\n    pass\n": ("try", ""),
        "assert A\n": ("Assert", "assert A"),
        "class H: pass\n": ("class", "H"),
    }
    block = module_block("".join(statements) + "\n# Below.\n")
    assert [item.source for item in block.items] == list(statements)
    assert [item.key for item in block.items] == [(*key, 0) for key in statements.values()]
    assert (block.head, block.tail) == ("", "\n# Below.\n")
    bound = [set(), {"a"}, {"d"}, {"A", "B"}, {"E"}, {"f"}, {"f"}, {"B"}, set(), {"g"}, set(), set(), {"H"}]
    assert [set(item.binds) for item in block.items] == bound
    assert module_block("").items == ()


def test_sides_that_parse_and_do_not_compile_merge() -> None:
    base = module("return 0\n", ONE)
    expected = module("return 0\n", ONE, TWO, THREE)
    assert merge(base, module("return 0\n", ONE, TWO), module("return 0\n", ONE, THREE)).source == expected
    scoped = "def f(a, a):\n    return a\n"
    assert merge(scoped, f"{scoped}A = 1\n", f"{scoped}B = 1\n").source == f"{scoped}A = 1\nB = 1\n"


def test_sides_that_do_not_parse_are_refused() -> None:
    with pytest.raises(SyntaxError):
        merge("a = 1\n", "a = (\n", "a = 2\n")


def test_nesting_that_is_too_deep_is_refused() -> None:
    deep = "x = " + "-" * 3000 + "1\n"
    with pytest.raises(SyntaxError):
        merge(deep, f"{deep}a = 1\n", f"{deep}b = 1\n")


def test_without_git_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="git is needed to merge lines, and is not on the PATH; install it"):
        merge("a = 1\n", "a = 2\n", "a = 3\n")


def test_a_git_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\necho out of order >&2\nexit 128\n")
    git.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="git merge-file failed: out of order"):
        merge("a = 1\n", "a = 2\n", "a = 3\n")


def test_twenty_thousand_lines_merge() -> None:
    lines = [f"x{i} = {i}\n" for i in range(20_000)]
    ours, theirs = [*lines[:5], "y = 1\n", *lines[5:]], [*lines[:5], "z = 1\n", *lines[5:100], *lines[101:]]
    assert merge("".join(lines), "".join(ours), "".join(theirs)).source == "".join(
        [*lines[:5], "y = 1\n", "z = 1\n", *lines[5:100], *lines[101:]]
    )


def test_a_table_of_twenty_thousand_lines_is_left_to_git() -> None:
    lines = [f"    {i},\n" for i in range(20_000)]

    def table(first: str) -> str:
        return "A = [\n" + first + "".join(lines) + "]\n"

    merged = merge(table(""), table("    -1,\n"), table("    -2,\n"))
    assert [conflict.reason for conflict in merged.conflicts] == ["both sides changed the same lines"]


def written(folder: Path, **sides: bytes) -> list[str]:
    """The three files of a merge."""
    for name, content in sides.items():
        (folder / name).write_bytes(content)
    return list(sides)


def test_the_command_merges_into_ours_and_prints_nothing(hfcodemod: Run, tmp_path: Path) -> None:
    names = written(tmp_path, base=b"A = 1", ours=b"\xef\xbb\xbfA = 1\r\nB = 2\r\n", theirs=b"A = 1\nC = 3\n")
    (tmp_path / "ours").chmod(0o755)
    done = hfcodemod("merge", *names)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "ours").read_bytes() == b"\xef\xbb\xbfA = 1\r\nB = 2\r\nC = 3\r\n"
    assert (tmp_path / "ours").stat().st_mode & 0o777 == 0o755
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "ours", "theirs"]


def test_the_command_follows_a_link(hfcodemod: Run, tmp_path: Path) -> None:
    base, _, theirs = written(tmp_path, base=b"A = 1\n", real=b"A = 1\nB = 2\n", theirs=b"A = 1\nC = 3\n")
    (tmp_path / "ours").symlink_to("real")
    assert hfcodemod("merge", base, "ours", theirs).returncode == 0
    assert (tmp_path / "ours").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"A = 1\nB = 2\nC = 3\n"


def test_the_command_marks_and_records_conflicts_elsewhere(hfcodemod: Run, tmp_path: Path) -> None:
    names = written(tmp_path, base=b"A = 1\n", ours=b"A = 2\n", theirs=b"A = 3\n")
    done = hfcodemod("merge", *names, "-o", "result", "--record", "record.json", "--path", "a.py")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "a.py:1: A: both sides changed the same lines\n"
    assert (tmp_path / "ours").read_bytes() == b"A = 2\n"
    assert (tmp_path / "result").read_bytes() == b"<<<<<<< ours\nA = 2\n=======\nA = 3\n>>>>>>> theirs\n"
    conflict = {
        "item": "A",
        "reason": "both sides changed the same lines",
        "base": "A = 1\n",
        "ours": "A = 2\n",
        "theirs": "A = 3\n",
        "line": 1,
        "marker": 1,
    }
    assert json.loads((tmp_path / "record.json").read_text()) == {"path": "a.py", "conflicts": [conflict]}


def test_by_name_is_asked_for(hfcodemod: Run, tmp_path: Path) -> None:
    names = written(tmp_path, base=b"a = f()\n", ours=b"a = f(x=1)\n", theirs=b"a = f(y=2)\n")
    assert hfcodemod("merge", *names, "-o", "result").returncode == 1
    assert hfcodemod("merge", *names, "--by-name").returncode == 0
    assert (tmp_path / "ours").read_bytes() == b"a = f(x=1, y=2)\n"


REFUSED = {
    "does not parse": (b"A = (\n", "theirs:1: does not parse ('(' was never closed); mend it, then merge"),
    "NUL bytes": (b"A = 1\n\0", "theirs:2: holds a NUL byte (UTF-16, or no text at all); save it as UTF-8"),
    "not UTF-8": (b"A = 1\n# \xe9\n", "theirs:2: not utf-8 (invalid continuation byte); convert the file to UTF-8"),
    "conflict markers": (
        b"<<<<<<< a\nA = 1\n=======\nA = 2\n>>>>>>> b\n",
        "theirs:1: holds the conflict markers of git; settle the conflict first",
    ),
    "deep brackets": (
        b"A = " + b"(" * 300 + b")" * 300,
        "theirs:1: does not parse (too many nested parentheses); mend it, then merge",
    ),
    "deep operators": (
        b"A = " + b"-" * 20_000 + b"1\n",
        "theirs: is nested too deeply to be parsed; merge it with git merge-file",
    ),
    "deeper than a walk": (
        b"A = 3\nprint(" + b"-" * 600 + b"1)\n",
        "ours: nested too deeply to be merged; merge it with git merge-file",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("theirs", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_stays(hfcodemod: Run, tmp_path: Path, theirs: bytes, message: str) -> None:
    names = written(tmp_path, base=b"A = 1\n", ours=b"A = 2\n", theirs=theirs)
    done = hfcodemod("merge", *names, "--record", "record.json")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {message}\n")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        "base": b"A = 1\n",
        "ours": b"A = 2\n",
        "theirs": theirs,
    }


def test_a_missing_file_and_a_folder_are_refused(hfcodemod: Run, tmp_path: Path) -> None:
    names = written(tmp_path, base=b"A = 1\n", ours=b"A = 2\n", theirs=b"A = 1\n")
    missing = hfcodemod("merge", "base", "ours", "nowhere", "--path", "a.py")
    assert missing.stderr == "error: theirs of a.py: is not there; give the three files of a merge\n"
    (tmp_path / "folder").mkdir()
    folder = hfcodemod("merge", *names, "--record", "record.json", "-o", "folder")
    assert (folder.returncode, folder.stdout) == (2, "")
    assert folder.stderr == "error: folder: is a folder where a file belongs; give another name\n"
    nowhere = hfcodemod("merge", *names, "--record", "nowhere/record.json")
    assert nowhere.returncode == 2 and nowhere.stderr.startswith("error: nowhere/record.json: cannot be written")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "folder", "ours", "theirs"]
    assert (tmp_path / "ours").read_bytes() == b"A = 2\n"


def test_the_command_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from hfcodemod.cli import app; import hfcodemod.merge; print({'libcst', 'rich'} & {*sys.modules})"
    )
    import_only = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert import_only.stdout == "set()\n"


def test_what_stands_in_a_conflict_only_hinders_nothing_else() -> None:
    base = "import os\n\nX = 1\n\n\ndef f():\n    return 2\n"
    ours = base.replace("X = 1", "X = 7")
    theirs = "import os\n\n\ndef f():\n    return 3\n"
    merged = merge(base, ours, theirs)
    assert [(each.item, each.reason) for each in merged.conflicts] == [("X", "ours changed what theirs removed")]
    assert merged.source == ours.replace("2", "3")


def test_a_conflict_in_a_class_header_leaves_the_members_to_be_merged() -> None:
    base = "class TestA(Base):\n    def test_one(self):\n        assert 1\n"
    ours = base.replace("(Base)", "(Mine)") + "\n    def test_mine(self):\n        assert 2\n"
    theirs = base.replace("(Base)", "(Other)").replace("assert 1", "assert 3")
    merged = merge(base, ours, theirs)
    assert [(each.item, each.base, each.ours, each.theirs) for each in merged.conflicts] == [
        ("TestA.(header)", "class TestA(Base):\n", "class TestA(Mine):\n", "class TestA(Other):\n")
    ]
    assert merged.source == ours.replace("assert 1", "assert 3")
    assert merged.base == theirs.replace("(Other)", "(Base)")


def test_a_change_stays_with_the_test_that_it_was_made_on() -> None:
    load = "    def test_load(self):\n        assert 1\n"
    slow = "    @slow\n    def test_b(self):\n        assert 2\n"
    score = "    def test_score(self):\n        assert 4\n        assert 5\n"
    sizes = "    def test_sizes(self):\n        assert 7\n        assert 8\n"
    name = "    def test_name(self):\n        assert 9\n"
    new = slow.replace("test_b", "test_new").replace("2", "3")
    base = "class TestA:\n" + "\n".join([load, slow, score, sizes, name])
    ours = "class TestA:\n" + "\n".join([score.replace("score", "other"), new, load, sizes, slow, name])
    theirs = base.replace("    @slow\n", "    @sized(1, 2)\n    @slow\n")
    # Of the lines alone git makes another thing: the decorator of test_new, which has the same line below it.
    lines = git_merged(base, ours, theirs)
    assert lines is not None and strayed(base, ours, theirs, lines) == {"TestA.test_b"}
    merged = merge(base, ours, theirs)
    assert merged.conflicts == ()
    assert merged.source == ours.replace("    @slow\n    def test_b", "    @sized(1, 2)\n    @slow\n    def test_b")
