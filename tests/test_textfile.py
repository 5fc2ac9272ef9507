"""What is read can be put back byte for byte, and what cannot is refused with its line."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfcodemod.errors import UserError
from hfcodemod.textfile import BOM, TextFile, encoded, read

LINES = "".join(f"x_{number} = {number}\n" for number in range(20_000))

KEPT = {
    "an empty file": b"",
    "no final newline": b"x = 1\ny = 2",
    "windows line ends": b"x = 1\r\ny = 2\r\n",
    "windows line ends without the last": b"x = 1\r\ny = 2",
    "a byte order mark": BOM + b"x = 1\n",
    "a byte order mark with windows line ends": BOM + b"x = 1\r\n",
    "a byte order mark alone": BOM,
    "a byte order mark and a coding line that agrees": BOM + b"# coding: utf-8\nx = 1\n",
    "tabs": b"if x:\n\ty = 1\t# z\n",
    "form feeds": b"x = 1\n\x0c\ny = 2\x0c\n",
    "separators that str.splitlines takes for line ends": 'x = "\x0b\x1c\x85\u2028\u2029"\r\ny = 2\r\n'.encode(),
    "latin-1 by a coding line": b"# -*- coding: latin-1 -*-\nx = 'caf\xe9'\n",
    "latin-1 by a second line": b"#!/usr/bin/env python\r\n# vim: set fileencoding=iso-8859-15 :\r\nx = '\xa4'\r\n",
    "japanese by a coding line": "# coding: shift_jis\nx = 'テスト'\n".encode("shift_jis"),
    "trailing spaces and blank lines": b"\n\n  \nx = 1   \n\n\n",
    "twenty thousand lines": LINES.encode(),
    "twenty thousand windows lines": LINES.replace("\n", "\r\n").encode(),
    "half a conflict in a docstring": b'"""\n<<<<<<< ours\n=======\n"""\n',
    "headings that look like markers": b'"""\nTitle\n=======\n>>>>>>> x\n"""\n',
    "conflict markers inside a line": b"x = '<<<<<<< a'\n# =======\ny = '>>>>>>> b'\n",
}


@pytest.mark.parametrize("raw", KEPT.values(), ids=KEPT.keys())
def test_kept_byte_for_byte(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(raw)
    file = read(path)
    assert file is not None
    assert "\r" not in file.text
    assert not file.text.startswith("\ufeff")
    assert encoded(file.text, file) == raw


ENCODINGS = ["utf-8", "latin-1", "iso-8859-15", "cp1252", "shift_jis", "gb18030", "koi8-r", "ascii"]
CONTENT = st.text(
    st.one_of(
        st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]),
        st.sampled_from("\n\n\n \t\x0c\x0b\x1c\x85\u2028#<=>éж漢"),
    )
)


@given(content=CONTENT, encoding=st.sampled_from(ENCODINGS), newline=st.sampled_from(["\n", "\r\n"]), bom=st.booleans())
def test_any_file_that_is_read_is_put_back(content: str, encoding: str, newline: str, bom: bool) -> None:
    bom = bom and encoding == "utf-8"
    text = f"# coding: {encoding}\n".replace("\n", newline) + content.replace("\n", newline)
    raw = BOM * bom + text.encode(encoding, "ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.py"
        path.write_bytes(raw)
        file = read(path)
    assert file is not None
    assert file.newline == newline
    assert file.bom == bom
    assert file.text == raw[len(BOM) * bom :].decode(encoding).replace("\r\n", "\n")
    assert encoded(file.text, file) == raw


@given(raw=st.binary())
def test_any_bytes_are_put_back_or_refused(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.py"
        path.write_bytes(raw)
        try:
            file = read(path)
        except UserError as error:
            assert re.match(rf"{re.escape(str(path))}(:\d+)?: .*; \w+", str(error))
        else:
            assert file is not None
            assert encoded(file.text, file) == raw


REFUSED = {
    "invalid UTF-8": (
        b"x = 1\ny = 2\nz = '\xe9'\n",
        ":3: not utf-8 (invalid continuation byte); convert the file to UTF-8",
    ),
    "invalid UTF-8 in the first line": (
        b"# caf\xe9\n",
        ":1: not utf-8 (invalid continuation byte); convert the file to UTF-8",
    ),
    "bytes that the declared encoding does not have": (
        b"# coding: ascii\n\n# caf\xe9\n",
        ":3: not ascii (ordinal not in range(128)); convert the file to UTF-8",
    ),
    "an unknown encoding": (
        b"# coding: klingon\n",
        ":1: unknown encoding: klingon; convert the file to UTF-8 and remove its coding line",
    ),
    "an unknown encoding in the second line": (
        b"#!/usr/bin/python\n# coding: klingon\n",
        ":2: unknown encoding: klingon; convert the file to UTF-8 and remove its coding line",
    ),
    "an unknown encoding and bytes of it": (
        b"# coding: klingon\n\n# caf\xe9\n",
        ":1: unknown encoding: klingon; convert the file to UTF-8 and remove its coding line",
    ),
    "a coding line that contradicts the byte order mark": (
        BOM + b"# coding: latin-1\n",
        ":1: the coding line contradicts the byte order mark; convert the file to UTF-8 and remove its coding line",
    ),
    "a codec that is no encoding": (
        b"# coding: rot13\n",
        ": cannot be kept byte for byte as rot13; convert the file to UTF-8 and remove its coding line",
    ),
    "an encoding that writes other bytes than it reads": (
        b"# coding: utf-7\nx = '+AGE-'\n",
        ": cannot be kept byte for byte as utf-7; convert the file to UTF-8 and remove its coding line",
    ),
    "an encoding of two bytes declared in one": (
        b"# coding: utf-16-le\n",
        ": cannot be kept byte for byte as utf-16-le; convert the file to UTF-8 and remove its coding line",
    ),
    "windows line ends after others": (
        b"a\nb\nc\r\nd\n",
        ":3: ends in CRLF, the lines before in LF; convert all line ends to one of them",
    ),
    "other line ends after windows line ends": (
        b"a\r\nb\n",
        ":2: ends in LF, the lines before in CRLF; convert all line ends to one of them",
    ),
    "a lone carriage return": (
        b"a\r\nb\rc\r\n",
        ":2: ends in a lone carriage return; convert all line ends to LF",
    ),
    "lone carriage returns throughout": (
        b"a\rb\rc\r",
        ":1: ends in a lone carriage return; convert all line ends to LF",
    ),
    "NUL": (
        b"a\nb\0\n",
        ":2: holds a NUL byte (UTF-16, or no text at all); save it as UTF-8",
    ),
    "UTF-16": (
        "x = 1\n".encode("utf-16"),
        ":1: holds a NUL byte (UTF-16, or no text at all); save it as UTF-8",
    ),
    "conflict markers": (
        b"x = 1\n<<<<<<< HEAD\ny = 1\n=======\ny = 2\n>>>>>>> topic\n",
        ":2: holds the conflict markers of git; settle the conflict first",
    ),
    "conflict markers at windows line ends": (
        b"<<<<<<< HEAD\r\ny = 1\r\n=======\r\ny = 2\r\n>>>>>>> topic\r\n",
        ":1: holds the conflict markers of git; settle the conflict first",
    ),
}


@pytest.mark.parametrize(("raw", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_with_place_and_remedy(tmp_path: Path, raw: bytes, message: str) -> None:
    path = tmp_path / "x.py"
    path.write_bytes(raw)
    assert refusal(path) == f"{path}{message}"
    assert path.read_bytes() == raw


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(path)
    return str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    assert read(tmp_path / "none.py") is None


def test_what_is_in_the_way_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    assert refusal(tmp_path / "folder.py") == f"{tmp_path}/folder.py: is a folder where a file belongs; move it away"
    os.mkfifo(tmp_path / "pipe.py")
    assert refusal(tmp_path / "pipe.py") == f"{tmp_path}/pipe.py: is no regular file; move it away"
    (tmp_path / "link.py").symlink_to("gone.py")
    assert (
        refusal(tmp_path / "link.py")
        == f"{tmp_path}/link.py: links to gone.py, which is missing; mend or remove the link"
    )
    (tmp_path / "loop.py").symlink_to("loop.py")
    assert refusal(tmp_path / "loop.py") == (
        f"{tmp_path}/loop.py: cannot be read (Too many levels of symbolic links); check what it is and its permissions"
    )
    (tmp_path / "file").write_text("")
    assert refusal(tmp_path / "file" / "x.py") == (
        f"{tmp_path}/file/x.py: cannot be read (Not a directory); check what it is and its permissions"
    )


def test_a_link_is_read_through(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes(b"x = 1\n")
    (tmp_path / "link.py").symlink_to("real.py")
    assert read(tmp_path / "link.py") == TextFile(tmp_path / "link.py", "x = 1\n")


def test_a_new_file_is_plain_utf8() -> None:
    assert encoded("x = 'é'\ny = 1\n", None) == b"x = '\xc3\xa9'\ny = 1\n"


def test_a_coding_line_that_came_with_an_edit_is_obeyed() -> None:
    """Else Python would read other characters than were written."""
    assert encoded("# coding: latin-1\nx = 'é'\n", None) == b"# coding: latin-1\nx = '\xe9'\n"
    old = TextFile(Path("x.py"), "# coding: latin-1\n", newline="\r\n", encoding="iso-8859-1")
    assert encoded("x = 'é'\n", old) == b"x = '\xc3\xa9'\r\n"


def test_a_character_that_the_encoding_does_not_have() -> None:
    old = TextFile(Path("x.py"), "", newline="\r\n", encoding="iso-8859-1")
    with pytest.raises(UserError) as caught:
        encoded("# coding: latin-1\n\nx = '漢'\n", old)
    assert str(caught.value) == (
        "x.py:3: '\\u6f22' is not in iso-8859-1; convert the file to UTF-8 and remove its coding line"
    )


def test_a_conflict_marker_on_top_does_not_hide_the_encoding(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    text = '<<<<<<< ours\n# coding: cp1252\n"""Größe."""\n=======\n# coding: cp1252\n"""Maß."""\n>>>>>>> theirs\n'
    path.write_bytes(text.encode("cp1252"))
    file = read(path, unmerged=True)
    assert file is not None and (file.text, file.encoding) == (text, "cp1252")
    assert encoded(text, file) == text.encode("cp1252")
