"""What must hold of every merge: 200 random ones here, thousands in docs/merge-properties.md."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import typer
from hypothesis import example, given, settings
from hypothesis import strategies as st
from merge_properties import hold
from merge_sources import Sides, sides

from hfcodemod.commands.merging import merge as command
from hfcodemod.merge import merge

CODINGS = {"utf-8": "", "latin-1": "# -*- coding: latin-1 -*-\n", "cp1252": "# coding: cp1252\n"}


# A side drops the last item, the other one the newline behind it.
LAST = ("def test_a():\n    pass\n\n\nx = 1\n", "def test_a():\n    pass\n", "def test_a():\n    pass\n\n\nx = 1")


@settings(max_examples=200)
@given(sides())
@example(LAST)
def test_every_property_holds(three: Sides) -> None:
    hold(three)


@settings(max_examples=200)
@given(sides(), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.sampled_from(sorted(CODINGS)), st.booleans())
def test_the_command_keeps_the_bytes_of_ours(three: Sides, newline: str, bom: bool, coding: str, by_name: bool) -> None:
    # The line that is not ASCII stands in all sides; only UTF-8 has a byte order mark.
    texts = [f'{CODINGS[coding]}"""Größe."""\n{text}' for text in three]
    mark = b"\xef\xbb\xbf" if bom and coding == "utf-8" else b""
    expected = merge(*texts, by_name=by_name)
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name, side) for side in ("base", "ours", "theirs")]
        for path, text in zip(paths, texts, strict=True):
            path.write_bytes(text.encode(coding))
        paths[1].write_bytes(mark + texts[1].replace("\n", newline).encode(coding))
        record = Path(name, "record.json")
        with pytest.raises(typer.Exit) as stopped:
            command(*paths, record=record, by_name=by_name, path="tests/test_it.py")
        assert stopped.value.exit_code == int(bool(expected.conflicts))
        assert paths[1].read_bytes() == mark + expected.marked.replace("\n", newline).encode(coding)
        assert [paths[0].read_bytes(), paths[2].read_bytes()] == [texts[0].encode(coding), texts[2].encode(coding)]
        told = json.loads(record.read_text())
        assert told["path"] == "tests/test_it.py"
        assert [conflict["ours"] for conflict in told["conflicts"]] == [one.ours for one in expected.conflicts]
        assert sorted(path.name for path in Path(name).iterdir()) == ["base", "ours", "record.json", "theirs"]


def test_the_longer_run_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    script = Path(__file__).with_name("merge_properties.py")
    command = [sys.executable, str(script), "--examples", "5", "--seed", "3", "--write", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == page.read_text() + "\n"
    assert "5 random modules" in page.read_text() and "seed 3" in page.read_text()
