"""Names are completed in real shells, with the scripts that `--show-completion` prints."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import HFCODEMOD, on_terminal

BASH = """
source {script}
complete -p hfcodemod > /dev/null || exit 3
COMP_WORDS=({words}) COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_hfcodemod_completion hfcodemod
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = "source {script}; complete --do-complete {line}"
# What zsh's line editor does with the key: the words that would be offered are written instead of shown.
ZSH = """
autoload -Uz compinit; compinit -D -u
compadd() {{ local -a given; builtin compadd -O given "$@"; print -rl -- $given >> {out}; builtin compadd "$@" }}
source {script}
compdef _hfcodemod_completion hfcodemod
bindkey '^I' complete-word
PS1='ready> '
"""


def completion_script(shell: str, folder: Path) -> Path:
    """What the command prints for a shell."""
    # Which shell asks is otherwise looked up among the processes above.
    environment = {**os.environ, "_HFCODEMOD_COMPLETE": f"source_{shell}"}
    done = subprocess.run([HFCODEMOD], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.strip(), done.stderr
    script = folder / f"completion.{shell}"
    script.write_text(done.stdout)
    return script


@pytest.fixture(autouse=True)
def found_by_shells(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, where shells look for commands."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


def shell(name: str) -> str:
    """The path of a shell, without which its test is skipped."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


LINES = [
    pytest.param("hfcodemod add gemma3", {"gemma3", "gemma3_text", "gemma3n"}, {"gemma", "llama"}, id="add"),
    pytest.param("hfcodemod add olmo ber", {"bert", "bert-generation"}, {"olmo", "roberta"}, id="a-second-name"),
    pytest.param("hfcodemod show llama-3.", {"llama-3.1", "llama-3.2"}, {"llama"}, id="a-name-in-use"),
    pytest.param("hfcodemod add new --like mist", {"mistral", "mistral3"}, {"gemma3"}, id="like"),
    pytest.param("hfcodemod adopt x.py --as olm", {"olmo", "olmo2"}, {"bert"}, id="as"),
    pytest.param("hfcodemod mig", {"migrate", "migrate-all"}, {"add"}, id="a-command"),
]


@pytest.mark.parametrize(("line", "offered", "others"), LINES)
def test_bash(tmp_path: Path, line: str, offered: set[str], others: set[str]) -> None:
    bash = shell("bash")
    program = BASH.format(script=shlex.quote(str(completion_script("bash", tmp_path))), words=line)
    done = subprocess.run([bash, "--norc", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    found = set(done.stdout.split())
    assert (done.returncode, done.stderr) == (0, "")
    assert found >= offered and not found & others


@pytest.mark.parametrize(("line", "offered", "others"), LINES)
def test_fish(tmp_path: Path, line: str, offered: set[str], others: set[str]) -> None:
    fish = shell("fish")
    program = FISH.format(script=shlex.quote(str(completion_script("fish", tmp_path))), line=shlex.quote(line))
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        [fish, "--no-config", "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    found = {shown.split("\t")[0] for shown in done.stdout.splitlines()}
    assert done.returncode == 0, done.stderr
    assert found >= offered and not found & others


@pytest.mark.parametrize(("line", "offered", "others"), LINES)
def test_zsh(tmp_path: Path, line: str, offered: set[str], others: set[str]) -> None:
    zsh = shell("zsh")
    out = tmp_path / "offered"
    script = completion_script("zsh", tmp_path)
    (tmp_path / ".zshrc").write_text(ZSH.format(script=shlex.quote(str(script)), out=shlex.quote(str(out))))
    environment = {"ZDOTDIR": str(tmp_path), "HOME": str(tmp_path)}
    # The key of completion, then the line is given up, and the shell left.
    seen = on_terminal(
        [zsh, "-d", "-i"], tmp_path, typed=f"{line}\t\x15exit\n", after="ready> ", environment=environment
    )
    assert seen.code == 0, seen.text
    found = set(out.read_text().split())
    assert found >= offered and not found & others


def test_nothing_is_offered_where_the_configuration_is_broken(tmp_path: Path) -> None:
    bash = shell("bash")
    (tmp_path / "pyproject.toml").write_text("[tool.hfcodemod\n")
    program = BASH.format(script=shlex.quote(str(completion_script("bash", tmp_path))), words="hfcodemod add gem")
    done = subprocess.run([bash, "--norc", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
