"""The commands as somebody types them, in a folder of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Run
from golden import GOLDEN

MODULE = Path("tests/models/test_hf_olmo.py")


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_add_writes_modules_and_says_how_to_run_them(hfcodemod: Run, tmp_path: Path) -> None:
    done = hfcodemod("add", "olmo", "Command-R")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "wrote tests/models/test_hf_olmo.py",
        "wrote tests/models/test_hf_command_r.py",
        "run: pytest tests/models/test_hf_olmo.py tests/models/test_hf_command_r.py",
    ]
    assert (tmp_path / MODULE).read_text() == (GOLDEN / "test_hf_olmo.py").read_text()


def test_what_is_in_step_stays(hfcodemod: Run, tmp_path: Path) -> None:
    hfcodemod("add", "olmo")
    before = tree(tmp_path)
    done = hfcodemod("add", "olmo")
    assert done.returncode == 0
    assert done.stdout.splitlines()[0] == "tests/models/test_hf_olmo.py: already in step"
    assert tree(tmp_path) == before


def test_an_unedited_module_follows_and_an_edited_one_is_refused(hfcodemod: Run, tmp_path: Path) -> None:
    hfcodemod("add", "olmo")
    other = hfcodemod("add", "olmo", "--model-id", "allenai/OLMo-1B-hf")
    assert other.returncode == 0
    assert 'MODEL_ID = "allenai/OLMo-1B-hf"' in (tmp_path / MODULE).read_text()
    (tmp_path / MODULE).write_text((tmp_path / MODULE).read_text() + "\n# by hand\n")
    before = tree(tmp_path)
    refused = hfcodemod("add", "olmo")
    assert refused.returncode == 2
    assert str(MODULE) in refused.stderr and "--force" in refused.stderr
    assert tree(tmp_path) == before
    assert hfcodemod("add", "olmo", "--force").returncode == 0
    assert (tmp_path / MODULE).read_text() == (GOLDEN / "test_hf_olmo.py").read_text()


def test_diff_prints_and_writes_nothing(hfcodemod: Run, tmp_path: Path) -> None:
    done = hfcodemod("add", "olmo", "--diff")
    assert done.returncode == 1
    assert done.stdout.startswith("--- /dev/null\n+++ b/tests/models/test_hf_olmo.py\n@@")
    assert tree(tmp_path) == {}
    hfcodemod("add", "olmo")
    same = hfcodemod("add", "olmo", "--diff")
    assert (same.returncode, same.stdout) == (0, "")
    changed = hfcodemod("add", "olmo", "--diff", "--model-id", "allenai/OLMo-1B-hf")
    assert changed.returncode == 1
    assert '+MODEL_ID = "allenai/OLMo-1B-hf"' in changed.stdout


def test_a_new_name_is_like_a_known_one(hfcodemod: Run, tmp_path: Path) -> None:
    done = hfcodemod("add", "mistral-next", "--like", "mistral", "--model-id", "mistralai/Mistral-7B-v0.3")
    assert done.returncode == 0, done.stderr
    module = tmp_path / "tests/models/test_hf_mistral_next.py"
    assert module.read_text() == (GOLDEN / "test_hf_mistral_next.py").read_text()
    assert "class TestMistralNext:" in module.read_text()


def test_a_checkpoint_names_its_architecture(hfcodemod: Run, tmp_path: Path) -> None:
    done = hfcodemod("add", "meta-llama/Llama-3.2-1B-Instruct")
    assert done.returncode == 0, done.stderr
    assert (
        'MODEL_ID = "meta-llama/Llama-3.2-1B-Instruct"' in (tmp_path / "tests/models/test_hf_llama_3_2.py").read_text()
    )


def test_names_of_one_architecture_live_side_by_side(hfcodemod: Run, tmp_path: Path) -> None:
    assert hfcodemod("add", "llama", "llama-3").returncode == 0
    texts = [(tmp_path / f"tests/models/test_hf_{name}.py").read_text() for name in ("llama", "llama_3")]
    assert "class TestLlama:" in texts[0] and "class TestLlama3:" in texts[1]


def test_target_of_the_configuration(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\ntarget = "checks/test_{name}.py"\n')
    (tmp_path / "below").mkdir()
    done = hfcodemod("add", "olmo", cwd=tmp_path / "below")
    assert done.returncode == 0
    assert (tmp_path / "checks" / "test_olmo.py").is_file()
    assert str(tmp_path / "checks" / "test_olmo.py") in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["add", "gema3"], "the nearest: gemma3", id="unknown-name"),
        pytest.param(["add", "gema3"], "--like gemma3 --model-id", id="command-for-a-new-name"),
        pytest.param(["add", "olmo", "gema3"], "the nearest: gemma3", id="one-of-two-is-unknown"),
        pytest.param(["add", "a/b/c"], "with one slash", id="checkpoint-with-a-slash-too-many"),
        pytest.param(["add", "olmo", "--model-id", "a/b/c"], "with one slash", id="model-id-with-a-slash-too-many"),
        pytest.param(["add", "new", "--like", "gema3"], "the nearest: gemma3", id="like-an-unknown-name"),
        pytest.param(["add", "1 new", "--like", "olmo"], "cannot name a module", id="new-name-no-identifier"),
        pytest.param(["add", "olmo", "bert", "--like", "t5"], "one by one", id="like-for-two-names"),
        pytest.param(["add", "olmo", "--skeleton", "awq"], "no skeleton 'awq'", id="unknown-skeleton"),
        pytest.param(["add"], "nothing says what to add", id="no-name"),
        pytest.param(["list", "--task", "fill-maks"], "the nearest: fill-mask", id="unknown-task"),
        pytest.param(["list", "--modality", "txt"], "the nearest: text", id="unknown-modality"),
        pytest.param(["show", "gema3"], "the nearest: gemma3", id="show-unknown-name"),
        pytest.param(["facts", "--from", "."], "holds no transformers", id="folder-without-transformers"),
        pytest.param(["facts", "--from", "nowhere"], "holds no transformers", id="no-folder"),
    ],
)
def test_bad_input_is_one_line_exit_2_and_nothing_written(
    hfcodemod: Run, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = hfcodemod(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert tree(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[tool.hfcodemod\n", "not valid TOML", id="broken-pyproject"),
        pytest.param('[tool.hfcodemod]\ntargets = "x"\n', "did you mean 'target'?", id="unknown-key"),
        pytest.param('[tool.hfcodemod]\nfacts = "4.0"\n', "no facts of transformers 4.0", id="facts-not-there"),
    ],
)
def test_bad_configuration_names_the_file(hfcodemod: Run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    done = hfcodemod("add", "olmo")
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr and done.stderr.count("\n") == 1
    assert list(tree(tmp_path)) == ["pyproject.toml"]


def test_a_file_of_somebody_else_is_not_touched(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / MODULE).parent.mkdir(parents=True)
    (tmp_path / MODULE).write_text("x = 1\n")
    done = hfcodemod("add", "olmo")
    assert done.returncode == 2
    assert "was not made by hfcodemod" in done.stderr and done.stderr.count("\n") == 1
    assert list(tree(tmp_path).values()) == [b"x = 1\n"]


def test_a_folder_that_cannot_be_made(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("a file in the way of the folder\n")
    done = hfcodemod("add", "olmo")
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert list(tree(tmp_path)) == ["tests"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no folder that nobody can write to")
def test_a_folder_that_nobody_can_write_to(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\ntarget = "/proc/self/test_{name}.py"\n')
    done = hfcodemod("add", "olmo")
    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be written" in done.stderr and done.stderr.count("\n") == 1
    assert list(tree(tmp_path)) == ["pyproject.toml"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser writes everywhere")
def test_a_folder_that_is_not_writable(hfcodemod: Run, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir(mode=0o500)
    done = hfcodemod("add", "olmo")
    assert done.returncode == 2
    assert "cannot be written" in done.stderr and done.stderr.count("\n") == 1


def test_list_filters_and_json(hfcodemod: Run) -> None:
    lines = hfcodemod("list").stdout.splitlines()
    assert len(lines) == 649
    masks = [line.split("\t")[0] for line in hfcodemod("list", "--task", "fill-mask").stdout.splitlines()]
    assert "bert" in masks and "olmo" not in masks
    found = json.loads(hfcodemod("list", "--modality", "image", "--recipes", "--json").stdout)
    names = [item["model_type"] for item in found]
    assert {"blip-2", "clip", "convnext", "gemma3", "kosmos-2.5", "llava", "vit"} <= set(names) and "bert" not in names
    assert all(item["recipe"] and "image" in item["modalities"] for item in found)


def test_show(hfcodemod: Run) -> None:
    lines = dict(line.split(maxsplit=1) for line in hfcodemod("show", "command-r").stdout.splitlines() if " " in line)
    assert lines["model_type"].strip() == "cohere"
    assert lines["module"].strip() == "tests/models/test_hf_command_r.py"
    facts = json.loads(hfcodemod("show", "gemma3", "--json").stdout)
    assert facts["modalities"] == ["text", "image"]
    assert facts["nested"]["text_config"] == "Gemma3TextConfig"
    assert facts["generates"] and facts["composite"] and facts["recipe"]


def test_facts_of_another_version_are_read_and_used(hfcodemod: Run, tmp_path: Path) -> None:
    done = hfcodemod("facts")
    assert done.returncode == 0, done.stderr
    version = done.stdout.splitlines()[1].split('"')[1]
    assert (tmp_path / ".hfcodemod" / "facts" / f"facts-{version}.json.gz").is_file()
    (tmp_path / "pyproject.toml").write_text(f'[tool.hfcodemod]\nfacts = "{version}"\n')
    assert hfcodemod("add", "olmo").returncode == 0


def test_a_damaged_snapshot_is_named(hfcodemod: Run, tmp_path: Path) -> None:
    snapshot = tmp_path / ".hfcodemod" / "facts" / "facts-9.json.gz"
    snapshot.parent.mkdir(parents=True)
    snapshot.write_bytes(b"\x1f\x8b broken")
    (tmp_path / "pyproject.toml").write_text('[tool.hfcodemod]\nfacts = "9"\n')
    done = hfcodemod("list")
    assert done.returncode == 2
    assert str(snapshot) in done.stderr and done.stderr.count("\n") == 1


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    script = (
        "import sys; sys.argv = ['hfcodemod', '--help']\n"
        "from hfcodemod.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('libcst', 'torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["add", "list", "show", "facts"])
def test_every_command_has_help(hfcodemod: Run, command: str) -> None:
    done = hfcodemod(command, "-h")
    assert done.returncode == 0
    assert "Usage: hfcodemod" in done.stdout
    # What stands in square brackets would be taken for markup and vanish.
    assert "in  of" not in done.stdout and ("tool.hfcodemod" in done.stdout) == (command in ("add", "facts"))


def test_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hfcodemod", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.startswith("hfcodemod ")


@pytest.mark.parametrize(("typed", "expected"), [("gemma", "gemma3"), ("kosmos", "kosmos-2.5"), ("llama-", "llama-3")])
def test_names_are_completed_in_the_shell(tmp_path: Path, typed: str, expected: str) -> None:
    environment = {
        **os.environ,
        "_HFCODEMOD_COMPLETE": "complete_bash",
        "COMP_WORDS": f"hfcodemod add {typed}",
        "COMP_CWORD": "2",
    }
    command = [str(Path(sys.executable).with_name("hfcodemod"))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert expected in done.stdout.splitlines()


def test_a_reader_that_has_seen_enough(tmp_path: Path) -> None:
    command = f"{Path(sys.executable).with_name('hfcodemod')} list | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_line_ends_and_byte_order_mark_of_a_module_are_kept(hfcodemod: Run, tmp_path: Path) -> None:
    hfcodemod("add", "olmo")
    ours = b"\xef\xbb\xbf" + (tmp_path / MODULE).read_bytes().replace(b"\n", b"\r\n")
    (tmp_path / MODULE).write_bytes(ours)
    assert hfcodemod("add", "olmo").stdout.splitlines()[0] == f"{MODULE}: already in step"
    assert (tmp_path / MODULE).read_bytes() == ours
    assert hfcodemod("add", "olmo", "--model-id", "allenai/OLMo-1B-hf").returncode == 0
    # The checkpoint in the text and in the stamp, the stamp's digests.
    changed = zip(ours.split(b"\r\n"), (tmp_path / MODULE).read_bytes().split(b"\r\n"), strict=True)
    assert [new for old, new in changed if old != new and b"hfcodemod:" not in new] == [
        b'MODEL_ID = "allenai/OLMo-1B-hf"'
    ]
