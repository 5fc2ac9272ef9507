"""One result for people, for programs, and for a pipe."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import get_args

import pytest
from repository import Repository
from terminal import HFCODEMOD, on_terminal
from typer.models import OptionInfo

from hfcodemod import report
from hfcodemod.cli import COMMANDS

CODES = re.compile(r"\x1b\[[0-9;]*m")
DIFF = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\t[bold]b[/bold]\n+c: list[int]\n d\n"


def test_a_pipe_gets_tabs(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_table(("a", "b"), [("x", "list[int]"), ("y", "")])
    assert capsys.readouterr().out == "x\tlist[int]\ny\t\n"


def test_a_terminal_gets_a_table_and_nothing_is_read_as_markup(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    report.print_table(("a", "b"), [("x", "list[int]"), ("[bold]y[/bold]", "")])
    out = capsys.readouterr().out
    assert "list[int]" in out and "[bold]y[/bold]" in out
    assert len({line.index("list[int]") for line in out.splitlines() if "list[int]" in line}) == 1


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    report.print_json({"name": "übung"})
    assert json.loads(capsys.readouterr().out) == {"name": "übung"}


def test_a_diff_in_colour_is_the_diff(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "look", report.Look(report.Color.ALWAYS))
    report.print_diff(DIFF)
    assert capsys.readouterr().out == (
        "\x1b[1m--- a/x\x1b[0m\n\x1b[1m+++ b/x\x1b[0m\n\x1b[36m@@ -1 +1 @@\x1b[0m\n"
        "\x1b[31m-a\t[bold]b[/bold]\x1b[0m\n\x1b[32m+c: list[int]\x1b[0m\n d\n"
    )
    monkeypatch.setattr(report, "look", report.Look(report.Color.NEVER))
    report.print_diff(DIFF)
    assert capsys.readouterr().out == DIFF


@pytest.fixture
def behind(repository: Repository) -> Repository:
    """A repository whose skeleton went on, with a conflict in one module."""
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.75")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    return repository


def test_a_pipe_gets_no_colour_unless_it_is_asked_for(behind: Repository) -> None:
    plain = behind.run("migrate", "mistral", "--diff")
    assert plain.out.startswith("--- a/suite/test_mistral.py\n") and "\x1b" not in plain.out + plain.err
    coloured = behind.run("migrate", "mistral", "--diff", "--color", "always")
    assert "\x1b[32m+LIMIT = 0.25\x1b[0m\n" in coloured.out
    assert CODES.sub("", coloured.out) == plain.out
    assert "\x1b" not in behind.run("migrate", "mistral", "--diff").out


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        pytest.param([], {}, True, id="a-terminal"),
        pytest.param([], {"NO_COLOR": "1"}, False, id="NO_COLOR"),
        pytest.param([], {"NO_COLOR": ""}, True, id="NO_COLOR-is-empty"),
        pytest.param([], {"TERM": "dumb"}, False, id="a-dumb-terminal"),
        pytest.param(["--color", "always"], {"NO_COLOR": "1"}, True, id="an-option-goes-before"),
        pytest.param(["--color", "never"], {}, False, id="never"),
    ],
)
def test_colour_on_a_terminal(
    behind: Repository, options: list[str], environment: dict[str, str], coloured: bool
) -> None:
    seen = on_terminal([HFCODEMOD, "migrate", "bert", "--diff", *options], behind.root, environment=environment)
    assert seen.code == 1
    assert ("\x1b[31m-LIMIT = 0.5\x1b[0m\n" in seen.text) is coloured
    assert ("\n-LIMIT = 0.5\n" in seen.text) is not coloured


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("command", [["migrate-all"], ["list", "--task", "fill-mask"]])
def test_tables_keep_to_the_terminal_s_width(behind: Repository, command: list[str], columns: int) -> None:
    seen = on_terminal([HFCODEMOD, *command, "--color", "never"], behind.root, columns=columns)
    # A progress bar was there before.
    table = re.search(r"^ *mod(?:ule|el type) .*?^ *$", seen.text, re.MULTILINE | re.DOTALL)
    assert table is not None and len(table[0].splitlines()) > 4
    assert max(len(line.rstrip()) for line in table[0].splitlines()) <= columns
    # What a row is about is whole.
    name = "suite/test_mistral.py" if command == ["migrate-all"] else "xlm-roberta-xl"
    assert name in table[0]


def test_quiet_says_what_is_wrong(behind: Repository) -> None:
    done = behind.run("migrate-all", "--quiet")
    assert (done.code, done.out) == (1, "")
    (line,) = done.err.splitlines()
    assert re.match(r"suite/test_olmo\.py:\d+: LIMIT: ", line)
    done = behind.run("add", "t5", "--skeleton", "suite", "-q")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert behind.module("t5").is_file()
    assert "\n+LIMIT" in behind.run("add", "vit", "--skeleton", "suite", "-q", "--diff").out
    done = behind.run("show", "bert", "-q")
    assert (done.code, done.out.splitlines()[0].split()) == (0, ["model_type", "bert"])
    done = behind.run("doctor", "-q")
    assert [line.split()[0] for line in done.out.splitlines() if line[0] != " "] == ["todo", "next:"]
    assert behind.run("add", "gema3", "-q").err.startswith("error: ")


def test_verbose_says_what_is_used(behind: Repository) -> None:
    plain, done = behind.run("show", "bert"), behind.run("show", "bert", "--verbose")
    assert done.out == plain.out
    lines = done.err.splitlines()
    assert lines[0].startswith("hfcodemod: ")
    assert lines[1:5] == [
        f"configuration: {behind.root}/pyproject.toml",
        "facts: of transformers 5.23.0",
        "default skeleton: as shipped",
        f"skeleton suite: {behind.skeleton}",
    ]
    assert re.fullmatch(r"took \d+\.\d s", lines[5]) and len(lines) == 6


def test_verbose_without_a_configuration(behind: Repository, tmp_path: Path) -> None:
    assert f"configuration: none; defaults in {tmp_path}\n" in behind.run("show", "bert", "-v", cwd=tmp_path).err


def test_quiet_and_verbose_exclude_each_other(behind: Repository) -> None:
    done = behind.run("migrate-all", "--quiet", "--verbose")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: --quiet and --verbose exclude each other; leave one out\n"


def test_an_option_takes_the_same_in_every_command() -> None:
    kinds: dict[str, set[str]] = {}
    for command in (command for panel in COMMANDS.values() for command in panel.values()):
        for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
            kind, option = get_args(parameter.annotation)
            if isinstance(option, OptionInfo):
                called = [word for word in option.param_decls or () if word.startswith("--")]
                plain = (get_args(kind) or (kind,))[0]
                kinds.setdefault((called or [f"--{name}".replace("_", "-")])[0], set()).add(plain.__name__)
    assert len(kinds) > 20
    assert {name: kind for name, kind in kinds.items() if len(kind) > 1} == {}


def test_help_is_grouped(repository: Repository) -> None:
    said = repository.run("--help").out
    assert [said.index(panel) for panel in COMMANDS] == sorted(said.index(panel) for panel in COMMANDS)
    assert "doctor" in said.partition("Setting up")[2].partition("For git")[0]
