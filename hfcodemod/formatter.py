"""A team's own formatter, run on what is rendered: `format-command` in pyproject.toml."""

from __future__ import annotations

import ast
import shlex
import subprocess
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from hfcodemod.errors import UserError

SECONDS = 60
"""How long a formatter may take over one module."""
REMEMBERED = 1024
"""How many modules' results are remembered: enough for one run of a suite, and a few dozen megabytes."""


@dataclass(frozen=True)
class Formatter:
    """A command that takes source on its standard input and writes it formatted to its standard output."""

    command: tuple[str, ...] = ()
    """Its words; ``{path}`` in one is replaced by the file's path. Without words, nothing is formatted."""
    folder: Path = Path()
    """Where it runs: formatters look for their own configuration from there."""

    def formatted(self, source: str, path: Path) -> str:
        """The source as the command writes it; the same source is formatted once in a run.

        Raises UserError for a command that is missing, fails, takes too long, or writes what is no Python.
        """
        if not self.command:
            return source
        command = tuple(word.replace("{path}", str(path)) for word in self.command)
        try:
            return _written(command, self.folder, source)
        except _Failure as failure:
            problem = f"format-command {shlex.join(command)!r} {failure}"
            raise UserError(f"{path}: {problem}; correct it in pyproject.toml") from failure


class _Failure(Exception):
    """What a command did, to be told with the file that it was run for."""


@lru_cache(maxsize=REMEMBERED)
def _written(command: tuple[str, ...], folder: Path, source: str) -> str:
    # Through files: a grandchild that outlives its parent would keep a pipe open, and us waiting.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as taken, tempfile.TemporaryFile() as said:
        given.write(source.encode("utf-8", "surrogatepass"))
        given.seek(0)
        try:
            run = subprocess.run(
                command, cwd=folder, stdin=given, stdout=taken, stderr=said, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise _Failure(f"did not end within {SECONDS} seconds") from error
        except OSError as error:
            raise _Failure(f"cannot be run ({error.strerror})") from error
        taken.seek(0)
        said.seek(0)
        output, message = taken.read(), said.read().decode(errors="replace").strip()
    if run.returncode:
        raise _Failure(f"failed ({message.partition(chr(10))[0] or f'exit code {run.returncode}'})")
    if source.strip() and not output.strip():
        raise _Failure("wrote nothing to its standard output")
    try:
        text = output.decode().replace("\r\n", "\n")
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _Failure(f"wrote what is no Python ({error})") from error
    return text
