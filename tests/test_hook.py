"""The hooks, as the real pre-commit runs them in a scratch repository, installed from a copy of the project."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import yaml
from checkout import PROJECT, TAG, checkout, environment, git
from repository import CONFIGURATION, NAMES, SKELETON, Repository

MORE = ("t5", "vit", "clip", "whisper", "gemma2", "llava")
PAGE = PROJECT / "docs" / "how-to" / "hook.md"
OLD, NEW = "LIMIT = 0.5", "LIMIT = 0.25"
"""What the skeleton changes in each module."""
CODEMOD = """\
from libcst.codemod import VisitorBasedCodemodCommand


class Marks(VisitorBasedCodemodCommand):
    def leave_Module(self, original_node, updated_node):
        return updated_node.with_changes(footer=updated_node.header)
"""
EXTRA = "\n    def test_more(self):\n        assert LIMIT\n"


@dataclass(frozen=True)
class Scratch:
    """A repository with managed modules, in which the hooks are installed."""

    root: Path
    home: Path
    """Where pre-commit keeps its environments."""

    def run(self, *command: str, code: int = 0) -> str:
        """What a command prints that ends with this exit code."""
        binaries = [str(self.binaries), str(Path(sys.executable).parent)]
        done = subprocess.run(
            command,
            cwd=self.root,
            env={
                **environment(),
                "PRE_COMMIT_HOME": str(self.home),
                "PATH": os.pathsep.join([*binaries, os.environ["PATH"]]),
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == code, (command, done.stdout)
        assert "Traceback" not in done.stdout
        return done.stdout

    @property
    def binaries(self) -> Path:
        """The programs of the environment that pre-commit made."""
        found = [*self.home.glob("repo*/py_env-*/bin/hfcodemod")]
        return found[0].parent if found else self.home

    def git(self, *words: str, code: int = 0) -> str:
        return self.run("git", *words, code=code)

    def commit(self, *paths: str, code: int = 0) -> str:
        """What the hooks say to a commit of some paths."""
        self.git("add", *paths)
        return self.git("commit", "-q", "-m", "change", code=code)

    def hook(self, *words: str, code: int = 0) -> str:
        """What pre-commit says when it is typed."""
        return self.run("pre-commit", "run", *words, code=code)

    def migrate(self, *words: str, code: int = 0) -> str:
        return self.hook("hfcodemod-migrate", "--hook-stage", "manual", *words, code=code)

    def type(self, said: str) -> None:
        """Do what a message says is to be typed."""
        commands = re.findall(r"`((?:hfcodemod|git add) [^`]*)`|type: (git add .*)", said)
        assert commands, said
        for command in dict.fromkeys(first or second for first, second in commands):
            self.run(*shlex.split(command))

    def edit(self, path: str, old: str, new: str) -> None:
        file = self.root / path
        text = file.read_text()
        assert text.count(old) == 1, (path, old)
        file.write_text(text.replace(old, new))

    def read(self, name: str) -> str:
        return self.module(name).read_text()

    def module(self, name: str) -> Path:
        return self.root / "suite" / f"test_{name}.py"

    def status(self) -> str:
        return self.git("status", "--porcelain")


def found(said: str) -> list[str]:
    """Each finding in what pre-commit says: file and code."""
    return [f"{path} {code}" for path, code in re.findall(r"^suite/(\w+)\.py:\d+:\d+: (HF\d+) ", said, re.MULTILINE)]


def verdict(said: str) -> list[str]:
    """What pre-commit says of each hook."""
    return re.findall(r"^hfcodemod \w+\.+(?:\(.*\))?(\w+)$", said, re.MULTILINE)


def blocks(kind: str) -> list[str]:
    """What stands in the page between fences of a kind."""
    found = re.findall(rf"^( *)```{kind}\n(.*?)^ *```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [textwrap.dedent(text) for _, text in found]


def config_of_the_page(copy: Path) -> str:
    """The page's configuration, with a folder in place of where the project is published."""
    text = blocks("yaml")[0]
    assert f"    rev: {TAG}\n" in text
    return text.replace("https://github.com/OWNER/hfcodemod", str(copy))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """The repository that each test has a copy of; the hooks' environment is made once."""
    folder = tmp_path_factory.mktemp("hook")
    copy = folder / "checkout"
    copy.mkdir()
    checkout(copy)
    scratch = Scratch(folder / "scratch", folder / "home")
    (scratch.root / "suite").mkdir(parents=True)
    (scratch.root / "pyproject.toml").write_text(CONFIGURATION)
    (scratch.root / "suite" / "llama.py").write_text(SKELETON)
    (scratch.root / ".pre-commit-config.yaml").write_text(config_of_the_page(copy))
    scratch.git("init", "-q", "-b", "main")
    assert "pre-commit installed at" in scratch.run("pre-commit", "install", "--install-hooks")
    scratch.run("hfcodemod", "add", *NAMES, "--skeleton", "suite")
    assert verdict(scratch.commit(".")) == ["Passed"]
    return scratch


