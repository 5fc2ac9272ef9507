"""Merges out of a history that the test makes, and drivers that each do one thing wrong: everything is counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from merge_extraction import Pair, Repository, extracted, read_pairs, write_pairs
from merge_histories import BEGIN, END, main
from merge_losses import lost_lines, views
from merge_verdict import TITLES, Verdict, judged, likeness, new_duplicates

from hfcodemod.errors import UserError

BASE = "import os\n\n\ndef first():\n    return 1\n\n\ndef last():\n    return os.sep\n"
OURS = BASE.replace("return 1", "return 2")
THEIRS = BASE.replace("os.sep", "os.linesep")
BOTH = OURS.replace("os.sep", "os.linesep")
CLASH = BASE.replace("return 1", "return 3")
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    **{f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}

Texts = Mapping[str, "str | bytes | None"]


class History:
    """A repository, and merges in it made by plumbing, so that the committed result can be any."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.commits = 0
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str, check: bool = True) -> str:
        # A second for each commit, so that git lists them in this order.
        date = f"{1_700_000_000 + self.commits} +0000"
        environment = {**ENVIRONMENT, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=environment, capture_output=True, text=True, check=check
        )
        return done.stdout.strip()

    def commit(self, files: Texts, *parents: str) -> str:
        """A commit with exactly these files; None stands for a symbolic link."""
        for path in self.folder.iterdir():
            if path.name != ".git":
                path.unlink()
        for name, text in files.items():
            if text is None:
                (self.folder / name).symlink_to("elsewhere")
            else:
                (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        self.git("add", "-A")
        tree = self.git("write-tree")
        # Else two sides with the same files were one commit.
        self.commits += 1
        before = [word for parent in parents for word in ("-p", parent)]
        return self.git("commit-tree", tree, "-m", f"number {self.commits}", *before)

    def merge(self, base: Texts, ours: Texts, theirs: Texts, human: Texts) -> str:
        """A merge commit on a branch of its own."""
        root = self.commit(base)
        done = self.commit(human, self.commit(ours, root), self.commit(theirs, root))
        self.git("branch", f"to-{done}", done)
        return done


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(tmp_path / "made")


def found(history: History, **options: Any) -> tuple[list[Pair], Counter[str]]:
    """The pairs of a repository, and what was counted."""
    tally: Counter[str] = Counter()
    with Repository(history.folder) as repository:
        return list(extracted(repository, set(), tally, **options)), tally


def test_a_real_merge_is_extracted_with_its_four_texts(history: History) -> None:
    root = history.commit({"a.py": BASE, "b.py": BASE, "c.txt": BASE})
    history.git("update-ref", "refs/heads/main", root)
    history.git("checkout", "-q", "-f", "main")
    for branch, one, other in (("side", THEIRS, CLASH), ("main", OURS, OURS)):
        history.git("checkout", "-q", "-B", branch, root)
        for name, text in (("a.py", one), ("b.py", other), ("c.txt", one)):
            (history.folder / name).write_text(text)
        history.git("commit", "-q", "-a", "-m", branch)
    assert "CONFLICT" in history.git("merge", "side", check=False)
    resolved = CLASH.replace("return 3", "return 5")
    (history.folder / "b.py").write_text(resolved)
    history.git("commit", "-q", "-a", "--no-edit")
    commit = history.git("rev-parse", "HEAD")
    pairs, tally = found(history)
    assert pairs == [
        Pair("made", commit, "a.py", "clean", BASE, OURS, THEIRS, BOTH),
        Pair("made", commit, "b.py", "conflict", BASE, OURS, CLASH, resolved),
    ]
    assert tally == {"merges": 1, "clean": 1, "conflict": 1}


EXTRA = BOTH.replace("return 2", "return 2 + 2")


@pytest.mark.parametrize(
    ("ours", "theirs", "human", "expected"),
    [
        pytest.param({"a.py": OURS}, {"a.py": THEIRS}, {"a.py": EXTRA}, "clean", id="a human's extra edit is kept"),
        pytest.param({"a.py": OURS}, {"a.py": THEIRS}, {"a.py": BASE}, "clean", id="a return to the base is kept"),
        pytest.param({"a.py": OURS}, {"a.py": CLASH}, {"a.py": CLASH}, "merged to one side", id="theirs taken"),
        pytest.param({"a.py": OURS}, {"a.py": CLASH}, {"a.py": OURS}, "merged to one side", id="ours taken"),
        pytest.param({"a.py": OURS}, {"a.py": OURS}, {"a.py": BOTH}, "changed alike by both sides", id="alike"),
        pytest.param(
            {"a.py": OURS}, {"a.py": THEIRS}, {}, "deleted or renamed by the merge", id="deleted by the merge"
        ),
        pytest.param(
            {"a.py": OURS}, {"a.py": THEIRS}, {"b.py": BOTH}, "deleted or renamed by the merge", id="moved by the merge"
        ),
        pytest.param(
            {"a.py": OURS},
            {"b.py": BASE},
            {"b.py": OURS},
            "added, deleted, renamed or no regular file on a side",
            id="renamed on a side",
        ),
        pytest.param(
            {"a.py": OURS},
            {"a.py": None},
            {"a.py": BOTH},
            "added, deleted, renamed or no regular file on a side",
            id="a link on a side",
        ),
        pytest.param(
            {"a.py": BASE, "n.py": OURS},
            {"a.py": BASE, "n.py": THEIRS},
            {"a.py": BASE, "n.py": BOTH},
            "added, deleted, renamed or no regular file on a side",
            id="added on both sides",
        ),
        pytest.param({"a.py": OURS}, {"a.py": THEIRS + "print 1\n"}, {"a.py": BOTH}, "not parsed", id="Python 2"),
        pytest.param({"a.py": OURS}, {"a.py": THEIRS}, {"a.py": "<<<<<<<\n"}, "not parsed", id="markers committed"),
        pytest.param({"a.py": OURS}, {"a.py": THEIRS}, {"a.py": b"#\xe9\n"}, "not UTF-8", id="another encoding"),
        pytest.param({"a.py": OURS}, {"a.py": BASE}, {"a.py": BOTH}, None, id="changed on one side only"),
    ],
)
def test_what_is_taken_and_why_not(
    history: History, ours: Texts, theirs: Texts, human: Texts, expected: str | None
) -> None:
    history.merge({"a.py": BASE}, ours, theirs, human)
    pairs, tally = found(history)
    assert tally == {"merges": 1, **({expected: 1} if expected else {})}
    assert [pair.kind for pair in pairs] == (["clean"] if expected == "clean" else [])


def test_a_null_byte_is_no_python_and_a_byte_order_mark_is(history: History) -> None:
    history.merge({"a.py": BASE}, {"a.py": OURS}, {"a.py": THEIRS + "#\0\n"}, {"a.py": BOTH})
    marked = [{"b.py": "\ufeff" + text.replace("\n", "\r\n")} for text in (BASE, OURS, THEIRS, BOTH)]
    history.merge(marked[0], marked[1], marked[2], marked[3])
    pairs, tally = found(history)
    assert tally == {"merges": 2, "not parsed": 1, "clean": 1}
    assert [pair.human for pair in pairs] == [marked[3]["b.py"]]


def test_merges_of_many_sides_bases_or_none_are_left_out(history: History) -> None:
    root, alone = history.commit({"a.py": BASE}), history.commit({"b.py": BASE})
    one, two, three = (history.commit({"a.py": text}, root) for text in (OURS, THEIRS, CLASH))
    crossed = history.commit({"a.py": BOTH}, one, two), history.commit({"a.py": EXTRA}, two, one)
    again = history.commit({"a.py": EXTRA + "\n"}, *crossed)
    for number, commit in enumerate(
        [
            again,
            history.commit({"a.py": BOTH}, one, two, three),
            history.commit({"a.py": BOTH, "b.py": BASE}, one, alone),
        ]
    ):
        history.git("branch", f"b{number}", commit)
    pairs, tally = found(history)
    assert tally == {"merges": 5, "several bases": 1, "more than two parents": 1, "no common base": 1, "clean": 2}
    assert [pair.human for pair in pairs] == [BOTH, EXTRA]


def test_the_same_texts_are_taken_once_and_over_repositories(history: History, tmp_path: Path) -> None:
    history.merge({"a.py": BASE}, {"a.py": OURS}, {"a.py": THEIRS}, {"a.py": BOTH})
    history.merge({"a.py": BASE, "b.py": BASE}, *({"b.py": text} for text in (OURS, THEIRS, BOTH)))
    pairs, tally = found(history)
    assert (len(pairs), tally["seen before"]) == (1, 1)
    bare = tmp_path / "bare.git"
    history.git("clone", "-q", "--bare", ".", str(bare))
    out = tmp_path / "merges.jsonl.xz"
    assert main(["extract", str(history.folder), str(bare), "--to", str(out)]) == 0
    assert read_pairs(out) == pairs


def test_a_limit_takes_some_in_an_order_that_the_seed_fixes(history: History) -> None:
    for number in range(6):
        history.merge(*({"a.py": f"{text}# {number}\n"} for text in (BASE, OURS, THEIRS, BOTH)))
    every = found(history)[0]
    chosen = [found(history, limit=2, seed=seed)[0] for seed in (1, 1, 2, 3, 4)]
    assert [len(pairs) for pairs in chosen] == [2] * 5
    assert chosen[0] == chosen[1]
    assert len({tuple(pairs) for pairs in chosen}) > 1
    assert all(pair in every for pairs in chosen for pair in pairs)


DRIVER = """
import os, pathlib, re, subprocess, sys, time
mode, base, ours, theirs = sys.argv[1:]
ours = pathlib.Path(ours)


def git(*options):
    return subprocess.run(["git", "merge-file", "-q", *options, ours, base, theirs], check=False).returncode


def write(text):
    ours.write_text(text)
    sys.exit(0)


if mode == "git":
    sys.exit(git())
elif mode == "keeps ours":
    sys.exit(0)
elif mode == "calls conflicts clean":
    git()
elif mode == "breaks":
    write("def (:\\n")
elif mode == "not UTF-8":
    git("--ours")
    ours.write_bytes(ours.read_bytes() + b"# \\xe9\\n")
elif mode == "duplicates":
    git("--ours")
    write(ours.read_text() + "\\n\\ndef last():\\n    pass\\n")
elif mode == "reorders":
    git("--theirs")
    head, first, last = ours.read_text().split("\\n\\n\\n")
    write("\\n\\n\\n".join([head, last.strip("\\n"), first + "\\n"]))
elif mode == "loses a line beside":
    code = git()
    ours.write_text(ours.read_text().replace("    return os.linesep\\n", "").replace("    return 3\\n", ""))
    sys.exit(code or 1)
elif mode == "doesn't mark":
    ours.write_text("# lost\\n" + ours.read_text())
    sys.exit(1)
elif mode == "refuses":
    sys.exit(2)
elif mode == "raises":
    raise ValueError(base)
elif mode == "is killed":
    os.kill(os.getpid(), 9)
elif mode == "sleeps":
    time.sleep(60)
else:
    sys.exit(mode)
"""


@pytest.fixture(scope="module")
def merges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean merge, and a conflict in which a human took theirs."""
    folder = tmp_path_factory.mktemp("histories")
    history = History(folder / "made")
    history.merge({"a.py": BASE}, {"a.py": OURS}, {"a.py": THEIRS}, {"a.py": BOTH})
    clash = CLASH.replace("os.sep", "os.linesep")
    history.merge({"b.py": BASE}, {"b.py": OURS}, {"b.py": clash}, {"b.py": clash + "\n\nLAST = 1\n"})
    assert main(["extract", str(history.folder), "--to", str(folder / "merges.jsonl.xz")]) == 0
    (folder / "driver.py").write_text(DRIVER)
    return folder / "merges.jsonl.xz"


def command(merges: Path, mode: str) -> list[str]:
    """The driver's command line."""
    return ["--", sys.executable, str(merges.with_name("driver.py")), mode, "{base}", "{ours}", "{theirs}"]


GOOD = {"resolved": 1, "equal": 1, "bytes_equal_git": 1}
LOSES = {"resolved": 1, "differs": 1, "lost_lines": 1}


@pytest.mark.parametrize(
    ("mode", "clean", "conflict", "code"),
    [
        ("git", GOOD, {"conflicts": 1}, 0),
        ("refuses", {"refused": 1}, {"refused": 1}, 0),
        ("keeps ours", LOSES, LOSES, 1),
        ("calls conflicts clean", GOOD, {"unparsable": 1}, 1),
        ("breaks", {"unparsable": 1}, {"unparsable": 1}, 1),
        ("not UTF-8", {"unparsable": 1}, {"unparsable": 1}, 1),
        (
            "duplicates",
            {"resolved": 1, "differs": 1, "new_duplicates": 1},
            {"resolved": 1, "differs": 1, "new_duplicates": 1, "lost_lines": 1},
            1,
        ),
        ("reorders", {"resolved": 1, "equal_unordered": 1}, LOSES, 1),
        (
            "loses a line beside",
            {"conflicts": 1, "unmarked": 1, "lost_beside_conflicts": 1},
            {"conflicts": 1, "lost_beside_conflicts": 1},
            1,
        ),
        (
            "doesn't mark",
            {"conflicts": 1, "unmarked": 1, "lost_beside_conflicts": 1},
            {"conflicts": 1, "unmarked": 1, "lost_beside_conflicts": 1},
            1,
        ),
        ("raises", {"refused": 1, "crash": 1}, {"refused": 1, "crash": 1}, 1),
        ("is killed", {"refused": 1, "crash": 1}, {"refused": 1, "crash": 1}, 1),
        ("sleeps", {"timeout": 1}, {"timeout": 1}, 1),
    ],
)
def test_what_a_driver_does_wrong_is_counted(
    merges: Path, capsys: pytest.CaptureFixture[str], mode: str, clean: object, conflict: object, code: int
) -> None:
    limit = ["--timeout", "1"] if mode == "sleeps" else []
    assert main(["measure", str(merges), "--json", *limit, *command(merges, mode)]) == code
    report = json.loads(capsys.readouterr().out)
    counted = {
        kind: {name: figures["command"][name] for name in TITLES if figures["command"][name]}
        for kind, figures in report["kinds"].items()
    }
    assert counted == {"conflict": conflict, "clean": clean}
    beside = {
        kind: [figures["git"][name] for name in ("pairs", "equal", "conflicts")]
        for kind, figures in report["kinds"].items()
    }
    assert beside == {"conflict": [1, 0, 1], "clean": [1, 1, 0]}


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "output", "expected"),
    [
        pytest.param(
            "from m import a\n",
            "from m import a, b\n",
            "from m import a, c\n",
            "from m import a, b, c\n",
            ([], ["from m import a, b", "from m import a, c"]),
            id="imports are united",
        ),
        pytest.param(
            "from m import a\n",
            "from m import a, b\n",
            "from m import a, c\n",
            "from m import a, c\n",
            (["from m import a, b"], []),
            id="a binding is gone",
        ),
        pytest.param(
            "import a\n",
            "import a, b\n",
            "import c\n",
            "import b\nimport c\n",
            ([], ["import a, b"]),
            id="import split",
        ),
        pytest.param(
            "def f():\n    pass\n",
            "import m\n\n\ndef f():\n    import m\n",
            "def f():\n    pass\n",
            "import m\n\n\ndef f():\n    pass\n",
            (["import m"], []),
            id="an import that is needed twice",
        ),
        pytest.param(
            "f(1, a=1)\n",
            "f(1, a=1, b=2)\n",
            "f(1, c=3)\n",
            "f(1, b=2, c=3)\n",
            ([], ["f(1, a=1, b=2)", "f(1, c=3)"]),
            id="arguments are united, one of the base being gone",
        ),
        pytest.param("f(1)\n", "f(1, 2)\n", "f(0, 1)\n", "f(0, 1, 2)\n", ([], ["f(0, 1)", "f(1, 2)"]), id="positions"),
        pytest.param("f(1)\n", "f(2, 3)\n", "f(1)\n", "f(3, 2)\n", (["f(2, 3)"], []), id="positions in another order"),
        pytest.param(
            "f(a=1)\n", "f(a=1, b=2)\n", "f(a=1, b=3)\n", "f(a=1, b=3)\n", (["f(a=1, b=2)"], []), id="another value"
        ),
        pytest.param(
            "x = f(a=1)\n",
            "y = f(a=1, b=2)\n",
            "x = f(a=1)\n",
            "x = f(a=1, b=2)\n",
            (["y = f(a=1, b=2)"], []),
            id="target",
        ),
        pytest.param("f(a=1)\n", "g(a=1)\n", "f(a=1)\n", "f(a=1)\n", (["g(a=1)"], []), id="another function"),
        pytest.param(
            "f(\n    a=1,\n)\ng(\n)\n",
            "f(\n    a=1,\n    b=2,  # two\n)\ng(\n)\n",
            "f(\n    a=1,\n)\n",
            "f(a=1, b=2)  # two\n",
            ([], ["b=2,  # two"]),
            id="a call on one line keeps its comment",
        ),
        pytest.param(
            "f(a=1)\n",
            "f(a=1, b=2)  # two\n",
            "f(a=1, c=3)\n",
            "f(a=1, b=2, c=3)\n",
            (["f(a=1, b=2)  # two"], ["f(a=1, c=3)"]),
            id="a comment is gone",
        ),
        pytest.param(
            "x = 1\n", "x = 1\n# why\n", "x = 1\n", "x = 1\n", (["# why"], []), id="a comment of its own is gone"
        ),
        pytest.param("", "# why\n", "x = 1\n", "x = 1\n", (["# why"], []), id="of a module without code"),
        pytest.param("x = [1]\n", "x = [1, 2]\n", "x = [1]\n", "x = [1,\n2]\n", (["x = [1, 2]"], []), id="no call"),
        pytest.param(
            "@p(1)\ndef t(): pass\n",
            "@p(1, ids=2)\ndef t(): pass\n",
            "@p(1, indirect=3)\ndef t(): pass\n",
            "@p(1, ids=2, indirect=3)\ndef t(): pass\n",
            ([], ["@p(1, ids=2)", "@p(1, indirect=3)"]),
            id="arguments of a decorator",
        ),
        pytest.param(
            "with f(1):\n    pass\n",
            "with f(1, a=2):\n    x = 1\n",
            "with f(1):\n    pass\n",
            "with f(1, a=2, b=3):\n    y = 1\n",
            (["x = 1"], ["with f(1, a=2):"]),
            id="a head is judged without its body",
        ),
        pytest.param(
            "match f(1):\n    case 1:\n        pass\n",
            "match f(1, 2):\n    case 2:\n        pass\n",
            "match f(1):\n    case 1:\n        pass\n",
            "match f(1, 2, 3):\n    case 1:\n        pass\n",
            (["case 2:"], ["match f(1, 2):"]),
            id="a case is no part of its match",
        ),
        pytest.param(
            "try:\n    pass\nfinally:\n    pass\n",
            "try:\n    pass\nexcept f(1):\n    pass\nfinally:\n    pass\n",
            "try:\n    pass\nfinally:\n    pass\n",
            "try:\n    pass\nfinally:\n    f(1)\n",
            (["except f(1):"], []),
            id="a handler",
        ),
        pytest.param("f(1)\n", "f(1)\nf(2)\nf(2)\n", "f(1)\n", "f(1)\nf(2)\n", (["f(2)"], []), id="one of two alike"),
        pytest.param("x = 1\n", "if y:\n    x = 1\n", "x = 2\n", "if y:\n  x = 2\n", ([], []), id="indentation"),
        pytest.param(
            "x = 1\ny = 2\n", "y = 2\nx = 1\n", "x = 1\ny = 2\n", "x = 1\ny = 2\n", ([], []), id="moved lines"
        ),
        pytest.param("x = 1\n", "x = 2\r\n", "x = 1\n", "x = 2\n", ([], []), id="line ends"),
        pytest.param("x = 1\n", 's = """a\x0cb"""\n', "x = 1\n", "x = 1\n", (['s = """a\x0cb"""'], []), id="form feed"),
        pytest.param(
            "f(1)\n",
            "f(1, a=2)\nx = 1\n",
            "f(1, b=3)\nx = 2\n",
            "f(1, a=2, b=3)\n<<<<<<< ours\nx = 1\n||||||| base\n=======\nx = 2\n>>>>>>> theirs\n",
            ([], ["f(1, a=2)", "f(1, b=3)"]),
            id="beside markers",
        ),
        pytest.param("f(1)\n", "f(1, a=2)\n", "f(1)\n", "f(1, a=2\n", (["f(1, a=2)"], []), id="output doesn't parse"),
    ],
)
def test_lost_lines(base: str, ours: str, theirs: str, output: str, expected: object) -> None:
    assert lost_lines(base, [ours, theirs], output) == expected


