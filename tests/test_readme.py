"""Every command of the README is run, and what it shows is what there is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run
from test_story import SKELETON

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS, settings_for
from hfcodemod.families import Families
from hfcodemod.recipes import why_no_module

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def block(name: str) -> str:
    """The code block behind a comment that names it."""
    match = re.search(rf"<!-- {re.escape(name)} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert match is not None, name
    return match[1]


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_first_example_is_what_add_prints(hfcodemod: Run) -> None:
    shown = re.search(r"```console\n\$ hfcodemod add gemma3\n(.*?)```", README, re.DOTALL)
    assert shown is not None
    assert hfcodemod("add", "gemma3").stdout == shown[1]


def test_the_module_that_is_shown_is_a_part_of_the_real_one() -> None:
    shown = block("from fixtures/golden/test_hf_gemma3.py")
    assert shown in (ROOT / "fixtures" / "golden" / "test_hf_gemma3.py").read_text()


def test_set_up_is_what_continuous_integration_does() -> None:
    """The two lines install from a registry: there they are run, word for word, with each other's packages apart."""
    install, run = block("run: test").strip().split(" && ")
    script = (ROOT / ".ci" / "run").read_text()
    assert install.removeprefix("pip ") in script and run == "pytest"
    assert re.search(r"^pytest ", script, re.MULTILINE)
    install, add = block("run: core").strip().split(" && ")
    assert install == "pip install ."
    assert add in script


def test_commands(tmp_path: Path) -> None:
    done = shell(block("run: commands"), tmp_path)
    assert done.returncode == 0, done.stderr
    architectures = load_snapshot(FACTS).architectures
    families = Families(architectures)
    family = {
        f"test_hf_{name}.py"
        for name in families.members["olmo"]
        if architectures[name].head("causal_lm") and not why_no_module(architectures[name])
    }
    named = {"test_hf_command_r.py", "test_hf_gemma3.py", "test_hf_mistral_next.py", "test_hf_olmo.py"}
    assert {path.name for path in (tmp_path / "tests" / "models").iterdir()} == named | family


def test_story(tmp_path: Path) -> None:
    """Each command prints what stands below it; what goes to stderr comes last."""
    module = tmp_path / "tests" / "models" / "test_llama.py"
    module.parent.mkdir(parents=True)
    module.write_text(SKELETON)
    story = block("run: story")
    said = ""
    for command in re.findall(r"^\$ (.*)$", story, re.MULTILINE):
        done = shell(command, tmp_path)
        said += f"$ {command}\n{done.stdout}{done.stderr}"
    assert said == story


def test_configuration(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(block("run: configuration"))
    settings = settings_for(tmp_path)
    assert settings.skeletons["awq"].reference == "llama"
    assert settings.architectures["yolov4"].title == "YOLOv4"


def test_codemod(tmp_path: Path) -> None:
    (tmp_path / "test_llama.py").write_text('LlamaModel("LlamaModel")\n')
    done = shell(block("run: codemod"), tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "test_llama.py").read_text() == 'MistralModel("LlamaModel")\n'


def test_every_block_is_one_of_these() -> None:
    names = re.findall(r"<!-- (.*?) -->", README)
    assert len(re.findall(r"^```(?:sh|toml|python|console)$", README, re.MULTILINE)) == len(names) + 1
    assert set(names) == {
        "from fixtures/golden/test_hf_gemma3.py",
        *(f"run: {name}" for name in ("core", "test", "story", "commands", "configuration", "codemod")),
    }


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_linked_files_exist(document: str) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", (ROOT / document).read_text()):
        assert (ROOT / target).exists(), target