@pytest.fixture
def scratch(made: Scratch, tmp_path: Path) -> Scratch:
    shutil.copytree(made.root, tmp_path / "scratch", symlinks=True)
    return replace(made, root=tmp_path / "scratch")


def test_the_environment_is_pre_commits_own_and_has_no_torch(made: Scratch) -> None:
    program = "import hfcodemod, importlib.util as u; print(hfcodemod.__file__, u.find_spec('torch'))"
    place, torch = made.run(str(made.binaries / "python"), "-I", "-c", program).split()
    assert Path(place).is_relative_to(made.binaries.parent)
    assert torch == "None"
    assert made.run("sh", "-c", "command -v hfcodemod").strip() == str(made.binaries / "hfcodemod")


def test_a_commit_in_which_all_is_in_step(scratch: Scratch) -> None:
    scratch.edit("suite/test_olmo.py", OLD, "LIMIT = 0.75")
    assert verdict(scratch.commit("suite")) == ["Passed"]
    assert scratch.status() == ""


def test_a_commit_that_is_no_matter_of_the_hook(scratch: Scratch) -> None:
    (scratch.root / "notes.md").write_text("text\n")
    assert verdict(scratch.commit("notes.md")) == ["Skipped"]


def test_a_skeleton_edit_is_stopped_until_what_is_said_is_typed(scratch: Scratch) -> None:
    scratch.edit("suite/llama.py", OLD, NEW)
    said = scratch.commit("suite", code=1)
    assert verdict(said) == ["Failed"]
    assert found(said) == ["test_bert HF101", "test_mistral HF101", "test_olmo HF101"]
    assert said.rstrip().endswith("3 findings in 4 files; `hfcodemod migrate-all` brings 3 modules in step")
    page = blocks("console")[0].splitlines()[1:]
    assert said.splitlines() == [*page, ""]
    scratch.run("hfcodemod", "migrate-all")
    # The commit is of what is staged, and the migration is not.
    assert found(scratch.git("commit", "-m", "change", code=1)) == found(said)
    assert verdict(scratch.commit(".")) == ["Passed"]
    assert [NEW in scratch.read(name) for name in NAMES] == [True] * 3
    assert scratch.status() == ""


def test_each_finding_says_the_command_that_mends_it(scratch: Scratch) -> None:
    scratch.edit("suite/llama.py", OLD, NEW)
    said = scratch.commit("suite", code=1)
    scratch.type(said.replace("`hfcodemod migrate-all`", ""))
    assert verdict(scratch.commit(".")) == ["Passed"]


def test_without_a_source_of_modules_only_what_is_committed_is_checked(scratch: Scratch) -> None:
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.git("commit", "-q", "--no-verify", "-a", "-m", "in a hurry")
    scratch.edit("suite/test_olmo.py", "assert rounded", "assert  rounded")
    assert found(scratch.commit("suite", code=1)) == ["test_olmo HF101"]


@pytest.mark.parametrize("path", ["pyproject.toml", "suite/llama.py", "suite/overlay.py", "marks.py"])
def test_what_modules_are_made_from_stands_for_all(scratch: Scratch, path: str) -> None:
    (scratch.root / "suite" / "overlay.py").write_text("HALF = 0.5\n")
    (scratch.root / "marks.py").write_text(CODEMOD)
    table = 'target = "suite/test_{name}.py"\n'
    scratch.edit("pyproject.toml", table, f'{table}overlay = "suite/overlay.py"\ncodemods = ["marks.py:Marks"]\n')
    assert found(scratch.hook("hfcodemod-check", "--files", path, code=1)) == [
        "test_bert HF101",
        "test_mistral HF101",
        "test_olmo HF101",
    ]


