"""The stamp goes in and comes out without a trace, wherever a module's docstring ends."""

from __future__ import annotations

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfcodemod.stamp import Stamp, digest, stamped, with_one_stamp, without_stamp
from hfcodemod.workspace import is_edited

WORDS = st.text(string.ascii_letters + string.digits + "-_./", min_size=1, max_size=50)
HEX = st.text("0123456789abcdef", min_size=8, max_size=8)
STAMPS = st.builds(
    Stamp,
    name=WORDS,
    base=HEX,
    like=st.none() | WORDS,
    model_id=st.none() | WORDS,
    skeleton=st.none() | WORDS,
)
SOURCES = [
    '"""One line."""\n\nimport os\n',
    '"""Two\n\nlines.\n"""\n\nimport os\n',
    "import os\n",
    '# A comment.\n"""Below it."""\n\nX = 1\n',
    "",
    '"""Two blank lines below."""\n\n\nimport os\n',
    '"""None below."""\nimport os\n',
    "\nimport os\n",
    "#!/usr/bin/env python\n# coding: utf-8\nimport os\n",
    '"""No final newline."""',
    '"""A form\x0cfeed."""\n\x0c\nimport os\n',
]


@pytest.mark.parametrize("source", SOURCES)
@given(stamp=STAMPS)
def test_round_trip(source: str, stamp: Stamp) -> None:
    text = stamped(source, stamp)
    assert without_stamp(text) == (source, stamp)
    compile(text, "module.py", "exec")


def test_it_stands_below_the_docstring() -> None:
    stamp = Stamp(name="olmo", base="00000002")
    assert stamped(SOURCES[0], stamp) == ('"""One line."""\n\n# hfcodemod: olmo base=00000002\n\nimport os\n')


def test_a_line_too_long_says_that_it_is_meant() -> None:
    stamp = Stamp(name="a" * 100, base="00000002")
    assert stamp.line().endswith("  # noqa: E501")


def test_no_stamp() -> None:
    assert without_stamp("# hfcodemod: olmo\n") == ("# hfcodemod: olmo\n", None)
    assert is_edited("x = 1\n") is None


def test_an_edit_shows() -> None:
    text = stamped(SOURCES[1], Stamp(name="olmo", base=digest(SOURCES[1])))
    assert is_edited(text) is False
    assert is_edited(text + "\n") is True


@pytest.mark.parametrize(
    ("base", "ours", "theirs", "expected"),
    [
        pytest.param("a base=1", "a base=2", "a base=3", ("a base=2",) * 3, id="both sides migrated"),
        pytest.param("a base=1", "a base=1", "a base=3", None, id="one side migrated"),
        pytest.param("a base=1", "a base=2", "a base=2", None, id="both sides alike"),
        pytest.param("a base=1", "a base=2", "b base=3", None, id="another module"),
        pytest.param("a base=1", "a base=2", "", None, id="a side without a stamp"),
        pytest.param("a base=1", "a base=2", "a base=3\n# hfcodemod: a base=4", None, id="a side with two"),
    ],
)
def test_with_one_stamp(base: str, ours: str, theirs: str, expected: tuple[str, str, str] | None) -> None:
    def text(said: str) -> str:
        line = f"# hfcodemod: {said}" if said else ""
        return "x = 1\n\n" + re.sub(r"base=(\d)", r"base=0123456\1", line) + "\n\ny = 2\n"

    sides = (text(base), text(ours), text(theirs))
    assert with_one_stamp(*sides) == (sides if expected is None else tuple(map(text, expected)))
