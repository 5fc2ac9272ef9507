"""What pytest wrote of each module, as one JUnit report; of a module that did not end by itself, that it did not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from hfcodemod.verifying.pool import Done

NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML may hold."""


def junit_text(runs: Iterable[Done], root: Path) -> str:
    """The report, a suite for each module, in order of their paths."""
    report = ElementTree.Element("testsuites")
    for done in sorted(runs, key=lambda done: done.subject.path):
        name = done.subject.path.relative_to(root).as_posix()
        for suite in _suites(done, name):
            suite.set("name", name)
            report.append(suite)
    ElementTree.indent(report)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(report, encoding="unicode")}\n'


def _suites(done: Done, name: str) -> list[ElementTree.Element]:
    try:
        return list(ElementTree.fromstring(done.junit).iter("testsuite"))
    except ElementTree.ParseError:
        return [_error(done, name)]


def _error(done: Done, name: str) -> ElementTree.Element:
    ending = done.ending
    seconds = f"{ending.seconds:.3f}"
    suite = ElementTree.Element("testsuite", tests="1", errors="1", failures="0", skipped="0", time=seconds)
    case = ElementTree.SubElement(suite, "testcase", classname=name, name="module", time=seconds)
    said = NO_XML.sub("?", ending.said or "pytest wrote no report")
    error = ElementTree.SubElement(case, "error", message=f"{ending.how or 'crashed'}: {said}")
    error.text = NO_XML.sub("?", ending.output)
    return suite
