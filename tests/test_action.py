"""The GitHub action and the workflows of the documentation: linted, and their steps run for real."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from checkout import PROJECT, checkout, environment, git
from repository import CONFIGURATION, NAMES, SKELETON

PAGE = PROJECT / "docs" / "how-to" / "ci.md"
BLOCK = re.compile(r"^```yaml\n(name:.*?)^```$", re.MULTILINE | re.DOTALL)
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
OLD, NEW = "LIMIT = 0.5", "LIMIT = 0.25"
GH = """\
#!/bin/sh
# In place of GitHub's own program, which needs GitHub: keeps what it was told.
echo "$@" >> "$RUNNER_TEMP/gh"
case "$*" in
    "pr view"*) cat "$RUNNER_TEMP/state" ;;
    "pr create"*) cat "$RUNNER_TEMP/body" >> "$RUNNER_TEMP/gh"; echo OPEN > "$RUNNER_TEMP/state" ;;
esac
"""


@dataclass
class Runner:
    """Runs steps as GitHub's runner does: bash, environment files, expressions that name one value."""

    workspace: Path
    temp: Path
    action: Path
    path: list[str] = field(default_factory=list)
    code: int = 0
    out: str = ""

    def use(self, **inputs: str) -> Runner:
        """Run the action with some inputs."""
        said = yaml.safe_load((self.action / "action.yml").read_text(encoding="utf-8"))
        unknown = set(inputs) - set(said["inputs"])
        assert not unknown
        given = {name: str(value["default"]) for name, value in said["inputs"].items()} | inputs
        values = {f"inputs.{name}": value for name, value in given.items()}
        self.run(said["runs"]["steps"], values)
        return self

    def run(self, steps: list[dict[str, Any]], values: Mapping[str, str]) -> None:
        """Run steps until one fails."""
        values = {**values, "runner.temp": str(self.temp), "github.action_path": str(self.action), "github.token": "t"}
        for step in steps:
            condition = re.fullmatch(r"([\w.-]+) == '(\w+)'", step.get("if", "inputs.none == 'x'"))
            assert condition is not None
            if "if" in step and values[condition[1]] != condition[2]:
                continue
            self.step(step, values)
            if self.code:
                return

    def step(self, step: Mapping[str, Any], values: Mapping[str, str]) -> None:
        def filled(text: str) -> str:
            return EXPRESSION.sub(lambda found: values[found[1]], text)

        script = self.temp / "script.sh"
        script.write_text(step["run"])
        added = self.temp / "added"
        added.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.workspace / filled(step.get("working-directory", ".")),
            env={
                **environment(),
                **{name: filled(value) for name, value in step.get("env", {}).items()},
                "PATH": os.pathsep.join([*reversed(self.path), os.environ["PATH"]]),
                "GITHUB_PATH": str(added),
                "GITHUB_WORKSPACE": str(self.workspace),
                "RUNNER_TEMP": str(self.temp),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        self.path += added.read_text().split()
        self.code, self.out = done.returncode, done.stdout


def workflows() -> dict[str, str]:
    """The workflows of the page, by name."""
    blocks: list[str] = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    return {str(yaml.safe_load(block)["name"]): block for block in blocks}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """The action after it was used once, in an empty repository."""
    folder = tmp_path_factory.mktemp("action")
    for name in ("checkout", "temp", "workspace"):
        (folder / name).mkdir()
    return Runner(folder / "workspace", folder / "temp", checkout(folder / "checkout")).use(python=sys.executable)


@pytest.fixture
def runner(installed: Runner, tmp_path: Path) -> Runner:
    """A runner in a repository with three modules, in which the action is installed."""
    workspace, temp = tmp_path / "workspace", tmp_path / "temp"
    temp.mkdir()
    for name in ("backend", "suite"):
        (workspace / name).mkdir(parents=True)
    (workspace / "pyproject.toml").write_text(CONFIGURATION)
    (workspace / "suite" / "llama.py").write_text(SKELETON)
    (temp / "hfcodemod").symlink_to(installed.temp / "hfcodemod")
    made = Runner(workspace, temp, installed.action, path=list(installed.path))
    typed(made, "add", *NAMES, "--skeleton", "suite")
    return made


def typed(runner: Runner, *words: str) -> None:
    """A command of what the action installed."""
    subprocess.run([f"{runner.path[0]}/hfcodemod", *words], cwd=runner.workspace, env=environment(), check=True)


def check_step(runner: Runner, **inputs: str) -> Runner:
    """The step of the action that checks, without another installation."""
    said = yaml.safe_load((runner.action / "action.yml").read_text(encoding="utf-8"))
    given = {name: str(value["default"]) for name, value in said["inputs"].items()} | inputs
    runner.run(said["runs"]["steps"][1:], {f"inputs.{name}": value for name, value in given.items()})
    return runner


def test_it_installs_nothing_but_the_command(installed: Runner) -> None:
    assert (installed.code, installed.out) == (0, "")
    (place,) = installed.path
    assert os.listdir(place) == ["hfcodemod"]
    program = "import hfcodemod, importlib.util as u; print(hfcodemod.__file__, u.find_spec('torch'))"
    python = installed.temp / "hfcodemod" / "bin" / "python"
    done = subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=True)
    found, torch = done.stdout.split()
    assert Path(found).is_relative_to(installed.temp)
    assert torch == "None"


