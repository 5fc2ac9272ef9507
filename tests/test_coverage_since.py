"""Coverage compared with an earlier day or revision: what was added, what was lost, what comes next."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from covering import Suite, suite

import hfcodemod
from hfcodemod.coverage_cases import Coverage
from hfcodemod.coverage_summary import as_summary
from hfcodemod.errors import UserError
from hfcodemod.ledger import FORMAT, HEADER, ledger_path


def git(folder: Path, *arguments: str, day: str = "") -> str:
    """What git says, as somebody who commits on that day."""
    who = {f"GIT_{one}_{what}": "someone" for one in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    when = {"GIT_AUTHOR_DATE": day, "GIT_COMMITTER_DATE": day} if day else {}
    environment = {**os.environ, **who, **when}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Suite:
    """Codegen was covered on 2 January, olmo on 4 January, where vit, covered on the 2nd, was lost."""
    found = suite(tmp_path_factory.mktemp("history"))
    everything = found.records
    found.records = [record for record in everything if record.name != "olmo"]
    found.written()
    git(found.root, "init", "--quiet", "--initial-branch=main")
    (found.root / "README.md").write_text("empty\n")
    git(found.root, "add", "README.md")
    git(found.root, "commit", "--quiet", "-m", "start", day="2026-01-01T12:00:00+00:00")
    git(found.root, "add", ".")
    git(found.root, "commit", "--quiet", "-m", "first", day="2026-01-02T12:00:00+00:00")
    git(found.root, "tag", "first")
    found.records = everything
    found.change("ViTModel", outcome="failed", reason="NaN")
    found.written()
    git(found.root, "commit", "--quiet", "-am", "second", day="2026-01-04T12:00:00+00:00")
    return found


def since(history: Suite, when: str) -> Coverage:
    return hfcodemod.coverage(since=when, root=history.root)


def names(coverage: Coverage) -> tuple[set[str], set[str]]:
    """The model types with something added, the classes lost."""
    return {case.model_type for case in coverage.added}, {case.head for case in coverage.lost}


@pytest.mark.parametrize(
    ("when", "added", "lost"),
    [
        pytest.param("first", {"olmo"}, {"ViTModel"}, id="a tag"),
        pytest.param("HEAD", set(), set(), id="now"),
        pytest.param("HEAD~2", {"codegen", "olmo", "vit"}, set(), id="a revision without a ledger"),
        pytest.param("2026-01-03", {"olmo"}, {"ViTModel"}, id="a day"),
        pytest.param("2026-01-02", {"codegen", "olmo", "vit"}, set(), id="a day means its beginning"),
        pytest.param(
            "2026-01-02T13:00:00+02:00", {"codegen", "olmo", "vit"}, set(), id="an hour before in another zone"
        ),
        pytest.param("2026-01-02T12:30:00Z", {"olmo"}, {"ViTModel"}, id="an hour after"),
        pytest.param("2025-12-31", {"codegen", "olmo", "vit"}, set(), id="before there was anything"),
    ],
)
def test_what_came_and_went(history: Suite, when: str, added: set[str], lost: set[str]) -> None:
    assert names(since(history, when)) == (added, lost)


def test_both_times_are_told_over_the_same_catalog(history: Suite) -> None:
    now = since(history, "first")
    assert now.earlier is not None
    before = now.earlier.coverage
    assert (before.heads.total, before.covered_types.total) == (now.heads.total, now.covered_types.total)
    olmo = sum(case.model_type == "olmo" for case in now.cases)
    assert now.heads.covered - before.heads.covered == olmo - 1
    assert (before.covered_types.covered, now.covered_types.covered) == (2, 2)


def test_an_edited_record_of_then_did_not_count_then(history: Suite, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(history.root), "clone")
    clone = Suite(tmp_path / "clone", list(history.records))
    clone.change("OlmoModel", outcome="failed")
    clone.alter("OlmoModel", lambda record: replace(record, outcome="passed"))
    clone.change("CodeGenModel", model_type="none", name="none")
    clone.change("CodeGenForCausalLM", skeleton="gone")
    clone.written()
    git(clone.root, "commit", "--quiet", "-am", "edited", day="2026-01-05T12:00:00+00:00")
    clone.records = history.records
    clone.written()
    added = {case.head for case in since(clone, "HEAD").added}
    assert added == {"OlmoModel", "CodeGenModel", "CodeGenForCausalLM"}


class TestWithoutHistory:
    def test_what_was_run_before_counts_as_it_is(self, tmp_path: Path) -> None:
        found = suite(tmp_path, ["codegen"])
        found.change("CodeGenModel", date="2026-01-30T10:00:00Z")
        found.written()
        now = since(found, "2026-01-31")
        assert {case.head for case in now.added} == {"CodeGenForCausalLM"}
        assert now.earlier is not None
        assert now.earlier.note == "Git does not know the ledger: what was verified again since then counts as added."
        assert now.earlier.note in as_summary(now, ())

    def test_a_revision_needs_git(self, tmp_path: Path) -> None:
        found = suite(tmp_path, ["codegen"])
        found.written()
        with pytest.raises(UserError, match=r"^--since HEAD: neither a day like 2026-01-31 nor a revision"):
            since(found, "HEAD")

    def test_git_may_be_absent(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        found = suite(tmp_path, ["codegen"])
        found.written()
        monkeypatch.setenv("PATH", "")
        assert names(since(found, "2026-01-31")) == ({"codegen"}, set())


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("2026-02-31", "--since 2026-02-31: no such day (day is out of range for month); write it like 2026-01-31"),
        ("no-such-branch", "--since no-such-branch: neither a day like 2026-01-31 nor a revision that git has in "),
        ("--output=x", "--since --output=x: neither a day like 2026-01-31 nor a revision that git has in "),
    ],
)
def test_what_is_neither_a_day_nor_a_revision(history: Suite, when: str, said: str) -> None:
    with pytest.raises(UserError) as error:
        since(history, when)
    assert str(error.value).startswith(said)
    assert not (history.root / "x").exists()


def test_a_ledger_of_then_that_cannot_be_read(history: Suite, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(history.root), "clone")
    ledger = ledger_path(tmp_path / "clone")
    good = ledger.read_text()
    ledger.write_text(f'{{"{HEADER}":{FORMAT + 1}}}\n')
    git(tmp_path / "clone", "commit", "--quiet", "-am", "newer", day="2026-01-05T12:00:00+00:00")
    ledger.write_text(good)
    with pytest.raises(UserError) as error:
        hfcodemod.coverage(since="HEAD", root=tmp_path / "clone")
    said = f"{ledger} of HEAD: is a ledger of format 2, and this hfcodemod has 1; compare with a later revision"
    assert str(error.value) == said


class TestSummary:
    BATCHES = ((1, ("llama", "olmo")), (2, ("vit",)), (3, ("codegen",)))

    def test_it_tells_a_batch(self, history: Suite) -> None:
        lines = as_summary(since(history, "first"), self.BATCHES).splitlines()
        assert lines[0] == "# What is covered of transformers 5.23.0 since first"
        assert lines[4:6] == [
            "| heads | 5 of 1,547 (0.3 %) | 7 of 1,547 (0.4 %) |",
            "| model types | 2 of 649 (0.3 %) | 2 of 649 (0.3 %) |",
        ]
        added = lines.index("## Added: 3 heads of 1 model type")
        assert lines[added + 4 : added + 6] == ["| olmo | 3 | olmo |", ""]
        lost = lines.index("## No longer covered: 1 head of 1 model type")
        assert lines[lost + 4] == "| vit | ViTModel | failing | failed: NaN |"
        after = lines[lines.index("| batch | families | heads | not covered |") + 2 :]
        assert [line.split(" | ")[0] for line in after if line.startswith("| ")] == ["| 1", "| 2"]
        assert after[1] == "| 2 | vit | 1 | 1 failing |"
        assert after[-1].startswith("`hfcodemod add --missing --batch N` adds the modules")

    def test_only_the_next_batches_are_named(self, history: Suite) -> None:
        names = dict.fromkeys(case.model_type for case in history.coverage().open)
        text = as_summary(since(history, "first"), [(number, [name]) for number, name in enumerate(names, 1)])
        assert f"And {len(names) - 10} more batches; `hfcodemod list --missing` shows them." in text
        assert "\n| 10 | " in text and "\n| 11 | " not in text

    def test_nothing_added_and_nothing_next(self, history: Suite) -> None:
        text = as_summary(since(history, "HEAD"), [(3, ["codegen"])])
        assert "## Added: 0 heads of 0 model types\n\nNothing.\n" in text
        assert text.endswith("model types\n\nNothing.\n") and "No longer covered" not in text
