"""Writes are whole or not at all, whatever fails and wherever."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from hfcodemod import workspace
from hfcodemod.errors import UserError
from hfcodemod.stamp import digest
from hfcodemod.workspace import base_files, text_of, write_files


def tree(folder: Path) -> dict[str, str]:
    """Every file below a folder, and every folder as a name that ends in a slash."""
    return {
        path.relative_to(folder).as_posix() + ("/" if path.is_dir() else ""): "" if path.is_dir() else path.read_text()
        for path in sorted(folder.rglob("*"))
    }


def test_writes_make_folders_and_keep_the_mode(tmp_path: Path) -> None:
    old = tmp_path / "old.py"
    old.write_text("old")
    old.chmod(0o640)
    write_files({old: "new", tmp_path / "a" / "b" / "c.py": "c"})
    assert tree(tmp_path) == {"a/": "", "a/b/": "", "a/b/c.py": "c", "old.py": "new"}
    assert old.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "a" / "b" / "c.py").stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    umask = os.umask(0)
    os.umask(umask)
    return umask


@pytest.mark.parametrize("at", range(8))
@pytest.mark.parametrize("call", ["mkstemp", "fdopen", "chmod", "replace"])
def test_a_failure_leaves_the_tree_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, at: int
) -> None:
    (tmp_path / "old.py").write_text("old")
    before = tree(tmp_path)
    texts = {tmp_path / "old.py": "new", tmp_path / "a" / "b.py": "b", tmp_path / "a" / "c.py": "c"}
    place: Any = workspace.tempfile if call == "mkstemp" else workspace.os
    real, calls = getattr(place, call), iter(range(100))

    def failing(*args: Any, **options: Any) -> Any:
        if next(calls) == at:
            raise OSError(28, "No space left on device", str(tmp_path))
        return real(*args, **options)

    monkeypatch.setattr(place, call, failing)
    if at < len(texts):
        with pytest.raises(UserError, match="No space left on device"):
            write_files(texts)
        assert tree(tmp_path) == before
    else:
        write_files(texts)
        assert tree(tmp_path) == {"a/": "", "a/b.py": "b", "a/c.py": "c", "old.py": "new"}


def test_a_read_only_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "old.py"
    file.write_text("old")
    # Whoever runs the tests may be allowed everything.
    monkeypatch.setattr(workspace.os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match=r"old.py: cannot be written \(the file is read-only\)"):
        write_files({file: "new"})
    assert tree(tmp_path) == {"old.py": "old"}


def test_a_folder_in_the_way_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.py").mkdir()
    with pytest.raises(UserError, match=r"x.py: cannot be read"):
        write_files({tmp_path / "y.py": "text", tmp_path / "x.py": "text"})
    assert tree(tmp_path) == {"x.py/": ""}


def test_text_of(tmp_path: Path) -> None:
    assert text_of(tmp_path / "none.py") is None
    (tmp_path / "latin.py").write_bytes(b"# caf\xe9\n")
    with pytest.raises(UserError, match="not UTF-8"):
        text_of(tmp_path / "latin.py")
    (tmp_path / "windows.py").write_bytes(b"x = 1\r\n")
    assert text_of(tmp_path / "windows.py") == "x = 1\r\n"


def test_bases_are_addressed_by_content(tmp_path: Path) -> None:
    files = base_files(tmp_path, "x = 1\n")
    assert files[tmp_path / ".hfcodemod" / "base" / digest("x = 1\n")] == "x = 1\n"
    assert "linguist-generated" in files[tmp_path / ".hfcodemod" / ".gitattributes"]
