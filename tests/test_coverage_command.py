"""`hfcodemod coverage` as somebody types it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from covering import Suite, suite
from repository import Done, command

import hfcodemod
from hfcodemod.coverage_cases import DEFINITION
from hfcodemod.ledger import FORMAT, HEADER, ledger_path, ledger_text

Run = Callable[..., Done]


@pytest.fixture(scope="module")
def passed(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """Two modules with a ledger; for copies only."""
    made = suite(tmp_path_factory.mktemp("passed"), ["codegen", "vit"])
    made.change("ViTModel", outcome="failed", reason="test_forward: NaN")
    made.written()
    return made


@pytest.fixture
def run(tmp_path: Path, passed: Suite, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command line in a copy of the folder."""
    shutil.copytree(passed.root, tmp_path, dirs_exist_ok=True)
    return command(monkeypatch, capsys, tmp_path)


def test_it_prints_the_figures_with_their_definition(run: Run) -> None:
    done = run("coverage")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:5] == [
        "Coverage of transformers 5.23.0",
        "",
        "heads covered        4 of 1,547 (0.2 %)",
        "model types covered  1 of 649 (0.1 %)",
        "failing              1 head: ran and failed, or was not seen to do what it must",
    ]
    rest = {line.split()[0]: int(line.split()[1].replace(",", "")) for line in lines[5:7]}
    assert rest.keys() == {"blocked", "missing"} and sum(rest.values()) == 1542
    assert DEFINITION in done.out.replace("\n", " ")
    assert any(line.startswith("image\t0 of 145 (0.0 %)\t2 of 259 (0.7 %)\t1 failing, ") for line in lines)
    assert lines[lines.index("Families with most to do:") + 1].startswith("bert\t120\talbert, bert, ")
    assert re.fullmatch(r"And 2\d\d more; --html and --markdown show all, --json says it to programs\.", lines[-1])


def test_json_is_the_answer_alone(run: Run) -> None:
    done = run("coverage", "--json", "--markdown", "page.md")
    told = json.loads(done.out)
    assert told["heads"] == {"covered": 4, "total": 1547, "percent": 0.2}
    assert len(told["cases"]) == 1576
    assert done.err == "wrote page.md\n"


def test_pages_are_written_and_the_same_again(run: Run, tmp_path: Path) -> None:
    words = ("--html", "public/site", "--markdown", "coverage.md", "--badge", "badge.svg", "--quiet")
    assert run("coverage", *words).err == ""
    files = [tmp_path / name for name in ("public/site/index.html", "coverage.md", "badge.svg")]
    first = [file.read_bytes() for file in files]
    assert run("coverage", *words).code == 0
    assert [file.read_bytes() for file in files] == first
    assert all(
        text.startswith(start) for start, text in zip((b"<!doctype html>", b"# Coverage", b"<svg "), first, strict=True)
    )
    assert sorted(path.name for path in (tmp_path / "public" / "site").iterdir()) == ["index.html"]


