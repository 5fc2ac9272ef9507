"""The square closes: add, then change the skeleton and migrate, is what add writes with the changed skeleton."""

from __future__ import annotations

import gzip
import importlib.resources
import json
import random
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from golden import REQUESTS
from hypothesis import HealthCheck, given, settings
from square import (
    ROUNDS,
    SEEDS,
    SIZES,
    Suite,
    a_second_run_changes_nothing,
    after_all_is_settled_nothing_is_left,
    example,
    hold,
    migrated,
    small,
)

from hfcodemod.catalog import SNAPSHOT, pinned_facts
from hfcodemod.config import FACTS
from hfcodemod.initial import Wish, start
from hfcodemod.journal import write_files
from hfcodemod.migrate import Migration
from hfcodemod.requests import Request

EACH = [request for request in REQUESTS if request.name in ("olmo", "whisper", "blip-2", "mistral-next")]
"""One of each kind, for what is tried edit by edit; the edits together are tried on all."""
EVERY = {request.name for request in EACH}
TEST = """\
    def test_parameters(self, config: PreTrainedConfig) -> None:
        model = build(SmolLM3Model, config)
        assert sum(parameter.numel() for parameter in model.parameters()) < 2_000_000

"""
OVERLAY = '''\
"""What each module has besides."""

import pytest
from transformers import PreTrainedConfig, PreTrainedModel

from skeleton.canonical import HEADS, build

LIMIT = 2_000_000


class TestSmolLM3:
    @pytest.mark.parametrize("cls", HEADS)
    def test_size(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        assert build(cls, config).num_parameters() < LIMIT
'''
CODEMOD = '''\
"""Writes a line on top of each module."""

import libcst as cst
from libcst.codemod import VisitorBasedCodemodCommand


class AddHeader(VisitorBasedCodemodCommand):
    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        header = [cst.EmptyLine(comment=cst.Comment("# Of the team."), indent=False), *updated_node.header]
        return updated_node.with_changes(header=header)
'''


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace texts, each of which stands in the file once."""
    text = path.read_text()
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)


def configure(root: Path, line: str) -> None:
    """Add a line to the configuration."""
    path = root / "pyproject.toml"
    path.write_text(f"{path.read_text()}{line}\n")


def started(root: Path, requests: Sequence[Request], formatter: str = "") -> Suite:
    """A repository with a skeleton of its own and modules made from it."""
    root.mkdir()
    (root / "pyproject.toml").touch()
    suite = Suite(root, root / "skeleton" / "canonical.py", requests, pinned_facts)
    write_files(root, start(Wish(own_skeleton=True), suite.settings, pinned_facts(suite.settings)).files)
    if formatter:
        reformat(suite, formatter)
    suite.add()
    assert len(suite.texts()) == len(requests)
    return suite


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that each test has a copy of."""
    return started(tmp_path_factory.mktemp("first") / "repository", EACH).root


@pytest.fixture
def suite(first: Path, tmp_path: Path) -> Suite:
    """A repository with some golden modules."""
    root = tmp_path / "repository"
    shutil.copytree(first, root)
    return Suite(root, root / "skeleton" / "canonical.py", EACH, pinned_facts)


def reached(run: Migration) -> set[str]:
    """The modules that a migration changed."""
    return {plan.name for plan in run.changed}


def close(suite: Suite, names: set[str], **renames: str) -> None:
    """Release and migrate: these modules change, and every module is as `add` would write it."""
    suite.release(renames)
    run = migrated(suite, renames)
    assert reached(run) == names
    assert {plan.action for plan in run.changed} == {"replace"}
    assert suite.texts() == suite.fresh()
    a_second_run_changes_nothing(suite, run)


def method(text: str, name: str) -> str:
    """A test of the canonical module, with its decorators and the blank line behind it."""
    _, head, rest = text.partition(f"    def {name}(")
    body, _, _ = rest.partition("\n\n    ")
    return f"{head}{body}\n\n"


