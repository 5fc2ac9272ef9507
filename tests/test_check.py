"""`hfcodemod check`: what it finds, what it reads and loads, and that it writes nothing."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from repository import CONFIGURATION, Repository

from hfcodemod import rules as folder_of_rules
from hfcodemod.findings import CODES
from hfcodemod.ruleset import known_codes, rules

PAGES = Path(__file__).parents[1] / "docs" / "codes"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
RULE = '''\
"""A test that sleeps."""

import ast

from hfcodemod.findings import Finding

CODE = "HF299"
NAME = "sleeping-test"
DEFAULT = {default}
MESSAGE = "a test sleeps"


def findings(tree, source, path, facts):
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "sleep":
            yield Finding(path, node.lineno, node.col_offset + 1, CODE, f"sleeps in {{who(facts)}}", "wait for it")


def who(facts):
    return facts.stamp.name if facts.stamp else f"one of {{len(facts.catalog.architectures) > 500}}"
'''
SLEEP = "\nimport time\n\ndef test_sleep():\n    time.sleep(1)\n"


@pytest.fixture
def rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A rule in a folder of its own, found as the others are."""
    file = tmp_path / "rules" / "sleeping.py"
    file.parent.mkdir()
    file.write_text(RULE.format(default=True))
    monkeypatch.setattr(folder_of_rules, "__path__", [str(file.parent)])
    forget()
    yield file
    forget()


def forget() -> None:
    """Look for the rules again."""
    rules.cache_clear()
    known_codes.cache_clear()
    sys.modules.pop("hfcodemod.rules.sleeping", None)


def found(repository: Repository, *arguments: str) -> list[str]:
    """Path, line and code of what is found."""
    done = repository.run("check", *arguments, "--output-format", "json")
    findings = json.loads(done.out)["findings"]
    assert (done.code, done.err) == (min(len(findings), 1), "")
    return [f"{each['path'].rpartition('/')[2]}:{each['line']}:{each['code']}" for each in findings]


def said(repository: Repository, *arguments: str) -> str:
    """The lines of a check that finds something."""
    done = repository.run("check", *arguments)
    assert (done.code, done.err) == (1, "")
    return done.out


def refused(repository: Repository, *arguments: str) -> str:
    done = repository.run("check", *arguments)
    assert (done.code, done.out) == (2, "")
    return done.err


@pytest.mark.parametrize("code", [code.code for code in CODES])
def test_each_page_is_what_happens(code: str, repository: Repository) -> None:
    page = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    blocks = [COMMAND.findall(block) for block in BLOCK.findall(page)]
    assert len(blocks) == 2
    for commands in blocks:
        for command, answer in commands:
            if not command.startswith("hfcodemod "):
                assert subprocess.run(["bash", "-c", command], cwd=repository.root, check=False).returncode == 0
                continue
            words, _, aside = command.removeprefix("hfcodemod ").partition(" 2> ")
            done = repository.run(*words.split())
            assert (done.out, bool(done.err)) == (answer, bool(aside)), command
    assert f" {code} " in page and blocks[1][-1][0].startswith("hfcodemod check")
    assert blocks[1][-1][1].endswith(": nothing found\n")


def test_every_code_has_its_page() -> None:
    titles = {page.stem: page.read_text(encoding="utf-8").split("\n", 1)[0] for page in PAGES.glob("HF*.md")}
    assert titles == {code.code: f"# {code.code}: {code.name}" for code in known_codes().values()}


def test_nothing_is_written(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.9")
    before = repository.files()
    assert found(repository) == ["test_bert.py:3:HF101", "test_mistral.py:3:HF101", "test_olmo.py:3:HF101"]
    assert repository.files() == before


WATCHED = """
import sys
from pathlib import Path
opened = set()
root = str(Path.cwd())
sys.addaudithook(lambda event, args: event == "open" and str(args[0]).startswith(root) and opened.add(str(args[0])))
sys.argv = ["hfcodemod", "check", *sys.argv[1:]]
from hfcodemod.cli import main
try:
    main()
except SystemExit as left:
    print(left.code)
print(sorted(Path(file).relative_to(root).as_posix() for file in opened if Path(file).exists()))
print([name for name in ("libcst", "torch", "transformers", "rich.table", "yaml") if name in sys.modules])
"""


def test_a_clean_file_is_known_by_its_hash(repository: Repository) -> None:
    assert repository.run("migrate-all").code == 0
    arguments = [sys.executable, "-c", WATCHED, "suite/test_olmo.py"]
    done = subprocess.run(arguments, cwd=repository.root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "1 file: nothing found",
        "0",
        "['.hfcodemod/cache.json', 'pyproject.toml', 'suite/llama.py', 'suite/test_olmo.py']",
        "[]",
    ]


def test_all_clean_files_load_nothing_heavy(repository: Repository) -> None:
    assert repository.run("migrate-all").code == 0
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], cwd=repository.root, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("4 files: nothing found\n")
    assert done.stdout.endswith("\n[]\n")