def test_the_hook_that_migrates_fails_when_it_changed_something(scratch: Scratch) -> None:
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.git("add", ".")
    said = scratch.migrate(code=1)
    assert "- files were modified by this hook" in said
    assert "3 brought in step; to commit them, type: git add .hfcodemod suite/test_bert.py" in said
    scratch.type(said)
    assert verdict(scratch.migrate()) == ["Passed"]
    assert verdict(scratch.commit(".")) == ["Passed"]
    assert scratch.status() == ""


def test_a_conflict_stops_the_commit_until_it_is_settled(scratch: Scratch) -> None:
    scratch.edit("suite/test_olmo.py", OLD, "LIMIT = 0.75")
    scratch.commit("suite")
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.git("add", ".")
    said = scratch.migrate(code=1)
    assert "settle with: hfcodemod resolve suite/test_olmo.py --ours | --theirs | --edited" in said
    said = scratch.commit(".", code=1)
    assert found(said) == ["test_olmo HF102"]
    assert "settle it with `hfcodemod resolve suite/test_olmo.py --ours`, --theirs or --edited" in said
    # The record alone speaks of the conflict too.
    record = next((scratch.root / ".hfcodemod" / "conflicts").iterdir())
    assert found(scratch.hook("--files", str(record), code=1)) == ["test_olmo HF102"]
    scratch.type(said)
    assert verdict(scratch.commit(".")) == ["Passed"]
    assert "LIMIT = 0.75" in scratch.read("olmo")
    assert scratch.status() == ""


def test_all_files_and_what_lies_between_two_commits(scratch: Scratch) -> None:
    assert verdict(scratch.hook("--all-files")) == ["Passed"]
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.git("commit", "-q", "--no-verify", "-a", "-m", "the skeleton")
    scratch.edit("suite/test_olmo.py", "\n\nclass", "\n\n# Ours.\nclass")
    scratch.git("commit", "-q", "--no-verify", "-a", "-m", "one module")
    (scratch.root / "notes.md").write_text("text\n")
    scratch.git("add", ".")
    scratch.git("commit", "-q", "-m", "notes")
    everything = ["test_bert HF101", "test_mistral HF101", "test_olmo HF101"]
    assert found(scratch.hook("--all-files", code=1)) == everything
    for since, expected in (("HEAD~3", everything), ("HEAD~2", ["test_olmo HF101"])):
        said = scratch.hook("--from-ref", since, "--to-ref", "HEAD", code=1)
        assert found(said) == expected
    assert verdict(scratch.hook("--from-ref", "HEAD~1", "--to-ref", "HEAD")) == ["Skipped"]


@pytest.mark.parametrize(("into", "other"), [("main", "topic"), ("topic", "main")])
def test_a_merge_that_brings_what_is_not_in_step(scratch: Scratch, into: str, other: str) -> None:
    """A branch has a module that is made from the skeleton as it was, the other has changed the skeleton."""
    scratch.run("pre-commit", "install", "--hook-type", "pre-merge-commit")
    scratch.git("checkout", "-q", "-b", "topic")
    scratch.run("hfcodemod", "add", "t5", "--skeleton", "suite")
    scratch.commit(".")
    scratch.git("checkout", "-q", "main")
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.run("hfcodemod", "migrate-all")
    scratch.commit(".")
    scratch.git("checkout", "-q", into)
    said = scratch.git("merge", "--no-edit", other, code=1)
    assert found(said) == ["test_t5 HF101"]
    scratch.type(said)
    assert verdict(scratch.commit(".")) == ["Passed"]
    assert NEW in scratch.read("t5")
    assert scratch.git("rev-list", "--count", "--merges", "HEAD") == "1\n"


