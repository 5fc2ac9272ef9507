"""The process that runs modules: torch and transformers are imported once, and each module runs in a copy of it.

A copy (``os.fork``) starts warm, takes with it what the module alters, and can be lost. Where a process cannot be
copied (Windows, macOS) or must not be (an accelerator is in use), the modules run in the process itself, one after
another, and it is replaced when a module has ended or altered it.

Jobs come as lines of JSON on standard input, answers go as lines of JSON to what was standard output. What the modules
write themselves goes where standard error goes.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

_answers = -1
_child = 0
GRACE = 5.0
"""Seconds in which this process ends by itself when there are no more jobs."""
WARM = """
def test_nothing():
    pass
"""
COMMON = (
    "transformers.generation",
    "transformers.masking_utils",
    "transformers.modeling_layers",
    "transformers.pipelines",
)
"""What most modules would import when they run."""


def main() -> None:
    """Import what every module imports, then run one module after another until there are no more jobs."""
    root, temporary, copies = sys.argv[1:]
    _take_channels()
    # Python puts the folder in which it was started in front.
    sys.path[:] = [place for place in sys.path if place not in ("", os.getcwd())]
    os.chdir(root)
    observer, device = _warmed(temporary)
    forks = copies == "copies" and sys.platform == "linux" and device == "cpu"
    say(ready=True, device=device)
    jobs = _jobs()
    while (job := jobs.get()) is not None:
        if forks:
            _in_a_copy(observer, job)
        else:
            say(started=os.getpid())
            say(result=_run(observer, job), altered=observer.altered)
            say(ended=0)


def say(**answer: Any) -> None:
    """Give an answer, in one piece."""
    rest = memoryview(b"\n" + json.dumps(answer).encode() + b"\n")
    while rest:
        rest = rest[os.write(_answers, rest) :]


def _take_channels() -> None:
    """Keep the channels from the modules: what they read is empty, what they write is output."""
    global _answers
    _answers = os.dup(1)
    os.dup2(2, 1)


def _jobs() -> queue.Queue[dict[str, Any] | None]:
    """The jobs as they come in; once there are no more, or nobody is there to give any, this process ends."""
    source = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    jobs: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def read() -> None:
        with open(source, "rb") as lines:
            for line in lines:
                jobs.put(json.loads(line))
        # Whoever gave the jobs may have been killed, and would be asked in vain whether a module may run on.
        jobs.put(None)
        if _child:
            with suppress(ProcessLookupError):
                os.killpg(_child, signal.SIGKILL)
        time.sleep(GRACE)
        os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    return jobs


def _warmed(temporary: str) -> tuple[Any, str]:
    """An observer, and the device that tests run on; everything is imported that each module needs."""
    import importlib

    # There is nothing yet to collect, and a copy need not look through what is there from now on.
    gc.disable()
    _warm_pytest(Path(temporary, "warm"))
    from transformers.testing_utils import torch_device

    from hfcodemod.verifying.observer import Observer

    for name in COMMON:
        importlib.import_module(name)
    observer = Observer()
    gc.collect()
    gc.freeze()
    gc.enable()
    return observer, str(torch_device)


def _warm_pytest(folder: Path) -> None:
    """Let pytest import its plugins, in a way of its own, before anybody else does."""
    import pytest

    folder.mkdir()
    (folder / "test_nothing.py").write_text(WARM)
    given = os.environ.pop("PYTEST_ADDOPTS", None)
    pytest.main([str(folder), "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", "--noconftest", "-c", os.devnull])
    if given is not None:
        os.environ["PYTEST_ADDOPTS"] = given


def _in_a_copy(observer: Any, job: dict[str, Any]) -> None:
    """Run a module in a copy of this process, and say how it ended."""
    global _child
    with warnings.catch_warnings():
        # Threads that the copy does not have are idle here.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            # A group of its own, so that it can be ended with all that it started.
            os.setpgid(0, 0)
            say(started=os.getpid())
            say(result=_run(observer, job))
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    _child = pid
    _, status = os.waitpid(pid, 0)
    _child = 0
    say(ended=os.waitstatus_to_exitcode(status))


def _run(observer: Any, job: dict[str, Any]) -> dict[str, Any]:
    """What pytest and the observer tell of one module."""
    import pytest

    from hfcodemod.verifying.plugin import Account, options
    from hfcodemod.verifying.reasons import one_line

    observer.begin(job["classes"])
    account = Account(lambda test: say(test=test))
    known = set(sys.modules)
    try:
        code = int(pytest.main(options(job["module"], job["junit"], job["temporary"]), plugins=[account]))
    except SystemExit as error:
        account.failure = account.failure or one_line(f"SystemExit: {error.code}")
        code = int(pytest.ExitCode.INTERRUPTED)
    for name in set(sys.modules) - known:
        # Another module may have the same name.
        if str(getattr(sys.modules[name], "__file__", None)) == job["module"]:
            del sys.modules[name]
    told = account.told(code)
    seen = {
        name: {"evidence": sorted(one.evidence), "parameters": one.parameters} for name, one in observer.seen.items()
    }
    return {
        **told,
        "seen": seen,
        "mocked": sorted(observer.mocked),
        "without_forward": observer.without_forward,
    }


if __name__ == "__main__":
    main()