def test_views_are_either_side_of_the_markers() -> None:
    assert views("a\n") == ["a\n"]
    text = (
        "a\r\n<<<<<<< o\r\nb\r\n=======\r\n>>>>>>> t\r\nc\r\n<<<<<<< o\r\n||||||| x\r\ny\r\n=======\r\nd\r\n>>>>>>> t"
    )
    assert views(text) == ["a\nb\nc\n", "a\nc\nd\n"]


@pytest.mark.parametrize(
    ("text", "human", "expected"),
    [
        ("x = (1)  # one\n", "x = 1\n", "equal"),
        ("from m import b, a\n", "from m import a, b\n", "equal_unordered"),
        ("def f():\n    import b, a\n", "def f():\n    import a, b\n", "equal_unordered"),
        ("import a\nimport b\nx = 1\n", "import b\nimport a\nx = 1\n", "equal_unordered"),
        (
            "class A:\n    def f(s): 1\n    def g(s): 2\n",
            "class A:\n    def g(s): 2\n    def f(s): 1\n",
            "equal_unordered",
        ),
        (
            "class B: pass\nclass A:\n    class C: 1\n    class D: 2\n",
            "class A:\n    class D: 2\n    class C: 1\nclass B: pass\n",
            "equal_unordered",
        ),
        ("x = 1\ny = 2\n", "y = 2\nx = 1\n", "differs"),
        ("def f():\n    def a(): 1\n    def b(): 2\n", "def f():\n    def b(): 2\n    def a(): 1\n", "differs"),
        ("from m import a\n", "from m import a, a\n", "differs"),
        ("x = 1\n", "x = 1.0\n", "differs"),
    ],
)
def test_likeness(text: str, human: str, expected: str) -> None:
    assert likeness(text, human) == expected


