"""The Python interface: what the commands do, as functions with values for an answer."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from functools import partial
from inspect import getdoc, signature
from pathlib import Path

import pytest
from killing import KILLED, points, run

import hfcodemod
from hfcodemod.errors import UserError

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "fixtures" / "golden"
SKELETON = '''\
"""Llama, each night."""

MODEL_ID = "meta-llama/Llama-2-7b-hf"
TOLERANCE = 0.05


def test_checkpoint():
    assert MODEL_ID.count("/") == 1
'''
CONFIGURATION = """\
[tool.hfcodemod.skeletons.nightly]
path = "tests/test_llama.py"
reference = "llama"
target = "tests/test_{name}.py"
"""


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """A repository with a skeleton of its own and two modules."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_llama.py").write_text(SKELETON)
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    hfcodemod.add(["bert", "olmo"], skeleton="nightly", root=tmp_path)
    return tmp_path


def replaced(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_import_loads_nothing_heavy() -> None:
    program = (
        "import sys, hfcodemod; assert set(hfcodemod.__all__) <= set(dir(hfcodemod));"
        "print(*sorted(name for name in sys.modules if name.partition('.')[0] in"
        " {'hfcodemod', 'libcst', 'rich', 'torch', 'transformers', 'typer'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "hfcodemod\n"


@pytest.mark.parametrize("name", hfcodemod.__all__)
def test_a_function_is_not_replaced_by_the_module_of_its_name(name: str) -> None:
    # In a process of its own: a module that is loaded anew has other classes than those that other tests compare.
    program = (
        f"import importlib, hfcodemod; before = hfcodemod.{name};"
        f"importlib.reload(importlib.import_module('hfcodemod.{name}'));"
        f"print(hfcodemod.{name} is before and callable(before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_what_the_package_does_not_have() -> None:
    with pytest.raises(AttributeError, match=r"module 'hfcodemod' has no attribute 'rendered'"):
        _ = hfcodemod.rendered  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", hfcodemod.__all__)
def test_every_function_is_documented_and_typed(name: str) -> None:
    function = getattr(hfcodemod, name)
    made = signature(function)
    assert made.return_annotation is not made.empty
    for parameter in made.parameters.values():
        assert parameter.annotation is not parameter.empty
    words = getdoc(function) or ""
    assert words.partition("\n")[0].endswith((".", ";", ","))
    assert "Raises" in words


def test_users_see_the_types(tmp_path: Path) -> None:
    """A type checker takes the functions for what they are, whatever modules have the same names."""
    program = tmp_path / "program.py"
    program.write_text(
        "import hfcodemod\n"
        "import hfcodemod.merge as by_import\n"
        "from hfcodemod.merge import Merged\n\n"
        "reveal_type(hfcodemod.render('gemma3'))\n"
        "reveal_type(hfcodemod.merge('', '', ''))\n"
        "reveal_type(hfcodemod.migrate(['gemma3']).changed)\n"
        "reveal_type(hfcodemod.check().findings)\n"
        "hfcodemod.render(3)\n"
    )
    options = ["--strict", "--no-error-summary", "--follow-imports=silent", "--cache-dir", str(tmp_path)]
    command = [sys.executable, "-m", "mypy", *options, "program.py"]
    # An editable installation is no folder on the path, and a type checker does not find it.
    environment = {**os.environ, "MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    said = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert said == [
        'note: Revealed type is "str"',
        'note: Revealed type is "hfcodemod.merge.Merged"',
        'note: Revealed type is "list[hfcodemod.plan.Plan]"',
        'note: Revealed type is "tuple[hfcodemod.findings.Finding, ...]"',
        'error: Argument 1 to "render" has incompatible type "int"; expected "str"  [arg-type]',
    ]


def test_render_is_what_add_writes(tmp_path: Path) -> None:
    text = hfcodemod.render("gemma3", root=tmp_path)
    assert text == (GOLDEN / "test_hf_gemma3.py").read_text()
    assert list(tmp_path.iterdir()) == []


def test_render_of_the_current_folder(team: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(team)
    assert hfcodemod.render("bert", skeleton="nightly") == (team / "tests" / "test_bert.py").read_text()


def test_add(tmp_path: Path) -> None:
    path = tmp_path / "tests" / "models" / "test_hf_mistral_next.py"
    wanted = {"like": "mistral", "model_id": "org/Mistral-Next"}
    (made,) = hfcodemod.add(["mistral-next"], like="mistral", model_id="org/Mistral-Next", write=False, root=tmp_path)
    assert (made.path, made.status, path.exists()) == (path, "new", False)
    (made,) = hfcodemod.add(["mistral-next"], **wanted, root=tmp_path)  # type: ignore[arg-type]  # they are strings
    assert path.read_text() == made.text
    (made,) = hfcodemod.add(["mistral-next"], like="mistral", model_id="org/Mistral-Next", root=tmp_path)
    assert made.status == "unchanged"


def test_add_refuses_what_was_edited(team: Path) -> None:
    path = team / "tests" / "test_olmo.py"
    replaced(path, "0.05", "0.1")
    with pytest.raises(UserError, match="has been edited by hand"):
        hfcodemod.add(["olmo"], skeleton="nightly", root=team)
    hfcodemod.add(["olmo"], skeleton="nightly", force=True, root=team)
    assert "TOLERANCE = 0.05" in path.read_text()


def test_add_of_several_names_with_one_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^like and model_id speak of one name; add the names one by one$"):
        hfcodemod.add(["a", "b"], like="bert", root=tmp_path)


def test_adopt(team: Path) -> None:
    path = team / "tests" / "test_t5.py"
    text = SKELETON.replace("meta-llama/Llama-2-7b-hf", "google-t5/t5-small")
    path.write_text(text)
    steps: list[tuple[int, int]] = []
    adopted, errors = hfcodemod.adopt(
        [path], name="t5", skeleton="nightly", write=False, root=team, progress=lambda *step: steps.append(step)
    )
    assert (path.read_text(), errors, steps) == (text, [], [(1, 1)])
    adopted, errors = hfcodemod.adopt([path], name="t5", skeleton="nightly", root=team)
    assert path.read_text() == adopted[0].text != text
    assert errors == []


def test_adopt_tells_what_cannot_be_adopted(team: Path) -> None:
    path = team / "tests" / "test_nothing.py"
    path.write_text("def test_nothing():\n    assert 1\n")
    adopted, errors = hfcodemod.adopt([path], root=team)
    assert adopted == []
    assert len(errors) == 1 and str(path) in str(errors[0])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"like": "bert"}, "like and model_id speak of a name; pass name"),
        ({"name": "bert"}, "a name is for one PATH; adopt the files one by one"),
    ],
)
def test_adopt_names_one_file(team: Path, words: dict[str, str], message: str) -> None:
    paths = [team / "tests" / "test_bert.py", team / "tests" / "test_olmo.py"]
    with pytest.raises(UserError, match=f"^{message}$"):
        hfcodemod.adopt(paths, **words, root=team)  # type: ignore[arg-type]  # they are strings