def test_a_merge_with_a_conflict_of_gits(scratch: Scratch) -> None:
    scratch.git("checkout", "-q", "-b", "topic")
    scratch.edit("suite/test_olmo.py", OLD, "LIMIT = 0.75")
    scratch.commit("suite")
    scratch.git("checkout", "-q", "main")
    scratch.edit("suite/test_olmo.py", OLD, "LIMIT = 0.625")
    scratch.commit("suite")
    scratch.git("merge", "topic", code=1)
    marked = scratch.read("olmo")
    assert found(scratch.commit("suite", code=1)) == ["test_olmo HF110"]
    scratch.module("olmo").write_text(re.sub(r"<<<<<<< .*\n(.*\n)=======\n.*\n>>>>>>> .*\n", r"\1", marked))
    assert verdict(scratch.commit("suite")) == ["Passed"]
    assert scratch.git("rev-list", "--count", "--merges", "HEAD") == "1\n"


def test_a_partly_staged_module_is_checked_as_it_is_staged(scratch: Scratch) -> None:
    (scratch.root / "suite" / "test_olmo.py").write_text(scratch.read("olmo") + EXTRA)
    scratch.git("add", "suite")
    stamp = next(line for line in scratch.read("olmo").split("\n") if line.startswith("# hfcodemod:"))
    scratch.edit("suite/test_olmo.py", stamp, stamp.replace("olmo", "olmo, edited"))
    said = scratch.git("commit", "-m", "staged")
    assert verdict(said) == ["Passed"]
    assert "Stashing unstaged files" in said
    assert "olmo, edited" in scratch.read("olmo")
    assert found(scratch.commit("suite", code=1)) == ["test_olmo HF104"]


def test_a_partly_staged_skeleton_is_migrated_to_as_it_is_staged(scratch: Scratch) -> None:
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.git("add", "suite")
    scratch.edit("suite/llama.py", "== 0\n", "== 0, LIMIT\n")
    said = scratch.migrate(code=1)
    assert [(NEW in scratch.read(name), "== 0, LIMIT" in scratch.read(name)) for name in NAMES] == [(True, False)] * 3
    scratch.type(said)
    assert verdict(scratch.git("commit", "-m", "staged")) == ["Passed"]
    assert scratch.status() == " M suite/llama.py\n"
    assert found(scratch.commit("suite", code=1)) == ["test_bert HF101", "test_mistral HF101", "test_olmo HF101"]


def test_a_migration_that_meets_what_is_not_staged_is_taken_back(scratch: Scratch) -> None:
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.git("add", "suite")
    mine = scratch.read("olmo").replace(OLD, "LIMIT = 0.75")
    scratch.module("olmo").write_text(mine)
    assert "Stashed changes conflicted with hook auto-fixes... Rolling back fixes..." in scratch.migrate(code=1)
    assert scratch.read("olmo") == mine
    assert OLD in scratch.read("bert")
    # Nothing is left that would be in the way.
    said = scratch.run("hfcodemod", "migrate-all", code=1)
    assert "2 replaced" in said
    assert "1 in conflict" in said


def test_several_batches_at_once(scratch: Scratch, made: Scratch) -> None:
    scratch.run("hfcodemod", "add", *MORE, "--skeleton", "suite")
    scratch.commit(".")
    scratch.edit("suite/llama.py", OLD, NEW)
    config = scratch.root / ".pre-commit-config.yaml"
    config.write_text(config.read_text().replace("check\n", "check\n        require_serial: false\n", 1))
    scratch.git("add", ".")
    names = sorted(f"test_{name} HF101" for name in (*NAMES, *MORE))
    # One batch holds the skeleton; those that do not find less.
    assert sorted(set(found(scratch.hook("--all-files", code=1)))) == names
    said = scratch.migrate("--all-files", code=1)
    assert "9 brought in step; to commit them, type: git add .hfcodemod suite\n" in said
    scratch.type(said)
    assert verdict(scratch.commit(".")) == ["Passed"]


def test_a_worktree_and_a_submodule(scratch: Scratch, tmp_path: Path) -> None:
    scratch.git("worktree", "add", "-q", str(tmp_path / "tree"), "-b", "topic")
    above = replace(scratch, root=tmp_path / "above")
    above.root.mkdir()
    above.git("init", "-q", "-b", "main")
    above.git("submodule", "--quiet", "add", str(scratch.root), "part")
    inner = replace(scratch, root=above.root / "part")
    inner.run("pre-commit", "install")
    for place in (replace(scratch, root=tmp_path / "tree"), inner):
        place.edit("suite/llama.py", OLD, NEW)
        said = place.commit("suite", code=1)
        assert found(said) == ["test_bert HF101", "test_mistral HF101", "test_olmo HF101"]
        place.run("hfcodemod", "migrate-all")
        assert verdict(place.commit(".")) == ["Passed"]
        assert place.status() == ""
    # What is in a submodule is checked there, and not from above.
    (above.root / "pyproject.toml").write_text("[tool.hfcodemod]\n")
    inner.edit("suite/llama.py", NEW, OLD)
    assert above.run("hfcodemod", "check") == "0 files: nothing found\n"