def test_a_folder_that_cannot_be_made(run: Run, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    done = run("coverage", "--html", "taken")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: taken: cannot be written (")


@pytest.mark.parametrize(("percent", "code"), [("0.258", 0), ("0.26", 1), ("100", 1), ("0", 0)])
def test_less_than_asked_for_is_worth_an_exit_code(run: Run, percent: str, code: int) -> None:
    """4 of 1,547 are 0.2585 %."""
    done = run("coverage", "--fail-under", percent)
    assert done.code == code
    said = f"0.2 % of the heads are covered, and --fail-under asks for {percent} %\n"
    assert done.err == said * code


def test_what_does_not_count_is_said(run: Run, tmp_path: Path) -> None:
    (tmp_path / "tests/models/test_hf_vit.py").unlink()
    done = run("coverage")
    why = "does not count: its module tests/models/test_hf_vit.py is gone"
    assert done.err.splitlines()[0] == f"tests/models/test_hf_vit.py: ViTForImageClassification: {why}"
    assert len(done.err.splitlines()) == 3


def test_little_is_told_whole_and_much_is_cut_short(
    run: Run, tmp_path: Path, passed: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = [replace(record, name=f"gone{number}").sealed() for number in range(9) for record in passed.records]
    ledger_path(tmp_path).write_text(ledger_text(several))
    assert run("coverage").err.splitlines()[-1] == f"{len(several) - 20} more records do not count; --json tells all"
    monkeypatch.setattr("hfcodemod.commands.covering.FEW", 1000)
    done = run("coverage")
    assert len(done.err.splitlines()) == len(several)
    assert done.out.splitlines()[-1].endswith("missing") and "more; --html" not in done.out


def test_since_prints_the_summary(run: Run) -> None:
    done = run("coverage", "--since", "2026-01-01")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# What is covered of transformers 5.23.0 since 2026-01-01\n")
    assert "\n| codegen | 2 | codegen |\n" in done.out
    assert re.search(r"\n## Next: 1,\d{3} heads of 6\d\d model types\n", done.out)
    told = json.loads(run("coverage", "--since", "2026-01-01", "--json").out)
    assert told["since"]["when"] == "2026-01-01" and told["since"]["heads"]["covered"] == 0
    assert len(told["since"]["added"]) == 4 and told["since"]["lost"] == []


class TestScratchTree:
    """A project that commits its ledger and not its modules."""

    def test_modules_made_anew_are_those_that_ran(self, run: Run, tmp_path: Path, passed: Suite) -> None:
        committed = tmp_path / "docs"
        committed.mkdir()
        shutil.move(ledger_path(tmp_path), committed / "ledger.jsonl")
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        (scratch / "pyproject.toml").write_text("[tool.hfcodemod]\n")
        assert run("add", "codegen", "vit", cwd=scratch).code == 0
        done = run("coverage", "--ledger", "../docs/ledger.jsonl", "--fail-under", "0.25", cwd=scratch)
        assert (done.code, done.err) == (0, "")
        assert "heads covered        4 of 1,547 (0.2 %)" in done.out
        without = run("coverage", cwd=scratch)
        assert "heads covered        0 of 1,547 (0.0 %)" in without.out


class TestBadInput:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            pytest.param('{"class": "ViTModel", "date": "20', "is no record of a run; delete the line", id="torn"),
            pytest.param("<<<<<<< HEAD", "holds the conflict markers of git; delete those lines", id="conflict"),
            pytest.param('{"class": "ViTModel"}', "is no record of a run; delete the line", id="fields"),
        ],
    )
    def test_a_line_that_is_no_record(self, run: Run, tmp_path: Path, line: str, said: str) -> None:
        ledger = ledger_path(tmp_path)
        text = ledger.read_text()
        ledger.write_text(f"{text}{line}\n")
        done = run("coverage", "--html", "site")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(f"error: {ledger}:{text.count(chr(10)) + 1}: {said}")
        assert not (tmp_path / "site").exists()

    def test_a_ledger_of_another_format(self, run: Run, tmp_path: Path) -> None:
        ledger_path(tmp_path).write_text(f'{{"{HEADER}":{FORMAT + 1}}}\n')
        done = run("coverage")
        assert (done.code, done.out) == (2, "")
        assert f"is a ledger of format {FORMAT + 1}, and this hfcodemod has {FORMAT}; pip install" in done.err

    def test_no_such_ledger(self, run: Run) -> None:
        done = run("coverage", "--ledger", "nowhere.jsonl")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: nowhere.jsonl: there is no such ledger; ")

    def test_an_unknown_snapshot(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\nfacts = "5.99.0"\n')
        done = run("coverage")
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: no facts of transformers 5.99.0 (there are: ")

    def test_a_skeleton_that_is_gone_concerns_all(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\nskeleton = "gone"\n')
        done = run("coverage")
        assert (done.code, done.out) == (2, "")
        assert "skeleton.json: is not there" in done.err

    def test_a_percentage_that_is_none(self, run: Run) -> None:
        assert run("coverage", "--fail-under", "101").code == 2


def test_neither_torch_nor_transformers_is_imported(passed: Suite) -> None:
    program = (
        "import sys, hfcodemod; hfcodemod.coverage();"
        "print(*sorted(name for name in sys.modules if name in {'torch', 'transformers', 'pytest', 'typer'}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=passed.root, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_the_interface_takes_a_ledger_and_a_root(passed: Suite, tmp_path: Path) -> None:
    records = [record for record in passed.records if record.name == "codegen"]
    (tmp_path / "ledger.jsonl").write_text(ledger_text(records))
    now = hfcodemod.coverage(ledger=tmp_path / "ledger.jsonl", root=passed.root)
    assert now.heads.covered == 2 and now.earlier is None and now.added == ()
