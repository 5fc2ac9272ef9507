"""One result for people, for programs, and for a pipe."""

from __future__ import annotations

import json

import pytest

from hfcodemod import report


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
