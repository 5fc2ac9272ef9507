"""Upgrade codemods: which apply, in which order, and what follows them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from golden import GOLDEN

from hfcodemod.errors import UserError
from hfcodemod.loader import codemod
from hfcodemod.skeletons import shipped_skeleton
from hfcodemod.upgrades import upgraded, upgraded_one, upgrades_in

RUFF = [sys.executable, "-m", "ruff", "check", "--isolated"]
BASE = """import pytest


@pytest.fixture
def inputs():
    return [1, 2]


def run(values):
    return values


def test_forward(inputs):
    assert run(inputs) == [1, 2]
"""
BY_HAND = """

def test_by_hand(inputs):
    assert len(run(inputs)) == 2
"""


def write_renames(folder: Path, version: int, renames: dict[str, str], name: str = "rename") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"to_{version}_{name}.py"
    path.write_text(f"VERSION = {version}\nRENAMES = {renames!r}\n")
    return path


def test_a_folder_without_upgrades(tmp_path: Path) -> None:
    assert upgrades_in(tmp_path / "missing") == []
    base, ours, applied = upgraded(BASE, BASE + BY_HAND, tmp_path)
    assert (base, ours, applied) == (BASE, BASE + BY_HAND, [])


def test_what_was_written_by_hand_follows(tmp_path: Path) -> None:
    path = write_renames(tmp_path, 2, {"inputs": "batch"})
    base, ours, applied = upgraded(BASE, BASE + BY_HAND, tmp_path)
    assert base == BASE.replace("inputs", "batch")
    assert ours == (BASE + BY_HAND).replace("inputs", "batch")
    assert [(upgrade.version, upgrade.path) for upgrade in applied] == [(2, path)]


def test_versions_behind_go_through_all_in_order(tmp_path: Path) -> None:
    write_renames(tmp_path, 10, {"examples": "samples"})
    write_renames(tmp_path, 3, {"batch": "examples"}, "b")
    write_renames(tmp_path, 3, {"run": "outputs_of"}, "a")
    write_renames(tmp_path, 2, {"inputs": "batch"})
    assert [upgrade.path.name for upgrade in upgrades_in(tmp_path)] == [
        "to_2_rename.py",
        "to_3_a.py",
        "to_3_b.py",
        "to_10_rename.py",
    ]
    for behind, versions in (("inputs", [2, 3, 3, 10]), ("batch", [3, 3, 10]), ("examples", [3, 10])):
        base = BASE.replace("inputs", behind)
        after, ours, applied = upgraded(base, (BASE + BY_HAND).replace("inputs", behind), tmp_path)
        expected = (BASE + BY_HAND).replace("inputs", "samples").replace("run", "outputs_of")
        assert (after + BY_HAND.replace("inputs", "samples").replace("run", "outputs_of"), ours) == (expected, expected)
        assert [upgrade.version for upgrade in applied] == versions
    again = upgraded(after, ours, tmp_path)
    assert again == (after, ours, [])


def test_only_what_the_base_defines_is_renamed(tmp_path: Path) -> None:
    """A later skeleton may use the name for a parameter; a module of it is not upgraded again."""
    write_renames(tmp_path, 2, {"inputs": "batch", "run": "outputs_of"})
    base = BASE.replace("inputs", "batch") + "\n\n@pytest.mark.parametrize('inputs', [1])\ndef test_new(inputs): ...\n"
    after, ours, applied = upgraded(base, base + BY_HAND.replace("inputs", "batch"), tmp_path)
    assert after == base.replace("run", "outputs_of")
    assert ours == after + BY_HAND.replace("inputs", "batch").replace("run", "outputs_of")
    assert len(applied) == 1


def test_names_that_hold_the_architecture_are_spelled_as_in_the_module(tmp_path: Path) -> None:
    write_renames(tmp_path, 2, {"llama_run": "llama_outputs"})
    base = BASE.replace("run", "mistral_run")
    assert upgraded(base, base, tmp_path)[2] == []
    after, ours, _ = upgraded(base, base, tmp_path, lambda name: name.replace("llama", "mistral"))
    assert after == ours == base.replace("mistral_run", "mistral_outputs")


def test_an_upgrade_written_by_hand_applies_where_it_changes_the_base(tmp_path: Path) -> None:
    (tmp_path / "to_2_numbers.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "import libcst as cst\n\n"
        "VERSION = 2\n\n\n"
        "@dataclass\nclass Change:\n    old: str\n    new: str\n\n\n"
        "class Renumberer(cst.CSTTransformer):\n"
        "    change = Change('1', '7')\n\n"
        "    def leave_Integer(self, original_node, updated_node):\n"
        "        return updated_node.with_changes(value='7') if updated_node.value == self.change.old"
        " else updated_node\n\n\n"
        "def transformer():\n    return Renumberer()\n"
    )
    base, ours, applied = upgraded(BASE, BASE + BY_HAND, tmp_path)
    assert (base, ours) == (BASE.replace("1", "7"), (BASE + BY_HAND).replace("1", "7"))
    assert [upgrade.version for upgrade in applied] == [2]
    edited = base + "ONE = 1\n"
    assert upgraded(base, edited, tmp_path) == (base, edited, [])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param(
            {"to_2_a.py": "import nowhere_at_all\n"}, "to_2_a.py: the codemod cannot be imported: Mod", id="x"
        ),
        pytest.param({"to_2_a.py": "VERSION = \n"}, "to_2_a.py: the codemod cannot be imported: SyntaxE", id="syntax"),
        pytest.param({"to_2_a.py": "RENAMES = {'a': 'b'}\n"}, "to_2_a.py: has no VERSION; add", id="no-version"),
        pytest.param({"to_2_a.py": "VERSION = 2\nRENAMES = ['a']\n"}, "to_2_a.py: RENAMES must be like", id="list"),
        pytest.param({"to_2_a.py": "VERSION = 2\n"}, "to_2_a.py: needs RENAMES or a function transformer()", id="none"),
        pytest.param(
            {
                "to_2_a.py": "VERSION = 2\nRENAMES = {'a': 'b'}\n",
                "to_3_b.py": "VERSION = 3\nRENAMES = {'a': 'c'}\n",
            },
            "to_3_b.py: renames a, and to_2_a.py does too; correct one of them",
            id="twice",
        ),
        pytest.param(
            {
                "to_2_a.py": "VERSION = 2\nRENAMES = {'a': 'b'}\n",
                "to_3_b.py": "VERSION = 3\nRENAMES = {'b': 'a'}\n",
            },
            "to_3_b.py: brings back a, which to_2_a.py renamed; choose another",
            id="back",
        ),
    ],
)
def test_upgrades_that_cannot_be_used(tmp_path: Path, files: dict[str, str], message: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as raised:
        upgrades_in(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path}/{message}") and "\n" not in str(raised.value)


OVERLAY = """from .canonical import run


