"""Runs generated modules under each fault and shows which test fails: ``python tests/fault_matrix.py --help``."""

from __future__ import annotations

import argparse
import contextlib
import copy
import datetime
import functools
import gc
import json
import os
import pickle
import platform
import re
import resource
import runpy
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
import transformers
import transformers.generation
import transformers.pipelines
from fault_page import open_cells, page, sample_page, unproven_tests
from faults import CONTROL, FAULTS, Fault
from injection import Scene, Subject, called
from sampling import sample
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel

from hfcodemod import render
from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.families import Families
from hfcodemod.probing.probe import by_hand

ROOT = Path(__file__).parents[1]
GOLDEN = ROOT / "fixtures" / "golden"
PREFIX = "test_hf_"
MEMORY = 12 << 30
SECONDS = 300

Call = tuple[PreTrainedConfig, dict[str, Any]]


@dataclass
class Outcome:
    """What one run of a module gave."""

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    crash: str = ""
    seconds: float = 0.0


@dataclass
class Baseline(Outcome):
    """What a run without a fault gave: also a call of each class, and where each fault applies."""

    calls: dict[str, Call] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    reasons: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Watch:
    """A pytest plugin that notes which tests fail, and changes transformers once the module is collected."""

    outcome: Outcome
    change: Callable[[ModuleType], contextlib.AbstractContextManager[Any]]
    module: ModuleType | None = None
    open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if session.items:
            self.module = session.items[0].module  # type: ignore[attr-defined]
            self.open.enter_context(self.change(self.module))
        else:
            self.outcome.crash = self.outcome.crash or "no test was collected"

    def pytest_sessionfinish(self) -> None:
        self.open.close()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.split("::")[-1]
        if report.failed:
            self.outcome.failed.setdefault(name, report.longreprtext.strip().splitlines()[-1][:200])
        elif report.skipped:
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else "expected failure"
            self.outcome.skipped[name] = why.removeprefix("Skipped: ")
        elif report.when == "call":
            self.outcome.passed.append(name)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.outcome.crash = f"collection failed: {report.longreprtext[-300:]}"


def model_classes(module: Any) -> list[type[PreTrainedModel]]:
    """The model classes that a generated module imports."""
    found = [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, PreTrainedModel)]
    return sorted({each for each in found if each is not PreTrainedModel}, key=lambda each: each.__name__)