PROPERTY = "class A:\n    @property\n    def x(self): 1\n    @x.setter\n    def x(self, v): 2\n"


@pytest.mark.parametrize(
    ("text", "sides", "expected"),
    [
        ("def f(): 1\ndef f(): 2\n", ["def f(): 1\n", "def f(): 2\n"], ["f"]),
        ("def f(): 1\ndef f(): 2\n", ["def f(): 1\ndef f(): 1\n"], []),
        ("def f(): 1\ndef f(): 2\ndef f(): 3\n", ["def f(): 1\ndef f(): 1\n"], ["f"]),
        ("class A:\n    def f(s): 1\n    def f(s): 2\n", ["def f(): 1\ndef f(): 1\n"], ["A.f"]),
        ("class A: 1\nclass A: 2\n", [""], ["A"]),
        ("try:\n    def f(): 1\nexcept E:\n    def f(): 2\n", [""], []),
        ("try:\n    pass\nexcept E:\n    def f(): 1\n    def f(): 2\n", [""], ["f"]),
        ("match x:\n    case 1:\n        def f(): 1\n        def f(): 2\n", [""], ["f"]),
        ("if x:\n    def f(): 1\nelse:\n    def f(): 2\n    def f(): 3\n", [""], ["f"]),
        (PROPERTY, [""], []),
        ("@overload\ndef f(): 1\n@typing.overload\ndef f(): 2\ndef f(): 3\n", [""], []),
        ("@f.register(int)\ndef _(x): 1\n@f.register(str)\ndef _(x): 2\n", [""], []),
        ("@other[0]\ndef f(): 1\nasync def f(): 2\n", [""], ["f"]),
    ],
)
def test_new_duplicates(text: str, sides: Sequence[str], expected: list[str]) -> None:
    assert new_duplicates(text, sides) == expected


