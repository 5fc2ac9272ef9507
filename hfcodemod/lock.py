"""One writer at a time in a tree of test modules."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hfcodemod.durable import blaming
from hfcodemod.errors import UserError
from hfcodemod.workspace import STATE


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Nobody else writes meanwhile, and a write that was cut short is mended first, which is logged as a warning.

    Raises UserError where another process is at it.
    """
    from hfcodemod.journal import recover

    with locked(root):
        recovered = recover(root)
        if recovered is not None:
            import logging

            # Where nobody has configured logging, as on the command line, it is printed to stderr.
            logging.getLogger("hfcodemod").warning(recovered)
        yield


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Nobody else writes to the tree meanwhile; the system lets go of the lock when its holder is killed.

    Raises UserError where another process is at it.
    """
    lock = root / STATE / "lock"
    descriptor = _acquired(lock)
    try:
        with blaming(lock):
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        # The folder may be gone or read-only by now. Windows keeps an open file, which the next run takes over.
        with suppress(OSError):
            os.unlink(lock)
        os.close(descriptor)
        with suppress(OSError):
            os.rmdir(lock.parent)


def holder(root: Path) -> str | None:
    """Who is at work in the tree, by the number of the process; None where nobody is.

    A lock file that a killed process left behind is nobody's.
    """
    try:
        descriptor = os.open(root / STATE / "lock", os.O_RDWR)
    except OSError:
        return None
    try:
        _lock(descriptor)
    except Held as error:
        return error.pid
    os.close(descriptor)
    return None


class Held(UserError):
    """Another process has the lock."""

    def __init__(self, pid: str) -> None:
        super().__init__(f"another hfcodemod is at work here (pid {pid}); wait for it")
        self.pid = pid


def _acquired(lock: Path) -> int:
    """A descriptor of the lock file, locked.

    Its holder may remove the file, or the folder, between our making, opening and locking it: then from the start.
    """
    while True:
        with blaming(lock):
            with suppress(FileExistsError):
                os.makedirs(lock.parent, exist_ok=True)
            try:
                descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
            except FileNotFoundError:
                if lock.parent.is_symlink():  # to a folder that is missing, and stays so
                    raise
                continue
            _lock(descriptor)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(descriptor), os.stat(lock)):
                    return descriptor
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, 1024, os.SEEK_SET)  # Beyond the pid, since what is locked cannot be read.
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            # Other than flock's, this lock is not shared with forked processes, which may outlive a killed holder. It
            # ends when the holder closes any descriptor of the file, so nobody else here opens it.
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:
        pid = os.read(descriptor, 20).decode() or "unknown"
        os.close(descriptor)
        raise Held(pid) from error
