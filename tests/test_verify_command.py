"""The command with real modules: two of ours, an interruption, a sudden end, and a process that does not start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import Run
from hostile import running, written

from hfcodemod.ledger import ledger_path, read_ledger

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden"
COMMAND = str(Path(sys.executable).with_name("hfcodemod"))
HANGING = running("open('pid', 'w').write(str(os.getpid()))\n    time.sleep(987)")


def test_generated_modules_pass_and_each_class_is_seen(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-x -n 2 --cov --strict-config"\n')
    for name in ("olmo", "convnext"):
        (tmp_path / f"test_hf_{name}.py").write_bytes((GOLDEN / f"test_hf_{name}.py").read_bytes())
    first = hfcodemod("verify", "--junit", "junit.xml")
    assert (first.returncode, first.stdout, first.stderr) == (0, "2 modules, 2 run now; classes: 6 passed\n", "")
    seen = {key[2]: one for key, one in read_ledger(ledger_path(tmp_path)).items()}
    assert {cls for cls in seen if "generate" in seen[cls].evidence} == {"OlmoForCausalLM"}
    assert all({"forward", "backward", "save", "load"} <= {*one.evidence} for one in seen.values())
    assert all(one.skips.keys() == {"test_real_checkpoint"} for one in seen.values())
    assert all(0 < one.parameters < 1_000_000 and one.seconds > 0 for one in seen.values())
    suites = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert [suite.get("name") for suite in suites] == ["test_hf_convnext.py", "test_hf_olmo.py"]
    assert all(int(suite.get("tests", "0")) > 20 for suite in suites)
    second = hfcodemod("verify", "--json")
    assert second.returncode == 0
    assert json.loads(second.stdout)["ran"] == 0
    # What pytest and the runs need lies elsewhere.
    there = {path.name for path in tmp_path.iterdir()} - {"__pycache__"}
    assert there == {".hfcodemod", "junit.xml", "pyproject.toml", "test_hf_convnext.py", "test_hf_olmo.py"}


@pytest.mark.parametrize("threads", ["", "2"])
def test_a_process_computes_with_one_thread_unless_the_environment_says_more(
    threads: str, hfcodemod: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if threads:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    (tmp_path / "pyproject.toml").write_text("")
    written(tmp_path, "computes", running(f"assert torch.get_num_threads() == {threads or 1}"))
    done = hfcodemod("verify", "--jobs", "1")
    assert done.returncode == 0, done.stdout


@pytest.fixture
def hanging(tmp_path: Path) -> Path:
    """A repository with a module that passes and one that does not end, and says in a file in which process."""
    (tmp_path / "pyproject.toml").write_text("")
    written(tmp_path, "passes", running("pass"))
    written(tmp_path, "waits", HANGING)
    return tmp_path


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run that is killed leaves there goes with the tests."""
    monkeypatch.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))


def started(root: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The command at work on the module that does not end, and the process that this is in; the other one is done."""
    command = subprocess.Popen(
        [COMMAND, "verify", "--jobs", "1"], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    file = root / "pid"
    waited_for(lambda: file.exists() and file.read_text() != "")
    return command, int(file.read_text())


def waited_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_interrupted_run_is_gone_on_with(hanging: Path, hfcodemod: Run) -> None:
    command, pid = started(hanging)
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=30)
    assert (command.returncode, out) == (130, b"")
    assert b"Traceback" not in err
    waited_for(lambda: not is_there(pid))
    assert {key[1] for key in read_ledger(ledger_path(hanging))} == {"passes"}
    again = hfcodemod("verify", "--time-limit", "10")
    assert again.returncode == 1
    assert again.stdout.splitlines()[-1] == "2 modules, 1 run now; classes: 3 passed, 3 timed out"


def test_a_run_that_is_killed_leaves_no_process_behind(hanging: Path) -> None:
    command, pid = started(hanging)
    children = subprocess.run(["pgrep", "-P", str(command.pid)], capture_output=True, text=True, check=True).stdout
    command.kill()
    command.communicate()
    for process in (pid, *map(int, children.split())):
        waited_for(lambda process=process: not is_there(process))  # type: ignore[misc]  # of this turn
    # Written from time to time, or not yet.
    assert {key[1] for key in read_ledger(ledger_path(hanging))} <= {"passes"}


def test_a_process_that_does_not_start_is_one_line(
    hanging: Path, hfcodemod: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = hanging / "broken" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libcudart.so.12: cannot open shared object file')\n")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    said = hfcodemod("verify")
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr == (
        "error: the process that runs modules does not start "
        "(ImportError: libcudart.so.12: cannot open shared object file); "
        "try: python -c 'import transformers.testing_utils'\n"
    )


def test_a_conftest_that_fails_fails_its_modules(hanging: Path, hfcodemod: Run) -> None:
    (hanging / "conftest.py").write_text("import no_such_package\n")
    said = hfcodemod("verify", "test_passes.py")
    assert said.returncode == 1
    assert said.stdout.splitlines()[0] == (
        "test_passes.py\tOlmoForCausalLM\tfailed\tModuleNotFoundError: No module named 'no_such_package'"
    )
