"""``hfcodemod init``: what it writes, and that nothing which is there is touched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run
from terminal import HFCODEMOD, on_terminal

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS, TARGET, settings_for, tools_in
from hfcodemod.proposals import FORMATTERS, Formatter, Suite, proposal
from hfcodemod.skeletons import shipped_skeleton

MARK = 'register the mark of pytest: markers = ["slow: downloads a real checkpoint"] in [tool.pytest.ini_options]'
MODULE = '"""Llama."""\n\n\ndef test_llama():\n    assert sum([1, 2]) == 3\n'


def table_in(folder: Path) -> dict[str, object]:
    file = folder / "pyproject.toml"
    table: dict[str, object] = tools_in(file, file.read_text())["hfcodemod"]
    return table


def test_the_configuration_alone(hfcodemod: Run, tmp_path: Path) -> None:
    done = hfcodemod("init")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote pyproject.toml\nrun: hfcodemod add NAME\n{MARK}\n"
    assert (tmp_path / "pyproject.toml").read_text() == (f'[tool.hfcodemod]\nfacts = "{FACTS}"\ntarget = "{TARGET}"\n')
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]
    again = hfcodemod("init")
    assert (again.returncode, again.stdout) == (2, "")
    assert f"pyproject.toml: [tool.hfcodemod] has facts = '{FACTS}' already; change it there" in again.stderr


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param(
            b'[project]\nname = "x"  # \xc3\xa4',
            b'[project]\nname = "x"  # \xc3\xa4\n\n[tool.hfcodemod]\nFACTS\nTARGET\nOVERLAY\n',
            id="no-final-newline",
        ),
        pytest.param(
            b"[project]\r\nname='x'\r\n",
            b"[project]\r\nname='x'\r\n\r\n[tool.hfcodemod]\r\nFACTS\r\nTARGET\r\nOVERLAY\r\n",
            id="windows-line-ends",
        ),
        pytest.param(
            b"[tool.hfcodemod]  # ours\nleave-out = [ ]\n\n[tool.x]\na = 1\n",
            b"[tool.hfcodemod]  # ours\nOVERLAY\nleave-out = [ ]\n\n[tool.x]\na = 1\n",
            id="table-is-there",
        ),
        pytest.param(b"[tool.hfcodemod]", b"[tool.hfcodemod]\nOVERLAY\n", id="table-without-newline"),
        pytest.param(
            b'[tool.hfcodemod.architectures.x]\ntitle = "X"\n',
            b'[tool.hfcodemod.architectures.x]\ntitle = "X"\n\n[tool.hfcodemod]\nOVERLAY\n',
            id="only-a-table-below",
        ),
    ],
)
def test_every_byte_is_kept(hfcodemod: Run, tmp_path: Path, before: bytes, expected: bytes) -> None:
    file = tmp_path / "pyproject.toml"
    file.write_bytes(before)
    done = hfcodemod("init", "--overlay")
    assert done.returncode == 0, done.stderr
    for word, line in (("FACTS", f'facts = "{FACTS}"'), ("TARGET", f'target = "{TARGET}"')):
        expected = expected.replace(word.encode(), line.encode())
    assert file.read_bytes() == expected.replace(b"OVERLAY", b'overlay = "tests/hf_overlay.py"')


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[tool]\nhfcodemod = {exclude = []}\n", id="inline-table"),
        pytest.param('[x]\na = """\n[tool.hfcodemod]\n"""\n[tool]\nhfcodemod.exclude = []\n', id="header-in-a-string"),
    ],
)
def test_a_table_that_cannot_be_added_to(hfcodemod: Run, tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    done = hfcodemod("init", "--overlay")
    assert (done.returncode, done.stdout) == (2, "")
    assert 'cannot be added to as it is written; add by hand: overlay = "tests/hf_overlay.py"' in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]
    assert (tmp_path / "pyproject.toml").read_text() == text


def run_modules(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_overlay_s_example_reaches_a_module_and_passes(hfcodemod: Run, tmp_path: Path) -> None:
    assert hfcodemod("init", "--overlay").stdout.startswith("wrote pyproject.toml\nwrote tests/hf_overlay.py\n")
    overlay = tmp_path / "tests" / "hf_overlay.py"
    before = overlay.read_text()
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--isolated", "--select", "E,F,I"], ["format", "--isolated", "--check"]):
        found = subprocess.run([*ruff, *command, "--line-length", "120", overlay], capture_output=True, check=False)
        assert found.returncode == 0, found.stdout.decode()
    assert hfcodemod("add", "olmo").returncode == 0
    module = (tmp_path / "tests" / "models" / "test_hf_olmo.py").read_text()
    assert "    # An example: change it, or take it away.\n" in module and "hfcodemod.skeleton" not in module
    # The overlay is a test module itself, of the architecture that it is written for.
    for file in ("tests/models/test_hf_olmo.py", "tests/hf_overlay.py"):
        done = run_modules(tmp_path, file, "-k", "test_same_again", "-p", "hfcodemod.skeleton.canonical")
        assert " passed" in done.stdout and "failed" not in done.stdout, done.stdout
    again = hfcodemod("init", "--overlay")
    assert (again.returncode, again.stdout) == (2, "")
    assert "hf_overlay.py: is there already; move it, or write overlay into pyproject.toml" in again.stderr
    assert overlay.read_text() == before


def test_an_own_skeleton_is_the_shipped_one_until_it_is_changed(hfcodemod: Run, tmp_path: Path) -> None:
    assert hfcodemod("add", "bert").returncode == 0
    module = tmp_path / "tests" / "models" / "test_hf_bert.py"
    before = module.read_bytes()
    done = hfcodemod("init", "--own-skeleton", "--overlay")
    assert done.returncode == 0, done.stderr
    assert table_in(tmp_path)["skeleton"] == "skeleton"
    assert "\n\nfrom skeleton.canonical import HEADS, build, run\n" in (tmp_path / "tests/hf_overlay.py").read_text()
    shipped = shipped_skeleton()
    for part in (shipped.canonical, *shipped.fragments.values()):
        for folder in (tmp_path / "skeleton", tmp_path / "skeleton" / "released"):
            assert (folder / part.path.name).read_text() == part.text
    assert (tmp_path / "skeleton" / "skeleton.json").read_bytes() == (shipped.folder / "skeleton.json").read_bytes()
    (tmp_path / "tests" / "hf_overlay.py").write_text('"""Nothing."""\n')
    assert "already in step" in hfcodemod("add", "bert").stdout
    assert module.read_bytes() == before
    assert "nothing changed since version" in hfcodemod("release-skeleton").stdout
    canonical = tmp_path / "skeleton" / "canonical.py"
    canonical.write_text(canonical.read_text().replace("tiny and run for real", "tiny and ours"))
    assert hfcodemod("add", "bert").returncode == 0
    assert module.read_text().startswith('"""Bert (``bert``), tiny and ours.\n')


