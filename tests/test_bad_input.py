"""Files as they are found in life: kept byte for byte, or refused with the remedy, as docs/bad-input.md says."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from repository import EXTRA as EXTRA_TEXT
from repository import NEW as NEW_TEXT
from repository import OLD as OLD_TEXT
from repository import Repository

from hfcodemod.parsing import too_deep

PAGE = Path(__file__).parents[1] / "docs" / "bad-input.md"
OLD, NEW, EXTRA = (text.encode() for text in (OLD_TEXT, NEW_TEXT, EXTRA_TEXT))
LIMIT = b"LIMIT = 0.5\n"

Edit = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Case:
    """What somebody did to a module, and how it is mended where it is refused."""

    spoil: Edit
    mend: Edit = lambda raw: raw


def put(text: bytes) -> Edit:
    """In place of the line that says the limit."""
    return lambda raw: raw.replace(LIMIT, text)


def appended(text: bytes) -> Edit:
    return lambda raw: raw + text


def latin(raw: bytes) -> bytes:
    return b"# -*- coding: latin-1 -*-\n" + raw.replace(LIMIT, b"LIMIT = 0.5  # caf\xe9\n") + EXTRA


def without_docstring(raw: bytes) -> bytes:
    return b"\xef\xbb\xbf" + raw.partition(b"\n\n")[2] + EXTRA


def marked_stamp(raw: bytes) -> bytes:
    return re.sub(
        rb"(# hfcodemod: mistral.*base=)(\w{8})\n", rb"<<<<<<< a\n\1\2\n=======\n\g<1>0123abcd\n>>>>>>> b\n", raw
    )


def only_stamp(raw: bytes) -> bytes:
    return re.search(rb"^# hfcodemod: .*\n", raw, re.MULTILINE).group()  # type: ignore[union-attr]  # it has one


def two_methods(number: int) -> bytes:
    return b"\n\ndef test_more_%d():\n    assert %d\n" % (number, number)


MARKERS = b"<<<<<<< ours\nLIMIT = 0.5\n=======\nLIMIT = 0.6\n>>>>>>> theirs\n"
DEEP = b"\nDEEP = " + b"-" * 100_000 + b"1\n"
CASES = {
    "does not parse": Case(
        lambda raw: raw.replace(b"(value):", b"(value)"), lambda raw: raw.replace(b"d(value)\n", b"d(value):\n")
    ),
    "is in the middle of a git merge": Case(put(MARKERS), lambda raw: raw.replace(MARKERS, LIMIT)),
    "is in the middle of a git merge, its stamp too": Case(
        marked_stamp, lambda raw: re.sub(rb"<<<<<<< a\n(.*\n)=======\n.*\n>>>>>>> b\n", rb"\1", raw)
    ),
    "ends its lines with CRLF": Case(lambda raw: (raw + EXTRA).replace(b"\n", b"\r\n")),
    "ends its lines with CR": Case(lambda raw: raw.replace(b"\n", b"\r"), lambda raw: raw.replace(b"\r", b"\n")),
    "ends one line with CR": Case(put(b"LIMIT = 0.5\rHALF = 0.5\n"), lambda raw: raw.replace(b"\r", b"\n")),
    "ends one line with CRLF": Case(put(b"LIMIT = 0.5\r\n"), lambda raw: raw.replace(b"\r", b"")),
    "begins with a byte order mark": Case(lambda raw: b"\xef\xbb\xbf" + raw + EXTRA),
    "begins with a byte order mark and its stamp": Case(without_docstring),
    "is in Latin-1, with a coding line": Case(latin),
    "has a coding line that Python does not know": Case(
        lambda raw: b"# coding: klingon\n" + raw, lambda raw: raw.replace(b"# coding: klingon\n", b"# Klingon\n")
    ),
    "is not UTF-8": Case(put(b"LIMIT = 0.5  # \xe9\n"), lambda raw: raw.replace(b"\xe9", "é".encode())),
    "is UTF-16": Case(lambda raw: raw.decode().encode("utf-16"), lambda raw: raw.decode("utf-16").encode()),
    "holds a NUL byte": Case(put(b"LIMIT = 0.5  # \0\n"), lambda raw: raw.replace(b"\0", b"")),
    "has no newline at its end": Case(lambda raw: (raw + EXTRA)[:-1]),
    "is indented with tabs": Case(appended(b"\n\ndef tabbed():\n\tif LIMIT:\n\t\treturn 1\n")),
    "holds form feeds": Case(appended(b"\n\x0c\ndef fed():\n    return 1\n")),
    "holds other characters that end lines elsewhere": Case(
        appended("\n\ndef separated():\n    return '\u2028', '\x85', '\x1c'  # \u2029\x1d\n".encode())
    ),
    "has 20,000 lines": Case(lambda raw: raw + b"".join(map(two_methods, range(5_000)))),
    "is nested 90 deep": Case(
        lambda raw: (
            raw
            + b"\nNEST = "
            + b"[" * 90
            + b"]" * 90
            + b"\n"
            + b"".join(b" " * depth + b"if LIMIT:\n" for depth in range(90))
            + b" " * 90
            + b"pass\n"
        )
    ),
    "is nested 100,000 deep": Case(appended(DEEP), lambda raw: raw.replace(DEEP, b"\nDEEP = 1\n")),
    "holds nothing but its stamp": Case(only_stamp),
}


def rows() -> dict[str, tuple[str, str]]:
    """The table of the page: a module, what is done, what is said."""
    found = re.findall(r"^\| (.+?) \| (kept|refused|no module) \| (.*?) ?\|$", PAGE.read_text(), re.MULTILINE)
    return {module: (outcome, said) for module, outcome, said in found}


def change(repository: Repository) -> None:
    repository.edit(repository.skeleton, OLD_TEXT, NEW_TEXT)


def based(raw: bytes, repository: Repository) -> bytes:
    """The module with the change and the base that the skeleton now makes."""
    return re.sub(rb"base=\w{8}", repository.base_now("mistral").encode(), raw.replace(OLD, NEW))


def others_follow(repository: Repository, before: dict[str, bytes]) -> bool:
    now = repository.files()
    names = [f"suite/test_{name}.py" for name in ("olmo", "bert")]
    return all(NEW in now[name] and OLD + b"\n" in before[name] for name in names)


def test_every_row_of_the_page_is_tried() -> None:
    assert sorted(rows()) == sorted([*CASES, *PLACES])


@pytest.mark.parametrize("module", CASES)
def test_a_module_that(repository: Repository, module: str) -> None:
    path, case = repository.module("mistral"), CASES[module]
    path.write_bytes(case.spoil(path.read_bytes()))
    spoilt, before = path.read_bytes(), repository.files()
    change(repository)
    expected = based(spoilt, repository)
    outcome, said = rows()[module]
    done = repository.run("migrate-all")
    assert others_follow(repository, before)
    if outcome == "kept":
        assert (done.code, said) == (0, "")
        assert path.read_bytes() == expected
    else:
        assert outcome == "refused"
        assert path.read_bytes() == spoilt
        assert done.code == 2
        assert done.err == f"error: {repository.root}/{said.strip('`')}\n"
        after = repository.files()
        again = repository.run("migrate-all")
        assert (again.code, again.err) == (2, done.err) and repository.files() == after
        path.write_bytes(case.mend(spoilt))
        mended = based(path.read_bytes(), repository)
        assert repository.run("migrate-all").code == 0
        assert path.read_bytes() == mended
    after = repository.files()
    last = repository.run("migrate-all")
    assert (last.code, last.out, last.err) == (0, "3 in step\n", "")
    assert repository.files() == after


def dangling(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.py")


def linked(path: Path) -> None:
    real = path.parent / "real" / "mistral.py"
    real.parent.mkdir()
    path.rename(real)
    path.symlink_to("real/mistral.py")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def read_only(path: Path) -> None:
    path.chmod(0o444)


PLACES: dict[str, Callable[[Path], None]] = {
    "is a link to a module": linked,
    "is a link to nothing": dangling,
    "is a folder": folder,
    "is a named pipe": pipe,
    "is read-only": read_only,
    "is empty": emptied,
}


@pytest.mark.parametrize("module", PLACES)
def test_a_path_that(repository: Repository, module: str) -> None:
    path = repository.module("mistral")
    text = path.read_bytes()
    PLACES[module](path)
    kind, before = path.lstat().st_mode, repository.files()
    change(repository)
    expected = based(text, repository) if module in ("is a link to a module", "is read-only") else b""
    outcome, said = rows()[module]
    done = repository.run("migrate-all")
    assert others_follow(repository, before)
    assert path.lstat().st_mode == kind
    if outcome == "kept":
        assert (done.code, said, done.out.splitlines()[-1]) == (0, "", "3 replaced, 0 in step")
        assert path.read_bytes() == expected
    elif outcome == "no module":
        assert (done.code, said, done.out.splitlines()[-1]) == (0, "", "2 replaced, 0 in step")
        assert stat.S_ISDIR(kind) or path.read_bytes() == b""
    else:
        assert done.code == 2 and done.err == f"error: {repository.root}/{said.strip('`')}\n"
        path.unlink()
        assert repository.run("migrate-all").out == "2 in step\n"


def test_a_link_is_the_module_that_it_leads_to(repository: Repository) -> None:
    linked(repository.module("mistral"))
    assert repository.run("migrate", "suite/test_mistral.py").out == "1 in step\n"
    assert repository.run("migrate", "suite/real/mistral.py").out == "1 in step\n"


def test_a_link_out_of_the_repository_is_followed(repository: Repository, tmp_path: Path) -> None:
    path, real = repository.module("mistral"), tmp_path / "elsewhere.py"
    path.rename(real)
    path.symlink_to(real)
    change(repository)
    assert repository.run("migrate-all").out.endswith("3 replaced, 0 in step\n")
    assert NEW in real.read_bytes() and path.is_symlink()


def test_two_links_to_one_file_are_one_module(repository: Repository, tmp_path: Path) -> None:
    path, real = repository.module("mistral"), tmp_path / "elsewhere.py"
    path.rename(real)
    for link in (path, repository.root / "latest.py"):
        link.symlink_to(real)
    change(repository)
    assert repository.run("migrate-all").out.endswith("3 replaced, 0 in step\n")
    assert NEW in real.read_bytes() and path.is_symlink()


def test_a_link_to_nothing_elsewhere_is_not_our_business(repository: Repository) -> None:
    (repository.root / "latest.py").symlink_to("nowhere.py")
    done = repository.run("migrate-all")
    assert (done.code, done.out, done.err) == (0, "3 in step\n", "")


def test_a_character_that_the_encoding_of_a_module_lacks(repository: Repository) -> None:
    path = repository.module("mistral")
    path.write_bytes(latin(path.read_bytes()))
    before = repository.files()
    repository.edit(repository.skeleton, OLD.decode(), f"{NEW.decode()}  # \u2192")
    done = repository.run("migrate-all")
    assert (done.code, done.out.splitlines()[-1]) == (2, "1 refused, 2 replaced, 0 in step")
    assert done.err == (
        f"error: {path}:18: '\\u2192' is not in iso-8859-1; convert the file to UTF-8 and remove its coding line\n"
    )
    assert repository.files()["suite/test_mistral.py"] == before["suite/test_mistral.py"]
    path.write_text(path.read_text("latin-1").partition("\n")[2], "utf-8")
    assert repository.run("migrate-all").code == 0
    assert "\u2192" in repository.text("mistral") and "café" in repository.text("mistral")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param(f"x = 1\n\ny = (\n    {'-' * 100_000}1\n)\n", 3, id="a statement of several lines"),
        pytest.param(
            f"def f():\n    if x:\n        y = {'-' * 2_000}1\n", 3, id="a line in a block, which Python bears"
        ),
        pytest.param("x = 1\n", 1, id="none to blame"),
    ],
)
def test_the_line_that_is_nested_too_deeply(text: str, line: int) -> None:
    assert str(too_deep(Path("a.py"), text)) == f"a.py:{line}: is nested too deeply; flatten it"


def test_nesting_that_only_some_parsers_bear(repository: Repository) -> None:
    """A rename is done by LibCST, which gives up sooner than Python does."""
    upgrades = repository.root / ".hfcodemod" / "skeletons" / "suite" / "upgrades"
    upgrades.mkdir(parents=True)
    (upgrades / "to_2_names.py").write_text('VERSION = 2\nRENAMES = {"rounded": "floored"}\n')
    path = repository.module("mistral")
    raw = path.read_bytes()
    path.write_bytes(raw + b"\n\nDEEP = " + b"-" * 1_000 + b"1\n")
    spoilt = path.read_bytes()
    text = repository.skeleton.read_text()
    repository.skeleton.write_text(text.replace("rounded", "floored"))
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (2, f"error: {path}:23: is nested too deeply; flatten it\n")
    assert path.read_bytes() == spoilt and "floored" in repository.text("olmo")
    path.write_bytes(raw + EXTRA)
    assert repository.run("migrate-all").code == 0
    assert "rounded" not in repository.text("mistral") and "test_extra" in repository.text("mistral")