def test_a_project_in_a_folder_of_the_repository(scratch: Scratch) -> None:
    below = replace(scratch, root=scratch.root / "backend")
    below.root.mkdir()
    for name in ("suite", "pyproject.toml", ".hfcodemod"):
        scratch.git("mv", name, "backend")
    config = scratch.root / ".pre-commit-config.yaml"
    hook = textwrap.indent(blocks("yaml")[1], " " * 6)
    config.write_text(config.read_text().replace("      - id: hfcodemod-check\n", hook))
    assert "cd backend" in config.read_text()
    assert verdict(scratch.commit(".")) == ["Passed"]
    below.edit("suite/llama.py", OLD, NEW)
    assert found(below.commit("suite", code=1)) == ["test_bert HF101", "test_mistral HF101", "test_olmo HF101"]


def test_without_a_repository_of_git_the_command_itself_works(scratch: Scratch, tmp_path: Path) -> None:
    shutil.rmtree(scratch.root / ".git")
    assert "Is it installed, and are you in a Git repository directory?" in scratch.hook(code=1)
    assert scratch.run("hfcodemod", "check") == "4 files: nothing found\n"
    scratch.edit("suite/llama.py", OLD, NEW)
    said = scratch.run("hfcodemod", "migrate", "--changed", "suite/llama.py", code=1)
    assert "3 brought in step" in said
    bare = replace(scratch, root=tmp_path / "bare")
    bare.root.mkdir()
    bare.git("init", "-q", "--bare")
    assert "make sure you are not inside the `.git` directory" in bare.hook(code=1)
    assert bare.run("hfcodemod", "check") == "0 files: nothing found\n"


def changed(repository: Repository, *paths: str, code: int) -> list[str]:
    """The modules that `migrate --changed` brings in step with another skeleton."""
    repository.edit(repository.skeleton, OLD, NEW)
    done = repository.run("migrate", "--changed", *paths)
    assert done.code == code, done
    return [name for name in NAMES if NEW in repository.text(name)]


@pytest.mark.parametrize(
    ("paths", "code", "modules"),
    [
        (["suite/test_olmo.py"], 1, ["olmo"]),
        (["suite/test_olmo.py", "suite/test_other.py"], 1, ["olmo"]),
        (["suite/test_other.py"], 0, []),
        (["suite/llama.py"], 1, list(NAMES)),
        (["pyproject.toml", "suite/test_other.py"], 1, list(NAMES)),
        (["suite"], 1, list(NAMES)),
    ],
)
def test_files_that_changed(repository: Repository, paths: list[str], code: int, modules: list[str]) -> None:
    (repository.root / "suite" / "test_other.py").write_text("def test_other():\n    assert open\n")
    assert changed(repository, *paths, code=code) == modules


def test_a_file_that_is_not_there(repository: Repository) -> None:
    done = repository.run("migrate", "--changed", "suite/test_gone.py")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        f"error: {repository.root}/suite/test_gone.py: there is no such file or folder; give the path of one, or none "
        "for all\n"
    )


def test_a_conflict_elsewhere_stops_nobody(repository: Repository) -> None:
    repository.edit(repository.module("olmo"), OLD, "LIMIT = 0.75")
    repository.edit(repository.skeleton, OLD, NEW)
    assert repository.run("migrate", "olmo").code == 1
    assert repository.run("migrate", "--changed", "suite/test_bert.py").code == 1
    again = repository.run("migrate", "--changed", "suite/test_bert.py")
    assert (again.code, again.out, again.err) == (0, "1 in step\n", "")
    assert len(list((repository.root / ".hfcodemod" / "conflicts").iterdir())) == 1
    there = repository.run("migrate", "--changed", "suite/test_olmo.py", "--json")
    assert (there.code, json.loads(there.out)["pending"]) == (1, ["suite/test_olmo.py"])