def test_a_module_of_one_s_own_becomes_a_skeleton(hfcodemod: Run, tmp_path: Path) -> None:
    file = tmp_path / "tests" / "llama" / "test_llama3_2_awq.py"
    file.parent.mkdir(parents=True)
    file.write_text(MODULE)
    done = hfcodemod("init", "--from", "tests/llama/test_llama3_2_awq.py", "--reference", "llama")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "run: hfcodemod add NAME --skeleton awq"
    assert table_in(tmp_path) == {
        "skeletons": {
            "awq": {
                "path": "tests/llama/test_llama3_2_awq.py",
                "reference": "llama",
                "target": "tests/{name}/test_{name}_awq.py",
            }
        }
    }
    assert hfcodemod("add", "mistral", "--skeleton", "awq").returncode == 0
    assert "def test_mistral():" in (tmp_path / "tests" / "mistral" / "test_mistral_awq.py").read_text()
    assert "nothing changed since version 1" in hfcodemod("release-skeleton", "awq").stdout
    twice = hfcodemod("init", "--from", "tests/llama/test_llama3_2_awq.py", "--reference", "llama")
    assert "there is a skeleton 'awq' already; pass --skeleton for another" in twice.stderr


def test_a_module_whose_name_does_not_say_whose_it_is(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / "test_base.py").write_text(MODULE)
    assert hfcodemod("init", "--from", "test_base.py", "--reference", "llama", "--skeleton", "ours").returncode == 0
    assert table_in(tmp_path)["skeletons"] == {
        "ours": {"path": "test_base.py", "reference": "llama", "target": "test_base_{name}.py"}
    }


