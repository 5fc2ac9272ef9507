"""Modules for many model types at once, in whole repositories."""

from __future__ import annotations

import ast
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from repository import EXTRA, NEW, OLD, Repository
from terminal import HFCODEMOD, on_terminal

import hfcodemod
from hfcodemod import recipes, requests
from hfcodemod.catalog import available_versions, load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.names import resolve
from hfcodemod.recipes import Recipe, model_types_with_recipe

SUITE = ("--skeleton", "suite")
OLMO = ("olmo", "olmo2", "olmo3", "olmo_hybrid", "olmoe")


def written(out: str) -> list[str]:
    """The names of the modules that were written."""
    return re.findall(r"^wrote suite/test_(\w+)\.py$", out, re.MULTILINE)


def test_all_are_added_once(repository: Repository) -> None:
    done = repository.run("add", "--all", *SUITE)
    catalog = load_snapshot(FACTS)
    having = {name: item for name, item in catalog.architectures.items() if item.heads}
    unknown = [name for name, item in having.items() if not item.checkpoint]
    left = "".join(f"suite/test_{name}.py:7: still says 'meta-llama/Llama-2-7b-hf'\n" for name in unknown)
    assert (done.code, done.err) == (0, left)
    # Three of them are there already.
    assert written(done.out) == [
        resolve(name, catalog).name for name in having if name not in ("mistral", "olmo", "bert")
    ]
    assert done.out.splitlines()[-2:] == ["646 written, 3 already in step", "run: pytest suite"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in (repository.root / "suite").glob("test_*.py")}
    assert len(texts) == 649
    names = [node.name for text in texts.values() for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    assert len(set(names)) == 649
    before = repository.files()
    again = repository.run("add", "--all", *SUITE)
    assert (again.code, again.out) == (0, "0 written, 649 already in step\nrun: pytest suite\n")
    assert repository.files() == before
    assert repository.run("migrate-all").out == "649 in step\n"
    assert repository.run("list", "--missing", *SUITE).out == ""


def test_processes_make_no_difference(repository: Repository) -> None:
    repository.module("bert").write_text(repository.text("bert") + EXTRA)
    before = repository.files()
    one = repository.run("add", "--family", "qwen", *SUITE, "--jobs", "1")
    after = repository.files()
    for name in after.keys() - before.keys():
        (repository.root / name).unlink()
    two = repository.run("add", "--family", "qwen", *SUITE, "--jobs", "2")
    assert repository.files() == after and len(after) > len(before) + 30
    assert (one.code, one.out, one.err) == (two.code, two.out, two.err)


def test_options_narrow_each_other(repository: Repository) -> None:
    both = written(repository.run("add", "--family", "mistral", "--task", "text-generation", *SUITE, "--diff").out)
    assert both == []  # --diff writes nothing
    family = repository.run("add", "--family", "olmo", "--task", "sequence_classification", *SUITE)
    assert written(family.out) == ["olmo2", "olmo3"]
    assert family.out.splitlines()[-2:] == [
        "2 written, 1 already in step",
        "run: pytest suite/test_olmo.py suite/test_olmo2.py suite/test_olmo3.py",
    ]
    missing = repository.run("add", "--missing", "--family", "olmo", *SUITE)
    assert "olmo2" not in written(missing.out) and "olmoe" in written(missing.out)
    assert "already in step" in missing.out and ", 0 already in step" in missing.out


def test_a_batch_is_that_of_the_list(repository: Repository) -> None:
    rows = [row.split("\t") for row in repository.run("list", "--missing", *SUITE).out.splitlines()]
    batch = rows[-1][0]
    done = repository.run("add", "--batch", batch, *SUITE)
    assert written(done.out) == [row[2].replace("-", "_") for row in rows if row[0] == batch]
    rest = [row.split("\t") for row in repository.run("list", "--missing", *SUITE).out.splitlines()]
    assert rest == [row for row in rows if row[0] != batch]


def test_what_was_edited_is_kept_and_told(repository: Repository) -> None:
    mistral = repository.module("mistral")
    mistral.write_text(repository.text("mistral") + EXTRA)
    edited = repository.text("mistral")
    done = repository.run("add", "--family", "mistral", *SUITE)
    assert done.code == 0 and repository.text("mistral") == edited
    assert done.err == "kept suite/test_mistral.py: was edited by hand\n"
    assert done.out.splitlines()[-2] == "4 written, 0 already in step, 1 kept"
    repository.edit(repository.skeleton, OLD, NEW)
    behind = repository.run("add", "--family", "mistral", *SUITE)
    assert (behind.code, repository.text("mistral")) == (0, edited)
    told = "was edited by hand, and is not in step; `hfcodemod migrate` keeps the edits"
    assert behind.err == f"kept suite/test_mistral.py: {told}\n"
    # What nobody edited follows.
    assert behind.out.splitlines()[-2] == "4 written, 0 already in step, 1 kept"
    forced = repository.run("add", "--family", "mistral", *SUITE, "--force")
    assert written(forced.out) == ["mistral"] and EXTRA not in repository.text("mistral")


def test_a_module_is_made_as_its_stamp_says_and_where_it_is(repository: Repository) -> None:
    assert repository.run("add", "opt", "--model-id", "facebook/opt-1.3b", *SUITE).code == 0
    moved = repository.root / "elsewhere" / "test_mine.py"
    moved.parent.mkdir()
    repository.module("opt").rename(moved)
    repository.edit(repository.skeleton, OLD, NEW)
    done = repository.run("add", "--family", "opt", *SUITE)
    assert done.out.splitlines()[0] == "wrote elsewhere/test_mine.py"
    assert 'MODEL_ID = "facebook/opt-1.3b"' in moved.read_text() and NEW in moved.read_text()
    assert not repository.module("opt").exists()


def test_files_of_others_are_kept_and_told(repository: Repository) -> None:
    repository.module("opt").write_text("x = 1\n")
    repository.module("olmo").rename(repository.module("stablelm"))
    for option in ([], ["--force"]):
        olmo = repository.run("add", "--family", "stablelm", *SUITE, *option)
        assert (olmo.code, olmo.err) == (0, "kept suite/test_stablelm.py: is the module of olmo\n")
    done = repository.run("add", "--family", "opt", *SUITE)
    assert (done.code, repository.text("opt")) == (0, "x = 1\n")
    told = "was not made by hfcodemod; `hfcodemod adopt` takes it under management"
    assert done.err == f"kept suite/test_opt.py: {told}\n"
    assert done.out == "0 written, 0 already in step, 1 kept\n"


def test_what_cannot_be_read_stops_no_other(repository: Repository) -> None:
    repository.module("olmo2").write_bytes(b"x = '\0'\n")
    done = repository.run("add", "--family", "olmo", *SUITE)
    assert done.code == 2 and done.err.count("\n") == 1
    assert done.err.startswith(f"error: {repository.module('olmo2')}:1: holds a NUL byte")
    assert "olmo3" in written(done.out) and done.out.splitlines()[-2].endswith(", 1 left out")
    shown = repository.run("add", "--family", "olmo", *SUITE, "--diff")
    assert (shown.code, shown.out) == (2, "") and shown.err == done.err


def test_what_cannot_be_made_for_one_reason_is_told_in_one_line(repository: Repository) -> None:
    repository.edit(repository.root / "pyproject.toml", "target =", 'format-command = "no-such-formatter"\ntarget =')
    before = repository.files()
    done = repository.run("add", "--family", "bert", *SUITE)
    assert done.code == 2 and done.err.count("\n") == 1 and "no-such-formatter" in done.err
    assert re.match(r"error: (\S+, ){19}\S+ and 2 more: format-command 'no-such-formatter' cannot be run", done.err)
    assert done.out == "0 written, 0 already in step, 22 left out\n"
    assert repository.files() == before


def test_a_skeleton_fits_those_that_have_its_classes(repository: Repository) -> None:
    name = "LlamaForTokenClassification"
    repository.skeleton.write_text(f"from transformers import {name}\n\n\ndef test_it():\n    assert {name}\n")
    done = repository.run("add", "--missing", "--family", "olmo", *SUITE)
    assert (done.code, written(done.out)) == (0, [])
    assert done.err.count("\n") == 7
    assert f"left out olmo2: the skeleton uses {name}, and Olmo2 has no class for token classification\n" in done.err


def test_a_broken_skeleton_is_told_once(repository: Repository) -> None:
    repository.skeleton.write_text("def (\n")
    done = repository.run("add", "--all", *SUITE)
    assert (done.code, done.out) == (2, "")
    assert "the skeleton does not parse" in done.err and done.err.count("\n") == 1


@pytest.fixture
def few_recipes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the olmo family, one has a recipe, in another none of the classes can run."""
    known, olmo2 = recipes.recipe_of, load_snapshot(FACTS).architectures["olmo2"]
    blocked = {head.name: {"kind": "upstream", "name": "olmo", "why": "It is broken."} for head in olmo2.heads}
    some = {"olmo": known("olmo"), "olmo2": Recipe(blocked=blocked)}
    for module in (recipes, requests):
        monkeypatch.setattr(module, "recipe_of", lambda name, own=None: some.get(name))


@pytest.mark.usefixtures("few_recipes")
def test_model_types_without_a_recipe_are_left_out_and_told(repository: Repository) -> None:
    done = repository.run("add", "--family", "olmo")
    assert done.code == 0
    assert done.out.splitlines() == [
        "wrote tests/models/test_hf_olmo.py",
        "1 written, 0 already in step, 7 left out",
        "run: pytest tests/models/test_hf_olmo.py",
    ]
    blocked, without = sorted(done.err.splitlines(), key=len)
    assert re.fullmatch(r"left out (\w+, ){5}\w+: there is no recipe yet", without)
    assert blocked == "left out olmo2: none of its classes can run: It is broken"
    assert repository.run("add", "--missing", "--family", "olmo").out == "0 written, 0 already in step, 7 left out\n"


@pytest.mark.usefixtures("few_recipes")
def test_one_without_a_recipe_is_refused_by_name(repository: Repository) -> None:
    before = repository.files()
    done = repository.run("add", "olmo", "olmo3")
    assert (done.code, done.out) == (2, "") and repository.files() == before
    assert done.err.startswith("error: olmo3: there is no recipe for 'olmo3' yet; nothing was written; ")


def test_a_recipe_that_is_wrong_is_told_and_stops_no_other(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Recipe(config={"nonsense": 1})
    some = {"olmo": recipes.recipe_of("olmo"), "olmo2": wrong}
    for module in (recipes, requests):
        monkeypatch.setattr(module, "recipe_of", lambda name, own=None: some.get(name))
    done = repository.run("add", "--family", "olmo")
    assert done.code == 2 and done.out.splitlines()[0] == "wrote tests/models/test_hf_olmo.py"
    assert "error: olmo2: recipe of olmo2: Olmo2Config declares no field 'nonsense'" in done.err


def test_a_diff_writes_nothing(repository: Repository) -> None:
    before = repository.files()
    done = repository.run("add", "--family", "olmo", *SUITE, "--diff")
    assert done.code == 1 and repository.files() == before
    assert re.findall(r"^\+\+\+ b/suite/test_(\w+)\.py$", done.out, re.MULTILINE)[:2] == ["flex_olmo", "molmo2"]
    repository.run("add", "--family", "olmo", *SUITE)
    same = repository.run("add", "--family", "olmo", *SUITE, "--diff")
    assert (same.code, same.out, same.err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([], "nothing says what to add", id="nothing"),
        pytest.param(["--all", "bert"], "--all is every model type; leave it out, or NAME", id="all-and-a-name"),
        pytest.param(["--all", "--missing"], "leave it out, or --missing", id="all-and-missing"),
        pytest.param(["--all", "--task", "fill-mask"], "leave it out, or --task", id="all-and-a-task"),
        pytest.param(["--family", "qwen", "bert"], "--family says what to add, and so does bert", id="family-and-name"),
        pytest.param(["--missing", "bert"], "--missing says what to add, and so does bert", id="missing-and-a-name"),
        pytest.param(["--all", "--like", "bert"], "speak of one NAME", id="all-like"),
        pytest.param(["--batch", "1", "--model-id", "a/b"], "speak of one NAME", id="batch-with-a-checkpoint"),
        pytest.param(["--family", "qwem"], "no family 'qwem'; the nearest: qwen", id="unknown-family"),
        pytest.param(["--task", "fill-maks"], "no task 'fill-maks'; the nearest: fill-mask", id="unknown-task"),
        pytest.param(["--batch", "0"], "no batch 0; there are 1 to", id="batch-0"),
        pytest.param(["--batch", "99"], "`hfcodemod list --missing` shows them", id="no-such-batch"),
        pytest.param(["--family", "", "--missing"], "no family ''", id="empty-family"),
        pytest.param(
            ["--family", "olmo", "--task", "fill-mask"],
            "no model type is of family olmo and task fill-mask; leave one of them out",
            id="nothing-is-of-both",
        ),
        pytest.param(["--all", "--skeleton", "awq"], "no skeleton 'awq'", id="unknown-skeleton"),
    ],
)
def test_bad_input_is_one_line_exit_2_and_nothing_written(
    repository: Repository, arguments: list[str], message: str
) -> None:
    before = repository.files()
    done = repository.run("add", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert done.err.startswith("error: ") and done.err.count("\n") == 1
    assert repository.files() == before


def test_a_batch_is_a_number(repository: Repository) -> None:
    done = repository.run("add", "--batch", "one")
    assert (done.code, done.out) == (2, "") and "Invalid value for '--batch'" in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="a signal reaches a group of processes only where there are such")
def test_an_interruption_leaves_nothing(repository: Repository) -> None:
    before = repository.files()
    command = [HFCODEMOD, "add", "--all", *SUITE]
    with subprocess.Popen(
        command,
        cwd=repository.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not (repository.root / ".hfcodemod" / "lock").exists():
            time.sleep(0.01)
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert (out, [line for line in err.splitlines() if line != "Aborted."]) == ("", [])
    assert repository.files() == before
    assert repository.run("add", "--all", *SUITE).code == 0


def test_progress_is_shown_on_a_terminal(repository: Repository) -> None:
    seen = on_terminal([HFCODEMOD, "add", "--family", "mistral", *SUITE], repository.root)
    assert seen.code == 0 and "modules" in seen.text and "100%" in seen.text


def test_from_python(repository: Repository) -> None:
    seen: list[tuple[int, int]] = []
    found = hfcodemod.add_many(
        family="olmo",
        skeleton="suite",
        write=False,
        progress=lambda done, total: seen.append((done, total)),
        root=repository.root,
    )
    there = [one.request.name for one in found.additions if one.status == "unchanged"]
    assert there == ["olmo"] and {one.status for one in found.additions} == {"unchanged", "new"}
    assert seen == [(number, 8) for number in range(1, 9)] and not found.refused
    assert not repository.module("olmo2").exists()
    missing = hfcodemod.missing(skeleton="suite", root=repository.root)
    assert [one.model_type for one in missing if one.family == "olmo"] != []


def test_the_page_on_it_says_what_works(repository: Repository) -> None:
    page = Path(__file__).parents[1] / "docs" / "how-to" / "adding.md"
    commands = re.findall(r"^(?:hfcodemod|pip) .*$", page.read_text(), re.MULTILINE)
    assert len(commands) == 9
    for command in commands:
        # All of them together are tried elsewhere, and those that read a source in another place.
        if "SOMEWHERE" in command or command.endswith("--all"):
            continue
        words = shlex.split(command)[1:]
        assert repository.run(*words, *(SUITE if words[0] == "add" else ())).code == 0, command
    versions = re.search(r"^The package has the facts of (.*) and (.*)\. The older", page.read_text(), re.MULTILINE)
    assert versions is not None and [*versions[1].split(", "), versions[2]] == available_versions()


def test_all_that_have_a_recipe_keep_the_style_and_name_no_reference(tmp_path: Path) -> None:
    """The acceptance of a release: every module that the package can make, by the command, as it is written."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([HFCODEMOD, "add", "--all"], cwd=tmp_path, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert "still says" not in done.stderr
    modules = sorted((tmp_path / "tests" / "models").glob("test_hf_*.py"))
    architectures = load_snapshot(FACTS).architectures
    made = [name for name in model_types_with_recipe() if not recipes.why_no_module(architectures[name])]
    assert len(modules) == len(made) >= 24
    # The budget is a minute on two cores, which other work may keep from us; so processor time.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2 * 60
    for module in modules:
        compile(module.read_bytes(), module.name, "exec")
        assert module.read_text(encoding="utf-8").count("# hfcodemod: ") == 1
    for check in (["check", "--select", "E,F,I"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, "--isolated", "--no-cache", "--line-length", "120", "."]
        ruff = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert ruff.returncode == 0, ruff.stdout + ruff.stderr