def test_what_is_in_step_passes(runner: Runner) -> None:
    check_step(runner)
    assert (runner.code, runner.out) == (0, "")


def test_what_is_not_in_step_is_annotated(runner: Runner) -> None:
    skeleton = runner.workspace / "suite" / "llama.py"
    skeleton.write_text(SKELETON.replace(OLD, NEW))
    check_step(runner)
    places = re.findall(
        r"^::error file=(.*),line=(\d+),col=1,title=hfcodemod HF101 \(out-of-step\)::", runner.out, re.M
    )
    assert (runner.code, places) == (1, [(f"suite/test_{name}.py", "3") for name in sorted(NAMES)])
    check_step(runner, arguments="suite/test_olmo.py\n  suite/test_bert.py")
    assert (runner.code, runner.out.count("::error ")) == (1, 2)
    check_step(runner, arguments="--ignore HF101")
    assert (runner.code, runner.out) == (0, "")
    check_step(runner, check="false")
    assert (runner.code, runner.out) == (0, "")


def test_arguments_are_words_and_no_program(runner: Runner) -> None:
    check_step(runner, arguments="$(touch made) `touch made` ; touch made")
    assert runner.code == 2
    assert not list(runner.workspace.rglob("made"))


def test_a_folder_is_annotated_from_the_top(runner: Runner) -> None:
    for name in ("suite", "pyproject.toml", ".hfcodemod"):
        (runner.workspace / name).rename(runner.workspace / "backend" / name)
    skeleton = runner.workspace / "backend" / "suite" / "llama.py"
    skeleton.write_text(SKELETON.replace(OLD, NEW))
    check_step(runner, **{"working-directory": "backend"})
    assert runner.code == 1
    assert re.findall(r"file=(.*?),", runner.out) == [f"backend/suite/test_{name}.py" for name in sorted(NAMES)]


def migrated(runner: Runner) -> list[str]:
    """What GitHub's program is told while the steps of the scheduled workflow run on a fresh main."""
    git(runner.workspace, "checkout", "-q", "-f", "main")
    (runner.temp / "gh").write_text("")
    steps = yaml.safe_load(workflows()["hfcodemod migrate"])["jobs"]["migrate"]["steps"]
    assert [step.get("uses") for step in steps] == ["actions/checkout@v4", "OWNER/hfcodemod@v0.1.0", None, None]
    runner.run(steps[2:], {})
    return (runner.temp / "gh").read_text().splitlines()


