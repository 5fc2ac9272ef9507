"""A pytest plugin that keeps account of the tests of one module."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from hfcodemod.ledger import COUNTS
from hfcodemod.verifying.reasons import last_error, one_line

STOPPED = (pytest.ExitCode.INTERRUPTED, pytest.ExitCode.INTERNAL_ERROR)


class Account:
    """What became of each test, and why."""

    def __init__(self, began: Callable[[str], None]) -> None:
        self.began = began
        """Called with each test when it begins."""
        self.outcomes: dict[str, str] = {}
        self.skips: dict[str, str] = {}
        self.failure = ""
        """The first one, in one line."""
        self.seconds = 0.0
        self.generators: list[str] = []
        """The classes that the module says can generate."""
        self._collected = 0
        self._stopped = ""

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config: Any) -> None:
        """Leave out pytest-cov where it is configured: it would measure each module apart."""
        early_config.known_args_namespace.no_cov = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: Any) -> None:
        """Run in this process, which is watched, and run every test, whatever the configuration says."""
        # Those of pytest-xdist, which has looked at the first by now.
        config.option.numprocesses = 0
        config.option.dist = "no"
        config.option.tx = []
        config.option.maxfail = 0

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A module that cannot be imported, or skips itself."""
        if report.failed:
            self._failed(report, "cannot be imported")
        elif report.skipped:
            self._skipped(report)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """How many tests there are to be, and what the module says of its classes."""
        self._collected = len(session.items)
        modules = {item.getparent(pytest.Module) for item in session.items}
        for module in modules - {None}:
            named = getattr(module.obj, "GENERATORS", ())  # type: ignore[union-attr]  # None is left out
            if isinstance(named, (list, tuple)):
                self.generators += [cls.__name__ for cls in named if isinstance(cls, type)]

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say what runs, in case it never ends."""
        self.began(_name(nodeid))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """What became of a test, its setup or its teardown."""
        self.seconds += report.duration
        if report.failed:
            self._failed(report, _name(report.nodeid))
            self.outcomes[report.nodeid] = "failed"
        elif report.skipped:
            self._skipped(report)
        elif report.when == "call":
            self.outcomes.setdefault(report.nodeid, "passed")

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """A test that ends the run, as Ctrl-C would."""
        self._stopped = one_line(excinfo.exconly())

    def pytest_internalerror(self, excinfo: Any) -> None:
        """A plugin or a conftest that fails."""
        self._stopped = one_line(excinfo.exconly())

    def told(self, code: int) -> dict[str, Any]:
        """The account as JSON, after pytest ended with that exit code."""
        done = len([test for test in self.outcomes if "::" in test])
        if not self.failure and (code in STOPPED or done < self._collected):
            why = self._stopped or f"exit code {code}"
            self.failure = one_line(f"pytest stopped after {done} of {self._collected} tests ({why})")
        counts = dict.fromkeys(COUNTS, 0)
        for outcome in self.outcomes.values():
            counts[outcome] += 1
        return {
            "tests": counts,
            "skips": _together(self.skips),
            "failure": self.failure,
            "began": code != pytest.ExitCode.USAGE_ERROR,
            "seconds": round(self.seconds, 3),
            "generators": self.generators,
        }

    def _skipped(self, report: Any) -> None:
        if self.outcomes.get(report.nodeid) != "failed":
            self.outcomes[report.nodeid] = "skipped"
            self.skips[_name(report.nodeid)] = _skip_reason(report)

    def _failed(self, report: Any, what: str) -> None:
        self.failure = self.failure or one_line(f"{what}: {_crash(report.longrepr)}")


def _name(test: str) -> str:
    """The test without its path and its class; the module itself by its path."""
    path, _, name = test.partition("::")
    base, bracket, case = name.partition("[")
    return base.rsplit("::", 1)[-1] + bracket + case or path


def _crash(said: Any) -> str:
    """The error of a report."""
    crash = getattr(said, "reprcrash", None)
    if crash is None:
        return last_error(str(said))
    # A message may begin with an empty line, as those of transformers do.
    first, _, rest = str(crash.message).partition("\n")
    second = rest.strip().partition("\n")[0]
    return f"{first} {second}" if first.rstrip().endswith(":") else first


def _skip_reason(report: Any) -> str:
    expected = getattr(report, "wasxfail", None)
    if expected is not None:
        return one_line(f"expected to fail: {expected.removeprefix('reason: ')}".removesuffix(": "))
    said = report.longrepr[-1] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return one_line(said.removeprefix("Skipped: "))


def _together(skips: dict[str, str]) -> dict[str, str]:
    """The skipped tests and their reasons, parametrised ones once where the reason is the same."""
    found: dict[str, str] = {}
    by_name: dict[str, set[str]] = {}
    for name, reason in skips.items():
        by_name.setdefault(re.sub(r"\[.*\]$", "", name), set()).add(reason)
    for name, reason in skips.items():
        base = re.sub(r"\[.*\]$", "", name)
        found[base if len(by_name[base]) == 1 else name] = reason
    return dict(sorted(found.items()))


def options(path: str, junit: str, temporary: str) -> list[str]:
    """How pytest is called: beside the configuration of the repository, which holds as always."""
    return [
        path,
        "-q",
        "--tb=short",
        f"--junitxml={junit}",
        f"--basetemp={temporary}/tests",
        f"--override-ini=cache_dir={temporary}/cache",
        "--override-ini=junit_family=xunit2",
    ]
