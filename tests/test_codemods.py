"""Every codemod on its case files: the bytes that come out, and silence on a second run."""

from __future__ import annotations

import argparse
import importlib
import shlex
import subprocess
import sys
from pathlib import Path

import libcst as cst
import pytest
from libcst.codemod import CodemodCommand, CodemodContext

ROOT = Path(__file__).parents[1]
CASES = ROOT / "fixtures" / "cases"
SHARED = {"__init__", "command", "definitions", "expressions", "overlay_items", "places", "scopes"}
CODEMODS = sorted(path.stem for path in (ROOT / "codemods").glob("*.py") if path.stem not in SHARED)
FILES = [path for name in CODEMODS for path in sorted((CASES / name).glob("*.py"))]


def command_class(codemod: str) -> type[CodemodCommand]:
    """The command of a codemod: its file's name in capitals."""
    module = importlib.import_module(f"hfcodemod.codemods.{codemod}")
    return getattr(module, "".join(word.capitalize() for word in codemod.split("_")))


def parts_of(case: Path) -> tuple[list[str], str, str]:
    """The arguments, the input and the expected output of a case."""
    text = case.read_text()
    arguments: list[str] = []
    if text.startswith("# arguments: "):
        first, _, text = text.partition("\n")
        arguments = shlex.split(first.removeprefix("# arguments: "))
    before, marker, after = text.partition("# output\n")
    return arguments, before, after if marker else before


def transformed(codemod: str, arguments: list[str], source: str) -> str:
    """What the codemod makes of a source, with arguments as on a command line."""
    cls = command_class(codemod)
    parser = argparse.ArgumentParser()
    cls.add_args(parser)
    command = cls(CodemodContext(), **vars(parser.parse_args(arguments)))
    return command.transform_module(cst.parse_module(source)).code


@pytest.mark.parametrize("case", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_case(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    arguments, before, expected = parts_of(case)
    assert case.name.startswith("noop_") == (before == expected)
    assert transformed(case.parent.name, arguments, before) == expected
    assert transformed(case.parent.name, arguments, expected) == expected


@pytest.mark.parametrize("codemod", CODEMODS)
def test_has_a_changing_case_and_a_noop(codemod: str) -> None:
    names = [path.name for path in (CASES / codemod).glob("*.py")]
    assert any(name.startswith("noop_") for name in names)
    assert any(not name.startswith("noop_") for name in names)


@pytest.mark.parametrize("codemod", CODEMODS)
def test_runs_alone_through_libcst(codemod: str, tmp_path: Path) -> None:
    case = next(path for path in sorted((CASES / codemod).glob("*.py")) if not path.name.startswith("noop_"))
    arguments, before, expected = parts_of(case)
    file = tmp_path / "module.py"
    file.write_text(before)
    spec = f"hfcodemod.codemods.{codemod}.{command_class(codemod).__name__}"
    command = [sys.executable, "-m", "libcst.tool", "codemod", "-x", "--no-format", spec, *arguments, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert file.read_text() == expected


@pytest.mark.parametrize("codemod", CODEMODS)
def test_file_holds_one_documented_command(codemod: str) -> None:
    module = importlib.import_module(f"hfcodemod.codemods.{codemod}")
    assert module.__doc__ and command_class(codemod).__doc__
    assert command_class(codemod).DESCRIPTION


def test_renames_happen_at_once_not_one_after_the_other() -> None:
    assert transformed("rename_classes", ["--rename", "A=B", "--rename", "C=A"], "A(C)\n") == "B(A)\n"


def test_pair_without_equals_sign_is_a_usage_error() -> None:
    pair = importlib.import_module("hfcodemod.codemods.command").pair
    with pytest.raises(argparse.ArgumentTypeError, match="OLD=NEW"):
        pair("OLD")
