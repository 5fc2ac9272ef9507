"""Runs a piece of work in a forked process that is killed, or refused by the system, at a chosen call that writes.

The calls are counted where Python announces them (audit events), so that it makes no difference who makes them; what
goes to a descriptor is announced by nobody, so ``os.write`` and ``os.fsync`` are replaced. A write is torn: half of it
is on the disk at the point that follows it.

    for number in range(len(points(work, root))):
        assert run(work, root, kill=number) == KILLED
        ...  # and look at what is left
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hfcodemod.errors import UserError

KILLED = "killed"
DONE = "done"
# The audit event of each call, and which of its arguments is the path that comes to be.
EVENTS = {"os.rename": 1, "os.remove": 0, "os.mkdir": 0, "os.rmdir": 0, "os.chmod": 0, "os.link": 1, "open": 0}
SPACE = ("open", "os.write", "half of os.write", "os.fsync", "os.mkdir", "os.link")


class _Faults:
    """The points that have been passed, and what happens at which."""

    def __init__(self, root: Path, kill: int | None, fail: int | None, lasting: bool) -> None:
        self.root = os.path.realpath(root)
        self.kill = kill
        self.fail = fail
        self.lasting = lasting
        self.passed: list[str] = []
        self.write, self.fsync = os.write, os.fsync

    def at(self, point: str) -> None:
        number = len(self.passed)
        self.passed.append(point)
        if number == self.kill:
            os.kill(os.getpid(), signal.SIGKILL)
        full = self.lasting and self.fail is not None and number > self.fail and point.startswith(SPACE)
        if number == self.fail or full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event not in EVENTS or not isinstance(arguments[EVENTS[event]], (str, bytes, os.PathLike)):
            return
        path = os.path.abspath(os.fsdecode(arguments[EVENTS[event]]))
        idle = (event == "open" and not _writes(arguments[2])) or (event == "os.mkdir" and os.path.isdir(path))
        if path.startswith(self.root) and not idle:
            self.at(f"{event} {os.path.basename(path)}")

    def torn_write(self, descriptor: int, content: Any) -> int:
        self.at("os.write")
        half = self.write(descriptor, bytes(content)[: len(content) // 2])
        self.at("half of os.write")
        return half + self.write(descriptor, bytes(content)[half:])

    def announced_fsync(self, descriptor: int) -> None:
        self.at("os.fsync")
        self.fsync(descriptor)


def _writes(flags: int) -> bool:
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))


def points(work: Callable[[], object], root: Path) -> list[str]:
    """The calls that write below ``root``, in the order in which the work makes them, each with the name of its file.

    The work is done.
    """
    ending, passed = _forked(work, _Faults(root, None, None, False))
    assert ending == DONE, ending
    return passed


def run(
    work: Callable[[], object], root: Path, *, kill: int | None = None, fail: int | None = None, lasting: bool = False
) -> str:
    """How the work ends, killed at one point and refused for want of space at another: killed, done, or its UserError.

    ``lasting``: from there on, everything is refused that needs space.
    """
    return _forked(work, _Faults(root, kill, fail, lasting))[0]


def _forked(work: Callable[[], object], faults: _Faults) -> tuple[str, list[str]]:
    """How the work ends, and the points that it passed."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        write = os.write
        try:
            _inject(faults)
            ending = DONE
            try:
                work()
            except UserError as error:
                ending = str(error)
            write(writer, "\0".join([ending, *faults.passed]).encode())
        except BaseException:
            write(writer, traceback.format_exc().encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read().decode()
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        return KILLED, []
    ending, *passed = said.split("\0")
    assert not ending.startswith("Traceback"), ending
    return ending, passed


def _inject(faults: _Faults) -> None:
    sys.addaudithook(faults.hook)
    os.write = faults.torn_write
    os.fsync = faults.announced_fsync  # type: ignore[assignment]