def test_quantized(inputs):
    assert run(inputs)
"""


def test_an_overlay_follows_and_keeps_what_it_adds_itself(tmp_path: Path) -> None:
    write_renames(tmp_path, 2, {"inputs": "batch"})
    write_renames(tmp_path, 3, {"batch": "samples", "run": "outputs_of"})
    known = {"samples", "outputs_of", "test_forward"}
    expected = OVERLAY.replace("inputs", "samples").replace("run", "outputs_of")
    assert upgraded_one(OVERLAY, tmp_path, known) == expected
    assert upgraded_one(expected, tmp_path, known) == expected
    absolute = OVERLAY.replace(".canonical", "skeleton.canonical")
    assert upgraded_one(absolute, tmp_path, known, ["skeleton.canonical"]) == expected.replace(".can", "skeleton.can")
    # Where the skeleton has the name, nothing was renamed away.
    assert upgraded_one(OVERLAY, tmp_path, {"inputs", "run"}) == OVERLAY
    added = "def run(values): ...\n\n\nTABLE = run(1)\n"
    assert upgraded_one(added, tmp_path, known) == added


@pytest.mark.parametrize(
    "definition",
    [
        "# hfcodemod: override\ndef run(values): ...\n",
        "def run(values): ...  # hfcodemod: override\n",
        "# hfcodemod: override\n@cached\ndef run(values): ...\n",
        "@cached  # hfcodemod: override\ndef run(values): ...\n",
        "run = 3  # hfcodemod: override\n",
        "run: int = 3  # hfcodemod: override\n",
    ],
)
def test_what_an_overlay_replaces_follows(tmp_path: Path, definition: str) -> None:
    write_renames(tmp_path, 2, {"run": "outputs_of"})
    assert upgraded_one(definition, tmp_path, {"outputs_of"}) == definition.replace("run", "outputs_of")


def test_the_upgrades_of_the_shipped_skeleton_lead_to_its_version() -> None:
    skeleton = shipped_skeleton()
    assert skeleton.upgrades.is_dir()
    assert all(2 <= upgrade.version <= skeleton.version for upgrade in upgrades_in(skeleton.upgrades))


def test_nothing_heavy_is_imported_without_upgrades(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from hfcodemod.upgrades import upgraded; "
        "assert upgraded('a', 'b', Path(sys.argv[1])) == ('a', 'b', []); assert 'libcst' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["gemma3", "t5", "whisper", "clip"])
def test_every_name_of_a_module_can_be_renamed_and_back(tmp_path: Path, name: str) -> None:
    source = (GOLDEN / f"test_hf_{name}.py").read_text()
    defined = codemod("scopes", "defined_in")(ast.parse(source))
    renames = {old: f"test_renamed_{old}" if old.startswith("test") else f"renamed_{old}" for old in defined}
    away, back = tmp_path / "away", tmp_path / "back"
    write_renames(away, 2, renames)
    write_renames(back, 2, {new: old for old, new in renames.items()})
    there, _, _ = upgraded(source, source, away)
    again = codemod("scopes", "defined_in")(ast.parse(there))
    assert again == set(renames.values())
    assert len(defined) > 20
    # No name is left behind: each that is used is defined, and each fixture that is asked for is there.
    subprocess.run([*RUFF, "--select", "F821", "-"], input=there, text=True, check=True, capture_output=True)
    tests = [node for node in ast.walk(ast.parse(there)) if isinstance(node, ast.FunctionDef) and "test" in node.name]
    asked = {argument.arg for test in tests for argument in test.args.args}
    assert asked - again <= {"self", "cls", "tmp_path", "monkeypatch", "parts", "request"}
    assert upgraded(there, there, back)[:2] == (source, source)
