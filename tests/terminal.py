"""A command run on a terminal, as somebody at a keyboard sees it."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

HFCODEMOD = str(Path(sys.executable).with_name("hfcodemod"))


@dataclass(frozen=True)
class Seen:
    """What came of it."""

    code: int
    text: str
    """All that was shown, with plain line ends."""


def on_terminal(
    command: Sequence[str],
    folder: Path,
    *,
    typed: str = "",
    after: str = "",
    columns: int = 80,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Seen:
    """Run a command whose standard streams are a terminal, on which ``typed`` is typed once ``after`` is shown."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    with subprocess.Popen(
        command, cwd=folder, stdin=slave, stdout=slave, stderr=slave, env={**kept, "TERM": "xterm", **environment}
    ) as process:
        os.close(slave)
        shown, waiting = b"", typed.encode()
        # Linux says EIO once the other end is closed.
        with suppress(OSError):
            while True:
                if waiting and after.encode() in shown:
                    os.write(master, waiting)
                    waiting = b""
                part = os.read(master, 4096)
                if not part:
                    break
                shown += part
        code = process.wait(60)
    os.close(master)
    return Seen(code, shown.decode().replace("\r\n", "\n"))