def test_an_edited_module_is_in_step(repository: Repository) -> None:
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.9")
    assert found(repository) == []


def test_a_conflict_to_come(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.9")
    assert said(repository, "suite/test_olmo.py") == (
        "suite/test_olmo.py:3:1: HF101 not in step: bringing it in step makes 1 conflict; "
        "`hfcodemod migrate suite/test_olmo.py` shows and keeps them\n1 finding in 1 file\n"
    )


def test_a_conflict_with_its_markers(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.9")
    assert repository.run("migrate-all", "--markers").code == 1
    assert said(repository) == (
        "suite/test_olmo.py:8:1: HF102 a conflict waits, and its markers stand here; "
        "edit it, then type `hfcodemod resolve suite/test_olmo.py --edited`; or --ours, or --theirs\n"
        "1 finding in 4 files\n"
    )


def test_a_conflict_that_the_skeleton_took_back(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.9")
    assert repository.run("migrate", "olmo").code == 1
    repository.edit(repository.skeleton, "LIMIT = 0.7", "LIMIT = 0.5")
    assert said(repository, "suite/test_olmo.py") == (
        "suite/test_olmo.py:3:1: HF101 its conflicts are gone, as the skeleton is now; "
        "`hfcodemod migrate suite/test_olmo.py` says so\n1 finding in 1 file\n"
    )
    assert repository.run("migrate", "olmo").code == 0
    assert found(repository) == []


def test_a_module_that_is_no_text(repository: Repository) -> None:
    path = repository.module("olmo")
    path.write_bytes(path.read_bytes().replace(b"LIMIT = 0.5", b"LIMIT = '\xff'"))
    assert said(repository).startswith("suite/test_olmo.py:8:1: HF110 not utf-8 (invalid start byte); convert")


def test_a_file_that_is_both_out_of_step_and_unreadable_is_told_once(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    repository.edit(repository.module("olmo"), "class TestOlmo:", "class TestOlmo")
    assert found(repository, "suite/test_olmo.py") == ["test_olmo.py:15:HF110"]


def test_a_module_that_lost_its_base_and_its_step_is_told_once(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    repository.edit(repository.module("olmo"), "LIMIT = 0.5", "LIMIT = 0.9")
    for base in (repository.root / ".hfcodemod" / "base").iterdir():
        base.write_text("another")
    assert found(repository, "suite/test_olmo.py") == ["test_olmo.py:3:HF107"]


def test_paths(repository: Repository, tmp_path: Path) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    one, two = "test_bert.py:3:HF101", "test_olmo.py:3:HF101"
    other = repository.root / "lib"
    other.mkdir()
    (other / "README.md").write_text("")
    assert found(repository, "suite/test_bert.py", "suite/test_olmo.py", "suite/test_bert.py") == [one, two]
    assert found(repository, str(repository.module("bert"))) == [one]
    assert found(repository, "lib", "lib/README.md") == []
    assert found(repository, "suite") == [one, "test_mistral.py:3:HF101", two]
    link = tmp_path / "link"
    link.symlink_to(repository.root / "suite")
    assert found(repository, str(link / "test_bert.py")) == [one]


@pytest.mark.parametrize("path", ["pyproject.toml", "suite/llama.py"])
def test_a_file_that_modules_are_made_from_stands_for_all(path: str, repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    assert found(repository, path, "suite/test_bert.py") == found(repository)
    assert len(found(repository)) == 3


def test_an_excluded_path_is_passed_over(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    pyproject = repository.root / "pyproject.toml"
    pyproject.write_text('[tool.hfcodemod]\nexclude = ["suite"]\n' + CONFIGURATION)
    assert found(repository, "suite/test_bert.py") == []


@pytest.mark.parametrize("own", ["pyproject.toml", ".hfcodemod"])
def test_a_tree_that_is_managed_on_its_own_is_passed_over(own: str, repository: Repository) -> None:
    below = repository.root / "below"
    (below / "tests").mkdir(parents=True)
    path = below / "tests" / "test_olmo.py"
    path.write_bytes(repository.module("olmo").read_bytes().replace(b"class TestOlmo:", b"class TestOlmo"))
    assert found(repository, "below/tests/test_olmo.py") == ["test_olmo.py:15:HF110"]
    if own == ".hfcodemod":
        (below / own).mkdir()
    else:
        (below / own).write_text("[tool.hfcodemod]\n")
    assert found(repository, "below/tests/test_olmo.py") == found(repository) == []


def test_a_path_that_is_not_there(repository: Repository, tmp_path: Path) -> None:
    assert refused(repository, "suite/test_none.py") == (
        f"error: {repository.root}/suite/test_none.py: there is no such file or folder; give the path of one, or none "
        "for all\n"
    )
    elsewhere = tmp_path / "test_x.py"
    elsewhere.write_text("")
    assert refused(repository, str(elsewhere)) == (
        f"error: {elsewhere}: is not below {repository.root}; run the command in the repository that it belongs to\n"
    )


def test_a_copy_without_stamp_has_lost_none_where_its_model_is_there(repository: Repository) -> None:
    text = repository.text("olmo").split("\n")
    (repository.root / "suite" / "test_gemma.py").write_text("\n".join(text[:2] + text[4:]))
    # What a copy holds is another matter: its checkpoint is that of the model it was copied from.
    assert found(repository, "suite/test_gemma.py") == ["test_gemma.py:5:HF208"]
    repository.module("olmo").unlink()
    assert found(repository, "suite/test_gemma.py") == ["test_gemma.py:1:HF106", "test_gemma.py:5:HF208"]


def test_a_broken_skeleton_is_no_finding(repository: Repository) -> None:
    repository.edit(repository.skeleton, "class TestLlama:", "class TestLlama")
    assert refused(repository) == (
        f"error: {repository.skeleton}:13: the skeleton does not parse (expected ':'); mend it first\n"
    )


def test_select_and_ignore(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    repository.edit(repository.module("olmo"), "class TestOlmo:", "class TestOlmo")
    step = ["test_bert.py:3:HF101", "test_mistral.py:3:HF101"]
    assert found(repository, "--select", "HF101") == step
    assert found(repository, "--select", "HF10,HF0") == step
    assert found(repository, "--ignore", "HF10") == ["test_olmo.py:15:HF110"]
    assert found(repository, "--ignore", "hf101,HF110") == []
    assert found(repository, "--select", "HF1", "--ignore", "HF110", "--ignore", "HF0") == step
    assert found(repository, "--select", "HF110", "--ignore", "HF1") == ["test_olmo.py:15:HF110"]


@pytest.mark.parametrize("option", ["--select", "--ignore"])
def test_an_unknown_code(option: str, repository: Repository) -> None:
    assert refused(repository, option, "HF101,HF110X") == f"error: {option} HF110X: no such code; did you mean HF110?\n"


def test_an_unknown_format(repository: Repository) -> None:
    assert refused(repository, "--output-format", "sarf") == (
        "error: --output-format sarf: no such format; did you mean sarif?\n"
    )


def test_without_managed_files(hfcodemod: object, tmp_path: Path) -> None:
    done = hfcodemod("check")  # type: ignore[operator]  # the fixture of conftest.py
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 files: nothing found\n", "")


def test_rules_run_over_what_somebody_wrote(rule: Path, repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.5\n" + SLEEP)
    assert repository.run("migrate-all").code == 0
    module = repository.module("olmo")
    # What is generated is told where it comes from.
    assert said(repository) == ("suite/llama.py:11:5: HF299 sleeps in one of True; wait for it\n1 finding in 4 files\n")
    module.write_text(module.read_text() + "\nOWN = 1\n")
    assert found(repository) == ["llama.py:11:HF299", "test_olmo.py:13:HF299"]
    assert said(repository, "suite/test_olmo.py") == (
        "suite/test_olmo.py:13:5: HF299 sleeps in olmo; wait for it\n1 finding in 1 file\n"
    )


def test_a_skeleton_in_which_nothing_is_found_is_read_once(rule: Path, repository: Repository) -> None:
    """Until it changes, pytest is told something else, or other rules are asked."""
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.6")
    assert repository.run("migrate-all").code == 0
    skeleton = repository.skeleton.read_text()
    # The rule now finds what it did not find before: only who asks it anew is told.
    rule.write_text(
        RULE.format(default=True).replace("ast.Attribute", "ast.ClassDef").replace('.attr == "sleep"', ".name")
    )
    forget()
    assert found(repository) == []
    assert found(repository, "--select", "HF2") == ["llama.py:13:HF299"]
    assert found(repository, "--ignore", "HF101") == ["llama.py:13:HF299"]
    (repository.root / "pytest.ini").write_text("[pytest]\n")
    assert found(repository) == ["llama.py:13:HF299"]
    (repository.root / "pytest.ini").unlink()
    assert found(repository) == []
    repository.skeleton.write_text(skeleton + "\n\nOTHER = 1\n")
    assert "llama.py:13:HF299" in found(repository)


def test_rules_run_over_the_folder_of_a_skeleton_and_its_overlay(rule: Path, repository: Repository) -> None:
    folder = repository.root / "skeleton"
    folder.mkdir()
    for path in (folder / "canonical.py", repository.root / "overlay.py"):
        path.write_text(SLEEP)
    tables = '[tool.hfcodemod]\nskeleton = "skeleton"\noverlay = "overlay.py"\n'
    (repository.root / "pyproject.toml").write_text(tables + CONFIGURATION)
    assert found(repository) == ["overlay.py:5:HF299", "canonical.py:5:HF299"]
    assert found(repository, "skeleton/canonical.py", "--select", "HF2") == found(repository)


def test_rules_run_over_test_files_that_are_given(rule: Path, repository: Repository) -> None:
    for name in ("test_x.py", "x_test.py", "x.py"):
        (repository.root / name).write_text(SLEEP)
    given = ["test_x.py:5:HF299", "x_test.py:5:HF299"]
    assert found(repository) == []
    assert found(repository, "test_x.py", "x_test.py", "x.py") == given
    assert found(repository, ".") == given
    (repository.root / "test_x.py").write_text("def f(:\n")
    assert found(repository, "test_x.py") == ["test_x.py:1:HF110"]


def test_a_rule_that_is_off(rule: Path, repository: Repository) -> None:
    rule.write_text(RULE.format(default=False))
    path = repository.root / "test_x.py"
    path.write_text(SLEEP.replace("(1)", "(1)  # hfcodemod: ignore[HF299] slow disk"))
    assert found(repository, "test_x.py") == []
    path.write_text(SLEEP)
    assert found(repository, "test_x.py") == []
    assert found(repository, "test_x.py", "--select", "HF2") == ["test_x.py:5:HF299"]


def test_a_comment_ignores_what_a_rule_finds(rule: Path, repository: Repository) -> None:
    path = repository.root / "test_x.py"
    path.write_text(SLEEP.replace("(1)", "(1)  # hfcodemod: ignore[HF299] slow disk"))
    assert found(repository, "test_x.py") == []
    path.write_text(SLEEP.replace("(1)", "(1)  # hfcodemod: ignore[HF299, HF101] slow disk"))
    assert found(repository, "test_x.py") == ["test_x.py:5:HF002"]
    assert found(repository, "test_x.py", "--ignore", "HF101") == []
    assert found(repository, "test_x.py", "--ignore", "HF002") == []
    path.write_text(SLEEP.replace("(1)", "(1  # hfcodemod: ignore[HF299] slow disk"))
    assert found(repository, "test_x.py") == ["test_x.py:5:HF110"]


def test_a_comment_beside_the_stamp(repository: Repository) -> None:
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.7")
    comment = "# hfcodemod: ignore[HF101] the old limit holds here, base=old\n"
    repository.edit(repository.module("olmo"), "# hfcodemod: olmo", f"{comment}# hfcodemod: olmo")
    assert found(repository, "suite/test_olmo.py") == []
    repository.module("bert").write_text(repository.text("bert").replace("import math", f"{comment}import math", 1))
    assert found(repository, "suite/test_bert.py") == ["test_bert.py:3:HF101", "test_bert.py:5:HF002"]


def test_the_table_of_codes_is_that_of_the_program() -> None:
    rows = re.findall(r"^\| \[(HF[01]\d\d)\]\(\1\.md\) \| (.*?) \| (.*?) \|$", (PAGES / "index.md").read_text(), re.M)
    assert rows == [(code.code, code.name, code.message) for code in CODES]