@contextlib.contextmanager
def recorded(module: ModuleType, calls: dict[str, Call]) -> Iterator[None]:
    """Notes the configuration and the inputs of a call of each class: of the one with most inputs."""
    scores: dict[str, tuple[Any, ...]] = {}

    def before(model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        name = type(model).__name__
        tensors = {key: value for key, value in inputs.items() if isinstance(value, Tensor)}
        score = (not model.training, inputs.get("past_key_values") is None, len(tensors))
        if name not in scores or score > scores[name]:
            scores[name] = score
            kept = {key: whole(value) for key, value in tensors.items()}
            kept |= {key: value for key, value in inputs.items() if isinstance(value, bool) and key != "use_cache"}
            calls[name] = (copy.deepcopy(model.config), kept)

    with called(tuple(model_classes(module)), before=before):
        yield


def whole(value: Tensor) -> Tensor:
    """A copy outside of the graph, in full precision."""
    value = value.detach().clone()
    return value.float() if value.dtype == torch.bfloat16 else value


def run_tests(path: Path, watch: Watch, quick: bool) -> None:
    """Runs a module's tests in this process."""
    torch.set_num_threads(1)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        arguments = [str(path), "-q", "--tb=line", "--assert=plain", f"--basetemp={temporary}/pytest"]
        arguments += [f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}"]
        for plugin in ("cacheprovider", "unraisableexception", "threadexception"):
            arguments += ["-p", f"no:{plugin}"]
        pytest.main([*arguments, *(["-x"] if quick else [])], plugins=[watch])
    watch.outcome.seconds = time.perf_counter() - started


def baseline(path: Path, faults: list[Fault]) -> Baseline:
    """Runs a module without a fault, and asks each fault where it applies."""
    outcome = Baseline()
    watch = Watch(outcome, lambda module: recorded(module, outcome.calls))
    run_tests(path, watch, quick=False)
    if watch.module is None or outcome.failed:
        return outcome
    found = subjects(watch.module, outcome.calls)
    for each in [CONTROL, *faults]:
        answers = {subject.cls.__name__: each.reason(subject) for subject in found}
        outcome.classes[each.name] = [name for name, reason in answers.items() if reason is None]
        outcome.reasons[each.name] = sorted({reason for reason in answers.values() if reason is not None})
    return outcome


def subjects(module: ModuleType, calls: dict[str, Call]) -> list[Subject]:
    """The classes of a module that it called, with what they were called with."""
    return [Subject(cls, *calls[cls.__name__], module) for cls in model_classes(module) if cls.__name__ in calls]


def under_fault(path: Path, fault: Fault, known: Baseline, quick: bool) -> Outcome:
    """Runs a module under a fault; the process must end afterwards."""
    outcome = Outcome()

    def change(module: ModuleType) -> contextlib.AbstractContextManager[Any]:
        names = known.classes[fault.name]
        return fault.inject(
            Scene(module, [each for each in subjects(module, known.calls) if each.cls.__name__ in names])
        )

    run_tests(path, Watch(outcome, change), quick)
    return outcome


@dataclass(frozen=True)
class Cell:
    """One run: a module under a fault, or without one."""

    path: Path
    fault: Fault | None = None

    @property
    def architecture(self) -> str:
        return self.path.stem.removeprefix(PREFIX)


def forked(run: Callable[[], Outcome], answer: Path) -> int:
    """Starts a run in a process of its own, so that no patch outlives it; returns the process id."""
    process = os.fork()
    if process:
        return process
    try:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        signal.alarm(SECONDS)
        with open(answer.with_suffix(".log"), "w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
            answer.write_bytes(pickle.dumps(run()))
    except BaseException:
        answer.with_suffix(".log").write_text(traceback.format_exc())
    finally:
        os._exit(0)


def outcomes(runs: Iterable[tuple[Cell, Callable[[], Outcome]]], jobs: int) -> Iterator[tuple[Cell, Any]]:
    """The outcome of each run, as the processes end."""
    waiting = list(runs)[::-1]
    running: dict[int, tuple[Cell, Path]] = {}
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder:
        while waiting or running:
            while waiting and len(running) < jobs:
                cell, run = waiting.pop()
                answer = Path(folder, str(len(waiting)))
                running[forked(run, answer)] = cell, answer
            process, _status = os.wait()
            cell, answer = running.pop(process)
            log = answer.with_suffix(".log")
            if answer.exists():
                yield cell, pickle.loads(answer.read_bytes())
            else:
                said = log.read_text()[-2000:] if log.exists() else ""
                yield cell, Baseline(crash=f"the process died or took more than {SECONDS} s: {said}")


def module_paths(names: list[str] | None) -> list[Path]:
    """The golden modules, or those named: by architecture or by path."""
    if not names:
        return sorted(GOLDEN.glob(f"{PREFIX}*.py"))
    return [Path(name).resolve() if name.endswith(".py") else GOLDEN / f"{PREFIX}{name}.py" for name in names]


def sampled_paths(count: int, folder: Path) -> list[Path]:
    """Modules of a sample of the architectures that have no golden one, made anew into a folder."""
    catalog = load_snapshot(FACTS)
    names = sample(catalog, "faults", count, without=set(filter(by_hand, catalog.architectures)))
    paths = {folder / f"{PREFIX}{spelt(name)}.py": render(name) for name in names}
    for path, text in paths.items():
        path.write_text(text, encoding="utf-8")
    return list(paths)


def spelt(model_type: str) -> str:
    """A model type as modules are named for it."""
    return re.sub(r"\W", "_", model_type)


def families(architectures: Iterable[str]) -> dict[str, str]:
    """The family of each architecture, both as modules are named."""
    catalog = load_snapshot(FACTS)
    known = Families(catalog.architectures)
    of = {spelt(name): known.of(name) for name, item in catalog.architectures.items() if item.heads}
    return {name: of[name] for name in architectures}


def base_name(test: str) -> str:
    """A test's name without its parameters."""
    return test.partition("[")[0]


def unnamed(failed: Iterable[str], classes: list[str]) -> list[str]:
    """The classes that a fault applies to and that no failing test names in its parameters."""
    named = {part for test in failed for part in test.partition("[")[2].rstrip("]").split("-")}
    return [name for name in classes if name not in named] if named & set(classes) else []


def stop_if_failed(cell: Cell, outcome: Outcome, when: str) -> None:
    """Ends the program where a module fails by itself: what it shows under a fault would mean nothing."""
    if outcome.failed or outcome.crash:
        lines = [outcome.crash, *(f"{test}: {why}" for test, why in outcome.failed.items())]
        sys.exit(f"{cell.architecture} fails {when}:\n" + "\n".join(lines))


def matrix(paths: list[Path], faults: list[Fault], jobs: int, quick: bool) -> dict[str, Any]:
    """Runs every cell; a module that fails without a fault ends the program."""
    for path in paths:
        runpy.run_path(str(path))
    known: dict[Path, Baseline] = {}
    result: dict[str, Any] = {
        "date": datetime.date.today().isoformat(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "pytest": pytest.__version__,
        },
        "faults": {each.name: each.breaks for each in faults},
        "tests": {},
        "skipped": {},
        "cells": {path.stem.removeprefix(PREFIX): {} for path in paths},
    }
    runs = [(Cell(path), functools.partial(baseline, path, faults)) for path in paths]
    for cell, outcome in outcomes(runs, jobs):
        stop_if_failed(cell, outcome, "without any fault")
        known[cell.path] = outcome
        ran = sorted({base_name(test) for test in outcome.passed})
        result["tests"][cell.architecture] = ran
        skips = {base_name(test): why for test, why in sorted(outcome.skipped.items())}
        result["skipped"][cell.architecture] = {test: why for test, why in skips.items() if test not in ran}
        say(f"{cell.architecture}: {len(outcome.passed)} passed in {outcome.seconds:.1f} s without a fault")
    controls = [(Cell(path), functools.partial(under_fault, path, CONTROL, known[path], False)) for path in paths]
    for cell, outcome in outcomes(controls, jobs):
        stop_if_failed(cell, outcome, "under a fault that changes nothing")
    runs = []
    for path in paths:
        for each in faults:
            cell, classes = Cell(path, each), known[path].classes[each.name]
            result["cells"][cell.architecture][each.name] = {"reasons": known[path].reasons[each.name]}
            if classes:
                result["cells"][cell.architecture][each.name] = {"classes": classes}
                runs.append((cell, functools.partial(under_fault, path, each, known[path], quick)))
    for cell, outcome in outcomes(runs, jobs):
        assert cell.fault is not None
        entry = result["cells"][cell.architecture][cell.fault.name]
        classes, left = entry.pop("classes"), []
        if outcome.failed:
            entry["killed"] = dict(sorted(Counter(map(base_name, outcome.failed)).items()))
            left = [] if quick else unnamed(outcome.failed, classes)
        elif outcome.crash:
            entry["crashed"] = outcome.crash
        else:
            entry["survived"] = classes
        only = f", no test of {', '.join(left)}" if left else ""
        say(f"{cell.architecture} {cell.fault.name}: {entry}{only}, {outcome.seconds:.1f} s")
    for kind in ("tests", "skipped"):
        result[kind] = dict(sorted(result[kind].items()))
    return result


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--module", action="append", help="an architecture of fixtures/golden, or a path; all if absent"
    )
    parser.add_argument("--sample", type=int, help="so many architectures that have no golden module instead")
    parser.add_argument("--fault", action="append", help="the name of a fault; all if absent")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--quick", action="store_true", help="stop a run at its first failing test")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.add_argument("--write", type=Path, help="write the page here, and the result as JSON beside it")
    parser.add_argument("--list", action="store_true", help="list the faults and stop")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{each.name:28}{each.breaks}" for each in FAULTS))
        return
    faults = [each for each in FAULTS if not options.fault or each.name in options.fault]
    if unknown := set(options.fault or []) - {each.name for each in faults}:
        parser.error(f"no such fault: {', '.join(sorted(unknown))} (--list shows them)")
    with tempfile.TemporaryDirectory() as folder:
        paths = sampled_paths(options.sample, Path(folder)) if options.sample else module_paths(options.module)
        run(parser, options, paths, faults)


def run(
    parser: argparse.ArgumentParser, options: argparse.Namespace, paths: list[Path], faults: list[Fault]
) -> NoReturn:
    """Runs the faults over modules and shows the result; the exit code is 1 where a fault survived."""
    if not paths or not all(path.exists() for path in paths):
        parser.error(f"no such module: {', '.join(str(path) for path in paths if not path.exists()) or GOLDEN}")
    if options.write and (options.module or options.fault or (options.quick and not options.sample)):
        parser.error("--write takes a full run: leave out --module, --fault and --quick")
    result = matrix(paths, faults, options.jobs, options.quick)
    if options.sample:
        result["quick"] = options.quick
        result["families"] = families(result["cells"])
    if options.json:
        print(json.dumps(result))
    if options.write:
        options.write.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
        options.write.write_text(sample_page(result) if options.sample else page(result))
    left = open_cells(result)
    say("\n".join(left) or "no fault survived")
    if not options.quick and not options.fault and (tests := unproven_tests(result)):
        say(f"tests that no fault kills: {', '.join(tests)}")
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
