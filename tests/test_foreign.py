"""Skeletons that know nothing of configurations: suites of other teams, cloned to architectures of any kind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run

from hfcodemod.skeletons import shipped_skeleton

ROOT = Path(__file__).parents[1]
SUITE = ROOT / "fixtures" / "foreign"
NAMES = ["mistral", "xlm-roberta", "command-r", "yolov4"]


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A copy of the suites, to be added to."""
    return Path(shutil.copytree(SUITE, tmp_path / "suite"))


def run_pytest(folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    environment = {**os.environ, "PYTHONPATH": str(folder / "inhouse")}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_subclass_of_an_in_house_class(hfcodemod: Run, suite: Path) -> None:
    done = hfcodemod("add", *NAMES, "--skeleton", "awq", cwd=suite)
    assert done.returncode == 0, done.stderr
    files = [f"inhouse/awq/test_{name}_awq.py" for name in ("mistral", "xlm_roberta", "command_r", "yolov4")]
    for file in files:
        text = (suite / file).read_text()
        assert "# hfcodemod: keep" in text and text.count("import") == 1
        assert "self.quantize_and_evaluate()" in text
    yolo = (suite / files[3]).read_text()
    assert "class TestYOLOv4(ModelTest):" in yolo
    assert "def test_yolov4_awq(self):" in yolo
    assert 'NATIVE_MODEL_ID = "/monster/data/model/yolov4-tiny"' in yolo
    roberta = (suite / files[1]).read_text()
    assert 'NATIVE_MODEL_ID = "/monster/data/model/xlm-roberta-base"' in roberta
    # What is left of the reference is listed, one line each.
    assert "inhouse/awq/test_yolov4_awq.py:6: still says 'Llama'" in done.stderr
    assert "inhouse/awq/test_yolov4_awq.py:9: still says 'llama'" in done.stderr
    assert len(done.stderr.splitlines()) == 2 * len(NAMES)
    run = run_pytest(suite, *files)
    assert "8 passed" in run.stdout, run.stdout + run.stderr


def test_parametrised_module_with_keyword_scores(hfcodemod: Run, suite: Path) -> None:
    done = hfcodemod("add", *NAMES, "--skeleton", "scores", cwd=suite)
    assert (done.returncode, done.stderr) == (0, "")
    files = [f"scores/test_{name}.py" for name in ("mistral", "xlm_roberta", "command_r", "yolov4")]
    mistral = (suite / files[0]).read_text()
    original = (SUITE / "scores" / "test_llama.py").read_text()
    assert '"""Scores of Mistral on the small benchmarks."""' in mistral
    assert 'MODEL_ID = "mistralai/Mistral-7B-v0.1"' in mistral
    assert "def test_mistral_scores(task, expected):" in mistral
    assert "MISTRAL_TOLERANCE = 0.05" in mistral
    # Nothing else moves: the same lines, but for the stamp and the names.
    lines = [line for line in mistral.splitlines() if not line.startswith("# hfcodemod: ")]
    assert len(lines) in (len(original.splitlines()), len(original.splitlines()) + 1)
    run = run_pytest(suite, *files)
    assert "8 passed" in run.stdout, run.stdout + run.stderr


def test_both_skeletons_of_one_architecture_live_side_by_side(hfcodemod: Run, suite: Path) -> None:
    for skeleton in ("awq", "scores"):
        assert hfcodemod("add", "mistral", "--skeleton", skeleton, cwd=suite).returncode == 0
        assert "already in step" in hfcodemod("add", "mistral", "--skeleton", skeleton, cwd=suite).stdout
    assert "skeleton=awq" in (suite / "inhouse/awq/test_mistral_awq.py").read_text()


def test_a_class_that_the_target_lacks_is_an_error(hfcodemod: Run, suite: Path) -> None:
    module = suite / "scores" / "test_llama.py"
    module.write_text(module.read_text() + "\nfrom transformers import LlamaForCausalLM\nLOADER = LlamaForCausalLM\n")
    assert hfcodemod("add", "mistral", "--skeleton", "scores", cwd=suite).returncode == 0
    assert "LOADER = MistralForCausalLM" in (suite / "scores" / "test_mistral.py").read_text()
    done = hfcodemod("add", "vit", "--skeleton", "scores", cwd=suite)
    assert done.returncode == 2
    assert "ViT has no class for causal lm" in done.stderr and done.stderr.count("\n") == 1


def test_a_skeleton_with_a_byte_order_mark_and_windows_line_ends(hfcodemod: Run, suite: Path) -> None:
    module = suite / "scores" / "test_llama.py"
    assert hfcodemod("add", "mistral", "--skeleton", "scores", cwd=suite).returncode == 0
    clone = suite / "scores" / "test_mistral.py"
    plain = clone.read_bytes()
    module.write_bytes(b"\xef\xbb\xbf" + module.read_bytes().replace(b"\n", b"\r\n"))
    assert "already in step" in hfcodemod("add", "mistral", "--skeleton", "scores", cwd=suite).stdout
    assert clone.read_bytes() == plain


@pytest.mark.parametrize(
    ("name", "table", "message"),
    [
        pytest.param("x", 'title = "9 lives!"', "cannot name a class", id="title-no-class-name"),
        pytest.param("a b", 'title = "Ab"', "cannot name a module", id="name-no-module-name"),
    ],
)
def test_a_declared_name_that_cannot_be_one(hfcodemod: Run, suite: Path, name: str, table: str, message: str) -> None:
    settings = suite / "pyproject.toml"
    settings.write_text(settings.read_text() + f'\n[tool.hfcodemod.architectures."{name}"]\n{table}\n')
    done = hfcodemod("add", name, "--skeleton", "scores", cwd=suite)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_without_a_checkpoint_the_reference_s_is_listed(hfcodemod: Run, suite: Path) -> None:
    settings = suite / "pyproject.toml"
    settings.write_text(settings.read_text() + '\n[tool.hfcodemod.architectures.resnext]\ntitle = "ResNeXt"\n')
    done = hfcodemod("add", "resnext", "--skeleton", "scores", cwd=suite)
    assert done.returncode == 0
    assert 'MODEL_ID = "meta-llama/Llama-3.2-1B"' in (suite / "scores" / "test_resnext.py").read_text()
    assert "scores/test_resnext.py:7: still says" in done.stderr


def test_the_engine_never_names_the_reference() -> None:
    """Neither the skeleton's nor a fragment's: the same code serves any skeleton."""
    skeleton = shipped_skeleton()
    names = {skeleton.canonical.reference}
    for path in [*(ROOT / "hfcodemod").glob("*.py"), *(ROOT / "codemods").glob("*.py")]:
        text = path.read_text().lower()
        assert not [name for name in names if name in text], path


def test_own_values_to_be_filled_in_are_listed(hfcodemod: Run, suite: Path) -> None:
    skeleton = suite / "scores" / "test_llama.py"
    skeleton.write_text(skeleton.read_text() + "\n\nBEST = 0.5  # hfcodemod: own\nSKIPS = 3  # hfcodemod: own = 0\n")
    done = hfcodemod("add", "mistral", "--skeleton", "scores", cwd=suite)
    module = (suite / "scores" / "test_mistral.py").read_text()
    assert module.endswith("BEST = ...  # hfcodemod: own\nSKIPS = 0  # hfcodemod: own = 0\n")
    line = module.count("\n") - 1
    place = "scores/test_mistral.py"
    assert done.stderr == f"{place}:{line}: BEST is the module's own, and is to be filled in\n"
