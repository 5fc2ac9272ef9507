"""Single steps of a write that last through a power failure once they have returned."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hfcodemod.errors import UserError

FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


@contextmanager
def blaming(path: Path) -> Iterator[None]:
    """Say of which file an error is: the system names a temporary one, or none.

    Raises UserError for each OSError.
    """
    try:
        yield
    except OSError as error:
        check = "check the permissions there" if error.errno in FORBIDDEN else "check the disk and the space on it"
        raise UserError(f"{path}: cannot be written ({error.strerror}); {check}, then run the command again") from error


def write_new(path: Path, content: bytes) -> None:
    """Make a file that is not there yet, with the mode that new files get.

    Raises OSError, FileExistsError among them.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(path: Path, to: Path) -> None:
    """Let a file take the place of another one in one step.

    Raises OSError.
    """
    os.replace(path, to)
    sync_folder(to.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk, as far as the system has a way.

    Raises OSError.
    """
    if sys.platform == "win32":  # which opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