def test_migrate(team: Path) -> None:
    olmo = team / "tests" / "test_olmo.py"
    replaced(olmo, "== 1", "== 1, MODEL_ID")
    replaced(team / "tests" / "test_llama.py", "0.05", "0.02")
    steps: list[tuple[int, int]] = []
    done = hfcodemod.migrate(write=False, root=team, progress=lambda *step: steps.append(step))
    assert [(plan.name, plan.action) for plan in done.plans] == [("bert", "replace"), ("olmo", "merge")]
    assert steps == [(1, 2), (2, 2)]
    assert "TOLERANCE = 0.05" in olmo.read_text()
    done = hfcodemod.migrate([olmo], root=team)
    assert [plan.path for plan in done.changed] == [olmo]
    assert "TOLERANCE = 0.02" in olmo.read_text() and "== 1, MODEL_ID" in olmo.read_text()
    done = hfcodemod.migrate(root=team)
    assert ([plan.name for plan in done.changed], done.in_step) == (["bert"], 1)
    done = hfcodemod.migrate(root=team)
    assert (done.plans, done.in_step, done.refused) == ((), 2, False)


def test_migrate_what_changed(team: Path) -> None:
    bert, skeleton = team / "tests" / "test_bert.py", team / "tests" / "test_llama.py"
    replaced(skeleton, "0.05", "0.02")
    notes = team / "notes.txt"
    notes.write_text("\n")
    assert hfcodemod.migrate([notes], changed=True, root=team).plans == ()
    done = hfcodemod.migrate([bert], changed=True, root=team)
    assert ([plan.path for plan in done.changed], done.whole) == ([bert], False)
    done = hfcodemod.migrate([skeleton], changed=True, root=team)
    assert ([plan.name for plan in done.changed], done.whole) == (["olmo"], True)


