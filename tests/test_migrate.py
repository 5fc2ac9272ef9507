"""The commands that migrate, as somebody types them: which modules, what is said, what is written, how it ends."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from repository import EXTRA, NAMES, NEW, OLD, Repository

MISTRAL = "suite/test_mistral.py"


def change(repository: Repository) -> None:
    repository.edit(repository.skeleton, OLD, NEW)


def conflict(repository: Repository) -> None:
    """Both change the limit, each in its own way."""
    repository.edit(repository.module("mistral"), "LIMIT = 0.5", "LIMIT = 0.75")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")


def followed(repository: Repository) -> list[str]:
    """The modules that the change has reached."""
    return [name for name in NAMES if NEW in repository.text(name)]


@pytest.mark.parametrize(
    ("named", "reached"),
    [
        pytest.param(["olmo"], ["olmo"], id="by name"),
        pytest.param(["suite/test_olmo.py"], ["olmo"], id="by path"),
        pytest.param(["olmo", "suite/test_olmo.py"], ["olmo"], id="twice"),
        pytest.param(["suite/test_olmo.py", "mistral"], ["mistral", "olmo"], id="by path and name"),
        pytest.param(list(NAMES), list(NAMES), id="all of them"),
    ],
)
def test_modules_that_are_named(repository: Repository, named: list[str], reached: list[str]) -> None:
    change(repository)
    done = repository.run("migrate", *named)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == f"{len(reached)} replaced, 0 in step"
    assert sorted(followed(repository)) == sorted(reached)
    rest = len(NAMES) - len(reached)
    assert repository.run("migrate-all").out.splitlines()[-1] == (
        f"{rest} replaced, {len(reached)} in step" if rest else "3 in step"
    )


def test_a_path_from_a_folder_below(repository: Repository) -> None:
    change(repository)
    done = repository.run("migrate", "test_olmo.py", cwd=repository.root / "suite")
    assert done.out == "test_olmo.py\treplace\tthe skeleton changed, nothing was edited\n1 replaced, 0 in step\n"


def test_names_that_two_skeletons_share_are_both_meant(repository: Repository) -> None:
    configuration = repository.root / "pyproject.toml"
    table = (
        '[tool.hfcodemod.skeletons.again]\npath = "suite/llama.py"\nreference = "llama"\ntarget = "again/{name}.py"\n'
    )
    configuration.write_text(f"{configuration.read_text()}\n{table}")
    assert repository.run("add", "olmo", "--skeleton", "again").code == 0
    change(repository)
    assert repository.run("migrate", "olmo").out.splitlines()[-1] == "2 replaced, 0 in step"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param(
            "olmoe", "olmoe: no managed module; `hfcodemod adopt PATH` makes a file one; the nearest: olmo", id="near"
        ),
        pytest.param("xyz", "xyz: no managed module; `hfcodemod adopt PATH` makes a file one", id="far from all"),
        pytest.param(
            "suite/llama.py",
            "suite/llama.py: no managed module; `hfcodemod adopt PATH` makes a file one",
            id="a path of something else",
        ),
    ],
)
def test_what_is_no_module(repository: Repository, name: str, said: str) -> None:
    change(repository)
    before = repository.files()
    done = repository.run("migrate", "olmo", name)
    assert (done.code, done.out, done.err) == (2, "", f"error: {said}\n")
    assert repository.files() == before


def test_a_module_that_is_wrong_is_told_where_it_is_named(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), "base=", "base=x")
    change(repository)
    done = repository.run("migrate", MISTRAL)
    remedy = f"`hfcodemod adopt {repository.module('mistral')}` mends it"
    assert done.code == 2
    assert done.err == f"error: {repository.module('mistral')}:3: the stamp was edited; {remedy}\n"
    assert done.out == f"{MISTRAL}\trefuse\tline 3: the stamp was edited; {remedy}\n1 refused, 0 in step\n"
    other = repository.run("migrate", "olmo")
    assert (other.code, other.err) == (0, "")


def test_a_second_run_has_nothing_to_do(repository: Repository) -> None:
    change(repository)
    repository.module("mistral").write_text(repository.text("mistral") + EXTRA)
    first = repository.run("migrate-all")
    assert first.code == 0
    assert first.out.splitlines() == [
        "suite/test_bert.py\treplace\tthe skeleton changed, nothing was edited",
        "suite/test_mistral.py\tmerge\tthe skeleton changed, and so did the module",
        "suite/test_olmo.py\treplace\tthe skeleton changed, nothing was edited",
        "1 merged, 2 replaced, 0 in step",
    ]
    before = repository.files()
    second = repository.run("migrate-all")
    assert (second.code, second.out, second.err) == (0, "3 in step\n", "")
    assert repository.files() == before


def test_layout_of_the_modules_own_stays(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), '"mistralai/Mistral-7B-v0.1"', "'mistralai/Mistral-7B-v0.1'")
    change(repository)
    assert repository.run("migrate-all").code == 0
    assert NEW in repository.text("mistral") and "'mistralai/Mistral-7B-v0.1'" in repository.text("mistral")


def test_diff_writes_nothing_at_all(repository: Repository) -> None:
    (repository.root / ".hfcodemod" / "cache.json").unlink(missing_ok=True)
    change(repository)
    repository.module("mistral").write_text(repository.text("mistral") + EXTRA)
    before = repository.files()
    times = {path: path.stat().st_mtime_ns for path in repository.root.rglob("*")}
    done = repository.run("migrate-all", "--diff")
    assert (done.code, done.err) == (1, "")
    assert repository.files() == before
    assert {path: path.stat().st_mtime_ns for path in repository.root.rglob("*")} == times
    assert [line for line in done.out.splitlines() if line[:1] in "+-" and "base=" not in line] == [
        line
        for name in sorted(NAMES)
        for line in (
            f"--- a/suite/test_{name}.py",
            f"+++ b/suite/test_{name}.py",
            f"-        assert {OLD}",
            f"+        assert {NEW}",
        )
    ]
    applied = subprocess.run(["git", "apply", "-"], cwd=repository.root, input=done.out, text=True, check=False)
    assert applied.returncode == 0
    patched = {name: repository.text(name) for name in NAMES}
    for name, content in before.items():
        (repository.root / name).write_bytes(content)
    assert repository.run("migrate-all").code == 0
    assert {name: repository.text(name) for name in NAMES} == patched


def test_diff_of_nothing(repository: Repository) -> None:
    before = repository.files()
    done = repository.run("migrate-all", "--diff")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert repository.files() == before


def test_diff_with_something_wrong(repository: Repository) -> None:
    change(repository)
    repository.edit(repository.module("mistral"), "(value):", "(value)")
    done = repository.run("migrate-all", "--diff")
    assert done.code == 2
    assert done.err == f"error: {repository.module('mistral')}:11: does not parse (expected ':'); mend it\n"
    assert "+++ b/suite/test_olmo.py" in done.out and MISTRAL not in done.out


def test_json(repository: Repository) -> None:
    conflict(repository)
    repository.edit(repository.module("olmo"), "base=", "base=x")
    base = repository.base_now("mistral")
    assert base
    done = repository.run("migrate-all", "--json")
    assert done.code == 2
    found = json.loads(done.out)
    clash = {
        "item": "LIMIT",
        "reason": "both sides changed the same lines",
        "base": "LIMIT = 0.5\n",
        "ours": "LIMIT = 0.75\n",
        "theirs": "LIMIT = 0.25\n",
        "line": 8,
        "marker": found["modules"][1]["conflicts"][0]["marker"],
    }
    assert found == {
        "modules": [
            {
                "path": "suite/test_bert.py",
                "name": "bert",
                "action": "replace",
                "reason": "the skeleton changed, nothing was edited",
                "changed": True,
                "conflicts": [],
                "notes": [],
            },
            {
                "path": MISTRAL,
                "name": "mistral",
                "action": "conflict",
                "reason": "1 conflict; `hfcodemod resolve` lists and settles",
                "changed": False,
                "conflicts": [clash],
                "notes": [],
            },
        ],
        "in_step": 0,
        "troubles": [
            {
                "path": "suite/test_olmo.py",
                "reason": f"{repository.module('olmo')}:3: the stamp was edited; "
                f"`hfcodemod adopt {repository.module('olmo')}` mends it",
            }
        ],
        "pending": [MISTRAL],
    }


def test_json_of_a_diff_writes_nothing(repository: Repository) -> None:
    change(repository)
    before = repository.files()
    done = repository.run("migrate", "olmo", "--diff", "--json")
    assert done.code == 1 and repository.files() == before
    assert [(module["path"], module["changed"]) for module in json.loads(done.out)["modules"]] == [
        ("suite/test_olmo.py", True)
    ]


def test_processes_make_no_difference(repository: Repository) -> None:
    """With so many modules that work is spread, over one process and over two."""
    names = [f"copy-{number}" for number in range(30)]
    for name in names:
        assert repository.run("add", name, "--like", "olmo", "--skeleton", "suite").code == 0
    change(repository)
    path = repository.module("copy_7")
    path.write_text(path.read_text() + EXTRA)
    repository.module("copy_8").write_bytes(b"\xff" + repository.module("copy_8").read_bytes())
    before = repository.files()
    one = repository.run("migrate-all", "--jobs", "1")
    after = repository.files()
    for name, content in before.items():
        (repository.root / name).write_bytes(content)
    two = repository.run("migrate-all", "--jobs", "2")
    assert repository.files() == after
    assert (two.code, two.out, two.err) == (one.code, one.out, one.err)
    assert one.code == 2 and one.out.splitlines()[-1] == "1 merged, 1 refused, 31 replaced, 0 in step"


def test_no_process_is_no_number_of_processes(repository: Repository) -> None:
    done = repository.run("migrate-all", "--jobs", "0")
    assert done.code == 2 and "Invalid value for '--jobs'" in done.err


def test_a_note_on_what_stays_deleted(repository: Repository) -> None:
    name = '\n    def test_name(self):\n        assert MODEL_ID.count("/") < 2\n'
    repository.edit(repository.module("mistral"), name, "")
    repository.edit(repository.skeleton, '.count("/") < 2', '.count("/") < 3')
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (
        0,
        f"{MISTRAL}: TestMistral.test_name: changed in the skeleton, and stays deleted here\n",
    )
    assert "test_name" not in repository.text("mistral")
    change(repository)
    again = repository.run("migrate-all")
    assert (again.code, again.err) == (0, "") and followed(repository) == list(NAMES)
    assert "test_name" not in repository.text("mistral")


def test_a_rename_is_followed_and_told(repository: Repository) -> None:
    upgrades = repository.root / ".hfcodemod" / "skeletons" / "suite" / "upgrades"
    upgrades.mkdir(parents=True)
    (upgrades / "to_2_names.py").write_text('VERSION = 2\nRENAMES = {"rounded": "floored"}\n')
    text = repository.text("mistral")
    repository.module("mistral").write_text(f"{text}\n    def test_mine(self):\n        assert rounded(2.5) == 2\n")
    repository.skeleton.write_text(repository.skeleton.read_text().replace("rounded", "floored"))
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (0, f"{MISTRAL}: rounded is now floored\n")
    assert "assert floored(2.5) == 2" in repository.text("mistral")


def on_a_terminal(repository: Repository, *arguments: str, columns: int = 80) -> tuple[int, str]:
    """The installed command on a terminal of so many columns: its exit code, and what it shows."""
    command = [str(Path(sys.executable).with_name("hfcodemod")), *arguments]
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    environment |= {"COLUMNS": str(columns), "TERM": "xterm", "CI": ""}
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=repository.root, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.wait(), shown.decode()


def test_a_terminal_shows_progress_and_a_table(repository: Repository) -> None:
    change(repository)
    repository.edit(repository.module("mistral"), "(value):", "(value)")
    code, shown = on_a_terminal(repository, "migrate-all")
    assert code == 2
    assert "modules" in shown and "%" in shown
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).replace("\r", "")
    lines = [line.rstrip() for line in plain.split("\n")]
    table = lines[next(number for number, line in enumerate(lines) if line.split() == ["module", "action", "why"]) :]
    assert table[:5] == [
        " module                  action    why",
        " ──────────────────────────────────────────────────────────────────────────────",
        " suite/test_bert.py      replace   the skeleton changed, nothing was edited",
        " suite/test_mistral.py   refuse    line 11: does not parse (expected ':'); mend",
        "                                   it",
    ]
    assert max(map(len, table[:6])) <= 80


def test_no_progress_where_nobody_looks(repository: Repository) -> None:
    change(repository)
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (0, "") and "\x1b" not in done.out


def test_a_conflict_keeps_ours_and_waits(repository: Repository) -> None:
    conflict(repository)
    change(repository)
    base = repository.text("mistral").partition("base=")[2][:8]
    done = repository.run("migrate-all")
    assert done.code == 1
    assert done.err.splitlines() == [
        f"{MISTRAL}:8: LIMIT: both sides changed the same lines",
        "  ours   | LIMIT = 0.75",
        "  theirs | LIMIT = 0.25",
        f"  settle with: hfcodemod resolve {MISTRAL} --ours | --theirs | --edited",
    ]
    text = repository.text("mistral")
    assert "LIMIT = 0.75" in text and NEW in text and "<<<<" not in text
    # All but the item in conflict has advanced.
    kept = re.findall(r"base=(\w{8})", text)
    assert kept != [base]
    assert "LIMIT = 0.5\n" in (repository.root / ".hfcodemod" / "base" / kept[0]).read_text()
    before = repository.files()
    again = repository.run("migrate-all")
    assert (again.code, again.err) == (done.code, done.err) and repository.files() == before
    assert again.out.splitlines()[-1] == "1 in conflict, 2 in step"
    other = repository.run("migrate", "olmo")
    assert (other.code, other.err) == (1, done.err) and repository.files() == before


def test_a_long_conflict_is_shown_cut(repository: Repository) -> None:
    lines = [f"    value += {number}\n" for number in range(20)]
    repository.edit(repository.module("mistral"), "    return math.floor", f"{''.join(lines)}    return 2 * math.floor")
    repository.edit(repository.skeleton, "    return math.floor(value)", "    return 3 * math.floor(value)")
    done = repository.run("migrate-all")
    assert done.code == 1
    ours = [line for line in done.err.splitlines() if line.startswith("  ours ")]
    assert ours == [
        "  ours   | def rounded(value):",
        *(f"  ours   |     value += {number}" for number in range(11)),
        "  ours   | ... 10 more lines",
    ]


KINDS = [
    pytest.param(
        ("import math\n", "import math, os\n"),
        ("import math\n", "import math, sys\n"),
        "math: both sides changed the same lines",
        id="one line of imports",
    ),
    pytest.param(
        ("class TestMistral:", "class TestMistral(object):"),
        ("class TestLlama:", "class TestLlama(dict):"),
        "TestMistral.(header): both sides changed the same lines",
        id="the header of a class",
    ),
    pytest.param(
        ('MODEL_ID.count("/") < 2', "rounded(LIMIT) < 2"),
        ('\n    def test_name(self):\n        assert MODEL_ID.count("/") < 2\n', ""),
        "TestMistral.test_name: ours changed what theirs removed",
        id="changed here, removed in the skeleton",
    ),
    pytest.param(
        ("LIMIT = 0.5\n", ""),
        ("LIMIT = 0.5\n", "LIMIT = 0.25\n"),
        "LIMIT: theirs changed what ours removed",
        id="removed here, changed in the skeleton",
    ),
    pytest.param(
        ("\n    def test_name", "\n    def test_mine(self):\n        assert rounded(2.5) == 2\n\n    def test_name"),
        ("rounded", "floored"),
        "rounded: theirs removed what ours uses",
        id="a release that was forgotten",
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "said"), KINDS)
@pytest.mark.parametrize("way", ["ours", "theirs"])
def test_a_conflict_of_each_kind(
    repository: Repository, ours: tuple[str, str], theirs: tuple[str, str], said: str, way: str
) -> None:
    repository.edit(repository.module("mistral"), *ours)
    repository.skeleton.write_text(repository.skeleton.read_text().replace(*theirs))
    kept = repository.text("mistral")
    done = repository.run("migrate-all")
    assert done.code == 1
    (line,) = re.findall(rf"^{MISTRAL}:\d+: (.*)$", done.err, re.MULTILINE)
    assert line == said
    text = repository.text("mistral")
    assert ours[1] in text
    compile(text, MISTRAL, "exec")
    before = repository.files()
    assert repository.run("migrate-all").code == 1 and repository.files() == before
    assert repository.run("resolve", f"--{way}").code == 0
    settled = repository.text("mistral")
    if way == "ours":
        assert re.sub("base=.*", "", settled) == re.sub("base=.*", "", text) and kept
    elif theirs[1]:
        assert theirs[1].replace("Llama", "Mistral") in settled
    else:
        assert theirs[0] not in settled and ours[1] not in settled
    last = repository.run("migrate-all")
    assert (last.code, last.out, last.err) == (0, "3 in step\n", "")


def test_own_items_never_meet(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), "LIMIT = 0.5", "LIMIT = 0.75  # hfcodemod: own")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    change(repository)
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (0, "")
    assert "LIMIT = 0.75  # hfcodemod: own\n" in repository.text("mistral") and NEW in repository.text("mistral")


def test_the_cache_keeps_no_render_that_is_the_base_of_no_module(repository: Repository) -> None:
    cache = repository.root / ".hfcodemod" / "cache.json"
    assert repository.run("migrate-all").code == 0
    first = json.loads(cache.read_text())["renders"]
    change(repository)
    assert repository.run("migrate-all").code == 0
    now = json.loads(cache.read_text())["renders"]
    bases = {path.name for path in (repository.root / ".hfcodemod" / "base").iterdir()}
    assert len(first) == len(now) == len(NAMES) and set(now.values()) == bases
    assert not set(first) & set(now)