def move(suite: Suite) -> None:
    """Put the first test behind the second."""
    text = suite.canonical.read_text()
    moved = method(text, "test_config_round_trip")
    rest = text.replace(moved, "")
    loading = method(rest, "test_model_loading")
    suite.canonical.write_text(rest.replace(loading, loading + moved))


RENAMES = {"test_config_round_trip": "test_config_is_saved", "on_device": "moved"}


def rename(suite: Suite) -> None:
    """Rename a test and a helper in the canonical module and the fragments."""
    for path in (suite.root / "skeleton").glob("*.py"):
        text = path.read_text()
        for old, new in RENAMES.items():
            text = re.sub(rf"\b{old}\b", new, text)
        path.write_text(text)


FRAGMENT = [("# What an encoder made of two other seconds", "# What an encoder makes of two other seconds")]
ROUND_TRIP = "    def test_config_round_trip("
EDITS = {
    "a new test": [(ROUND_TRIP, TEST + ROUND_TRIP)],
    "a changed assertion": [("assert loss_of(model, head, head.labels) < loss", "assert loss_of(model, head, {}) < 1")],
    "a changed import": [
        ("import copy\nimport inspect\n", "import inspect\nfrom copy import deepcopy\n"),
        ("copy.deepcopy(config)", "deepcopy(config)"),
    ],
    "a decorator": [(ROUND_TRIP, f"    @slow\n{ROUND_TRIP}")],
    "a comment": [("        # The version is written by saving.\n", "        # Saving writes the version.\n")],
    "docstrings": [
        ("Random weights in the real architecture, on any device", "Random weights, on any device"),
        ('"""The saved model, ready to run."""', '"""What was saved, ready to run."""'),
    ],
    "a constant": [('{"atol": 1e-4, "rtol": 1e-4}', '{"atol": 1e-3, "rtol": 1e-4}')],
    "a helper's parameter": [
        ("def exchanged(value: Any) -> Any:", "def exchanged(value: Any, places: int = 1) -> Any:"),
        ("return value.flip(0) if", "return value.roll(places, 0) if"),
    ],
}


@pytest.mark.parametrize("changes", EDITS.values(), ids=EDITS)
def test_an_edit_of_the_canonical_module(suite: Suite, changes: list[tuple[str, str]]) -> None:
    edit(suite.canonical, *changes)
    close(suite, EVERY)


def test_an_edit_of_a_fixture_that_some_fragments_replace(suite: Suite) -> None:
    edit(suite.canonical, ("def config() -> SmolLM3Config:\n", 'def config() -> SmolLM3Config:\n    """Tiny."""\n'))
    close(suite, {"olmo", "mistral-next"})


def test_a_removed_test(suite: Suite) -> None:
    edit(suite.canonical, (method(suite.canonical.read_text(), "test_config_round_trip"), ""))
    close(suite, EVERY)


def test_a_moved_test(suite: Suite) -> None:
    move(suite)
    close(suite, EVERY)


def test_a_renamed_test_and_a_renamed_helper(suite: Suite) -> None:
    rename(suite)
    close(suite, EVERY, **RENAMES)
    assert "def test_config_is_saved(" in suite.texts()[suite.root / "tests" / "models" / "test_hf_olmo.py"]


def test_an_edit_of_a_fragment_reaches_the_modules_made_from_it(suite: Suite) -> None:
    edit(suite.root / "skeleton" / "speech_seq2seq.py", *FRAGMENT)
    close(suite, {"whisper"})


def test_all_edits_at_once_in_all_modules(tmp_path: Path) -> None:
    suite = started(tmp_path / "repository", REQUESTS)
    for name, changes in EDITS.items():
        if name != "a decorator":
            edit(suite.canonical, *changes)
    move(suite)
    rename(suite)
    edit(suite.root / "skeleton" / "speech_seq2seq.py", *FRAGMENT)
    (suite.root / "hf_overlay.py").write_text(OVERLAY)
    (suite.root / "add_header.py").write_text(CODEMOD)
    configure(suite.root, 'overlay = "hf_overlay.py"')
    configure(suite.root, 'leave-out = ["test_training_step"]')
    configure(suite.root, 'codemods = ["add_header.py:AddHeader"]')
    close(suite, {request.name for request in REQUESTS}, **RENAMES)