def conflict(team: Path) -> Path:
    olmo = team / "tests" / "test_olmo.py"
    replaced(olmo, "0.05", "0.1")
    replaced(team / "tests" / "test_llama.py", "0.05", "0.02")
    assert [pending.name for pending in hfcodemod.migrate(root=team).pending] == ["olmo"]
    return olmo


def test_conflicts_and_resolve(team: Path) -> None:
    assert hfcodemod.conflicts(root=team) == ([], [])
    olmo = conflict(team)
    waiting, errors = hfcodemod.conflicts(root=team)
    assert [(each.item, each.ours, each.theirs) for one in waiting for each in one.conflicts] == [
        ("TOLERANCE", "TOLERANCE = 0.1\n", "TOLERANCE = 0.02\n")
    ]
    assert errors == []
    settled, errors = hfcodemod.resolve("edited", root=team)
    assert settled == [] and "nothing was edited since the conflict" in str(errors[0])
    assert hfcodemod.conflicts("olmo", root=team)[0] == waiting == hfcodemod.conflicts(olmo, root=team)[0]
    settled, errors = hfcodemod.resolve("theirs", olmo, root=team)
    assert ([one.path for one in settled], errors) == ([olmo], [])
    assert "TOLERANCE = 0.02" in olmo.read_text()
    assert hfcodemod.conflicts(root=team) == ([], [])
    with pytest.raises(UserError, match="olmo: has no conflicts"):
        hfcodemod.conflicts("olmo", root=team)


def test_a_record_that_cannot_be_read_is_told(team: Path) -> None:
    conflict(team)
    (record,) = (team / ".hfcodemod" / "conflicts").iterdir()
    record.write_text("{")
    waiting, errors = hfcodemod.conflicts(root=team)
    assert waiting == []
    assert [error.code for error in errors] == ["HF112"]


def test_check(team: Path) -> None:
    assert hfcodemod.check(root=team).findings == ()
    replaced(team / "tests" / "test_llama.py", "0.05", "0.02")
    found = hfcodemod.check(select=["HF1"], root=team)
    assert [(each.path.name, each.code) for each in found.findings] == [
        ("test_bert.py", "HF101"),
        ("test_olmo.py", "HF101"),
    ]
    assert len(hfcodemod.check([team / "tests" / "test_bert.py"], select=["HF1"], root=team).findings) == 1
    assert hfcodemod.check(ignore=["HF101"], root=team).findings == ()
    with pytest.raises(UserError, match="no such code"):
        hfcodemod.check(select=["X9"], root=team)


def test_merge() -> None:
    merged = hfcodemod.merge("A = 1\nB = 1\n", "A = 2\nB = 1\n", "A = 1\nB = 2\n")
    assert (merged.source, merged.conflicts) == ("A = 2\nB = 2\n", ())
    sides = ("from m import a\n", "from m import a, b\n", "from m import a, c\n")
    assert [each.reason for each in hfcodemod.merge(*sides).conflicts] == ["both sides changed the same lines"]
    assert hfcodemod.merge(*sides, by_name=True).source == "from m import a, b, c\n"
    with pytest.raises(SyntaxError):
        hfcodemod.merge("", "(", ")")


def test_a_write_that_was_cut_short_is_mended_and_logged(team: Path, caplog: pytest.LogCaptureFixture) -> None:
    work = partial(hfcodemod.add, ["t5"], skeleton="nightly", root=team)
    number = points(partial(hfcodemod.add, ["vit"], skeleton="nightly", root=team), team).index(
        "os.rename journal.json"
    )
    assert run(work, team, kill=number + 2) == KILLED
    with caplog.at_level(logging.WARNING):
        hfcodemod.migrate(root=team)
    (record,) = caplog.records
    assert record.name == "hfcodemod"
    assert record.getMessage() == "finished a write of 2 files that was cut short"
    assert "google-t5/t5-" in (team / "tests" / "test_t5.py").read_text()
