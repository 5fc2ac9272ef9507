"""The tree of test modules: which file is whose, and writes that are whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from hfcodemod.errors import UserError
from hfcodemod.stamp import digest, without_stamp

STATE = ".hfcodemod"


def facts_folder(root: Path) -> Path:
    """Where a repository keeps the facts of versions that the package does not have."""
    return root / STATE / "facts"


def base_files(root: Path, source: str) -> dict[Path, str]:
    """The files that keep what was generated: content-addressed, and marked as generated for reviewers."""
    folder = root / STATE
    return {
        folder / ".gitattributes": "base/* linguist-generated\n",
        folder / "base" / digest(source): source,
    }


def is_edited(text: str) -> bool | None:
    """Whether a managed file differs from what was generated; None for a file without a stamp."""
    body, stamp = without_stamp(text)
    return None if stamp is None else digest(body) != stamp.base


def text_of(path: Path) -> str | None:
    """The text of a file, or None where there is none.

    Raises UserError for a file that cannot be read as UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); convert it first") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check what it is and its permissions") from error


def write_files(texts: dict[Path, str]) -> None:
    """Write every file or, on failure, none: all are written beside their places before the first takes its place.

    Raises UserError where a folder or a file refuses.
    """
    staged: dict[Path, Path] = {}
    made: list[Path] = []
    old = {path: text_of(path) for path in texts}
    placed: list[Path] = []
    try:
        for path, text in texts.items():
            made += _made_folders(path.parent)
            staged[path] = _staged(path, text)
        for path, temporary in staged.items():
            os.replace(temporary, path)
            placed.append(path)
    except OSError as error:
        _undo({path: old[path] for path in placed}, staged, made)
        place = error.filename2 or error.filename
        raise UserError(
            f"{place}: cannot be written ({error.strerror}); check the permissions of the folder"
        ) from error


def _undo(old: dict[Path, str | None], staged: dict[Path, Path], made: list[Path]) -> None:
    """Put back what was replaced, and remove what was made."""
    for path, text in old.items():
        if text is None:
            path.unlink()
        else:
            os.replace(_staged(path, text), path)
    for temporary in staged.values():
        temporary.unlink(missing_ok=True)
    for folder in reversed(made):
        if not any(folder.iterdir()):
            folder.rmdir()


def _made_folders(folder: Path) -> list[Path]:
    """The folders that were missing and are made now, outermost first."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return missing[::-1]


def _staged(path: Path, text: str) -> Path:
    """A temporary file with the text, in the folder of ``path`` and with its mode."""
    try:
        mode = path.stat().st_mode & 0o7777
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        mode = 0o666 & ~umask
    if path.exists() and not os.access(path, os.W_OK):
        raise PermissionError(13, "the file is read-only", str(path))
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8"))
        os.chmod(name, mode)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)
