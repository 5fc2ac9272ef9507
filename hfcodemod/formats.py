"""Findings as people, programs, GitHub and code scanners read them; each format is the text of a whole answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hfcodemod.findings import OUT_OF_STEP, Finding

Shown = Callable[[Path], str]
"""A path as it is shown."""


def text(findings: Sequence[Finding], files: int, shown: Shown) -> str:
    """A line for each finding, as editors take them, and a last one with their number."""
    lines = [f"{shown(each.path)}:{each.line}:{each.column}: {each.code} {each.said}" for each in findings]
    where = _counted(files, "file")
    steps = sum(each.code == OUT_OF_STEP for each in findings)
    remedy = f"; `hfcodemod migrate-all` brings {steps} modules in step" if steps > 1 else ""
    lines.append(f"{_counted(len(findings), 'finding')} in {where}{remedy}" if findings else f"{where}: nothing found")
    return "".join(f"{line}\n" for line in lines)


def as_json(findings: Sequence[Finding], files: int, shown: Shown) -> str:
    """An object, as ``docs/check.schema.json`` says."""
    said = [
        {
            "code": each.code,
            "name": _name(each),
            "path": shown(each.path),
            "line": each.line,
            "column": each.column,
            "message": each.message,
            "remedy": each.remedy,
        }
        for each in findings
    ]
    return _dumped({"files": files, "findings": said})


def github(findings: Sequence[Finding], files: int, shown: Shown) -> str:
    """A workflow command for each finding, which GitHub shows beside the line.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    return "".join(
        f"::error file={_property(shown(each.path))},line={each.line},col={each.column},"
        f"title={_property(f'hfcodemod {each.code} ({_name(each)})')}::{_data(each.said)}\n"
        for each in findings
    )


def _data(value: str) -> str:
    """A message as the runner's own toolkit escapes it."""
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def sarif(findings: Sequence[Finding], files: int, shown: Shown) -> str:
    """A log of SARIF 2.1.0, with the codes that were found as its rules."""
    from importlib.metadata import version

    from hfcodemod.ruleset import known_codes

    codes = sorted({each.code for each in findings})
    rules = [
        {
            "id": code,
            "name": "".join(word.title() for word in known_codes()[code].name.split("-")),
            "shortDescription": {"text": known_codes()[code].message},
        }
        for code in codes
    ]
    results = [
        {
            "ruleId": each.code,
            "ruleIndex": codes.index(each.code),
            "level": "error",
            "message": {"text": each.said},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": _uri(shown(each.path))},
                        "region": {"startLine": each.line, "startColumn": each.column},
                    }
                }
            ],
        }
        for each in findings
    ]
    driver = {"name": "hfcodemod", "version": version("hfcodemod"), "rules": rules}
    # Columns are counted in characters here; the format's own way is UTF-16 units.
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return _dumped({"$schema": schema, "version": "2.1.0", "runs": [run]})


def _uri(path: str) -> str:
    """A path as a reference: from here, or of a file on this machine."""
    from urllib.parse import quote

    return Path(path).as_uri() if Path(path).is_absolute() else quote(path)


def _name(finding: Finding) -> str:
    from hfcodemod.ruleset import known_codes

    return known_codes()[finding.code].name


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"


def _dumped(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[Finding], int, Shown], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "sarif": sarif,
}
"""By the names that are typed."""
