"""A worker as seen from outside: it is given modules, watched, and ended where a module does not end by itself."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hfcodemod.errors import UserError
from hfcodemod.verifying.reasons import excerpt, last_error

GIB = 2**30
TICK = 0.1
"""Seconds between two looks at the time and the memory that a module takes."""
PATIENCE = 10.0
"""Seconds in which a worker that has nothing to do ends by itself."""
LONGEST_OUTPUT = 2**20
"""Bytes at the end of its output that are looked at, of a module that did not end by itself."""


@dataclass(frozen=True)
class Limits:
    """What one module may take."""

    seconds: float = 120.0
    memory: float = 4.0
    """GiB, beside what a worker takes anyway."""


@dataclass(frozen=True)
class Ending:
    """How the run of a module ended."""

    how: Literal["", "crashed", "timed out", "out of memory"]
    """Empty where it ended by itself."""
    said: str = ""
    """How exactly, where it did not."""
    told: Mapping[str, Any] = field(default_factory=dict)
    """What the worker tells of the tests and the classes, where it ended by itself."""
    output: str = ""
    """The end of what it wrote."""
    seconds: float = 0.0
    """From its start to its end."""


@dataclass(frozen=True)
class Job:
    """A module to run."""

    module: Path
    classes: tuple[str, ...]
    """Names of classes that are watched for."""
    junit: Path
    temporary: Path


class Worker:
    """A process that runs one module after another."""

    def __init__(self, root: Path, folder: Path, copies: bool) -> None:
        """Start it; ``folder`` is its own."""
        folder.mkdir()
        self._log = folder / "output"
        self._busy: int | None = None
        environment = {
            # Models are tiny: more threads gain nothing, and wait for each other where the machine is busy.
            "OMP_NUM_THREADS": "1",
            # A library that asks whether there is a CUDA device must not set it up before the process is copied.
            "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
            # It would warn in each copy that it was used before.
            "TOKENIZERS_PARALLELISM": "false",
        }
        words = [str(root), str(folder), "copies" if copies else "no-copies"]
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hfcodemod.verifying.worker", *words],
                cwd=folder,
                env={**environment, **os.environ},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C is for the one who waits for the workers, and ends them.
                start_new_session=True,
            )
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.device = ""
        self.usable = True
        """Whether it can run another module."""

    def wait_until_ready(self) -> None:
        """Wait until everything is imported.

        Raises UserError where that fails.
        """
        ready = self._answers.get()
        if ready is None:
            raise UserError(
                f"the process that runs modules does not start ({last_error(self._output(0))}); "
                "try: python -c 'import transformers.testing_utils'"
            )
        self.device = str(ready["device"])

    def run(self, job: Job, limits: Limits) -> Ending:
        """Run a module to its end, or to that of what it may take."""
        start = self._log.stat().st_size
        said = {"module": job.module, "classes": job.classes, "junit": job.junit, "temporary": job.temporary}
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(said, default=str).encode() + b"\n")
            self._process.stdin.flush()
        run = _Run(limits)
        while not run.ended:
            try:
                answer = self._answers.get(timeout=TICK)
            except queue.Empty:
                answer = {}
            if answer is None:
                self.usable = False
                run.ended = True
                # A copy outlives the process that made it.
                self.kill()
            elif answer:
                run.take(answer)
                self._busy = run.pid
            if not run.ended and run.exceeds():
                self._end(run.pid)
        self._busy = None
        self.usable = self.usable and not run.altered
        code = self._process.wait() if not self.usable and run.code is None else run.code
        return run.ending(code, self._output(start))

    def kill(self) -> None:
        """End the process and what it started, at once."""
        self.usable = False
        self._end(self._busy)
        self._end(self._process.pid)

    def close(self) -> None:
        """Let the process end, and see to it that it does."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._listener.join()
        self._process.stdout.close()

    def _end(self, group: int | None) -> None:
        if group is None:
            return
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(group, signal.SIGKILL)

    def _listen(self) -> None:
        """Take answers as they come in; a line that was cut short when its process ended says nothing."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict):
                    self._answers.put(answer)
        self._answers.put(None)

    def _output(self, start: int) -> str:
        with open(self._log, "rb") as log:
            log.seek(max(start, log.seek(0, os.SEEK_END) - LONGEST_OUTPUT))
            return excerpt(log.read().decode("utf-8", "replace"))


class _Run:
    """The run of one module, as far as it is known."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.ended = False
        self.altered = False
        self.pid: int | None = None
        self.code: int | None = None
        self._test = ""
        self._how: Literal["", "timed out", "out of memory"] = ""
        self._told: dict[str, Any] | None = None
        self._began = self._looked = time.monotonic()
        self._memory = 0

    def take(self, answer: Mapping[str, Any]) -> None:
        """Learn from an answer."""
        if "started" in answer:
            self.pid = int(answer["started"])
            self._began = time.monotonic()
            self._memory = memory_of(self.pid)
        if "test" in answer:
            self._test = str(answer["test"])
        if "result" in answer:
            self._told = answer["result"]
            self.altered = bool(answer.get("altered"))
        if "ended" in answer:
            self.code = int(answer["ended"])
            self.ended = True

    def exceeds(self) -> bool:
        """Whether the module takes more than it may, looked at from time to time."""
        now = time.monotonic()
        if self.pid is None or self._how or self._told is not None or now - self._looked < TICK:
            return False
        self._looked = now
        if now - self._began > self.limits.seconds:
            self._how = "timed out"
        elif memory_of(self.pid) - self._memory > self.limits.memory * GIB:
            self._how = "out of memory"
        return bool(self._how)

    def ending(self, code: int | None, output: str) -> Ending:
        """How it ended."""
        where = f" in {self._test}" if self._test else " before its first test"
        seconds = round(time.monotonic() - self._began, 3)
        if self._how == "timed out":
            return Ending(self._how, f"not done after {self.limits.seconds:g} s{where}", {}, output, seconds)
        if self._how == "out of memory":
            return Ending(self._how, f"took more than {self.limits.memory:g} GiB{where}", {}, output, seconds)
        if self._told is not None and code in (0, None):
            return Ending("", "", self._told, output, seconds)
        return Ending("crashed", f"{_said(code)}{where}", {}, output, seconds)


def processors() -> int:
    """How many processors this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_of(pid: int) -> int:
    """The bytes that a process has for itself; 0 where that is not to be found out, or it is gone."""
    try:
        resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
    except OSError:
        return 0
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def _said(code: int | None) -> str:
    """How a process ended that should not have."""
    if code is None or code >= 0:
        return f"the process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    why = ", as the system does where memory runs out," if name == "SIGKILL" else ""
    return f"the process was ended by {name}{why}"
