"""A sample of all architectures, run anew: the committed ledger must say what is seen of them now.

Which ones is told by the revision: every change of the project runs others, and nobody chooses them.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest
from sampling import sample

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.families import Families
from hfcodemod.ledger import Record, read_ledger
from hfcodemod.recipes import recipe_of, why_no_module

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "docs" / "ledger.jsonl"
COUNT = 60
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def revision() -> str:
    """The commit that is checked out."""
    command = ["git", "rev-parse", "HEAD"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def test_a_sample_is_of_all_families_alike() -> None:
    catalog = load_snapshot(FACTS)
    families = Families(catalog.architectures)
    chosen = sample(catalog, "any", COUNT)
    assert len(set(chosen)) == COUNT
    assert chosen != sample(catalog, "other", COUNT)
    found = [families.of(name) for name in chosen]
    able = sum(bool(item.heads) and not why_no_module(item) for item in catalog.architectures.values())
    for family, members in families.members.items():
        share = COUNT * sum(not why_no_module(catalog.architectures[name]) for name in members) / able
        assert found.count(family) <= share + 1.5, family


def test_each_class_with_more_than_a_million_parameters_has_a_reason() -> None:
    page = (ROOT / "docs" / "how-to" / "probe.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| (\w+) \| \w.+\. \|$", page, re.MULTILINE))
    assert explained == {one.class_name for one in read_ledger(LEDGER).values() if one.parameters > 1_000_000}


def told(records: Sequence[Record]) -> list[tuple[object, ...]]:
    """What a run showed, apart from when and how fast."""
    return sorted((one.name, one.class_name, one.outcome, one.reason, one.evidence, one.parameters) for one in records)


def absent_packages(model_type: str) -> list[str]:
    """The packages that an architecture needs and that can't be imported here: its module skips itself."""
    recipe = recipe_of(model_type)
    return [package for package in recipe.requires if find_spec(package) is None] if recipe is not None else []


@pytest.fixture
def chosen() -> list[str]:
    return sample(load_snapshot(FACTS), revision(), COUNT)


def test_the_ledger_says_what_is_seen_again(hfcodemod: Run, chosen: list[str], tmp_path: Path) -> None:
    added = hfcodemod("add", *chosen)
    assert added.returncode == 0, added.stderr
    done = hfcodemod("verify", "--json", "--jobs", "2")
    lacking = {name: absent for name in chosen if (absent := absent_packages(name))}
    seen = json.loads(done.stdout)["records"]
    bad = [one for one in seen if one["outcome"] != ("skipped" if one["model_type"] in lacking else "passed")]
    assert not bad, bad
    now = list(read_ledger(tmp_path / ".hfcodemod" / "ledger.jsonl").values())
    assert {one.model_type for one in now} == set(chosen)
    assert len(chosen) == COUNT
    for one in now:
        assert one.model_type not in lacking or any(package in one.reason for package in lacking[one.model_type])
    again = [one for one in now if one.model_type not in lacking]
    names = {one.name for one in again}
    assert told(again) == told([one for one in read_ledger(LEDGER).values() if one.name in names])


def test_the_page_of_coverage_is_current(hfcodemod: Run, tmp_path: Path) -> None:
    """What `coverage` says of the committed ledger, over all modules as they are made now."""
    assert hfcodemod("add", "--all").returncode == 0
    page, badge = tmp_path / "coverage.md", tmp_path / "coverage.svg"
    done = hfcodemod("coverage", "--ledger", str(LEDGER), "--markdown", str(page), "--badge", str(badge))
    assert done.returncode == 0, done.stderr
    assert page.read_text(encoding="utf-8") == (ROOT / "docs" / "coverage.md").read_text(encoding="utf-8")
    assert badge.read_bytes() == (ROOT / "docs" / "assets" / "coverage.svg").read_bytes()
