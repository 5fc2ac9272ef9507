"""`format-command`: real formatters, and what a command can do wrong."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from hfcodemod import formatter
from hfcodemod.errors import UserError
from hfcodemod.formatter import Formatter

LONG = "values = call(" + ", ".join(f"argument_{i}" for i in range(8)) + ")\n"  # 113 columns
EXPLODED = "values = call(\n" + "".join(f"    argument_{i},\n" for i in range(8)) + ")\n"
MODULE = Path("tests/test_hf_x.py")


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def script(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def problem(command: tuple[str, ...], source: str = "x = 1\n") -> str:
    """What is said of a command; the command itself stands as COMMAND."""
    with pytest.raises(UserError) as caught:
        Formatter(command).formatted(source, MODULE)
    return str(caught.value).replace(repr(shlex.join(command)), "COMMAND")


def test_without_a_command_nothing_is_formatted() -> None:
    assert Formatter().formatted("x  =  1", MODULE) == "x  =  1"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ruff format --isolated --line-length 79 -", EXPLODED),
        ("ruff format --isolated --line-length 120 -", LONG),
        ("black -q -", EXPLODED),
        ("black -q --line-length 120 -", LONG),
    ],
)
def test_real_formatters(words: str, expected: str) -> None:
    name, *options = words.split()
    assert Formatter((program(name), *options)).formatted(LONG, MODULE) == expected


def test_the_path_tells_a_formatter_whose_configuration_counts(tmp_path: Path) -> None:
    for name, width in (("narrow", 79), ("wide", 120)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "ruff.toml").write_text(f"line-length = {width}\n")
    ruff = Formatter((program("ruff"), "format", "--no-cache", "--stdin-filename={path}", "-"))
    assert ruff.formatted(LONG, tmp_path / "narrow" / "a.py") == EXPLODED
    assert ruff.formatted(LONG, tmp_path / "wide" / "a.py") == LONG


def test_a_formatter_runs_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.black]\nline-length = 120\n")
    assert Formatter((program("black"), "-q", "-"), tmp_path).formatted(LONG, MODULE) == LONG


def test_text_goes_through_unharmed() -> None:
    source = "x = 'é\U0001f600'  # \x0c\n"
    copy = script("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())")
    assert Formatter(copy).formatted(source, MODULE) == source
    # The line ends of a file are put back when it is written.
    ends = script("import sys; sys.stdout.buffer.write(sys.stdin.buffer.read().replace(b'\\n', b'\\r\\n'))")
    assert Formatter(ends).formatted(source, MODULE) == source
    assert Formatter(copy).formatted("", MODULE) == ""


def test_a_source_is_formatted_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    noting = Formatter(script(f"import sys; print(sys.stdin.read(), file=open({str(log)!r}, 'a')); print('y = 1')"))
    for source in ("a = 1", "b = 2", "a = 1"):
        assert noting.formatted(source, MODULE) == "y = 1\n"
    assert log.read_text() == "a = 1\nb = 2\n"


def test_a_command_that_is_missing() -> None:
    expected = "format-command COMMAND cannot be run (No such file or directory); correct it in pyproject.toml"
    assert problem(("no-such-formatter", "-")) == f"{MODULE}: {expected}"


def test_a_command_that_may_not_be_run(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("#!/bin/sh\ncat\n")
    expected = "format-command COMMAND cannot be run (Permission denied); correct it in pyproject.toml"
    assert problem((str(tmp_path / "mine"),)) == f"{MODULE}: {expected}"


def test_a_folder_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be run"):
        Formatter(("cat",), tmp_path / "gone").formatted("x = 1\n", MODULE)


def test_a_command_that_fails_says_why_in_its_first_line() -> None:
    failing = script("import sys; sys.exit('\\nwrong option\\nUsage: ...')")
    expected = f"{MODULE}: format-command COMMAND failed (wrong option); correct it in pyproject.toml"
    assert problem(failing) == expected
    assert "failed (error: Failed to parse at" in problem((program("ruff"), "format", "--isolated", "-"), "x = (\n")
    assert "failed (exit code 3)" in problem(script("raise SystemExit(3)"))


def test_a_command_that_writes_no_python() -> None:
    assert "wrote what is no Python (invalid syntax" in problem(script("print('1 file reformatted')"))
    assert "wrote what is no Python ('utf-8' codec" in problem(script("import sys; sys.stdout.buffer.write(b'\\xff')"))
    assert "wrote what is no Python" in problem(script("print('x = ' + '-' * 100_000 + 'a')"))


def test_a_command_that_formats_files_in_place_and_writes_nothing() -> None:
    assert "wrote nothing to its standard output" in problem(script("pass"))


def test_a_command_that_does_not_end(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(formatter, "SECONDS", 0.5)
    # A child of the command, which outlives it, keeps nobody waiting.
    (tmp_path / "slow").write_text(f"#!/bin/sh\n'{sys.executable}' -c 'import time; time.sleep(20)'\n:\n")
    (tmp_path / "slow").chmod(0o755)
    assert "did not end within 0.5 seconds" in problem((str(tmp_path / "slow"),))
