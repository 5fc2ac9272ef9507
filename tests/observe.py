"""A pytest plugin that counts the forward passes of real models in each test: ``pytest -p observe --observe FILE``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedModel

PASSES: Counter[str] = Counter()
OUTCOMES: dict[str, str] = {}
SECONDS: Counter[str] = Counter()
CURRENT = [""]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--observe", type=Path, required=True, help="where to write what was seen, as JSON")


def _counting(call: Any) -> Any:
    def counted(self: PreTrainedModel, *args: Any, **kwargs: Any) -> Any:
        PASSES[CURRENT[0]] += 1
        return call(self, *args, **kwargs)

    return counted


def pytest_configure() -> None:
    # A mock is none of them: it answers in place of the class.
    PreTrainedModel.__call__ = _counting(PreTrainedModel.__call__)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    CURRENT[0] = item.nodeid
    return (yield)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    SECONDS[report.nodeid] += report.duration  # type: ignore[assignment]  # a counter of seconds
    if report.when == "call" or report.outcome != "passed":
        OUTCOMES[report.nodeid] = f"{report.outcome}: {report.longrepr}" if report.skipped else report.outcome


def pytest_sessionfinish(session: pytest.Session) -> None:
    seen = {
        test: {"outcome": outcome, "passes": PASSES[test], "seconds": SECONDS[test]}
        for test, outcome in OUTCOMES.items()
    }
    session.config.getoption("--observe").write_text(json.dumps(seen))