def test_an_overlay_that_comes_changes_and_goes(suite: Suite) -> None:
    overlay = suite.root / "hf_overlay.py"
    overlay.write_text(OVERLAY)
    configure(suite.root, 'overlay = "hf_overlay.py"')
    close(suite, EVERY)
    edit(overlay, ("2_000_000", "1_500_000"))
    close(suite, EVERY)
    edit(suite.root / "pyproject.toml", ('overlay = "hf_overlay.py"\n', ""))
    close(suite, EVERY)


def test_a_test_that_is_left_out(suite: Suite) -> None:
    configure(suite.root, 'leave-out = ["test_training_step"]')
    close(suite, EVERY)
    edit(suite.root / "pyproject.toml", ('leave-out = ["test_training_step"]\n', ""))
    close(suite, EVERY)


def test_a_codemod_of_the_teams_own(suite: Suite) -> None:
    path = suite.root / "add_header.py"
    path.write_text(CODEMOD)
    configure(suite.root, 'codemods = ["add_header.py:AddHeader"]')
    close(suite, EVERY)
    edit(path, ("# Of the team.", "# Of the other team."))
    close(suite, EVERY)


def test_another_hfcodemod_with_another_recipe(suite: Suite, tmp_path: Path) -> None:
    """A copy of the package in which a recipe differs migrates the module of its architecture, and no other."""
    package = tmp_path / "newer" / "hfcodemod"
    for name in ("hfcodemod", "hfcodemod.codemods", "hfcodemod.skeleton"):
        source = Path(str(importlib.resources.files(name)))
        shutil.copytree(source, package / name.removeprefix("hfcodemod").lstrip("."), dirs_exist_ok=True)
    edit(package / "data" / "recipes" / "whisper.json", ('"encoder_layers": 2', '"encoder_layers": 3'))
    # An editable installation is found before any path.
    start = (
        "import sys; sys.meta_path[:] = [finder for finder in sys.meta_path if 'ditable' not in repr(finder)]; "
        f"sys.path.insert(0, {str(package.parent)!r}); from hfcodemod.cli import main; main()"
    )
    module = suite.root / "tests" / "models" / "test_hf_whisper.py"
    before = suite.texts()
    done = subprocess.run([sys.executable, "-c", start, "migrate-all"], cwd=suite.root, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 replaced, 3 in step"), done.stderr
    after = suite.texts()
    assert {path for path in after if after[path] != before[path]} == {module}
    module.unlink()
    subprocess.run([sys.executable, "-c", start, "add", "whisper"], cwd=suite.root, check=True, capture_output=True)
    assert suite.texts() == after


def test_other_facts(suite: Suite) -> None:
    """A version of transformers that names another checkpoint of one architecture."""
    folder = suite.root / ".hfcodemod" / "facts"
    folder.mkdir()
    source = importlib.resources.files("hfcodemod") / "data" / SNAPSHOT.format(version=FACTS)
    facts = json.loads(gzip.decompress(source.read_bytes()))
    facts["version"] = "99.0.0"
    facts["architectures"]["olmo"]["checkpoint"] = "allenai/OLMo-99B-hf"
    (folder / SNAPSHOT.format(version="99.0.0")).write_bytes(gzip.compress(json.dumps(facts).encode()))
    edit(suite.root / "pyproject.toml", (FACTS, "99.0.0"))
    close(suite, {"olmo"})


FORMATTERS = {
    "ruff-79": "ruff format --isolated --line-length 79",
    "ruff-88": "ruff format --isolated --line-length 88",
    "ruff-120": "ruff format --isolated --line-length 120",
    "black": "black -q",
}
EXTRA = """
    def test_of_the_modules_own(self, config: PreTrainedConfig, tmp_path: Path) -> None:
        model = build({model}, config, hidden_act="silu", tie_word_embeddings=False, attention_dropout=0.0)
        assert model.config.hidden_act == 'silu'
"""


def words_of(formatter: str) -> list[str]:
    """The command with the program of this environment."""
    program, *options = FORMATTERS[formatter].split()
    return [str(Path(sys.executable).with_name(program)), *options, "-"]


def formatted(formatter: str, text: str) -> str:
    """A text as somebody formats it by hand, in a folder without a configuration: black asks one for the Python."""
    done = subprocess.run(words_of(formatter), input=text, capture_output=True, text=True, check=True, cwd=sys.prefix)
    return done.stdout


def by_hand(suite: Suite, formatter: str) -> Path:
    """A module to which somebody has added a test, with the formatter run over it; the path of the module."""
    path = suite.root / "tests" / "models" / "test_hf_olmo.py"
    path.write_text(formatted(formatter, path.read_text() + EXTRA.format(model="OlmoModel")))
    return path


def reformat(suite: Suite, formatter: str) -> None:
    """Write a formatter into the configuration, in place of what is there."""
    path = suite.root / "pyproject.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("format-command")]
    path.write_text("\n".join([*lines, f"format-command = {json.dumps(words_of(formatter))}", ""]))


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_the_square_with_a_formatter(formatter: str, tmp_path: Path) -> None:
    """Added with `format-command`, edited and formatted by hand, migrated twice."""
    suite = started(tmp_path / "repository", EACH, formatter)
    for path, text in suite.texts().items():
        assert formatted(formatter, text) == text, path
    assert suite.migrate().changed == []
    edited = by_hand(suite, formatter)
    edit(suite.canonical, *EDITS["a new test"], *EDITS["a constant"])
    run = migrated(suite, {})
    assert {plan.name: plan.action for plan in run.changed} == {
        name: "merge" if name == "olmo" else "replace" for name in EVERY
    }
    fresh = suite.fresh()
    for path, text in suite.texts().items():
        assert formatted(formatter, text) == text, path
        assert text == fresh[path] or path == edited
    own = formatted(formatter, fresh[edited] + EXTRA.format(model="OlmoModel"))
    assert edited.read_text() == own
    a_second_run_changes_nothing(suite, run)
    edit(suite.canonical, *EDITS["a comment"])
    migrated(suite, {})
    assert edited.read_text() == formatted(formatter, suite.fresh()[edited] + EXTRA.format(model="OlmoModel"))


@pytest.mark.parametrize("formatter", FORMATTERS)
def test_layout_alone_counts_as_unedited(suite: Suite, formatter: str) -> None:
    """No `format-command`, but somebody ran a formatter over the modules; the changes of the skeleton arrive all."""
    for path, text in suite.texts().items():
        path.write_text(formatted(formatter, text))
    before = suite.files()
    assert suite.migrate().changed == []
    assert {name: text for name, text in suite.files().items() if "cache" not in name} == before
    edit(suite.canonical, *EDITS["a new test"], *EDITS["a constant"], *EDITS["a changed assertion"])
    run = suite.migrate()
    assert (reached(run), run.pending, run.refused) == (EVERY, (), False)
    fresh = suite.fresh()
    for path, text in suite.texts().items():
        assert formatted(formatter, text) == formatted(formatter, fresh[path]), path
    a_second_run_changes_nothing(suite, run)


def test_another_line_length_later(tmp_path: Path) -> None:
    """The modules that change anyway get the new layout where nobody edited them; no run is needed for its sake."""
    suite = started(tmp_path / "repository", EACH, "ruff-120")
    edited = by_hand(suite, "ruff-120")
    reformat(suite, "ruff-79")
    assert suite.migrate().changed == []
    edit(suite.canonical, *EDITS["a new test"])
    run = suite.migrate()
    assert (reached(run), run.pending, run.refused) == (EVERY, (), False)
    fresh = suite.fresh()
    for path, text in suite.texts().items():
        assert text == fresh[path] or path == edited
        assert formatted("ruff-79", text) == formatted(
            "ruff-79", fresh[path] if path != edited else fresh[path] + EXTRA.format(model="OlmoModel")
        )
    a_second_run_changes_nothing(suite, run)


@settings(max_examples=200)
@given(SEEDS, SIZES, ROUNDS)
def test_random_edits(seed: int, size: int, rounds: list[tuple[int, int]]) -> None:
    example(seed, size, rounds)


@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=SEEDS)
def test_random_edits_of_a_copy_of_the_shipped_skeleton(first: Path, seed: int) -> None:
    """Tests are renamed in the hand-written edits above, since the fragments import what the canonical module has."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        shutil.copytree(first, root)
        suite = Suite(root, root / "skeleton" / "canonical.py", EACH, pinned_facts)
        assert hold(suite, random.Random(seed), [(4, 4)], renaming=False)["migrations"] == 1


def test_the_longer_run_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    script = Path(__file__).with_name("square.py")
    command = [sys.executable, str(script), "--examples", "3", "--seed", "3", "--write", str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == page.read_text() + "\n"
    assert "3 random skeletons" in page.read_text() and "Seed 3" in page.read_text()


@pytest.fixture
def three(tmp_path: Path) -> Suite:
    """Three modules made from a skeleton of one file."""
    return small(tmp_path / "repository", random.Random(0), 0)


OLMO = Path("suite") / "test_olmo.py"


def test_tests_that_both_sides_put_in_another_order_are_settled(three: Suite) -> None:
    loading, score = (method(three.canonical.read_text(), name) for name in ("test_model_loading", "test_score"))
    text = three.canonical.read_text().replace(loading, "")
    three.canonical.write_text(text.replace(score, score + loading))
    module = three.root / OLMO
    rest, last = module.read_text().split("\n    def test_classes")
    module.write_text(rest.replace("class TestOlmo:\n", f"class TestOlmo:\n    def test_classes{last}\n"))
    run = migrated(three, {})
    conflicts = [(pending.name, one.item, one.reason) for pending in run.pending for one in pending.conflicts]
    assert conflicts == [("olmo", "TestOlmo", "both sides moved items")]
    a_second_run_changes_nothing(three, run)
    after_all_is_settled_nothing_is_left(three, "theirs")
    assert module.read_text() == three.fresh()[module]


def test_a_constant_that_both_sides_add_in_two_places_is_a_conflict(three: Suite) -> None:
    edit(three.canonical, ("LIMIT = 0.5\n", "LIMIT = 0.5\nDEPTH = 2\n"))
    module = three.root / OLMO
    edit(module, ("\n# How close two scores come.\n", "DEPTH = 3\n\n# How close two scores come.\n"))
    run = migrated(three, {})
    conflicts = [(one.item, one.ours, one.theirs) for pending in run.pending for one in pending.conflicts]
    assert conflicts == [("DEPTH", "DEPTH = 3\n", "DEPTH = 2\n")]
    after_all_is_settled_nothing_is_left(three, "ours")
    assert module.read_text().count("DEPTH =") == 1


def test_a_renamed_test_whose_new_name_a_module_has_given_to_another(three: Suite) -> None:
    """The old test follows the skeleton all the same, and the other stays."""
    text = three.canonical.read_text().replace("test_score", "test_limit")
    three.canonical.write_text(text.replace('"""Above the limit."""', '"""Over the limit."""'))
    module = three.root / OLMO
    other = "\n\ndef test_limit():\n    assert LIMIT == 0.5\n"
    module.write_text(module.read_text() + other)
    run = migrated(three, three.release({"test_score": "test_limit"}))
    assert run.pending == ()
    assert module.read_text() == three.fresh()[module] + other