def test_a_diff_of_what_changed_writes_nothing(repository: Repository) -> None:
    repository.edit(repository.skeleton, OLD, NEW)
    before = repository.files()
    done = repository.run("migrate", "--changed", "--diff", "suite/test_olmo.py")
    assert (done.code, done.err) == (1, "")
    assert "+LIMIT = 0.25" in done.out
    assert repository.files() == before


def test_a_record_of_conflicts_stands_for_all(repository: Repository) -> None:
    repository.edit(repository.module("olmo"), OLD, "LIMIT = 0.75")
    repository.edit(repository.skeleton, OLD, NEW)
    assert repository.run("migrate", "olmo").code == 1
    done = repository.run("check", ".hfcodemod/conflicts/suite.olmo.json")
    assert found(done.out) == ["test_bert HF101", "test_mistral HF101", "test_olmo HF102"]


def test_a_base_that_the_commit_forgets(scratch: Scratch) -> None:
    scratch.edit("suite/llama.py", OLD, NEW)
    scratch.run("hfcodemod", "migrate-all")
    said = scratch.commit("suite", code=1)
    assert found(said) == ["test_bert HF113", "test_mistral HF113", "test_olmo HF113"]
    scratch.type(said)
    assert verdict(scratch.git("commit", "-m", "all")) == ["Passed"]
    assert scratch.status() == ""


def test_a_fragment_of_a_skeleton_of_ones_own_stands_for_all(scratch: Scratch) -> None:
    folder = shutil.ignore_patterns("__pycache__", "released")
    shutil.copytree(PROJECT / "skeleton", scratch.root / "own", ignore=folder)
    scratch.edit("pyproject.toml", CONFIGURATION, f'[tool.hfcodemod]\nskeleton = "own"\n\n{CONFIGURATION}')
    scratch.run("hfcodemod", "add", "vit")
    assert verdict(scratch.commit(".")) == ["Passed"]
    scratch.edit("own/image.py", "shape[1:] == shape[1:]", "shape[1:] == shape[1:], features.shape")
    said = scratch.commit("own", code=1)
    assert re.findall(r"^tests/models/(\w+)\.py:\d+:1: (HF\d+) ", said, re.MULTILINE) == [("test_hf_vit", "HF101")]


@pytest.mark.parametrize(
    ("path", "looked_at"),
    [
        ("pyproject.toml", True),
        ("backend/pyproject.toml", True),
        ("suite/llama.py", True),
        ("own/skeleton.json", True),
        (".hfcodemod/facts/facts-5.23.0.json.gz", True),
        (".hfcodemod/conflicts/suite.olmo.json", True),
        (".hfcodemod/skeletons/suite/skeleton.json", True),
        (".hfcodemod/base/97130a0e", False),
        (".hfcodemod/.gitignore", False),
        ("not-pyproject.toml", False),
        ("notes.md", False),
        ("types.pyi", False),
    ],
)
def test_the_files_that_the_hooks_are_for(path: str, looked_at: bool) -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    # One batch after the other: a second one that writes would be told to wait.
    assert [(hook["id"], hook["require_serial"]) for hook in hooks] == [
        ("hfcodemod-check", True),
        ("hfcodemod-migrate", True),
    ]
    assert {re.search(hook["files"], path) is not None for hook in hooks} == {looked_at}


def test_a_base_is_forgotten_only_where_git_has_the_module(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(repository.root, "init", "-q")
    assert repository.run("check").out == "4 files: nothing found\n"
    git(repository.root, "add", "suite/test_olmo.py")
    assert found(repository.run("check").out) == ["test_olmo HF113"]
    assert repository.run("check", "suite/test_bert.py").out == "1 file: nothing found\n"
    with monkeypatch.context() as patch:
        patch.setenv("PATH", "")
        assert repository.run("check").out == "4 files: nothing found\n"
    # That it is ignored is no reason to have it not.
    (repository.root / ".gitignore").write_text(".hfcodemod\n")
    assert found(repository.run("check").out) == ["test_olmo HF113"]
    git(repository.root, "add", "--force", ".hfcodemod")
    assert repository.run("check").out == "4 files: nothing found\n"
    shutil.rmtree(repository.root / ".hfcodemod" / "base")
    assert repository.run("check").out == "4 files: nothing found\n"