@pytest.fixture
def scheduled(runner: Runner, tmp_path: Path) -> Runner:
    """A runner whose repository has an origin, and a skeleton that changed."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "gh").write_text(GH)
    (programs / "gh").chmod(stat.S_IRWXU)
    runner.path.append(str(programs))
    (runner.temp / "state").write_text("")
    git(tmp_path, "init", "-q", "--bare", "origin")
    git(runner.workspace, "init", "-q", "-b", "main")
    git(runner.workspace, "remote", "add", "origin", str(tmp_path / "origin"))
    git(runner.workspace, "add", ".")
    git(runner.workspace, "commit", "-q", "-m", "start")
    return runner


VIEW = "pr view hfcodemod-migrate --json state --jq .state"
CREATE = "pr create --head hfcodemod-migrate --title Bring the test modules in step --body-file"


def test_the_schedule_opens_one_pull_request(scheduled: Runner, tmp_path: Path) -> None:
    assert migrated(scheduled) == []
    assert (scheduled.code, git(tmp_path / "origin", "branch", "--list")) == (0, "")
    (scheduled.workspace / "suite" / "llama.py").write_text(SKELETON.replace(OLD, NEW))
    git(scheduled.workspace, "commit", "-q", "-a", "-m", "stricter")
    told = [VIEW, f"{CREATE} {scheduled.temp}/body", "Made by `hfcodemod migrate-all`.", "", "```", "", "```"]
    assert migrated(scheduled) == told
    assert scheduled.code == 0
    for name in NAMES:
        assert NEW in git(tmp_path / "origin", "show", f"hfcodemod-migrate:suite/test_{name}.py")
    assert migrated(scheduled) == [VIEW]
    assert git(tmp_path / "origin", "rev-list", "--count", "hfcodemod-migrate") == "3\n"


def test_the_schedule_tells_of_conflicts(scheduled: Runner, tmp_path: Path) -> None:
    module = scheduled.workspace / "suite" / "test_olmo.py"
    module.write_text(module.read_text().replace(OLD, "LIMIT = 0.75"))
    (scheduled.workspace / "suite" / "llama.py").write_text(SKELETON.replace(OLD, NEW))
    git(scheduled.workspace, "commit", "-q", "-a", "-m", "both")
    told = migrated(scheduled)
    assert (scheduled.code, told[0]) == (0, VIEW)
    assert "  settle with: hfcodemod resolve suite/test_olmo.py --ours | --theirs | --edited" in told
    assert git(tmp_path / "origin", "ls-tree", "--name-only", "hfcodemod-migrate", ".hfcodemod/conflicts/") != ""


def test_the_schedule_fails_where_the_tree_is_broken(scheduled: Runner) -> None:
    (scheduled.workspace / "pyproject.toml").write_text("[tool.hfcodemod]\nfact = 1\n")
    git(scheduled.workspace, "commit", "-q", "-a", "-m", "broken")
    assert migrated(scheduled) == []
    assert scheduled.code == 1
    assert "has an unknown key 'fact'" in scheduled.out


def linted(program: str, *words: str | Path) -> tuple[int, str]:
    """How a linter that is installed beside this Python ends, and what it says."""
    command = [str(Path(sys.executable).with_name(program)), *map(str, words)]
    done = subprocess.run(command, cwd=PROJECT, env=environment(), capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def files(folder: Path) -> list[Path]:
    """The workflows of the page and of this repository."""
    found = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
    for name, text in workflows().items():
        found.append(folder / f"{name.replace(' ', '-')}.yml")
        found[-1].write_text(text)
    return found


def test_the_schemas_and_a_linter_find_nothing(tmp_path: Path) -> None:
    assert set(workflows()) == {"hfcodemod", "hfcodemod migrate"}
    assert linted("check-jsonschema", "--builtin-schema", "vendor.github-actions", "action.yml")[0] == 0
    assert linted("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *files(tmp_path))[0] == 0
    config = PROJECT / ".github" / "zizmor.yml"
    code, said = linted("zizmor", "--offline", "-q", "--config", config, "action.yml", *files(tmp_path))
    assert code == 0, said


def test_the_schema_and_the_linter_find_something(tmp_path: Path) -> None:
    text = (PROJECT / "action.yml").read_text(encoding="utf-8")
    spoilt = tmp_path / "action.yml"
    spoilt.write_text(text.replace("using: composite", "using: composit"))
    assert linted("check-jsonschema", "--builtin-schema", "vendor.github-actions", spoilt)[0] == 1
    spoilt.write_text(text.replace('<<< "$ARGUMENTS"', '<<< "${{ inputs.arguments }}"'))
    code, said = linted("zizmor", "--offline", "-q", spoilt)
    assert (code, "template-injection" in said) == (14, True)


def test_the_page_says_every_input() -> None:
    said = yaml.safe_load((PROJECT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    rows = re.findall(r"^\| `([\w-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(said)
