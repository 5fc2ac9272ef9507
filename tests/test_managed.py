"""Which files are managed, and what is said where that is not clear. docs/state.md lists the states and remedies."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from repository import CONFIGURATION, EXTRA, NAMES, NEW, OLD, Repository

PAGE = Path(__file__).parents[1] / "docs" / "state.md"
STAMP = re.compile(r"^# hfcodemod: mistral skeleton=suite base=(\w{8})$", re.MULTILINE)

Do = Callable[[Repository], None]


def rows() -> dict[str, tuple[int, str]]:
    """The table of the page: what happened, the exit code of migrate-all, what it says."""
    found = re.findall(r"^\| (.+?) \| (\d) \| (.*?) ?\|$", PAGE.read_text(), re.MULTILINE)
    return {state: (int(code), said) for state, code, said in found}


def stamp(repository: Repository) -> str:
    (found,) = re.findall(STAMP.pattern, repository.text("mistral"), re.MULTILINE)
    return f"# hfcodemod: mistral skeleton=suite base={found}"


def restamped(old: str, new: str) -> Do:
    return lambda repository: repository.edit(repository.module("mistral"), old, new)


def base(repository: Repository) -> Path:
    return repository.root / ".hfcodemod" / "base" / stamp(repository)[-8:]


def without_stamp(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), f"{stamp(repository)}\n", "")


def copied(repository: Repository) -> None:
    shutil.copy(repository.module("mistral"), repository.module("gemma3"))


def moved_and_copied(repository: Repository) -> None:
    """By git, as somebody would who wants one more of a module that gets a better name."""
    git = ["git", "-C", str(repository.root)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "mv", "suite/test_mistral.py", "suite/test_mistral_v1.py"], check=True)
    shutil.copy(repository.root / "suite" / "test_mistral_v1.py", repository.module("gemma3"))


def second_stamp(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), "import math\n", f"{stamp(repository)}\n\nimport math\n")


def wrong_base(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), stamp(repository)[-8:], "0123abcd")


def broken(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), stamp(repository)[-8:], "0123")


def no_base(repository: Repository) -> None:
    base(repository).unlink()


def changed_base(repository: Repository) -> None:
    base(repository).write_text("import math\n")


def windows_base(repository: Repository) -> None:
    base(repository).write_bytes(base(repository).read_bytes().replace(b"\n", b"\r\n"))


def no_state(repository: Repository) -> None:
    shutil.rmtree(repository.root / ".hfcodemod")


def moved(repository: Repository) -> None:
    (repository.root / "elsewhere").mkdir()
    repository.module("mistral").rename(repository.root / "elsewhere" / "check.py")


def deleted(repository: Repository) -> None:
    repository.module("mistral").unlink()


def released(repository: Repository) -> None:
    repository.edit(repository.module("mistral"), stamp(repository), "# hfcodemod: own")


def no_skeleton(repository: Repository) -> None:
    (repository.root / "pyproject.toml").write_text("")


def spoilt_cache(repository: Repository) -> None:
    (repository.root / ".hfcodemod" / "cache.json").write_text('["in_step"]')


def nested(repository: Repository) -> None:
    inner = repository.root / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[tool.hfcodemod]\n")
    shutil.copy(repository.module("mistral"), inner / "test_it.py")


STATES: dict[str, Do] = {
    "a stamp was deleted": without_stamp,
    "a module was copied": copied,
    "a module was moved by git, then copied": moved_and_copied,
    "the name in a stamp is not known": restamped(": mistral ", ": mistrall "),
    "the name in a stamp is that of another architecture": restamped(": mistral ", ": gemma3 "),
    "the name in a stamp is that of another module": restamped(": mistral ", ": olmo "),
    "the base in a stamp is another": wrong_base,
    "a stamp is broken": broken,
    "a module has two stamps": second_stamp,
    "a base is missing": no_base,
    "a base was changed": changed_base,
    "a base has other line ends": windows_base,
    "`.hfcodemod` is missing": no_state,
    "a module was moved or renamed": moved,
    "a module was deleted": deleted,
    "a module was released": released,
    "a skeleton left the configuration": no_skeleton,
    "the cache is damaged": spoilt_cache,
    "a folder below is managed on its own": nested,
}


def adopted(*arguments: str) -> Do:
    def run(repository: Repository) -> None:
        done = repository.run("adopt", *arguments)
        assert done.code == 0, done.err

    return run


def restored(repository: Repository) -> None:
    """The base, as git would put it back."""
    body = repository.text("mistral").replace(EXTRA, "")
    base(repository).parent.mkdir(parents=True, exist_ok=True)
    name = stamp(repository)[-8:]
    lines = body.replace(f"{stamp(repository)}\n\n", "").split("\n")
    base(repository).write_text("".join(f"{name}|{line}\n" for line in lines))


def configured(repository: Repository) -> None:
    (repository.root / "pyproject.toml").write_text(CONFIGURATION)


def one_stamp(repository: Repository) -> None:
    path = repository.module("mistral")
    line = STAMP.findall(repository.text("mistral"))[0]
    line = f"# hfcodemod: mistral skeleton=suite base={line}\n\n"
    path.write_text(repository.text("mistral").replace(line, "", 1))


MISTRAL = "suite/test_mistral.py"
ADOPTED = "adopted"
REMEDIES = [
    pytest.param("a stamp was deleted", adopted(MISTRAL), ADOPTED, id="adopt a file whose stamp was deleted"),
    pytest.param(
        "a module was copied",
        adopted("suite/test_gemma3.py", "--as", "gemma3", "--force"),
        "migrated",
        id="adopt a copy as another module",
    ),
    pytest.param(
        "a module was moved by git, then copied",
        adopted("suite/test_gemma3.py", "--as", "gemma3", "--force"),
        "moved",
        id="adopt a copy of a moved module as another",
    ),
    pytest.param(
        "a module was copied",
        lambda repository: repository.module("gemma3").unlink(),
        "migrated",
        id="delete a copy",
    ),
    pytest.param(
        "the name in a stamp is not known",
        restamped(": mistrall ", ": mistral "),
        "migrated",
        id="write back a name that is not known",
    ),
    pytest.param(
        "the name in a stamp is not known", adopted(MISTRAL, "--as", "mistral"), ADOPTED, id="adopt under a known name"
    ),
    pytest.param(
        "the name in a stamp is that of another architecture",
        restamped(": gemma3 ", ": mistral "),
        "migrated",
        id="write back a name that is another's",
    ),
    pytest.param(
        "the name in a stamp is that of another module",
        adopted(MISTRAL, "--as", "mistral"),
        ADOPTED,
        id="adopt under its own name",
    ),
    pytest.param("the base in a stamp is another", adopted(MISTRAL), ADOPTED, id="adopt a file with a wrong base"),
    pytest.param("a stamp is broken", adopted(MISTRAL), ADOPTED, id="adopt a file with a broken stamp"),
    pytest.param("a module has two stamps", one_stamp, "migrated", id="delete a second stamp"),
    pytest.param("a base is missing", restored, "migrated", id="restore a missing base"),
    pytest.param("a base is missing", adopted(MISTRAL), ADOPTED, id="adopt a file without a base"),
    pytest.param("a base was changed", restored, "migrated", id="restore a changed base"),
    pytest.param("a base was changed", adopted(MISTRAL), ADOPTED, id="adopt a file with a changed base"),
    pytest.param("`.hfcodemod` is missing", restored, "migrated", id="restore .hfcodemod"),
    pytest.param("`.hfcodemod` is missing", adopted(MISTRAL), ADOPTED, id="adopt where .hfcodemod is missing"),
    pytest.param("a skeleton left the configuration", configured, "migrated", id="configure a skeleton again"),
]


def edited(repository: Repository) -> None:
    """One module edited by hand, then the skeleton changed."""
    path = repository.module("mistral")
    path.write_text(repository.text("mistral") + EXTRA)


def change(repository: Repository) -> None:
    repository.edit(repository.skeleton, OLD, NEW)


def test_every_row_of_the_page_is_tried() -> None:
    assert list(rows()) == list(STATES)


@pytest.mark.parametrize("state", STATES)
def test_what_is_said_where(repository: Repository, state: str) -> None:
    edited(repository)
    STATES[state](repository)
    change(repository)
    before = repository.files()
    code, said = rows()[state]
    done = repository.run("migrate-all")
    assert (done.code, done.err.replace(f"{repository.root}/", "")) == (
        code,
        "".join(f"{line}\n" for line in re.findall(r"`` (.+?) ``", said)),
    )
    now = repository.files()
    files = {name for name in now if name.startswith(("suite/", "elsewhere/", "inner/")) and now[name] != before[name]}
    others = {"suite/test_olmo.py", "suite/test_bert.py"}
    mistral = {name for name in files if "mistral" in name or name == "elsewhere/check.py"}
    if state == "a skeleton left the configuration":
        assert files == set()
    elif state == "the name in a stamp is that of another module":
        assert files == {"suite/test_bert.py"}
    else:
        assert others <= files and files - others == mistral
    follows = code == 0 and state not in (
        "the name in a stamp is not known",
        "a module was deleted",
        "a module was released",
        "a skeleton left the configuration",
    )
    assert [NEW.encode() in now[name] and EXTRA.encode() in now[name] for name in mistral] == [True] * follows
    again = repository.run("migrate-all")
    assert (again.code, again.err) == (done.code, done.err) and repository.files() == now


@pytest.mark.parametrize(("state", "remedy", "outcome"), REMEDIES)
def test_the_remedy_works(repository: Repository, state: str, remedy: Do, outcome: str) -> None:
    edited(repository)
    STATES[state](repository)
    change(repository)
    told = repository.run("migrate-all")
    assert told.err
    remedy(repository)
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (0, "")
    path = repository.root / "suite" / ("test_mistral_v1.py" if outcome == "moved" else "test_mistral.py")
    # What was adopted keeps its form of what the skeleton had changed; the next change reaches it.
    assert (NEW in path.read_text()) is (outcome != ADOPTED)
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    assert repository.run("migrate-all").code == 0
    assert "LIMIT = 0.25" in path.read_text() and EXTRA in path.read_text()
    assert len(STAMP.findall(path.read_text())) == 1
    assert repository.run("migrate-all").out.endswith(" in step\n")


def test_what_is_wrong_is_told_though_the_skeleton_did_not_change(repository: Repository) -> None:
    without_stamp(repository)
    done = repository.run("migrate-all")
    assert (done.code, done.out.splitlines()[-1]) == (2, "1 refused, 2 in step")
    assert done.err.startswith(f"error: {repository.module('mistral')}: lost its stamp; ")


def test_a_file_that_lost_its_stamp_is_released(repository: Repository) -> None:
    old = stamp(repository)
    without_stamp(repository)
    path = repository.module("mistral")
    repository.edit(path, '."""\n', '."""\n\n# hfcodemod: own\n')
    assert old not in repository.text("mistral")
    done = repository.run("migrate-all")
    assert (done.code, done.out, done.err) == (0, "2 in step\n", "")


def test_own_above_a_definition_releases_nothing_else(repository: Repository) -> None:
    without_stamp(repository)
    repository.edit(repository.module("mistral"), "def rounded", "# hfcodemod: own\ndef rounded")
    assert repository.run("migrate-all").code == 2


def test_a_file_that_lost_its_stamp_and_does_not_parse(repository: Repository) -> None:
    without_stamp(repository)
    repository.edit(repository.module("mistral"), "(value):", "(value)\n# hfcodemod: own")
    done = repository.run("migrate-all")
    assert (done.code, done.out.splitlines()[-1]) == (2, "1 refused, 2 in step")


def test_a_file_of_another_kind_has_not_lost_a_stamp(repository: Repository) -> None:
    """Neither another test where modules lie, nor what has the lines of a module elsewhere."""
    text = repository.text("mistral").replace(f"{stamp(repository)}\n", "")
    repository.module("mistral").unlink()
    repository.module("speed").write_text("def test_speed():\n    assert 1 < 2\n")
    (repository.root / "old.py").write_text(text)
    done = repository.run("migrate-all")
    assert (done.code, done.out, done.err) == (0, "2 in step\n", "")


def test_a_deleted_module_stays_deleted_and_its_base_goes(repository: Repository) -> None:
    old = base(repository)
    deleted(repository)
    change(repository)
    assert old.exists()
    assert repository.run("migrate-all").out.endswith("2 replaced, 0 in step\n")
    assert not old.exists() and not repository.module("mistral").exists()
    assert len(list(old.parent.iterdir())) == 2
    assert repository.run("migrate-all").out == "2 in step\n"


def test_no_base_goes_while_something_is_wrong(repository: Repository) -> None:
    old = base(repository)
    without_stamp(repository)
    change(repository)
    assert repository.run("migrate-all").code == 2
    assert old.exists()
    assert repository.run("migrate", "olmo").code == 0
    assert old.exists()


def test_an_architecture_that_left_the_facts(repository: Repository) -> None:
    assert repository.run("add", "yolov4", "--skeleton", "suite").code == 0
    text = repository.text("yolov4")
    configuration = repository.root / "pyproject.toml"
    configuration.write_text(CONFIGURATION.partition("[tool.hfcodemod.arch")[0])
    change(repository)
    done = repository.run("migrate-all")
    assert (done.code, done.out.splitlines()[-1]) == (0, "1 kept, 3 replaced, 0 in step")
    assert done.err.startswith("kept: suite/test_yolov4.py: no architecture 'yolov4'; the nearest: ")
    assert repository.text("yolov4") == text
    configuration.write_text(CONFIGURATION)
    assert repository.run("migrate-all").out.endswith("1 replaced, 3 in step\n")
    assert NEW in repository.text("yolov4")


def test_a_skeleton_may_begin_to_name_the_architecture(repository: Repository) -> None:
    text = repository.skeleton.read_text()
    repository.skeleton.write_text("def test_score():\n    assert 1 < 2\n")
    assert repository.run("migrate-all").out.endswith("3 replaced, 0 in step\n")
    assert "istral" not in repository.text("mistral").replace(stamp(repository), "")
    repository.skeleton.write_text(text)
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (0, "") and done.out.endswith("3 replaced, 0 in step\n")
    assert "class TestMistral:" in repository.text("mistral")


def test_a_skeleton_whose_own_value_has_no_start(repository: Repository) -> None:
    """It is told once, not with each module, and not as if the modules were to blame."""
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.5  # hfcodemod: own = (")
    before = repository.files()
    for command in (["migrate-all"], ["add", "gemma3", "--skeleton", "suite"]):
        done = repository.run(*command)
        assert (done.code, done.out) == (2, "")
        said = "the skeleton does not parse (the start of an own value does not parse: '('); mend it first"
        assert done.err == f"error: {repository.skeleton}:6: {said}\n"
    assert repository.files() == before


@pytest.mark.parametrize(
    "state", [pytest.param("{}", id="empty"), pytest.param("{", id="cut"), pytest.param('{"engine": 1}', id="other")]
)
def test_a_cache_is_made_again(repository: Repository, state: str) -> None:
    repository.run("migrate-all")
    cache = repository.root / ".hfcodemod" / "cache.json"
    whole = cache.read_bytes()
    cache.write_text(state)
    assert repository.run("migrate-all").out == "3 in step\n"
    assert json.loads(cache.read_bytes())["in_step"] == json.loads(whole)["in_step"]
    cache.unlink()
    assert repository.run("migrate-all").out == "3 in step\n"


def test_a_stale_cache_hides_nothing(repository: Repository) -> None:
    repository.run("migrate-all")
    cache = repository.root / ".hfcodemod" / "cache.json"
    stale = cache.read_bytes()
    change(repository)
    edited(repository)
    repository.run("migrate-all")
    cache.write_bytes(stale)
    repository.edit(repository.module("mistral"), EXTRA, f"{EXTRA}{EXTRA.replace('extra', 'more')}")
    repository.edit(repository.skeleton, "LIMIT = 0.5", "LIMIT = 0.25")
    assert repository.run("migrate-all").out.endswith("1 merged, 2 replaced, 0 in step\n")
    assert "LIMIT = 0.25" in repository.text("mistral") and "test_more" in repository.text("mistral")


def test_a_folder_in_place_of_the_state_is_refused(repository: Repository) -> None:
    (repository.root / ".hfcodemod" / "cache.json").unlink(missing_ok=True)
    (repository.root / ".hfcodemod" / "cache.json").mkdir()
    change(repository)
    before = repository.files()
    done = repository.run("migrate-all")
    assert done.code == 2
    assert done.err == (
        f"error: {repository.root}/.hfcodemod/cache.json: is a folder where a file belongs; move it away\n"
    )
    assert repository.files() == before
    (repository.root / ".hfcodemod" / "cache.json").rmdir()
    assert repository.run("migrate-all").code == 0


def test_a_file_in_place_of_the_bases_is_refused(repository: Repository) -> None:
    bases = repository.root / ".hfcodemod" / "base"
    shutil.rmtree(bases)
    bases.write_text("")
    assert repository.run("migrate-all").out == "3 in step\n"
    change(repository)
    before = repository.files()
    done = repository.run("migrate-all")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"error: {bases}") and done.err.count("\n") == 1
    assert repository.files() == before
    bases.unlink()
    assert repository.run("migrate-all").out.endswith("3 replaced, 0 in step\n")


@pytest.mark.parametrize(
    ("inner", "managed"),
    [
        pytest.param("[tool.hfcodemod]\n", False, id="with a table of its own"),
        pytest.param('[tool.hfcodemod.skeletons.a]\npath = "a.py"\n', False, id="with a skeleton of its own"),
        pytest.param("[tool.other]\n", True, id="of something else"),
        pytest.param("[tool.hfcodemod\n", True, id="that is not TOML"),
        pytest.param(None, False, id="of a state alone"),
    ],
)
def test_a_folder_below_with_a_configuration(repository: Repository, inner: str | None, managed: bool) -> None:
    folder = repository.root / "inner"
    folder.mkdir()
    if inner is None:
        (folder / ".hfcodemod").mkdir()
    else:
        (folder / "pyproject.toml").write_text(inner)
    repository.module("mistral").rename(folder / "test_it.py")
    assert repository.run("migrate-all").out == f"{2 + managed} in step\n"


def test_excluded_folders_and_environments_hold_no_modules(repository: Repository) -> None:
    (repository.root / "pyproject.toml").write_text(f'[tool.hfcodemod]\nexclude = ["old/*"]\n{CONFIGURATION}')
    for name, folder in zip(NAMES, ("old", "environment/lib", ".hidden"), strict=True):
        (repository.root / folder).mkdir(parents=True)
        repository.module(name).rename(repository.root / folder / "test_it.py")
    (repository.root / "environment" / "pyvenv.cfg").write_text("")
    assert repository.run("migrate-all").out == "0 in step\n"


def test_marks_in_a_skeleton_are_no_stamps(repository: Repository) -> None:
    overlay = repository.root / "suite" / "test_overlay.py"
    overlay.write_text("# hfcodemod: a note of ours, base=0123\n\nLIMIT = 0.75  # hfcodemod: override\n")
    repository.edit(
        repository.root / "pyproject.toml", 'path = "suite/', 'overlay = "suite/test_overlay.py"\npath = "suite/'
    )
    done = repository.run("migrate-all")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("3 replaced, 0 in step\n")
