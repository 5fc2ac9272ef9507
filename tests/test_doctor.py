"""``hfcodemod doctor``: each broken state is made for real, recognised, and explained with what to do."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from repository import Repository

from hfcodemod.config import FACTS
from hfcodemod.doctor import Remark, examined
from hfcodemod.lock import locked

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
SUBJECTS = {"installed", "configuration", "git", "facts", "skeleton default", "skeleton suite", "modules", "hook"}
HOOKS = "repos:\n  - repo: local\n    hooks:\n      - id: hfcodemod-check\n"


def git(root: Path, *words: str) -> None:
    subprocess.run([*GIT, "-C", str(root), *words], check=True, capture_output=True)


@pytest.fixture
def healthy(repository: Repository) -> Repository:
    """The repository, committed."""
    git(repository.root, "init", "-q")
    git(repository.root, "add", ".")
    git(repository.root, "commit", "-qm", "all")
    return repository


def said(repository: Repository) -> list[Remark]:
    """What is said beside what is fine, and what is only worth knowing."""
    return [remark for remark in examined(repository.root) if remark.level in ("todo", "broken")]


def test_a_healthy_repository(healthy: Repository) -> None:
    before = healthy.files()
    done = healthy.run("doctor")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[-1] == "nothing to do"
    assert {remark.subject for remark in examined(healthy.root)} == SUBJECTS
    assert "fine    modules: 3 are managed\n" in done.out
    assert "fine    skeleton suite: suite/llama.py: version 1\n" in done.out
    assert "note    hook: pre-commit does not run hfcodemod here\n        -> add hfcodemod-check to " in done.out
    assert healthy.files() == before


def test_json(healthy: Repository) -> None:
    done = healthy.run("doctor", "--json")
    told = json.loads(done.out)
    assert (done.code, told["state"]) == (0, "note")
    assert {"subject": "modules", "level": "fine", "said": "3 are managed", "remedy": ""} in told["remarks"]
    healthy.edit(healthy.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    done = healthy.run("doctor", "--json")
    assert (done.code, json.loads(done.out)["state"]) == (1, "todo")


Break = Callable[[Repository], None]


def write(name: str, text: str) -> Break:
    """Put a file there."""

    def breaks(repository: Repository) -> None:
        path = repository.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return breaks


def configure(line: str) -> Break:
    """A line more for the table of the whole."""

    def breaks(repository: Repository) -> None:
        path = repository.root / "pyproject.toml"
        path.write_text(f"[tool.hfcodemod]\n{line}\n\n{path.read_text()}")

    return breaks


def configure_suite(line: str) -> Break:
    """A line more for the table of the skeleton."""
    return lambda repository: repository.edit(
        repository.root / "pyproject.toml", 'reference = "llama"\n', f'reference = "llama"\n{line}\n'
    )


def edited(name: str, old: str, new: str) -> Break:
    """Another text in a module."""
    return lambda repository: repository.edit(repository.module(name), old, new)


def without_base(repository: Repository) -> None:
    """An edited module whose base is gone."""
    repository.edit(repository.module("olmo"), "== 0", "== 0  # ours")
    shutil.rmtree(repository.root / ".hfcodemod" / "base")


def copied(repository: Repository) -> None:
    """Two files with one stamp."""
    shutil.copy(repository.module("olmo"), repository.module("another"))


def without_stamp(repository: Repository) -> None:
    """A module that was generated, without its stamp."""
    path = repository.module("olmo")
    path.write_text("".join(line for line in path.read_text().splitlines(True) if "hfcodemod:" not in line))


def conflict(repository: Repository) -> None:
    """A line that both sides changed."""
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.75")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    assert repository.run("migrate-all").code == 1
    git(repository.root, "add", ".hfcodemod")


def draft(repository: Repository) -> None:
    """A write that was killed while it made its files."""
    write(".hfcodemod/journal.draft", '{"token": "aa", "folders": [], "files": [["x.py", null, "00"]]}')(repository)


def ignored(repository: Repository) -> None:
    """Bases that git does not see."""
    write(".gitignore", "*.pyc\n.hfcodemod/\n")(repository)


def file_for_folder(repository: Repository) -> None:
    """A file where the state belongs."""
    shutil.rmtree(repository.root / ".hfcodemod")
    write(".hfcodemod", "")(repository)


def unreleased(repository: Repository) -> None:
    """A skeleton that went on since it was released."""
    assert repository.run("release-skeleton", "suite").code == 0
    repository.edit(repository.skeleton, "(value)\n\n", "(value )\n\n")
    assert repository.run("migrate-all").code == 0
    git(repository.root, "add", ".hfcodemod")


STATES = [
    pytest.param(
        write("pyproject.toml", "[tool.hfcodemod\n"),
        "broken",
        "configuration",
        "not valid TOML",
        "mend the file",
        id="configuration-is-no-toml",
    ),
    pytest.param(
        configure('targt = "x"'),
        "broken",
        "configuration",
        "unknown key 'targt'",
        "did you mean 'target'?",
        id="configuration-has-an-unknown-key",
    ),
    pytest.param(
        configure('required-version = ">=99"'),
        "broken",
        "configuration",
        "is installed",
        "pip install 'hfcodemod>=99'",
        id="another-version-is-required",
    ),
    pytest.param(
        configure('facts = "4.0"'),
        "broken",
        "facts",
        "no facts of transformers 4.0",
        "correct `facts`",
        id="facts-are-pinned-and-absent",
    ),
    pytest.param(
        lambda repository: (
            configure('facts = "6.0"')(repository),
            write(".hfcodemod/facts/facts-6.0.json.gz", "no gzip")(repository),
        ),
        "broken",
        "facts",
        "a damaged snapshot",
        "make it again with `hfcodemod facts`",
        id="facts-are-damaged",
    ),
    pytest.param(
        configure('skeleton = "own"'),
        "broken",
        "skeleton default",
        "own/skeleton.json: is not there",
        "hfcodemod init --own-skeleton",
        id="skeleton-is-missing",
    ),
    pytest.param(
        lambda repository: repository.skeleton.unlink(),
        "broken",
        "skeleton suite",
        "suite/llama.py: ",
        "check its path",
        id="skeleton-of-one-file-is-missing",
    ),
    pytest.param(
        write("suite/llama.py", "import math\n\ndef x(:\n"),
        "broken",
        "skeleton suite",
        "suite/llama.py:3: ",
        "mend it first",
        id="skeleton-does-not-parse",
    ),
    pytest.param(
        configure_suite('overlay = "own.py"'),
        "broken",
        "skeleton suite",
        "own.py",
        "",
        id="overlay-is-missing",
    ),
    pytest.param(
        lambda repository: (configure_suite('overlay = "own.py"')(repository), write("own.py", "x = (\n")(repository)),
        "broken",
        "skeleton suite",
        "own.py:1: ",
        "",
        id="overlay-does-not-parse",
    ),
    pytest.param(
        configure_suite('codemods = ["own.py:Own"]'),
        "broken",
        "skeleton suite",
        "the codemod Own cannot be read",
        "",
        id="codemod-is-missing",
    ),
    pytest.param(
        configure_suite('format-command = "no-such-formatter -"'),
        "broken",
        "skeleton suite",
        "no-such-formatter",
        "",
        id="formatter-is-missing",
    ),
    pytest.param(
        unreleased,
        "todo",
        "skeleton suite",
        "differs from version 1",
        "hfcodemod release-skeleton suite",
        id="skeleton-is-not-released",
    ),
    pytest.param(
        draft, "todo", "write", "a write of 1 file was cut short", "hfcodemod migrate-all", id="write-was-cut-short"
    ),
    pytest.param(
        write(".hfcodemod/journal.json", "{"),
        "broken",
        "write",
        "journal.json: cannot be read",
        "with git",
        id="journal-cannot-be-read",
    ),
    pytest.param(
        write(".hfcodemod/cache.json", "{"), "todo", "cache", "cache.json: cannot be read", "rm ", id="cache-is-damaged"
    ),
    pytest.param(file_for_folder, "broken", "folder", ".hfcodemod: is a file", "move it away", id="state-is-a-file"),
    pytest.param(
        ignored,
        "broken",
        "git",
        ".gitignore:2:.hfcodemod/: lets git ignore",
        "take the line away",
        id="bases-are-ignored",
    ),
    pytest.param(
        write(".hfcodemod/base/0a0a0a0a", "x"),
        "todo",
        "git",
        "not committed",
        "git add .hfcodemod",
        id="bases-are-not-committed",
    ),
    pytest.param(
        without_base, "broken", "modules", "HF107 missing-base", "restore .hfcodemod/base", id="base-is-missing"
    ),
    pytest.param(copied, "broken", "modules", "HF109 same-module", "hfcodemod adopt", id="two-files-are-one-module"),
    pytest.param(
        edited("olmo", "# hfcodemod: olmo", "# hfcodemod: olmo olmo"),
        "broken",
        "modules",
        "HF104 edited-stamp",
        "",
        id="stamp-was-edited",
    ),
    pytest.param(
        without_stamp,
        "broken",
        "modules",
        "HF106 lost-stamp",
        "hfcodemod adopt",
        id="stamp-is-lost",
    ),
    pytest.param(
        edited("olmo", "import math", "import math("),
        "broken",
        "modules",
        "test_olmo.py:5: HF110",
        "",
        id="module-does-not-parse",
    ),
    pytest.param(conflict, "todo", "modules", "HF102 pending-conflict", "hfcodemod resolve", id="conflict-waits"),
    pytest.param(
        write(".hfcodemod/conflicts/suite.olmo.json", "{"),
        "broken",
        "modules",
        "HF112 broken-record",
        "restore it with git",
        id="record-of-conflicts-is-damaged",
    ),
    pytest.param(
        lambda repository: repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25"),
        "todo",
        "modules",
        "HF101 out-of-step: not in step",
        "hfcodemod migrate",
        id="modules-are-out-of-step",
    ),
    pytest.param(
        write(".pre-commit-config.yaml", HOOKS),
        "todo",
        "hook",
        "git does not run it yet",
        "pre-commit install",
        id="hook-is-not-installed",
    ),
]


@pytest.mark.parametrize(("breaks", "level", "subject", "words", "remedy"), STATES)
def test_a_broken_state_is_recognised_and_explained(
    healthy: Repository, breaks: Break, level: str, subject: str, words: str, remedy: str
) -> None:
    breaks(healthy)
    before = healthy.files()
    found = [remark for remark in said(healthy) if remark.subject == subject and words in remark.said]
    assert [remark.level for remark in found] == [level], said(healthy)
    assert remedy in found[0].remedy
    assert "\n" not in found[0].said + found[0].remedy
    done = healthy.run("doctor")
    assert done.err == "" and words in done.out
    assert done.code == (2 if any(remark.level == "broken" for remark in said(healthy)) else 1)
    assert re.match("next: [a-z ]+: .", done.out.splitlines()[-1])
    assert healthy.files() == before


def test_several_findings_of_one_kind_are_counted(healthy: Repository) -> None:
    healthy.edit(healthy.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    (found,) = [remark for remark in said(healthy) if remark.subject == "modules"]
    assert found.said.startswith(f"{healthy.module('bert')}:")
    assert found.said.endswith(", and 2 more like it")


def test_somebody_is_at_work(healthy: Repository) -> None:
    program = "import sys; from hfcodemod.lock import locked; from pathlib import Path\n"
    program += "with locked(Path(sys.argv[1])):\n    print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(healthy.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdin is not None
        other.stdout.readline()
        expected = Remark("lock", "todo", f"another hfcodemod is at work here (pid {other.pid})", "wait for it")
        assert said(healthy) == [expected]
        other.stdin.close()
    assert said(healthy) == []


def test_a_lock_left_by_a_killed_process_is_nobody_s(healthy: Repository) -> None:
    (healthy.root / ".hfcodemod" / "lock").write_text("1")
    assert said(healthy) == []
    with locked(healthy.root):
        pass


def test_without_git(healthy: Repository, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = said(healthy)
    assert (found.subject, found.level, found.remedy) == ("git", "broken", "install git")
    assert "cannot be merged" in found.said


def test_the_hook_is_installed(healthy: Repository) -> None:
    write(".pre-commit-config.yaml", HOOKS)(healthy)
    hook = healthy.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("")
    file = healthy.root / ".pre-commit-config.yaml"
    assert Remark("hook", "fine", f"{file}: runs before each commit") in examined(healthy.root)
    file.write_text("repos: []\n# id: hfcodemod-check\n")
    assert "pre-commit does not run hfcodemod here" in healthy.run("doctor").out


def test_a_worktree_has_the_hook_of_its_repository(healthy: Repository, tmp_path: Path) -> None:
    write(".pre-commit-config.yaml", HOOKS)(healthy)
    git(healthy.root, "add", ".")
    git(healthy.root, "commit", "-qm", "hook")
    git(healthy.root, "worktree", "add", "-q", str(tmp_path / "tree"))
    by_tree = {remark.subject: remark for remark in examined(tmp_path / "tree")}
    assert (by_tree["hook"].level, by_tree["hook"].remedy) == ("todo", "pre-commit install")
    hook = healthy.root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("")
    by_tree = {remark.subject: remark for remark in examined(tmp_path / "tree")}
    assert (by_tree["hook"].level, by_tree["git"].level, by_tree["modules"].level) == ("fine", "fine", "fine")


def test_a_submodule_is_a_repository(healthy: Repository, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q")
    git(outer, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(healthy.root), "inner")
    remarks = examined(outer / "inner")
    assert {remark.subject for remark in remarks} == SUBJECTS
    assert {remark.level for remark in remarks} == {"fine", "note"}


def test_a_bare_repository(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare")
    notes = {remark.subject: remark.said for remark in examined(tmp_path) if remark.level == "note"}
    assert notes["git"] == f"{tmp_path}: is in no working tree of git"


def test_an_empty_folder(tmp_path: Path) -> None:
    remarks = examined(tmp_path)
    notes = {remark.subject: remark for remark in remarks if remark.level == "note"}
    assert [remark for remark in remarks if remark.level in ("todo", "broken")] == []
    assert "`hfcodemod init` writes one" in notes["configuration"].remedy
    assert "in no working tree" in notes["git"].said
    assert (notes["modules"].said, notes["modules"].remedy) == ("0 are managed", "hfcodemod add NAME")
    assert list(tmp_path.iterdir()) == []


def test_bases_of_no_module(healthy: Repository) -> None:
    healthy.module("olmo").unlink()
    said = "1 file in .hfcodemod/base belongs to no module"
    assert Remark("modules", "note", said, "`hfcodemod migrate-all` removes it") in examined(healthy.root)


def test_what_is_missing_to_run_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hfcodemod.doctor.MODELS", ("pytest", "no-such-package"))
    (note,) = [remark for remark in examined(tmp_path) if remark.subject == "installed" and remark.level == "note"]
    assert note.said == "no-such-package not installed: modules can be made and migrated here, and not be run"


@pytest.mark.parametrize("installed", [FACTS, "4.57.0", None])
def test_facts_and_what_is_installed(
    healthy: Repository, monkeypatch: pytest.MonkeyPatch, installed: str | None
) -> None:
    monkeypatch.setattr("hfcodemod.doctor._version", lambda name: installed)
    notes = [remark.said for remark in examined(healthy.root) if (remark.subject, remark.level) == ("facts", "note")]
    assert notes == ([f"transformers 4.57.0 is installed, the facts are of {FACTS}"] if installed == "4.57.0" else [])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser writes everywhere")
def test_a_folder_that_cannot_be_written_to(healthy: Repository) -> None:
    folder = healthy.root / ".hfcodemod" / "base"
    folder.chmod(0o500)
    try:
        assert said(healthy) == [Remark("folder", "broken", f"{folder}: cannot be written to", f"chmod u+wx {folder}")]
    finally:
        folder.chmod(0o700)
