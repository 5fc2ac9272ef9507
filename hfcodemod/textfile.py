"""Python files as they are on disk: read as text with plain line ends, and put back byte for byte.

Whoever edits text sees ``\\n`` and no byte order mark; what a file has instead is remembered beside the text. What
could not be put back as it was is refused, with its line.
"""

from __future__ import annotations

import io
import re
import stat
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hfcodemod.errors import UserError

BOM = b"\xef\xbb\xbf"
LINE_END = re.compile(rb"\r\n|\n|\r")
NAMES = {b"\n": "LF", b"\r\n": "CRLF"}
MARKERS = tuple(re.compile(pattern, re.MULTILINE) for pattern in ("^<<<<<<< ", "^=======$", "^>>>>>>> "))
TO_UTF8 = "convert the file to UTF-8 and remove its coding line"


@dataclass(frozen=True)
class TextFile:
    """A file's text, with ``\\n`` at the end of each line and no byte order mark, and what it has on disk instead."""

    path: Path
    text: str
    newline: Literal["\n", "\r\n"] = "\n"
    bom: bool = False
    encoding: str = "utf-8"


def read(path: Path, *, unmerged: bool = False) -> TextFile | None:
    """The file, or None where there is none; with ``unmerged`` also one in the middle of a git merge.

    Raises UserError for what cannot be read, or could not be written back byte for byte (NUL bytes, mixed line ends,
    an unknown encoding or bytes that are none of it), and for a file in the middle of a git merge.
    """
    raw = bytes_of(path)
    if raw is None:
        return None
    _refuse_nul(path, raw)
    newline = _newline(path, raw)
    encoding = _declared(str(path), raw)
    bom = raw.startswith(BOM)
    text = _decoded(path, raw[len(BOM) :] if bom else raw, encoding).replace(newline, "\n")
    if not unmerged:
        _refuse_conflict(path, text)
    return TextFile(path, text, newline, bom, encoding)


def source_of(path: Path, what: str) -> str:
    """The text of a file that modules are made from, without a byte order mark and with plain line ends.

    Raises UserError where it cannot be read as UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the {what} cannot be read ({error}); check its path") from error


def encoded(text: str, like: TextFile | None) -> bytes:
    """The bytes of a text: line ends and byte order mark as ``like`` has them, in the encoding that the text declares.

    Raises UserError for a character that the declared encoding does not have.
    """
    newline, bom, place = ("\n", b"", "new file") if like is None else (like.newline, BOM * like.bom, str(like.path))
    encoding = _declared(place, bom + text.encode("utf-8", "surrogatepass"))
    try:
        return bom + text.replace("\n", newline).encode(encoding)
    except UnicodeEncodeError as error:
        line = error.object.count("\n", 0, error.start) + 1
        raise UserError(f"{place}:{line}: {error.object[error.start]!a} is not in {encoding}; {TO_UTF8}") from error


def bytes_of(path: Path) -> bytes | None:
    """The bytes of a file, or None where there is none.

    Raises UserError for what is no file, or cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise UserError(f"{path}: is a folder where a file belongs; move it away")
        if not stat.S_ISREG(mode):
            raise UserError(f"{path}: is no regular file; move it away")
        return path.read_bytes()
    except FileNotFoundError as error:
        if path.is_symlink():
            raise UserError(f"{path}: links to {path.readlink()}, which is missing; mend or remove the link") from error
        return None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check what it is and its permissions") from error


def _refuse_nul(path: Path, raw: bytes) -> None:
    at = raw.find(b"\0")
    if at >= 0:
        raise UserError(f"{path}:{_line(raw, at)}: holds a NUL byte (UTF-16, or no text at all); save it as UTF-8")


def _newline(path: Path, raw: bytes) -> Literal["\n", "\r\n"]:
    first = b""
    # Almost every file is one or the other throughout, and counting is a hundred times faster than looking.
    returns, feeds = raw.count(b"\r"), raw.count(b"\n")
    mixed = returns and not returns == feeds == raw.count(b"\r\n")
    for line, match in enumerate(LINE_END.finditer(raw) if mixed else (), start=1):
        found = match.group()
        if found == b"\r":
            raise UserError(f"{path}:{line}: ends in a lone carriage return; convert all line ends to LF")
        first = first or found
        if found != first:
            change = f"ends in {NAMES[found]}, the lines before in {NAMES[first]}"
            raise UserError(f"{path}:{line}: {change}; convert all line ends to one of them")
    return "\r\n" if returns else "\n"


def _declared(place: str, raw: bytes) -> str:
    """The encoding that the first two lines declare (PEP 263), or would without a conflict marker above them."""
    body = raw.removeprefix(BOM)
    if body.startswith(b"<<<<<<< "):
        raw = raw[: len(raw) - len(body)] + body.partition(b"\n")[2]
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
    except SyntaxError as error:
        # A line that is not UTF-8 cannot say what it is instead.
        head = _as(place, b"\n".join(raw.removeprefix(BOM).split(b"\n", 2)[:2]), "utf-8")
        line = 1 if tokenize.cookie_re.match(head) else 2
        problem = "the coding line contradicts the byte order mark" if "problem" in str(error) else error.msg
        raise UserError(f"{place}:{line}: {problem}; {TO_UTF8}") from error
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _decoded(path: Path, body: bytes, encoding: str) -> str:
    try:
        text = _as(str(path), body, encoding)
        # Stateful codecs write other bytes than they read, and UTF-16 declared in ASCII reads as other text.
        kept = text.encode(encoding) == body and _declared(str(path), text.encode()) == encoding
    except (UnicodeError, LookupError):
        kept = False
    if not kept:
        raise UserError(f"{path}: cannot be kept byte for byte as {encoding}; {TO_UTF8}")
    return text


def _as(place: str, raw: bytes, encoding: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        problem = f"not {encoding} ({error.reason})"
        raise UserError(f"{place}:{_line(raw, error.start)}: {problem}; convert the file to UTF-8") from error


def _refuse_conflict(path: Path, text: str) -> None:
    at, line = 0, 0
    for marker in MARKERS:
        match = marker.search(text, at)
        if match is None:
            return
        line = line or text.count("\n", 0, match.start()) + 1
        at = match.end()
    raise UserError(f"{path}:{line}: holds the conflict markers of git; settle the conflict first")


def _line(raw: bytes, at: int) -> int:
    return raw.count(b"\n", 0, at) + 1
