"""The rules over test files: their case files, their pages, and that ruff has none of them."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from false_alarms import NEEDED, SAMPLE, Alarm, Measured, measured, sample
from golden import GOLDEN
from repository import Repository

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS, Settings
from hfcodemod.errors import UserError
from hfcodemod.names import resolve
from hfcodemod.pytest_settings import PytestSettings, pytest_settings
from hfcodemod.rules import other_architecture, suite
from hfcodemod.ruleset import Facts, Rule, rules
from hfcodemod.stamp import without_stamp
from hfcodemod.syntax import tree

ROOT = Path(__file__).parents[1]
CASES = ROOT / "fixtures" / "rules"
PAGES = ROOT / "docs" / "codes"
MARKER = "  # finds"
RULES = {rule.CODE: rule for rule in rules()}
FILES = sorted(CASES.rglob("*.py"))
# What ruff wants to be written in another form, whether the test can fail or not.
OF_FORM = ("ANN", "ARG", "CPY", "D", "INP", "PLR", "PT", "S101", "T20")
# Handlers that ruff reports wherever they are: most of them swallow nothing that a test asserts.
HANDLERS = {("HF202", code) for code in ("BLE001", "E722", "S110")}


def found(rule: Rule, path: Path, text: str, root: Path = ROOT) -> list[int]:
    """The lines in which a rule finds something."""
    facts = Facts(Settings(root=root), without_stamp(text)[1], lambda: load_snapshot(FACTS))
    findings = list(rule.findings(tree(text), text, path, facts))
    assert all((each.path, each.code) == (path, rule.CODE) and each.remedy for each in findings)
    return sorted(each.line for each in findings)


def marked(text: str) -> list[int]:
    """The lines of a case file that say so."""
    return [number for number, line in enumerate(text.split("\n"), 1) if line.endswith(MARKER)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CASES).as_posix())
def test_a_case(path: Path, tmp_path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # The marker is a comment, and to some rules a comment is a reason.
    code = path.relative_to(CASES).parts[0]
    assert found(RULES[code], path, text.replace(MARKER, ""), tmp_path) == marked(text)


def test_each_rule_has_cases_that_are_found_and_that_are_not() -> None:
    kinds = {(path.relative_to(CASES).parts[0], bool(marked(path.read_text(encoding="utf-8")))) for path in FILES}
    assert kinds == {(code, there) for code in RULES for there in (True, False)}


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.py")), ids=lambda path: path.stem)
def test_generated_modules_are_sound(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert {code: found(rule, path, text) for code, rule in RULES.items()} == {code: [] for code in RULES}


def test_ruff_has_none_of_the_rules(tmp_path: Path) -> None:
    """Ruff, with all of its rules, says nothing in the lines that are found but what is of form."""
    cases = [path for path in FILES if marked(path.read_text(encoding="utf-8"))]
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "ALL", "--output-format", "json"]
    done = subprocess.run([*command, *map(str, cases)], capture_output=True, text=True, cwd=tmp_path, check=False)
    lines = {(str(path), line) for path in cases for line in marked(path.read_text(encoding="utf-8"))}
    said = {
        (Path(each["filename"]).relative_to(CASES).parts[0], each["code"])
        for each in json.loads(done.stdout)
        if (each["filename"], each["location"]["row"]) in lines and not each["code"].startswith(OF_FORM)
    }
    assert said == HANDLERS


def test_the_documented_checkpoint_of_each_architecture_is_its_own() -> None:
    catalog = load_snapshot(FACTS)
    wrong = []
    for name, architecture in catalog.architectures.items():
        path = Path(f"test_{architecture.model_type}.py")
        if architecture.checkpoint and found(other_architecture, path, f'MODEL_ID = "{architecture.checkpoint}"\n'):
            wrong.append(name)
    assert wrong == []


def test_a_checkpoint_is_looked_at_by_the_stamp_before_the_file(tmp_path: Path) -> None:
    text = '# hfcodemod: gemma-next like=gemma base=00000000\n\nMODEL_ID = "google/gemma-3-4b-it"\n'
    assert found(RULES["HF208"], tmp_path / "test_gemma3.py", text) == [3]
    with pytest.raises(UserError):
        resolve("gemma-next", load_snapshot(FACTS))


PAGE = re.compile(
    r"# (?P<title>[^\n]*)\n\n(?P<message>[^\n]*)\.\n\n.*?\n## Example\n\n```python\n(?P<bad>.*?)```\n\n"
    r"```console\n\$ (?P<command>[^\n]*)\n(?P<said>.*?)```\n\n## Remedy\n\n.*?```python\n(?P<good>.*?)```\n\n## ",
    re.DOTALL,
)


@pytest.mark.parametrize("code", RULES)
def test_each_page_is_what_happens(code: str, repository: Repository) -> None:
    page = PAGE.match((PAGES / f"{code}.md").read_text(encoding="utf-8"))
    assert page is not None
    message = RULES[code].MESSAGE
    assert (page["title"], page["message"]) == (f"{code}: {RULES[code].NAME}", message[0].upper() + message[1:])
    words = page["command"].split()
    assert words[:2] == ["hfcodemod", "check"]
    path = repository.root / words[2]
    path.write_text(page["bad"])
    assert repository.run(*words[1:]).out == page["said"]
    path.write_text(page["good"])
    done = repository.run(*words[1:])
    assert (done.code, done.out + done.err) == (0, "1 file: nothing found\n")


def test_the_table_of_rules_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| \[(HF2\d\d)\]\(\1\.md\) \| (.*?) \| (.*?) \|$", (PAGES / "index.md").read_text(), re.M)
    assert rows == [(rule.CODE, rule.NAME, rule.MESSAGE) for rule in rules()]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("pytest.ini", "[pytest]\npython_classes = Check* Test\nxfail_strict = true\n", (("Check", "Test"), True)),
        ("pyproject.toml", '[tool.pytest.ini_options]\npython_classes = ["Check"]\n', (("Check",), False)),
        ("pyproject.toml", "[tool.pytest]\nstrict = true\n", (("Test",), True)),
        ("pyproject.toml", "[tool.other]\nstrict = true\n", (("Test",), False)),
        ("tox.ini", "[pytest]\nxfail_strict = 1\n", (("Test",), True)),
        ("setup.cfg", "[tool:pytest]\npython_classes = *\n", (("",), False)),
        ("setup.cfg", "no section\n", (("Test",), False)),
        ("pyproject.toml", "[tool", (("Test",), False)),
    ],
)
def test_what_pytest_is_told(name: str, text: str, expected: tuple[tuple[str, ...], bool], tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    assert pytest_settings(tmp_path) == PytestSettings(*expected)


def test_the_first_file_counts(tmp_path: Path) -> None:
    (tmp_path / "setup.cfg").write_text("[tool:pytest]\nxfail_strict = true\n")
    assert pytest_settings(tmp_path).strict_xfail
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    assert not pytest_settings(tmp_path).strict_xfail


def test_rules_hear_of_pytests_configuration(tmp_path: Path) -> None:
    classes = "class CheckScores:\n    def test_score(self):\n        assert 1 < 2\n"
    xfail = "import pytest\n\n\n@pytest.mark.xfail\ndef test_score():\n    assert 1 < 2\n"
    path = tmp_path / "test_x.py"
    assert found(RULES["HF203"], path, classes, tmp_path) == [1]
    assert found(RULES["HF207"], path, xfail, tmp_path) == [4]
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_classes = Check\nxfail_strict = true\n")
    assert found(RULES["HF203"], path, classes, tmp_path) == []
    assert found(RULES["HF207"], path, xfail, tmp_path) == []


def test_every_statement_of_a_test_is_seen() -> None:
    text = (
        "def test_all(x):\n    for a in x:\n        b\n    else:\n        c\n    while a:\n        d\n"
        "    with a:\n        e\n    match a:\n        case 1:\n            f\n    try:\n        g\n    except E:\n"
        "        h\n    else:\n        i\n    finally:\n        j\n    if a:\n        k\n    else:\n        m\n"
    )
    (test,) = suite.suite(text).tests
    names = [each.value.id for each in test.statements if hasattr(each, "value")]
    assert names == list("bcdefghijkm")


def test_a_rule_that_is_on_by_default_is_right() -> None:
    """The verdicts are of the 50 alarms of the page, and 95 % of those of each rule are right."""
    with (ROOT / "docs" / "false-alarms.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == SAMPLE and {row["verdict"] for row in rows} <= {"right", "wrong"}
    judged = [f"| `{row['place']}` | {row['code']} | {row['verdict']} | {row['what stands there']} |" for row in rows]
    page = (ROOT / "docs" / "false-alarms.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `.*", page, re.MULTILINE) == judged
    for rule in rules():
        own = [row["verdict"] == "right" for row in rows if row["code"] == rule.CODE]
        assert not rule.DEFAULT or sum(own) >= NEEDED * len(own)


def test_the_measurement_counts_what_it_reads(tmp_path: Path) -> None:
    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "test_a.py").write_text("def test_a():\n    pass\n\n\ndef test_b():\n    assert 1 < 2\n")
    (tmp_path / "suite" / "test_b.py").write_text("def test_a(:\n")
    (tmp_path / "suite" / "c.py").write_text("def test_a():\n    pass\n")
    alarm = Alarm("HF211", "suite/test_a.py:1")
    assert measured(tmp_path / "suite") == Measured("suite", 1, 2, (alarm,))
    assert sample([alarm]) == [alarm]