def test_the_page_gets_the_table_and_keeps_the_rest(
    merges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "merge.md"
    page.write_text("# Before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n")
    words = ["measure", str(merges), "--write", str(page), "--kind", "clean", "-j", "2", *command(merges, "git")]
    assert main(words) == 0
    table = capsys.readouterr().out.removesuffix("\n")
    assert page.read_text() == f"# Before\n<!-- figures -->\n{table}<!-- end of figures -->\nafter\n"
    lines = table.splitlines()
    assert lines[0].startswith(
        f"`{sys.executable} {merges.with_name('driver.py')} git {{base}} {{ours}} {{theirs}}` on 1"
    )
    assert "merges (made 1), " in lines[0]
    assert lines[3:8] == [
        f"|  | clean: git merge-file | clean: {Path(sys.executable).name} |",
        "| --- | --: | --: |",
        "| merges | 1 | 1 |",
        "| resolved: exit 0, and it parses | 1 | 1 |",
        "| - the code that a human committed | 1 | 1 |",
    ]
    assert lines[-4:-2] == [
        "| resolved, of all | 100.0% | 100.0% |",
        "| as a human did, of those resolved | 100.0% | 100.0% |",
    ]
    assert main(words) == 0
    assert page.read_text().count("| merges |") == 1


def test_the_page_of_the_project_has_a_place_for_the_figures() -> None:
    page = (Path(__file__).parents[1] / "docs" / "merge.md").read_text(encoding="utf-8")
    assert [page.count(mark) for mark in (BEGIN, END)] == [1, 1]


def test_what_differs_is_kept_and_shown(merges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "worse.jsonl.xz"
    main(["measure", str(merges), "--keep", str(kept), *command(merges, "keeps ours")])
    capsys.readouterr()
    assert main(["sample", str(kept), "--show", "5", "--mark", "lost_lines"]) == 0
    shown, told = capsys.readouterr()
    assert told == "2 of 2\n"
    assert shown.count("=" * 100) == 2
    commit = read_pairs(merges)[0].commit[:12]
    assert (
        f"made {commit} a.py: resolved, differs, lost_lines\nlost: return os.linesep\n--- result\n+++ human\n" in shown
    )
    assert "-    return os.sep\n+    return os.linesep\n" in shown
    assert main(["sample", str(kept), "--show", "1"]) == 0
    assert capsys.readouterr().err == "1 of 2\n"
    assert main(["sample", str(kept), "--mark", "crash"]) == 0
    assert capsys.readouterr() == ("", "0 of 0\n")


def test_what_is_no_utf8_can_be_shown(merges: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "worse.jsonl"
    main(["measure", str(merges), "--kind", "clean", "--keep", str(kept), *command(merges, "not UTF-8")])
    assert main(["sample", str(kept)]) == 0
    assert "-# \\udce9\n" in capfd.readouterr().out


def test_a_limit_on_the_measure_is_a_sample(merges: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = set()
    for seed in "0123456789":
        main(["measure", str(merges), "--limit", "1", "--seed", seed, "--json", *command(merges, "git")])
        report = json.loads(capsys.readouterr().out)
        assert report["pairs"] == 1
        kinds |= report["kinds"].keys()
    assert kinds == {"clean", "conflict"}


def test_what_a_user_can_mend_is_one_line(merges: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.jsonl").write_text("nothing\n")
    (tmp_path / "text.jsonl.xz").write_text("nothing\n")
    (tmp_path / "list.jsonl").write_text("[]\n")
    (tmp_path / "short.jsonl").write_text("{}\n")
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "page.md").write_text("no place\n")
    write_pairs(tmp_path / "pairs.jsonl", read_pairs(merges)[:1])
    git = command(merges, "git")
    outcomes = {
        ("extract", "/", "--to", "x.jsonl"): "error: /: is no git repository; clone it with its whole history",
        ("measure", "none.jsonl", *git): "error: none.jsonl: No such file or directory",
        ("measure", "text.jsonl", *git): "error: text.jsonl: holds no merges (Expecting value",
        ("measure", "text.jsonl.xz", *git): "error: text.jsonl.xz: holds no merges (Input format not supported",
        ("measure", "list.jsonl", *git): "error: list.jsonl: holds no merges ('list' object has no attribute 'keys')",
        ("measure", "short.jsonl", *git): "error: short.jsonl: holds no merges (a line lacks a text)",
        ("measure", "empty.jsonl", *git): "error: empty.jsonl: holds no merges of kind all; try --kind all",
        ("measure", "pairs.jsonl"): "error: no command; give one after --, such as -- hfcodemod merge",
        (
            "measure",
            "pairs.jsonl",
            "--",
            "no-such",
        ): "error: no-such: No such file or directory; give a command after --",
        ("measure", "pairs.jsonl", "--write", "page.md", *git): "error: page.md: has no place for the figures; add",
        ("measure", "pairs.jsonl", "--write", "none.md", *git): "error: none.md: No such file or directory",
        ("sample", "pairs.jsonl"): "error: pairs.jsonl: holds no verdicts; name a file that measure --keep wrote",
    }
    for words, expected in outcomes.items():
        script = [sys.executable, str(Path(__file__).with_name("merge_histories.py"))]
        done = subprocess.run([*script, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(expected) and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (":a.py", r"made: lacks the object \w{40}; clone it with its whole history"),
        (
            "{}^{{tree}}",
            r"made: git diff-tree failed \(fatal: unable to read tree \w{40}\); clone it with its whole history",
        ),
    ],
)
def test_a_clone_without_all_its_objects_is_told(history: History, name: str, message: str) -> None:
    commit = history.merge({"a.py": BASE}, {"a.py": OURS}, {"a.py": THEIRS}, {"a.py": BOTH})
    lacking = history.git("rev-parse", name.format(commit))
    (history.folder / ".git" / "objects" / lacking[:2] / lacking[2:]).unlink()
    with pytest.raises(UserError, match=message):
        found(history)


def test_imports_that_are_united_are_counted_apart_from_losses() -> None:
    base, ours, theirs, both = (f"from m import {names}\n" for names in ("a", "a, b", "a, c", "a, b, c"))
    verdict = judged(Pair("r", "1", "a.py", "conflict", base, ours, theirs, both), both.encode(), 0, b"", 0.5)
    assert verdict == Verdict("resolved", 0, 0.5, ("equal", "regrouped_lines"), (), both)
