"""`hfcodemod release-skeleton`, as somebody types it, and what follows a release."""

from __future__ import annotations

import difflib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run

from hfcodemod.release import compared
from hfcodemod.skeletons import shipped_skeleton
from hfcodemod.stamp import without_stamp
from hfcodemod.upgrades import upgraded, upgrades_in

CANONICAL = '''"""Llama on lists."""

import pytest

LIMIT = 3
NAMES = ["one", "two"]


@pytest.fixture
def inputs():
    """Three numbers."""
    return [1, 2, 3]


def doubled(values):
    """Twice each number below the limit."""
    return [2 * value for value in values if value < LIMIT]


class TestLlama:
    def test_forward(self, inputs):
        assert doubled(inputs) == [2, 4]

    def test_limit(self, inputs):
        assert max(inputs) == LIMIT
'''
BY_HAND = '''
    @pytest.mark.parametrize("name", NAMES)
    def test_by_hand(self, inputs, name):
        """Uses inputs."""
        assert len(doubled(inputs)) == 2, name
'''
RENAMED = {"inputs": "batch", "doubled": "twice_of", "test_forward": "test_doubling"}


def renamed(text: str, renames: dict[str, str]) -> str:
    """The text with each name replaced; its prose says none of them."""
    for old, new in renames.items():
        text = text.replace(old, new)
    return text


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with a skeleton of its own, released once."""
    (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\nskeleton = "skeleton"\ntarget = "test_{name}.py"\n')
    folder = tmp_path / "skeleton"
    folder.mkdir()
    manifest = {"version": 1, "canonical": {"path": "canonical.py", "reference": "llama"}, "fragments": {}}
    (folder / "skeleton.json").write_text(json.dumps(manifest))
    (folder / "canonical.py").write_text(CANONICAL)
    return tmp_path


@pytest.fixture
def released(project: Path, hfcodemod: Run) -> Path:
    """The same, released as version 1."""
    assert hfcodemod("release-skeleton").returncode == 0
    return project


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def edit(project: Path, text: str) -> None:
    """Another canonical module."""
    (project / "skeleton" / "canonical.py").write_text(text)


def test_the_first_release_keeps_copies(project: Path, hfcodemod: Run) -> None:
    before = tree(project)
    done = hfcodemod("release-skeleton")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "wrote skeleton/released/canonical.py",
        "released version 1; run: hfcodemod migrate-all",
    ]
    assert tree(project) == {**before, "skeleton/released/canonical.py": CANONICAL.encode()}


def test_nothing_changed(released: Path, hfcodemod: Run) -> None:
    before = tree(released)
    for options in ([], ["--diff"], ["--no-renames"]):
        done = hfcodemod("release-skeleton", *options)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == ("" if options == ["--diff"] else "nothing changed since version 1\n")
    assert tree(released) == before


def test_a_change_without_new_names_is_numbered(released: Path, hfcodemod: Run) -> None:
    edit(released, CANONICAL.replace("LIMIT = 3", "LIMIT = 3  # as in the paper"))
    done = hfcodemod("release-skeleton")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "released version 2; run: hfcodemod migrate-all"
    manifest = json.loads((released / "skeleton/skeleton.json").read_text())
    assert manifest == {
        "version": 2,
        "canonical": {"path": "canonical.py", "reference": "llama"},
        "fragments": {},
    }
    assert not (released / "skeleton/upgrades").exists()
    assert (released / "skeleton/released/canonical.py").read_bytes() == (
        released / "skeleton/canonical.py"
    ).read_bytes()


def test_likely_renames_are_told_and_nothing_is_written(released: Path, hfcodemod: Run) -> None:
    edit(released, renamed(CANONICAL, RENAMED).replace("NAMES", "MORE") + "\n    def test_new(self): ...\n")
    before = tree(released)
    done = hfcodemod("release-skeleton")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "likely renamed NAMES to MORE",
        "likely renamed inputs to batch",
        "likely renamed doubled to twice_of",
        "likely renamed TestLlama.test_forward to TestLlama.test_doubling",
        "added TestLlama.test_new",
    ]
    options = "--rename NAMES=MORE --rename inputs=batch --rename doubled=twice_of --rename test_forward=test_doubling"
    assert done.stderr.splitlines() == [
        "nothing was written, since some names may be renamed; say what is meant:",
        f"  hfcodemod release-skeleton {options}",
        "  hfcodemod release-skeleton --no-renames",
    ]
    assert tree(released) == before
    said = hfcodemod("release-skeleton", "--json")
    assert said.returncode == 1
    assert json.loads(said.stdout) == {
        "version": 1,
        "renames": {},
        "likely": {"NAMES": "MORE", **RENAMED},
        "removed": [],
        "added": ["TestLlama.test_new"],
        "files": [],
    }
    assert tree(released) == before


def release_renames(project: Path, hfcodemod: Run, renames: dict[str, str]) -> None:
    options = [word for old, new in renames.items() for word in ("--rename", f"{old}={new}")]
    done = hfcodemod("release-skeleton", *options)
    assert done.returncode == 0, done.stderr


def test_what_was_written_by_hand_follows_a_release(released: Path, hfcodemod: Run) -> None:
    assert hfcodemod("add", "mistral").returncode == 0
    base = CANONICAL.replace("Llama", "Mistral")
    edit(released, renamed(CANONICAL, RENAMED))
    release_renames(released, hfcodemod, RENAMED)
    upgrade = released / "skeleton/upgrades/to_2_rename_inputs_and_2_more.py"
    after, ours, applied = upgraded(base, base + BY_HAND, upgrade.parent)
    assert [item.path for item in applied] == [upgrade]
    # The square closes: what is upgraded is what the new skeleton makes.
    assert hfcodemod("add", "mistral").returncode == 0
    assert without_stamp((released / "test_mistral.py").read_text())[0] == after
    assert ours == after + renamed(BY_HAND, {"(inputs)": "(batch)", "inputs,": "batch,", "doubled(": "twice_of("})
    (released / "test_ours.py").write_text(ours)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_ours.py"],
        cwd=released,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in run.stdout, run.stdout


def test_the_upgrade_runs_alone_through_libcst(released: Path, hfcodemod: Run) -> None:
    edit(released, CANONICAL.replace("inputs", "batch"))
    release_renames(released, hfcodemod, {"inputs": "batch"})
    upgrade = released / "skeleton/upgrades/to_2_rename_inputs.py"
    assert upgrade.read_text() == (
        '"""Leads a module to version 2 of the skeleton, which names one thing anew."""\n\n'
        "from hfcodemod.codemods.command import lazy_command\n"
        "from hfcodemod.codemods.rename_definitions import DefinitionRenamer\n\n"
        'VERSION = 2\nRENAMES = {\n    "inputs": "batch",\n}\n\n'
        "__getattr__ = lazy_command(\n    __name__,\n"
        '    "To2RenameInputs",\n    "Lead a module to version 2 of the skeleton.",\n'
        "    lambda arguments: DefinitionRenamer(RENAMES),\n)\n"
    )
    module = released / "module.py"
    module.write_text(CANONICAL)
    spec = "skeleton.upgrades.to_2_rename_inputs.To2RenameInputs"
    command = [sys.executable, "-m", "libcst.tool", "codemod", "-x", "--no-format", spec, str(module)]
    done = subprocess.run(command, cwd=released, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert module.read_text() == CANONICAL.replace("inputs", "batch")
    for tool in (["check"], ["format", "--check"]):
        subprocess.run([sys.executable, "-m", "ruff", *tool, "--isolated", str(upgrade)], check=True)


def test_several_versions_behind(released: Path, hfcodemod: Run) -> None:
    text = CANONICAL
    for renames in ({"inputs": "batch"}, {"batch": "samples", "doubled": "twice_of"}, {"twice_of": "both"}):
        text = renamed(text, renames)
        edit(released, text)
        release_renames(released, hfcodemod, renames)
    folder = released / "skeleton/upgrades"
    assert [upgrade.version for upgrade in upgrades_in(folder)] == [2, 3, 4]
    base, ours, applied = upgraded(CANONICAL, CANONICAL + BY_HAND, folder)
    assert base == text
    by_hand = renamed(BY_HAND, {"(inputs)": "(samples)", "inputs,": "samples,", "doubled(": "both("})
    assert ours == text + by_hand
    assert [upgrade.version for upgrade in applied] == [2, 3, 4]
    assert upgraded(text, ours, folder) == (text, ours, [])


def test_names_that_vanish_without_a_rename(released: Path, hfcodemod: Run) -> None:
    changed = CANONICAL.replace("inputs", "batch").partition("\n    def test_limit")[0] + "\n"
    edit(released, changed)
    done = hfcodemod("release-skeleton", "--no-renames", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "version": 2,
        "renames": {},
        "likely": {},
        "removed": ["inputs", "TestLlama.test_limit"],
        "added": ["batch"],
        "files": ["skeleton/released/canonical.py", "skeleton/skeleton.json"],
    }
    assert upgrades_in(released / "skeleton/upgrades") == []


def test_two_that_are_alike_are_not_guessed(released: Path, hfcodemod: Run) -> None:
    edit(released, CANONICAL.replace("LIMIT = 3", "MOST = 3\nBEST = 3").replace("LIMIT", "MOST"))
    done = hfcodemod("release-skeleton", "--diff")
    assert done.returncode == 1
    assert "upgrades" not in done.stdout
    other = hfcodemod("release-skeleton", "--rename", "LIMIT=MOST")
    assert other.returncode == 0
    assert "renamed LIMIT to MOST\nadded BEST\n" in other.stdout


def test_the_diff_shows_what_would_be_written(released: Path, hfcodemod: Run) -> None:
    edit(released, CANONICAL.replace("inputs", "batch"))
    before = tree(released)
    done = hfcodemod("release-skeleton", "--diff")
    assert (done.returncode, done.stderr) == (1, "")
    assert tree(released) == before
    assert hfcodemod("release-skeleton", "--rename", "inputs=batch").returncode == 0
    after = tree(released)
    expected = ""
    for name in ("skeleton/released/canonical.py", "skeleton/upgrades/to_2_rename_inputs.py", "skeleton/skeleton.json"):
        old, new = (files.get(name, b"").decode().splitlines(keepends=True) for files in (before, after))
        place = f"a/{name}" if name in before else "/dev/null"
        expected += "".join(difflib.unified_diff(old, new, place, f"b/{name}"))
    assert done.stdout == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--rename", "inputs"], "--rename inputs: must be two names", id="no-pair"),
        pytest.param(["--rename", "inptus=batch"], "--rename: inptus did not disappear", id="old"),
        pytest.param(["--rename", "inputs=bach"], "--rename: bach did not appear", id="new"),
        pytest.param(["--rename", "inputs=batch", "--rename", "inputs=batch"], "in another --rename", id="twice"),
        pytest.param(["--rename", "inputs=batch", "--no-renames"], "exclude each other", id="both"),
        pytest.param(["llama"], "no skeleton 'llama'; known: default", id="skeleton"),
    ],
)
def test_wrong_options(released: Path, hfcodemod: Run, options: list[str], message: str) -> None:
    edit(released, CANONICAL.replace("inputs", "batch"))
    before = tree(released)
    done = hfcodemod("release-skeleton", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert tree(released) == before


def test_the_nearest_names_are_offered(released: Path, hfcodemod: Run) -> None:
    edit(released, CANONICAL.replace("inputs", "batch"))
    assert "; what disappeared: inputs" in hfcodemod("release-skeleton", "--rename", "inptus=batch").stderr
    edit(released, CANONICAL)
    assert "; nothing disappeared" in hfcodemod("release-skeleton", "--rename", "inputs=batch").stderr


def test_a_name_that_was_renamed_away_does_not_come_back(released: Path, hfcodemod: Run) -> None:
    edit(released, CANONICAL.replace("inputs", "batch"))
    release_renames(released, hfcodemod, {"inputs": "batch"})
    edit(released, CANONICAL.replace("inputs", "batch") + "\n    def inputs(self): ...\n")
    before = tree(released)
    done = hfcodemod("release-skeleton")
    assert (done.returncode, done.stdout) == (2, "")
    line = CANONICAL.count("\n") + 2
    assert done.stderr == (
        f"error: {released}/skeleton/canonical.py:{line}: inputs was renamed away in version 2; choose another name\n"
    )
    assert tree(released) == before


def test_a_part_that_does_not_parse(released: Path, hfcodemod: Run) -> None:
    edit(released, CANONICAL + "def\n")
    done = hfcodemod("release-skeleton")
    line = CANONICAL.count("\n") + 1
    place = f"{released}/skeleton/canonical.py:{line}"
    assert (done.returncode, done.stderr) == (2, f"error: {place}: the skeleton does not parse; mend it first\n")


def test_a_part_that_is_gone_and_one_that_is_new(released: Path, hfcodemod: Run) -> None:
    (released / "skeleton/canonical.py").rename(released / "skeleton/core.py")
    manifest = released / "skeleton/skeleton.json"
    manifest.write_text(manifest.read_text().replace("canonical.py", "core.py"))
    done = hfcodemod("release-skeleton")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:2] == ["removed skeleton/released/canonical.py", "wrote skeleton/released/core.py"]
    assert [path.name for path in (released / "skeleton/released").iterdir()] == ["core.py"]


def test_a_skeleton_of_one_file(tmp_path: Path, hfcodemod: Run) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.hfcodemod.skeletons.lists]\npath = "test_llama.py"\nreference = "llama"\ntarget = "test_{name}.py"\n'
    )
    (tmp_path / "test_llama.py").write_text(CANONICAL)
    assert hfcodemod("release-skeleton", "lists").returncode == 0
    folder = tmp_path / ".hfcodemod/skeletons/lists"
    assert json.loads((folder / "skeleton.json").read_text()) == {"version": 1}
    assert (folder / "released/test_llama.py").read_text() == CANONICAL
    (tmp_path / "test_llama.py").write_text(CANONICAL.replace("inputs", "batch"))
    done = hfcodemod("release-skeleton", "lists")
    assert done.returncode == 1
    assert "  hfcodemod release-skeleton lists --rename inputs=batch\n" in done.stderr
    assert hfcodemod("release-skeleton", "lists", "--rename", "inputs=batch").returncode == 0
    assert json.loads((folder / "skeleton.json").read_text()) == {"version": 2}
    assert (folder / "upgrades/to_2_rename_inputs.py").is_file()


@pytest.mark.parametrize(("answers", "renames"), [("y\n\n", {"inputs": "batch", "LIMIT": "MOST"}), ("n\nn\n", {})])
def test_on_a_terminal_each_likely_rename_is_asked_for(released: Path, answers: str, renames: dict[str, str]) -> None:
    edit(released, CANONICAL.replace("inputs", "batch").replace("LIMIT", "MOST"))
    ours, theirs = pty.openpty()
    command = [str(Path(sys.executable).with_name("hfcodemod")), "release-skeleton"]
    with os.fdopen(ours, "wb", buffering=0) as terminal:
        terminal.write(answers.encode())
        done = subprocess.run(command, cwd=released, stdin=theirs, capture_output=True, text=True, check=False)
        os.close(theirs)
    assert done.returncode == 0, done.stderr
    assert "constant LIMIT is now MOST? [Y/n]" in done.stderr
    assert "fixture inputs is now batch? [Y/n]" in done.stderr
    found = upgrades_in(released / "skeleton/upgrades")
    assert [dict(upgrade.renames) for upgrade in found] == ([renames] if renames else [])


def test_the_shipped_skeleton_is_released_with_hfcodemod(tmp_path: Path, hfcodemod: Run) -> None:
    done = hfcodemod("release-skeleton")
    assert (done.returncode, done.stdout) == (2, "")
    assert "comes with hfcodemod and is released with it" in done.stderr and done.stderr.count("\n") == 1
    assert tree(tmp_path) == {}


def test_no_name_of_the_shipped_skeleton_disappears_without_a_release() -> None:
    """If this fails: hfcodemod release-skeleton, in the folder of this project."""
    skeleton = shipped_skeleton()
    comparison = compared(skeleton)
    assert not comparison.first
    assert comparison.removed({}) == []
    parts = {part.path.name for part in (skeleton.canonical, *skeleton.fragments.values())}
    assert {path.name for path in skeleton.released.glob("*.py")} <= parts


def test_an_overlay_follows_a_release_without_an_edit(released: Path, hfcodemod: Run) -> None:
    settings = released / "pyproject.toml"
    settings.write_text(settings.read_text() + 'overlay = "overlay.py"\n')
    (released / "overlay.py").write_text(
        "from skeleton.canonical import doubled\n\n\n"
        "def test_halved(inputs):\n    assert [value // 2 for value in doubled(inputs)] == [1, 2]\n"
    )
    assert hfcodemod("add", "mistral").returncode == 0
    module = released / "test_mistral.py"
    before = without_stamp(module.read_text())[0]
    assert before.endswith("def test_halved(inputs):\n    assert [value // 2 for value in doubled(inputs)] == [1, 2]\n")
    edit(released, renamed(CANONICAL, RENAMED))
    release_renames(released, hfcodemod, RENAMED)
    assert hfcodemod("add", "mistral").returncode == 0
    after = without_stamp(module.read_text())[0]
    assert after == renamed(before, RENAMED)
    # The same by way of the upgrade: what was folded is part of the base.
    assert upgraded(before, before, released / "skeleton/upgrades")[:2] == (after, after)
