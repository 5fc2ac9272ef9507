"""The ledger: what is written is read again, the newest record counts, and what is no ledger says what to do."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfcodemod.errors import UserError
from hfcodemod.ledger import (
    COUNTS,
    EVIDENCE,
    FORMAT,
    HEADER,
    NAMES,
    OUTCOMES,
    SOURCES,
    VERSIONS,
    Record,
    ledger_path,
    ledger_text,
    read_ledger,
)
from hfcodemod.workspace import ATTRIBUTES

OLMO = Record(
    skeleton="default",
    name="olmo",
    class_name="OlmoModel",
    model_type="olmo",
    module="tests/models/test_hf_olmo.py",
    outcome="passed",
    reason="",
    evidence=("backward", "forward", "load", "save"),
    parameters=123_456,
    seconds=1.25,
    tests={"passed": 20, "failed": 0, "skipped": 1},
    skips={"test_real_checkpoint": "test is slow"},
    date="2026-01-31T23:59:59Z",
    device="cpu",
    versions={"hfcodemod": "0.1.0", "python": "3.12.1", "torch": "2.13.0", "transformers": "5.23.0"},
    sources={"module": "a" * 64, "recipe": "b" * 64, "skeleton": "c" * 64},
).sealed()


def written(path: Path, *records: Record) -> Path:
    path.write_text(ledger_text(records))
    return path


def test_no_file_and_an_empty_one_hold_no_record(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "ledger.jsonl") == {}
    assert read_ledger(written(tmp_path / "ledger.jsonl")) == {}
    (tmp_path / "ledger.jsonl").write_text("")
    assert read_ledger(tmp_path / "ledger.jsonl") == {}


def test_lines_are_sorted_by_key_and_their_fields_by_name(tmp_path: Path) -> None:
    records = [
        replace(OLMO, skeleton="suite"),
        OLMO,
        replace(OLMO, name="bert", class_name="BertModel"),
        replace(OLMO, class_name="OlmoForCausalLM"),
    ]
    path = written(tmp_path / "ledger.jsonl", *records)
    header, *lines = path.read_text().splitlines()
    assert json.loads(header) == {HEADER: FORMAT}
    said = [json.loads(line) for line in lines]
    assert [(one["skeleton"], one["name"], one["class"]) for one in said] == [
        ("default", "bert", "BertModel"),
        ("default", "olmo", "OlmoForCausalLM"),
        ("default", "olmo", "OlmoModel"),
        ("suite", "olmo", "OlmoModel"),
    ]
    assert all(list(one) == sorted(NAMES) for one in said)
    assert list(read_ledger(path).values()) == sorted(records, key=lambda record: record.key)


TEXT = st.text(st.characters(codec="utf-8"))
RECORDS = st.builds(
    Record,
    **{field.name: TEXT for field in fields(Record)}
    | {
        "outcome": st.sampled_from(OUTCOMES),
        "evidence": st.sets(st.sampled_from(EVIDENCE)).map(lambda seen: tuple(sorted(seen))),
        "parameters": st.integers(0),
        "seconds": st.floats(0, 1e6),
        "tests": st.fixed_dictionaries(dict.fromkeys(COUNTS, st.integers(0))),
        "skips": st.dictionaries(TEXT, TEXT),
        "versions": st.fixed_dictionaries(dict.fromkeys(VERSIONS, TEXT)),
        "sources": st.fixed_dictionaries(dict.fromkeys(SOURCES, TEXT)),
    },
)


@given(records=st.lists(RECORDS.map(Record.sealed), unique_by=lambda record: record.key))
def test_any_record_is_read_as_it_was_written(records: list[Record], tmp_path_factory: Any) -> None:
    path = written(tmp_path_factory.mktemp("ledger") / "ledger.jsonl", *records)
    assert path.read_text().count("\n") == len(records) + 1
    read = read_ledger(path)
    assert read == {record.key: record for record in records}
    assert all(record.is_sealed for record in read.values())
    assert ledger_text(read.values()) == path.read_text()


@pytest.mark.parametrize("name", [name for name in NAMES.values() if name != "seal"])
def test_a_record_that_was_edited_breaks_its_seal(name: str) -> None:
    kinds: dict[type, Any] = {str: "other", int: 1, float: 0.5, tuple: (), dict: {}}
    edited = replace(OLMO, **{name: kinds[type(getattr(OLMO, name))]})
    assert OLMO.is_sealed
    assert not edited.is_sealed
    assert edited.sealed().is_sealed


def test_a_line_that_was_copied_under_another_name_breaks_its_seal(tmp_path: Path) -> None:
    path = written(tmp_path / "ledger.jsonl", OLMO)
    copy = path.read_text().splitlines()[1].replace("olmo", "gemma3").replace("Olmo", "Gemma3")
    path.write_text(f"{path.read_text()}{copy}\n")
    assert [(record.name, record.is_sealed) for record in read_ledger(path).values()] == [
        ("gemma3", False),
        ("olmo", True),
    ]


def test_the_newest_of_two_records_counts_wherever_it_stands(tmp_path: Path) -> None:
    new = replace(OLMO, date="2026-02-01T00:00:00Z", outcome="failed", reason="it broke").sealed()
    same_second = replace(new, reason="it broke otherwise").sealed()
    latest = max(new, same_second, key=lambda record: record.seal)
    for several, counts in ([OLMO, new], new), ([new, OLMO], new), ([same_second, new], latest), ([new, OLMO], new):
        path = tmp_path / "ledger.jsonl"
        path.write_text("".join(ledger_text([record]) for record in several))
        assert list(read_ledger(path).values()) == [counts]
        assert ledger_text(several) == ledger_text([counts])


def test_two_branches_that_ran_modules_merge_without_a_conflict(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        identity = {
            f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, env={**os.environ, **identity})

    def commit(*records: Record) -> None:
        ledger_path(tmp_path).write_text(ledger_text(records))
        git("add", ".")
        git("commit", "-m", "run")

    ledger_path(tmp_path).parent.mkdir()
    (ledger_path(tmp_path).parent / ".gitattributes").write_text(ATTRIBUTES)
    git("init", "-b", "main")
    bert = replace(OLMO, name="bert", class_name="BertModel", date="2026-02-02T00:00:00Z").sealed()
    earlier, later = (replace(OLMO, date=f"2026-02-0{day}T00:00:00Z").sealed() for day in (3, 4))
    commit(OLMO)
    git("checkout", "-b", "branch")
    commit(bert, later)
    git("checkout", "main")
    commit(earlier)
    git("merge", "branch")
    assert list(read_ledger(ledger_path(tmp_path)).values()) == [bert, later]


def broken(**changes: Any) -> str:
    said = {**OLMO.as_json(), **changes}
    return json.dumps({HEADER: FORMAT}) + "\n" + json.dumps({k: v for k, v in said.items() if v is not None})


HERE = "{path}:2: is no record of a run; delete the line, then `hfcodemod verify` makes it anew"
ANEW = "delete it (rm {path}), then `hfcodemod verify` makes it anew"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(broken(outcome=None), HERE, id="a-field-is-missing"),
        pytest.param(broken(color="red"), HERE, id="a-field-too-many"),
        pytest.param(broken(seconds="1"), HERE, id="a-value-of-another-kind"),
        pytest.param(broken(outcome="fine"), HERE, id="an-unknown-outcome"),
        pytest.param(broken(evidence=["belief"]), HERE, id="unknown-evidence"),
        pytest.param(broken(evidence=[1]), HERE, id="evidence-of-another-kind"),
        pytest.param(broken(evidence=[{}]), HERE, id="evidence-that-cannot-be-looked-up"),
        pytest.param(broken(tests={"passed": 1}), HERE, id="counts-are-missing"),
        pytest.param(broken(tests={"passed": 1, "failed": "0", "skipped": 0}), HERE, id="a-count-of-another-kind"),
        pytest.param(broken(skips={"test": 1}), HERE, id="a-reason-of-another-kind"),
        pytest.param(broken(versions={"torch": "2"}), HERE, id="versions-are-missing"),
        pytest.param(broken(sources={}), HERE, id="sources-are-missing"),
        pytest.param(broken()[:-9], HERE, id="a-torn-line"),
        pytest.param('{"hfcodemod ledger":1}\n[]\n', HERE, id="no-object"),
        pytest.param("{}\n", HERE.replace(":2:", ":1:"), id="an-empty-object"),
        pytest.param(
            f"{broken()}\n<<<<<<< HEAD\n",
            "{path}:3: holds the conflict markers of git; delete those lines, and keep both sides",
            id="conflict-markers",
        ),
        pytest.param(broken().split("\n")[1], "{path}: does not say which format it has; " + ANEW, id="no-header"),
        pytest.param(
            '{"hfcodemod ledger":0}\n',
            "{path}: is a ledger of format 0, and this hfcodemod has 1; " + ANEW,
            id="an-old-format",
        ),
        pytest.param(
            '{"hfcodemod ledger":2}\n{"unlike": "anything"}\n',
            "{path}: is a ledger of format 2, and this hfcodemod has 1; pip install --upgrade hfcodemod",
            id="a-new-format",
        ),
        pytest.param(
            '{"hfcodemod ledger":"x"}\n',
            "{path}: is a ledger of format x, and this hfcodemod has 1; " + ANEW,
            id="no-format",
        ),
        pytest.param(b"\xff\n", "{path}: is not UTF-8 (invalid start byte); " + ANEW, id="no-text"),
    ],
)
def test_what_is_no_ledger_says_what_to_do(text: str | bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as raised:
        read_ledger(path)
    assert str(raised.value) == said.format(path=path)


def test_line_ends_of_another_system_and_empty_lines_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(ledger_text([OLMO]).replace("\n", "\r\n\r\n").encode())
    assert list(read_ledger(path).values()) == [OLMO]