def test_several_skeletons_side_by_side(hfcodemod: Run, tmp_path: Path) -> None:
    for name in ("test_llama.py", "test_llama_gguf.py"):
        (tmp_path / name).write_text(MODULE)
        assert hfcodemod("init", "--from", name, "--reference", "llama").returncode == 0
    assert hfcodemod("init", "--overlay").returncode == 0
    table = table_in(tmp_path)
    assert list(table["skeletons"]) == ["llama", "gguf"]  # type: ignore[call-overload]  # a table
    assert table["overlay"] == "tests/hf_overlay.py"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--reference", "llama"], "say which: --from PATH", id="no-module"),
        pytest.param(["--skeleton", "x"], "say which: --from PATH", id="name-alone"),
        pytest.param(["--from", "test_a.py"], "say which architecture it is for: --reference NAME", id="no-name"),
        pytest.param(["--from", "test_a.py", "--reference", "llama", "--overlay"], "goes without", id="both"),
        pytest.param(["--from", "gone.py", "--reference", "llama"], "gone.py: is not there", id="no-file"),
        pytest.param(["--from", "../out.py", "--reference", "llama"], "move it there", id="outside"),
        pytest.param(["--from", "test_a.py", "--reference", "lama"], "lama", id="no-architecture"),
        pytest.param(["--from", "bad.py", "--reference", "llama"], "bad.py:1: the skeleton does not", id="broken"),
        pytest.param(
            ["--from", "test_a.py", "--reference", "llama", "--skeleton", "a b"], "cannot name a skeleton", id="blank"
        ),
        pytest.param(
            ["--from", "test_a.py", "--reference", "llama", "--skeleton", "default"], "already", id="the-shipped-one"
        ),
    ],
)
def test_what_cannot_be_a_skeleton(hfcodemod: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "pyproject.toml").write_text("")
    (folder / "test_a.py").write_text(MODULE)
    (folder / "bad.py").write_text("def x(:\n")
    (tmp_path / "out.py").write_text(MODULE)
    done = hfcodemod("init", *arguments, cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert sorted(path.name for path in folder.iterdir()) == ["bad.py", "pyproject.toml", "test_a.py"]
    assert (folder / "pyproject.toml").read_text() == ""


@pytest.mark.parametrize(
    ("file", "text", "reminded"),
    [
        pytest.param("pyproject.toml", '[tool.pytest.ini_options]\nmarkers = ["slow: x"]\n', False, id="list"),
        pytest.param("pyproject.toml", '[tool.pytest.ini_options]\nmarkers = "gpu: y\\nslow: x"\n', False, id="text"),
        pytest.param("pyproject.toml", '[tool.pytest]\nmarkers = ["slow"]\n', False, id="table-of-pytest-9"),
        pytest.param("pytest.ini", "[pytest]\nmarkers =\n    gpu: y\n    slow: x\n", False, id="ini"),
        pytest.param("setup.cfg", "[tool:pytest]\nmarkers = slow\n", False, id="on-one-line"),
        pytest.param("conftest.py", 'config.addinivalue_line("markers", "slow: x")\n', False, id="by-hand"),
        pytest.param("pyproject.toml", '[tool.pytest.ini_options]\nmarkers = ["slower: x"]\n', True, id="another-mark"),
        pytest.param("pytest.ini", "[pytest]\n# slow to start\n", True, id="another-word"),
    ],
)
def test_the_slow_mark_is_asked_for_once(hfcodemod: Run, tmp_path: Path, file: str, text: str, reminded: bool) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / file).write_text(text)
    assert (MARK in hfcodemod("init").stdout) is reminded


