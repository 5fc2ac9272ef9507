"""Conflicts that wait: listed, settled one by one or all, kept where that can't be, found again where things moved."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from repository import NAMES, Repository

from hfcodemod.conflicts import record_path, replaced, text_of_item

MISTRAL, OLMO = "suite/test_mistral.py", "suite/test_olmo.py"
MARKED = "<<<<<<< ours\nLIMIT = 0.75\n=======\nLIMIT = 0.25\n>>>>>>> theirs\n"


@pytest.fixture
def stuck(repository: Repository) -> Repository:
    """Two modules with a conflict each."""
    for name in ("mistral", "olmo"):
        repository.edit(repository.module(name), "LIMIT = 0.5", "LIMIT = 0.75")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    assert repository.run("migrate-all").code == 1
    return repository


@pytest.fixture
def marked(repository: Repository) -> Repository:
    """A module with the markers of a conflict."""
    repository.edit(repository.module("mistral"), "LIMIT = 0.5", "LIMIT = 0.75")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    assert repository.run("migrate-all", "--markers").code == 1
    assert MARKED in repository.text("mistral")
    return repository


def record(repository: Repository, name: str = "mistral") -> Path:
    return record_path(repository.root, ("suite", name))


def records(repository: Repository) -> list[str]:
    return sorted(path.name for path in (repository.root / ".hfcodemod").glob("conflicts/*"))


def assert_settled(repository: Repository, steady: int = 3) -> None:
    """Nothing waits, and nothing is left to do."""
    assert records(repository) == []
    done = repository.run("migrate-all")
    assert (done.code, done.out, done.err) == (0, f"{steady} in step\n", "")
    listed = repository.run("resolve")
    assert (listed.code, listed.out) == (0, "0 conflicts in 0 modules\n")


def test_list(stuck: Repository) -> None:
    before = stuck.files()
    done = stuck.run("resolve")
    assert (done.code, done.out) == (1, "2 conflicts in 2 modules\n")
    assert done.err.splitlines() == [
        line
        for path in (MISTRAL, OLMO)
        for line in (
            f"{path}:8: LIMIT: both sides changed the same lines",
            "  ours   | LIMIT = 0.75",
            "  theirs | LIMIT = 0.25",
            f"  settle with: hfcodemod resolve {path} --ours | --theirs | --edited",
        )
    ]
    assert stuck.files() == before
    one = stuck.run("resolve", "olmo")
    assert (one.code, one.out) == (1, "1 conflict in 1 module\n")


def test_list_as_json(stuck: Repository) -> None:
    done = stuck.run("resolve", MISTRAL, "--json")
    assert done.code == 1
    (found,) = json.loads(done.out)
    (clash,) = found["conflicts"]
    assert (found["path"], clash["item"], clash["ours"], clash["theirs"], clash["line"]) == (
        MISTRAL,
        "LIMIT",
        "LIMIT = 0.75\n",
        "LIMIT = 0.25\n",
        8,
    )


@pytest.mark.parametrize(("way", "limit"), [("ours", "0.75"), ("theirs", "0.25")])
def test_settle_all(stuck: Repository, way: str, limit: str) -> None:
    done = stuck.run("resolve", f"--{way}")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"{MISTRAL}: settled with {way}\n{OLMO}: settled with {way}\n"
    for name in ("mistral", "olmo"):
        assert f"LIMIT = {limit}\n" in stuck.text(name)
    assert_settled(stuck)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("mistral", id="by name"),
        pytest.param(MISTRAL, id="by path"),
        pytest.param(f"./suite/../{MISTRAL}", id="by a roundabout path"),
    ],
)
def test_settle_one(stuck: Repository, name: str) -> None:
    done = stuck.run("resolve", name, "--theirs")
    assert (done.code, done.out) == (0, f"{MISTRAL}: settled with theirs\n")
    assert records(stuck) == ["suite.olmo.json"]
    assert "LIMIT = 0.75" in stuck.text("olmo")
    assert stuck.run("migrate-all").out.splitlines()[-1] == "1 in conflict, 2 in step"
    assert stuck.run("resolve", "--ours").code == 0
    assert_settled(stuck)


def test_settle_as_edited(stuck: Repository) -> None:
    stuck.edit(stuck.module("mistral"), "LIMIT = 0.75", "LIMIT = 0.6")
    done = stuck.run("resolve", "mistral", "--edited")
    assert (done.code, done.out) == (0, f"{MISTRAL}: settled with edited\n")
    assert "LIMIT = 0.6\n" in stuck.text("mistral")
    assert stuck.run("resolve", "--ours").code == 0
    assert_settled(stuck)
    # From here on the module's own limit is an edit like any other.
    stuck.edit(stuck.skeleton, "== 0", "== 0, LIMIT")
    assert stuck.run("migrate-all").code == 0
    assert "LIMIT = 0.6\n" in stuck.text("mistral") and "== 0, LIMIT" in stuck.text("mistral")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(
            ["--ours", "--theirs"], "--ours and --theirs exclude each other; pass one of them", id="two ways at once"
        ),
        pytest.param(
            ["--ours", "--theirs", "--edited"],
            "--ours and --theirs and --edited exclude each other; pass one of them",
            id="all ways at once",
        ),
        pytest.param(
            ["bert", "--ours"], "bert: has no conflicts; `hfcodemod resolve` lists those that wait", id="without any"
        ),
        pytest.param(
            ["gone.py"], "gone.py: has no conflicts; `hfcodemod resolve` lists those that wait", id="no such file"
        ),
        pytest.param(
            ["mistral", "--edited"],
            "{path}: nothing was edited since the conflict; edit it, or pass --ours or --theirs",
            id="nothing edited",
        ),
    ],
)
def test_what_is_refused(stuck: Repository, arguments: list[str], said: str) -> None:
    before = stuck.files()
    done = stuck.run("resolve", *arguments)
    assert (done.code, done.out) == (2, "")
    assert done.err == f"error: {said.format(path=stuck.module('mistral'))}\n"
    assert stuck.files() == before


@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_what_was_edited_is_not_overwritten(stuck: Repository, way: str) -> None:
    """One that is refused stops no other."""
    stuck.edit(stuck.module("mistral"), "LIMIT = 0.75", "LIMIT = 0.6")
    done = stuck.run("resolve", f"--{way}")
    assert done.code == 2
    assert done.out == f"{OLMO}: settled with {way}\n"
    assert done.err == (
        f"error: {stuck.module('mistral')}: LIMIT was edited since the conflict; pass --edited to keep that\n"
    )
    assert "LIMIT = 0.6" in stuck.text("mistral") and records(stuck) == ["suite.mistral.json"]
    assert stuck.run("resolve", "--edited").code == 0
    assert_settled(stuck)


def test_nothing_to_settle(repository: Repository) -> None:
    done = repository.run("resolve", "--ours")
    assert (done.code, done.out, done.err) == (0, "no conflicts\n", "")


def test_an_item_that_was_deleted_since(stuck: Repository) -> None:
    stuck.edit(stuck.module("mistral"), "LIMIT = 0.75\n", "")
    done = stuck.run("resolve", "mistral", "--theirs")
    assert done.code == 2 and "LIMIT was edited since the conflict; pass --edited" in done.err
    assert stuck.run("resolve", "mistral", "--edited").code == 0
    assert "LIMIT =" not in stuck.text("mistral")


def test_a_file_that_does_not_parse_any_more(stuck: Repository) -> None:
    stuck.edit(stuck.module("mistral"), "LIMIT = 0.75", "LIMIT = = 0.6")
    before = stuck.files()
    done = stuck.run("resolve", "mistral", "--edited")
    assert (done.code, done.err) == (
        2,
        f"error: {stuck.module('mistral')}:8: does not parse (invalid syntax); mend it\n",
    )
    assert stuck.files() == before
    stuck.edit(stuck.module("mistral"), "LIMIT = = 0.6", "LIMIT = 0.6")
    assert stuck.run("resolve", "mistral", "--edited").code == 0


def test_a_file_that_cannot_be_read_any_more(stuck: Repository) -> None:
    raw = stuck.module("mistral").read_bytes()
    stuck.module("mistral").write_bytes(raw + b"# \xff\n")
    done = stuck.run("resolve", "--ours")
    assert done.code == 2 and done.out == f"{OLMO}: settled with ours\n"
    assert done.err == (
        f"error: {stuck.module('mistral')}:21: not utf-8 (invalid start byte); convert the file to UTF-8\n"
    )
    assert stuck.run("migrate-all").code == 2
    stuck.module("mistral").write_bytes(raw)
    assert stuck.run("resolve", "--ours").code == 0
    assert_settled(stuck)


def test_a_file_that_lost_its_stamp(stuck: Repository) -> None:
    text = stuck.text("mistral")
    stuck.module("mistral").write_text(re.sub(r"# hfcodemod: .*\n", "", text))
    done = stuck.run("resolve", "mistral", "--ours")
    remedy = f"`hfcodemod adopt {stuck.module('mistral')} --as mistral`"
    assert (done.code, done.err) == (2, f"error: {stuck.module('mistral')}: lost its stamp; {remedy}\n")
    assert stuck.run("adopt", MISTRAL, "--as", "mistral", "--skeleton", "suite").code == 0
    assert stuck.run("resolve", "--ours").code == 0
    assert_settled(stuck)
    assert "LIMIT = 0.75" in stuck.text("mistral")


def test_a_module_that_was_moved(stuck: Repository) -> None:
    (stuck.root / "moved").mkdir()
    new = stuck.root / "moved" / "check.py"
    stuck.module("mistral").rename(new)
    assert "moved/check.py:8: LIMIT: both" in stuck.run("resolve").err
    assert "hfcodemod resolve moved/check.py --ours" in stuck.run("migrate", "olmo").err
    done = stuck.run("resolve", "moved/check.py", "--theirs")
    assert (done.code, done.out) == (0, "moved/check.py: settled with theirs\n")
    assert "LIMIT = 0.25\n" in new.read_text() and not stuck.module("mistral").exists()
    assert stuck.run("resolve", "--theirs").code == 0
    assert_settled(stuck)


def test_a_module_that_was_deleted(stuck: Repository) -> None:
    text = stuck.text("mistral")
    stuck.module("mistral").unlink()
    done = stuck.run("resolve", "mistral", "--ours")
    path = stuck.module("mistral")
    assert (done.code, done.err) == (2, f"error: {path}: is gone; delete {record(stuck)}, or restore the file\n")
    path.write_text(text)
    assert stuck.run("resolve", "mistral", "--ours").code == 0
    path.unlink()
    assert stuck.run("resolve", "olmo", "--ours").code == 0
    assert_settled(stuck, steady=2)


def test_the_conflicts_of_a_deleted_module_are_forgotten(stuck: Repository) -> None:
    stuck.module("mistral").unlink()
    done = stuck.run("migrate-all")
    assert done.code == 1 and MISTRAL not in done.err
    assert records(stuck) == ["suite.olmo.json"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("<<<<<<< a\n{}\n", id="in the middle of a git merge"),
        pytest.param('"text"', id="a text"),
        pytest.param("[]", id="a list"),
        pytest.param("{}", id="without conflicts"),
        pytest.param('{"conflicts": []}', id="with no conflict"),
        pytest.param('{"conflicts": [{"item": "LIMIT"}]}', id="with half a conflict"),
        pytest.param(None, id="with a number for a path"),
        pytest.param("\xff", id="not UTF-8"),
    ],
)
def test_a_record_that_cannot_be_read(stuck: Repository, text: str | None) -> None:
    file = record(stuck)
    whole = json.loads(file.read_bytes())
    file.write_bytes((json.dumps({**whole, "path": 3}) if text is None else text).encode("latin-1"))
    spoilt = file.read_bytes()
    stuck.edit(stuck.skeleton, "== 0", "== 0, LIMIT")
    done = stuck.run("migrate-all")
    assert done.code == 2
    assert f"error: {file}: is no record of conflicts (" in done.err
    assert "; restore it with git, or delete it and run `hfcodemod migrate-all`, which makes it again\n" in done.err
    assert file.read_bytes() == spoilt
    # The others are migrated, and settled.
    assert ["== 0, LIMIT" in stuck.text(name) for name in NAMES] == [False, True, True]
    listed = stuck.run("resolve")
    assert listed.code == 2 and listed.out == "1 conflict in 1 module\n"
    settled = stuck.run("resolve", "--ours")
    assert settled.code == 2 and settled.out == f"{OLMO}: settled with ours\n"
    assert stuck.run("migrate", "olmo", "bert").code == 0
    assert stuck.run("migrate", "mistral").code == 2
    file.unlink()
    again = stuck.run("migrate-all")
    assert again.code == 1 and f"{MISTRAL}:8: LIMIT: both sides" in again.err
    assert stuck.run("resolve", "--theirs").code == 0
    assert_settled(stuck)
    assert "== 0, LIMIT" in stuck.text("mistral") and "LIMIT = 0.25" in stuck.text("mistral")


@pytest.mark.parametrize(("way", "limit"), [("ours", "0.75"), ("theirs", "0.25")])
def test_markers_are_settled(marked: Repository, way: str, limit: str) -> None:
    done = marked.run("resolve", MISTRAL, f"--{way}")
    assert (done.code, done.out) == (0, f"{MISTRAL}: settled with {way}\n")
    assert f"\nLIMIT = {limit}\n" in marked.text("mistral") and "====" not in marked.text("mistral")
    assert_settled(marked)


def test_markers_are_edited_away(marked: Repository) -> None:
    told = marked.run("migrate-all")
    path = marked.module("mistral")
    assert told.code == 1
    assert told.out.splitlines()[0] == (
        f"{MISTRAL}\tconflict\tholds the markers of its conflicts; edit them away, then "
        f"`hfcodemod resolve {path} --edited`"
    )
    assert f"{MISTRAL}:8: LIMIT: both sides changed the same lines" in told.err
    before = marked.files()
    refused = marked.run("resolve", "--edited")
    assert (refused.code, refused.err) == (
        2,
        f"error: {path}:8: still holds conflict markers; edit them away, or pass --ours or --theirs\n",
    )
    assert marked.files() == before
    marked.edit(path, MARKED, "LIMIT = 0.6\n")
    assert marked.run("resolve", "--edited").code == 0
    assert "LIMIT = 0.6\n" in marked.text("mistral")
    assert_settled(marked)


def test_what_the_skeleton_changes_waits_for_the_markers(marked: Repository) -> None:
    marked.edit(marked.skeleton, "== 0", "== 0, LIMIT")
    done = marked.run("migrate-all")
    assert done.code == 1 and "== 0, LIMIT" in marked.text("olmo")
    assert MARKED in marked.text("mistral") and "== 0, LIMIT" not in marked.text("mistral")
    assert marked.run("resolve", "--theirs").code == 0
    assert marked.run("migrate-all").out.splitlines()[-1] == "1 replaced, 2 in step"
    assert "== 0, LIMIT" in marked.text("mistral")


@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_what_would_not_parse_is_not_written(marked: Repository, way: str) -> None:
    path = marked.module("mistral")
    marked.edit(path, "import math\n", "import = math\n")
    before = marked.files()
    done = marked.run("resolve", f"--{way}")
    assert done.code == 2 and marked.files() == before
    assert done.err == f"error: {path}: would not parse with --{way}; edit the file, and pass --edited\n"
    marked.edit(path, "import = math\n", "import math\n")
    marked.edit(path, MARKED, "LIMIT = 0.6\n")
    assert marked.run("resolve", "--edited").code == 0
    assert_settled(marked)


def test_half_a_marker_is_no_python(marked: Repository) -> None:
    path = marked.module("mistral")
    marked.edit(path, "<<<<<<< ours\n", "")
    done = marked.run("resolve", "--edited")
    assert done.code == 2 and done.err.startswith(f"error: {path}:9: does not parse (")


def test_markers_in_an_unreadable_file(marked: Repository) -> None:
    path = marked.module("mistral")
    path.write_bytes(path.read_bytes() + b"# \xff\n")
    done = marked.run("migrate-all")
    assert done.code == 2
    assert done.err.startswith(f"error: {path}:25: not utf-8 (invalid start byte); convert the file to UTF-8\n")


def test_markers_where_a_module_is_one_conflict(repository: Repository) -> None:
    """A statement that both sides add has no name that it could be matched by."""
    path = repository.module("mistral")
    repository.edit(path, "LIMIT = 0.5\n", "LIMIT = 0.5\n\nprint(1)\n")
    repository.edit(repository.skeleton, "LIMIT = 0.5\n", "LIMIT = 0.5\n\nprint(2)\n")
    assert repository.run("migrate-all", "--markers").code == 1
    (record,) = records(repository)
    clash = json.loads((repository.root / ".hfcodemod" / "conflicts" / record).read_bytes())["conflicts"]
    assert [conflict["item"] for conflict in clash] == ["(module)"]
    assert "<<<<<<< " in repository.text("mistral")
    assert repository.run("resolve", "--theirs").code == 0
    text = repository.text("mistral")
    assert "print(2)" in text and "<<<<" not in text
    assert_settled(repository)


@pytest.mark.parametrize(("way", "there"), [("ours", 1), ("theirs", 2)])
def test_a_conflict_of_the_whole_module(repository: Repository, way: str, there: int) -> None:
    path = repository.module("mistral")
    repository.edit(path, "LIMIT = 0.5\n", "LIMIT = 0.5\n\nprint(1)\n")
    repository.edit(repository.skeleton, "LIMIT = 0.5\n", "LIMIT = 0.5\n\nprint(2)\n")
    assert repository.run("migrate-all").code == 1
    assert "print(1)" in repository.text("mistral")
    assert repository.run("resolve", f"--{way}").code == 0
    assert re.findall(r"print\((\d)\)", repository.text("mistral")) == [str(there)]
    assert_settled(repository)


def test_an_item_that_only_the_skeleton_still_has(repository: Repository) -> None:
    """Deleted here though it is used, changed there: with theirs it comes back, where it stood."""
    path = repository.module("mistral")
    repository.edit(path, "def rounded(value):\n    return math.floor(value)\n\n\n", "")
    repository.edit(repository.skeleton, "math.floor(value)", "math.floor(value + LIMIT)")
    done = repository.run("migrate-all")
    assert done.code == 1 and "rounded: theirs changed what ours removed" in done.err
    assert repository.run("resolve", "--theirs").code == 0
    new = "LIMIT = 0.5\n\n\ndef rounded(value):\n    return math.floor(value + LIMIT)\n\n\nclass TestMistral:\n"
    assert new in repository.text("mistral")
    assert_settled(repository)


METHOD = "    def value(self):\n        return LIMIT\n\n"


@pytest.fixture
def without_method(repository: Repository) -> Repository:
    """A method that is no test is deleted in a module, and changed in the skeleton."""
    repository.edit(repository.skeleton, "    def test_score", f"{METHOD}    def test_score")
    assert repository.run("migrate-all").code == 0
    repository.edit(repository.module("mistral"), METHOD, "")
    repository.edit(repository.skeleton, "return LIMIT", "return -LIMIT")
    done = repository.run("migrate-all")
    assert done.code == 1 and "TestMistral.value: theirs changed what ours removed" in done.err
    return repository


def test_a_method_comes_back_into_its_class(without_method: Repository) -> None:
    assert without_method.run("resolve", "--theirs").code == 0
    new = f"class TestMistral:\n{METHOD.replace('LIMIT', '-LIMIT')}    def test_score(self):\n"
    assert new in without_method.text("mistral")
    assert_settled(without_method)


def test_a_method_cannot_come_back_where_its_class_is_gone(without_method: Repository) -> None:
    path = without_method.module("mistral")
    without_method.edit(path, "class TestMistral:", "class TestIt:")
    done = without_method.run("resolve", "--theirs")
    said = "has no TestMistral.value any more; edit the file, and pass --edited"
    assert (done.code, done.err) == (2, f"error: {path}: {said}\n")
    assert without_method.run("resolve", "--ours").code == 0


@pytest.mark.parametrize(
    ("rest", "settled"),
    [
        pytest.param(
            "\n\nclass TestMistral:\n    x = 1\n", "\nLIMIT = 0.25\n\nclass TestMistral:\n    x = 1\n", id="a class"
        ),
        pytest.param("", "\nLIMIT = 0.25\n", id="nothing"),
    ],
)
def test_an_item_comes_back_where_little_is_left(repository: Repository, rest: str, settled: str) -> None:
    path = repository.module("mistral")
    repository.edit(path, "LIMIT = 0.5\n", "")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    done = repository.run("migrate-all")
    assert done.code == 1 and "LIMIT: theirs changed what ours removed" in done.err
    path.write_text(re.sub(r"(?s).*(# hfcodemod: .*?\n).*", r"\1", repository.text("mistral")) + rest)
    assert repository.run("resolve", "--theirs").code == 0
    assert re.sub("base=.*", "", repository.text("mistral")) == f"# hfcodemod: mistral skeleton=suite \n{settled}"
    assert_settled(repository)


SOURCE = "import os\n\nX = 1\n\n\nclass A:\n    y = 2\n\n    def f(self):\n        return 1\n"


@pytest.mark.parametrize(
    ("item", "text"),
    [
        pytest.param("X", "\nX = 1\n", id="a name"),
        pytest.param("A.f", "\n    def f(self):\n        return 1\n", id="a method"),
        pytest.param("A.g", None, id="none"),
    ],
)
def test_an_item_is_found_by_its_name(item: str, text: str | None) -> None:
    assert text_of_item(SOURCE, item) == text
    if text is not None:
        assert replaced(SOURCE, item, text) == SOURCE
        assert replaced(SOURCE, item, "") == SOURCE.replace(text, "")
    else:
        assert replaced(SOURCE, item, "") is None