def test_an_overlay_for_a_skeleton_of_another_make_has_no_example(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "a.py").write_text(MODULE)
    manifest = '{"version": 1, "canonical": {"path": "a.py", "reference": "llama"}}'
    (tmp_path / "own" / "skeleton.json").write_text(manifest)
    (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\nskeleton = "own"\ntarget = "test_{name}.py"\n')
    assert hfcodemod("init", "--overlay").returncode == 0
    assert (tmp_path / "tests" / "hf_overlay.py").read_text().count('"""') == 2
    assert hfcodemod("add", "mistral").returncode == 0
    assert (tmp_path / "test_mistral.py").read_text().endswith("def test_mistral():\n    assert sum([1, 2]) == 3\n")


TESTED = '"""Of a model."""\n\nimport transformers\n\n\ndef test_x():\n    assert transformers\n'


def suite_in(folder: Path, *names: str) -> None:
    """Test modules that are there already."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TESTED)


@pytest.mark.parametrize(
    ("text", "folders", "target"),
    [
        pytest.param("", [], "tests/models/test_hf_{name}.py", id="nothing"),
        pytest.param("", ["test"], "test/models/test_hf_{name}.py", id="a-folder"),
        pytest.param(
            '[tool.pytest]\ntestpaths = ["checks"]\n', ["checks"], "checks/models/test_hf_{name}.py", id="pytest-9"
        ),
        pytest.param(
            '[tool.pytest.ini_options]\ntestpaths = "gone checks/ more"\n',
            ["checks", "more", "tests"],
            "checks/models/test_hf_{name}.py",
            id="the-first-that-is-there",
        ),
    ],
)
def test_the_folder_of_tests_is_found(tmp_path: Path, text: str, folders: list[str], target: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    for folder in folders:
        (tmp_path / folder).mkdir()
    assert proposal(settings_for(tmp_path), load_snapshot(FACTS)).target == target


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"pyproject.toml": "[tool.ruff]\nline-length = 99\n"}, ("ruff", ", line length 99"), id="ruff"),
        pytest.param({"ruff.toml": "line-length = 99\n"}, ("ruff", ", line length 99"), id="ruff.toml"),
        pytest.param({"ruff.toml": "line-length = \n", "pyproject.toml": ""}, None, id="ruff.toml-that-is-none"),
        pytest.param({"pyproject.toml": "[tool.black]\n"}, ("black", ""), id="black"),
        pytest.param(
            {"pyproject.toml": "[tool.black]\nline-length = 70\n[tool.ruff]\nline-length = 99\n"},
            ("black", ", line length 70"),
            id="black-and-ruff-that-lints",
        ),
        pytest.param({"pyproject.toml": "[tool.black]\n[tool.ruff.format]\n"}, ("ruff", ""), id="ruff-that-formats"),
    ],
)
def test_the_formatter_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], expected: tuple[str, str] | None
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    found = proposal(settings_for(tmp_path), load_snapshot(FACTS)).formatter
    assert found == (None if expected is None else Formatter(FORMATTERS[expected[0]], "".join(expected)))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert proposal(settings_for(tmp_path), load_snapshot(FACTS)).formatter is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param(["tests/test_loading.py", "tests/conftest.py", "tests/llama.py"], None, id="tests-of-no-model"),
        pytest.param(["tests/test_hf_bert.py"], ("tests/test_hf_bert.py", "bert", 0), id="one"),
        pytest.param(
            ["a/test_t5.py", "b/test_bert.py", "b/test_llama.py", "b/test_vit.py"],
            ("b/test_llama.py", "llama", 2),
            id="llama-in-the-largest-group",
        ),
        pytest.param(
            ["b/test_bert_awq.py", "b/test_xlm_roberta_awq.py", "b/test_llama.py"],
            ("b/test_bert_awq.py", "bert", 1),
            id="a-suffix",
        ),
        pytest.param(["b/modeling_bert_test.py"], ("b/modeling_bert_test.py", "bert", 0), id="test-at-the-end"),
    ],
)
def test_a_suite_is_found(tmp_path: Path, files: list[str], expected: tuple[str, str, int] | None) -> None:
    (tmp_path / "pyproject.toml").write_text("")
    suite_in(tmp_path, *files)
    (tmp_path / "test_opt.py").write_text("import transformers\ndef x(:\n")
    (tmp_path / "test_gpt2.py").write_text("import torch\n")
    (tmp_path / "test_olmo.py").write_text(f"{TESTED}# hfcodemod: olmo base=00000000\n")
    found = proposal(settings_for(tmp_path), load_snapshot(FACTS)).suite
    assert found == (None if expected is None else Suite(tmp_path / expected[0], *expected[1:]))


RUFF = "[tool.ruff]\nline-length = 99\n"


@pytest.fixture
def with_ruff(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that ruff formats, and ruff where commands are looked for."""
    (tmp_path / "pyproject.toml").write_text(RUFF)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_on_a_terminal_init_asks_and_proposes(with_ruff: Path) -> None:
    suite_in(with_ruff, "tests/test_llama.py", "tests/test_bert.py")
    seen = on_terminal([HFCODEMOD, "init"], with_ruff, typed="n\nchecks/test_{name}.py\n\n", columns=100)
    assert seen.code == 0, seen.text
    assert "tests/test_llama.py tests llama, and 1 more is called like it: make modules from it? [Y/n]: " in seen.text
    assert "Where do modules go? [tests/models/test_hf_{name}.py]: " in seen.text
    assert "Format modules with ruff, line length 99? [Y/n]: " in seen.text
    assert table_in(with_ruff) == {
        "facts": FACTS,
        "target": "checks/test_{name}.py",
        "format-command": FORMATTERS["ruff"],
    }
    # What is configured is not asked for again.
    again = on_terminal([HFCODEMOD, "init"], with_ruff)
    assert again.code == 2 and "has facts = " in again.text and "?" not in again.text


def test_a_suite_that_was_found_becomes_the_skeleton(hfcodemod: Run, with_ruff: Path) -> None:
    suite_in(with_ruff, "tests/test_llama.py")
    seen = on_terminal([HFCODEMOD, "init"], with_ruff, typed="y\nn\n")
    assert seen.code == 0, seen.text
    assert "tests/test_llama.py tests llama: make modules from it? [Y/n]: " in seen.text
    keys = {"path": "tests/test_llama.py", "reference": "llama", "target": "tests/test_{name}.py"}
    assert table_in(with_ruff) == {"skeletons": {"llama": keys}}
    assert hfcodemod("add", "bert", "--skeleton", "llama").returncode == 0
    assert (with_ruff / "tests" / "test_bert.py").is_file()


def test_yes_takes_what_is_proposed(hfcodemod: Run, with_ruff: Path) -> None:
    suite_in(with_ruff, "tests/test_llama.py")
    done = hfcodemod("init", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    keys = {"path": "tests/test_llama.py", "reference": "llama", "target": "tests/test_{name}.py"}
    assert table_in(with_ruff) == {"skeletons": {"llama": {**keys, "format-command": FORMATTERS["ruff"]}}}


def test_yes_in_an_empty_folder(hfcodemod: Run, tmp_path: Path) -> None:
    assert hfcodemod("init", "--yes").returncode == 0
    assert table_in(tmp_path) == {"facts": FACTS, "target": TARGET}


def test_without_a_terminal_the_options_say_it(hfcodemod: Run, tmp_path: Path) -> None:
    done = hfcodemod("init", "--target", "checks/test_{name}.py", "--format-command", "ruff format -")
    assert (done.returncode, done.stderr) == (0, "")
    assert table_in(tmp_path) == {"facts": FACTS, "target": "checks/test_{name}.py", "format-command": "ruff format -"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--target", "checks/test.py"], "must hold {name}", id="target-without-a-name"),
        pytest.param(["--yes", "--overlay"], "leave it out, or the other options", id="yes-and-more"),
    ],
)
def test_options_that_cannot_be(hfcodemod: Run, tmp_path: Path, arguments: list[str], message: str) -> None:
    done = hfcodemod("init", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
