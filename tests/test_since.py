"""What came, went or has another name between two versions of transformers, and what to type."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from conftest import Run
from repository import EXTRA, Repository

import hfcodemod
from hfcodemod import recipes
from hfcodemod.architecture import Architecture, Head
from hfcodemod.catalog import SNAPSHOT, Catalog, available_versions, load_snapshot, write_snapshot
from hfcodemod.cli import COMMANDS
from hfcodemod.config import FACTS
from hfcodemod.differences import Change, differences
from hfcodemod.recipes import Recipe


def architecture(model_type: str, prefix: str, *classes: str | Head, **facts: object) -> Architecture:
    """An architecture with classes of these kinds, each for one task, and a checkpoint of its own."""
    heads = [
        one if isinstance(one, Head) else Head(f"{prefix}{one}", (one.removeprefix("For").lower(),)) for one in classes
    ]
    known: dict[str, object] = {"checkpoint": f"org/{model_type}", "modalities": ("text",), **facts}
    return Architecture(model_type, model_type, f"{prefix}Config", prefix, tuple(heads), **known)  # type: ignore[arg-type]


def catalog(*items: Architecture) -> Catalog:
    return Catalog("1.0", {item.model_type: item for item in items}, {}, {})


OLD = architecture("old", "Old", "Model", "ForCausalLM")


def told(before: Architecture | Catalog, now: Architecture | Catalog) -> list[Change]:
    both = (one if isinstance(one, Catalog) else catalog(one) for one in (before, now))
    return differences(*both)


def test_nothing_changed() -> None:
    assert told(OLD, OLD) == []


def test_parts_without_a_class_are_passed_over() -> None:
    part = architecture("part", "Part")
    assert told(catalog(OLD, part), OLD) == told(OLD, catalog(OLD, part)) == []


def test_a_model_type_came_or_went() -> None:
    new = architecture("new", "New", "Model")
    assert told(OLD, catalog(OLD, new)) == [Change("model type", "came", "new", "", "new", "1 class")]
    assert told(catalog(OLD, new), OLD) == [Change("model type", "went", "new", "new", "", "1 class")]


def test_a_model_type_that_gets_its_first_class_came() -> None:
    other = architecture("other", "Other", "Model", "ForCausalLM")
    before, now = catalog(replace(OLD, heads=()), other), catalog(OLD, other)
    assert told(before, now) == [Change("model type", "came", "old", "", "old", "2 classes")]


@pytest.mark.parametrize(
    "now",
    [
        pytest.param(architecture("new", "New", "Model", "ForCausalLM", checkpoint="org/old"), id="another-prefix"),
        pytest.param(
            architecture("new", "New", "Model", "ForCausalLM", "ForQuestion", checkpoint="org/old"), id="one-class-more"
        ),
        pytest.param(replace(OLD, model_type="new", checkpoint=None), id="the-same-classes"),
    ],
)
def test_a_model_type_has_another_name(now: Architecture) -> None:
    (change,) = [one for one in told(OLD, now) if one.what == "model type"]
    assert change == Change("model type", "renamed", "new", "old", "new", f"{len(now.heads)} classes")


@pytest.mark.parametrize(
    "now",
    [
        pytest.param((architecture("new", "New", "Model", "ForCausalLM"),), id="another-checkpoint"),
        pytest.param(
            (architecture("new", "New", "Model", "ForCausalLM", checkpoint="org/old", modalities=("image",)),),
            id="another-input",
        ),
        pytest.param((architecture("new", "New", "ForX", "ForCausalLM", checkpoint="org/old"),), id="other-classes"),
        pytest.param(
            tuple(architecture(name, name, "Model", "ForCausalLM", checkpoint="org/old") for name in ("New", "Newer")),
            id="two-could-be-meant",
        ),
        pytest.param((OLD, architecture("new", "New", "Model", "ForCausalLM", checkpoint="org/old")), id="still-there"),
    ],
)
def test_no_name_is_guessed(now: tuple[Architecture, ...]) -> None:
    assert "renamed" not in {one.how for one in told(OLD, catalog(*now))}


def test_without_a_checkpoint_a_likeness_is_not_enough() -> None:
    now = architecture("new", "New", "Model", "ForCausalLM", checkpoint=None)
    assert {one.how for one in told(replace(OLD, checkpoint=None), now)} == {"came", "went"}


def test_a_class_came_went_or_has_another_name() -> None:
    now = replace(OLD, heads=(OLD.heads[0], Head("OldForQuestion", ("question",))))
    other = catalog(architecture("other", "Other", "ForCausalLM", "ForQuestion"))
    before, after = (replace(other, architectures={**other.architectures, "old": item}) for item in (OLD, now))
    assert told(before, after) == [
        Change("head", "came", "old", "", "OldForQuestion"),
        Change("head", "went", "old", "OldForCausalLM", ""),
    ]
    renamed = replace(
        OLD, prefix="OLD", heads=tuple(replace(one, name=one.name.upper()[:3] + one.name[3:]) for one in OLD.heads)
    )
    assert told(OLD, renamed) == [
        Change("head", "renamed", "old", "OldModel", "OLDModel"),
        Change("head", "renamed", "old", "OldForCausalLM", "OLDForCausalLM"),
    ]


def test_a_class_that_another_model_type_still_has_has_no_other_name() -> None:
    mine = replace(OLD, heads=(Head("OtherForCausalLM", ("causallm",)),))
    other = architecture("other", "Other", "Model", "ForCausalLM")
    now = replace(OLD, heads=(Head("OldForCausalLM", ("causallm",)),))
    assert told(catalog(mine, other), catalog(now, other)) == [
        Change("head", "came", "old", "", "OldForCausalLM"),
        Change("head", "went", "old", "OtherForCausalLM", ""),
    ]


def test_the_classes_of_a_model_type_with_another_name_are_followed() -> None:
    now = architecture("new", "New", "Model", "ForCausalLM", checkpoint="org/old")
    changes = told(OLD, replace(now, heads=(*now.heads, Head("NewForX", ("causallm",)))))
    assert [(one.what, one.how, one.before, one.now) for one in changes] == [
        ("model type", "renamed", "old", "new"),
        ("head", "renamed", "OldModel", "NewModel"),
        ("head", "renamed", "OldForCausalLM", "NewForCausalLM"),
        ("head", "came", "", "NewForX"),
    ]


def serving(*tasks: tuple[str, ...]) -> Catalog:
    """A model type for each, with one class that serves these tasks and a pipeline."""
    names = [f"m{number}" for number in range(len(tasks))]
    return catalog(
        *(
            architecture(name, name, Head(f"{name}Model", own, ("text",)))
            for name, own in zip(names, tasks, strict=True)
        )
    )


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        pytest.param(
            serving(("a",), ("a", "b")),
            serving(("a", "b"), ("a",)),
            [Change("task", "came", "m0", "", "b", "m0Model"), Change("task", "went", "m1", "b", "", "m1Model")],
            id="of-one-class",
        ),
        pytest.param(
            serving(("a",), ("a",)),
            serving(("a", "b"), ("a",)),
            [Change("task", "came", "", "", "b", "1 class")],
            id="for-the-first-time",
        ),
        pytest.param(
            serving(("a", "b"), ("a", "b")),
            serving(("a",), ("a",)),
            [Change("task", "went", "", "b", "", "2 classes")],
            id="everywhere",
        ),
        pytest.param(
            serving(("a", "b"), ("a", "b")),
            serving(("a", "c"), ("a", "c")),
            [Change("task", "renamed", "", "b", "c", "2 classes")],
            id="under-another-name",
        ),
        pytest.param(
            serving(("a", "b"), ("a", "b")),
            serving(("a", "c"), ("a",)),
            [Change("task", "came", "", "", "c", "1 class"), Change("task", "went", "", "b", "", "2 classes")],
            id="of-fewer-classes",
        ),
        pytest.param(
            serving(("a", "b")),
            serving(("a", "c", "d")),
            [
                Change("task", "came", "", "", "c", "1 class"),
                Change("task", "came", "", "", "d", "1 class"),
                Change("task", "went", "", "b", "", "1 class"),
            ],
            id="two-could-be-meant",
        ),
    ],
)
def test_tasks(before: Catalog, now: Catalog, expected: list[Change]) -> None:
    assert told(before, now) == expected


def test_a_pipeline_is_a_task() -> None:
    now = replace(OLD, heads=(replace(OLD.heads[0], pipelines=("feature-extraction",)), OLD.heads[1]))
    assert told(OLD, now) == [Change("task", "came", "", "", "feature-extraction", "1 class")]


@pytest.mark.parametrize(
    ("before", "now", "how"), [("org/a", "org/b", "renamed"), ("", "org/b", "came"), ("org/a", "", "went")]
)
def test_checkpoints(before: str, now: str, how: str) -> None:
    changes = told(replace(OLD, checkpoint=before or None), replace(OLD, checkpoint=now or None))
    assert [(one.what, one.how, one.model_type, one.before, one.now) for one in changes] == [
        ("checkpoint", how, "old", before, now)
    ]


@pytest.mark.parametrize("version", [version for version in available_versions() if version != FACTS])
def test_shipped_versions_differ_both_ways_alike(version: str) -> None:
    old, new = load_snapshot(version), load_snapshot(FACTS)
    assert old.version == version
    there = differences(old, new)
    back = differences(new, old)
    assert len(there) == len(back) > 50
    turned = {"came": "went", "went": "came", "renamed": "renamed"}
    assert sorted((one.what, one.how, one.before, one.now) for one in there) == sorted(
        (one.what, turned[one.how], one.now, one.before) for one in back
    )


def test_a_class_that_transformers_renamed() -> None:
    changes = differences(load_snapshot("5.0.0"), load_snapshot(FACTS))
    renamed = [(one.model_type, one.before, one.now) for one in changes if one.what == "head" and one.how == "renamed"]
    assert renamed == [
        ("ernie4_5_vl_moe", "Ernie4_5_VL_MoeModel", "Ernie4_5_VLMoeModel"),
        ("ernie4_5_vl_moe", "Ernie4_5_VL_MoeForConditionalGeneration", "Ernie4_5_VLMoeForConditionalGeneration"),
    ]


def past(repository: Repository, changed: Mapping[str, Architecture | None], version: str = "5.1") -> None:
    """Give the repository the facts of an earlier version, in which some architectures were others, or not there."""
    now = load_snapshot(FACTS)
    items = {**now.architectures, **changed}
    before = replace(
        now, version=version, architectures={name: item for name, item in items.items() if item is not None}
    )
    write_snapshot(before, repository.root / ".hfcodemod" / "facts" / SNAPSHOT.format(version=version))


def since(repository: Repository) -> list[dict[str, str]]:
    done = repository.run("list", "--since", "5.1", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert isinstance(found, list)
    return found


def type_it(repository: Repository, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a command as it was said, of which the parts that are ours run in this process."""
    monkeypatch.chdir(repository.root)
    for part in command.split(" && "):
        words = shlex.split(part)
        if words[0] == "hfcodemod":
            assert words[1] in {name for commands in COMMANDS.values() for name in commands}
            assert repository.run(*words[1:]).code == 0, part
        else:
            subprocess.run(words, cwd=repository.root, check=True)


NOW = load_snapshot(FACTS).architectures


def test_what_to_type_without_a_module(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    llama, t5 = NOW["llama"], NOW["t5"]
    gone = architecture("gone", "Gone", "Model")
    fewer = replace(t5, heads=t5.heads[:-1])
    past(repository, {"llama": None, "t5": fewer, "vit": replace(NOW["vit"], checkpoint="org/vit"), "gone": gone})
    commands = {(one["what"], one["how"], one["model_type"]): one["command"] for one in since(repository)}
    assert commands == {
        ("model type", "came", "llama"): "hfcodemod add llama",
        ("model type", "went", "gone"): "",
        ("head", "came", "t5"): "hfcodemod add t5",
        ("checkpoint", "renamed", "vit"): "hfcodemod add vit",
    }
    type_it(repository, commands["model type", "came", "llama"], monkeypatch)
    there = {(one["what"], one["model_type"]): one["command"] for one in since(repository)}
    assert there["model type", "llama"] == "hfcodemod check tests/models/test_hf_llama.py"
    type_it(repository, there["model type", "llama"], monkeypatch)
    assert llama.heads


def test_what_to_type_where_there_is_no_recipe(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = Recipe(blocked={head.name: {"why": "It is broken."} for head in NOW["bart"].heads})
    some = {"bart": blocked, "t5": Recipe(heads={"T5Model": {}}), "bert": recipes.recipe_of("bert")}
    for module in ("recipes", "since"):
        monkeypatch.setattr(import_module(f"hfcodemod.{module}"), "recipe_of", lambda name, own=None: some.get(name))
    fewer = replace(NOW["t5"], heads=NOW["t5"].heads[:1])
    past(repository, {"llama": None, "bart": None, "t5": fewer})
    commands = {(one["model_type"], one["now"]): one["command"] for one in since(repository)}
    assert commands["llama", "llama"] == "hfcodemod probe llama"
    assert commands["bart", "bart"] == "hfcodemod show bart"
    assert commands["t5", NOW["t5"].heads[1].name] == "hfcodemod probe t5"


def test_what_to_type_with_modules(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of what changed are migrated, and a head that went asks for nothing where there is none."""
    olmo, opt = NOW["olmo"], NOW["opt"]
    more = (*opt.heads, Head("OPTForNothing", ("masked_lm",)))
    past(repository, {"olmo": replace(olmo, checkpoint="org/olmo"), "opt": replace(opt, heads=more)})
    commands = {(one["what"], one["how"], one["model_type"]): one["command"] for one in since(repository)}
    assert commands == {
        ("checkpoint", "renamed", "olmo"): "hfcodemod migrate suite/test_olmo.py",
        ("head", "went", "opt"): "",
    }
    type_it(repository, commands["checkpoint", "renamed", "olmo"], monkeypatch)


def test_many_modules_are_migrated_together(repository: Repository) -> None:
    for number in range(5):
        assert repository.run("add", f"mine-{number}", "--like", "olmo", "--skeleton", "suite").code == 0
    past(repository, {"olmo": replace(NOW["olmo"], checkpoint="org/olmo")})
    (change,) = since(repository)
    assert change["command"] == "hfcodemod migrate-all"


def undecided(head: Head) -> Head:
    """A class without the task that came last."""
    tasks, pipelines = (tuple(one for one in ones if one != "decision") for ones in (head.tasks, head.pipelines))
    return replace(head, tasks=tasks, pipelines=pipelines)


def test_a_task_of_many_classes_is_told_once(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def serves(item: Architecture) -> Architecture:
        heads = tuple(replace(head, tasks=(*head.tasks, "of_old")) for head in item.heads)
        return replace(item, heads=heads)

    without = {name: replace(item, heads=tuple(map(undecided, item.heads))) for name, item in NOW.items()}
    past(repository, {**without, "olmo": serves(without["olmo"]), "bert": serves(without["bert"])})
    changes = since(repository)
    assert [(one["how"], one["before"], one["now"], one["command"]) for one in changes] == [
        ("came", "", "decision", "hfcodemod add --task decision"),
        ("went", "of_old", "", "hfcodemod migrate-all"),
    ]
    type_it(repository, changes[1]["command"], monkeypatch)
    for name in ("mistral", "olmo", "bert"):
        repository.module(name).unlink()
    assert since(repository)[1]["command"] == ""


def test_a_model_type_that_went_leaves_nothing_to_test(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = architecture("gone", "Gone", "Model")
    past(repository, {"gone": gone, "code_llama": architecture("code_llama", "CodeLlama", "Model")})
    pin(repository, "5.1")
    assert repository.run("add", "gone", "code_llama", "--skeleton", "suite").code == 0
    pin(repository, None)
    subprocess.run(["git", "init", "-q"], cwd=repository.root, check=True)
    subprocess.run(["git", "add", "suite"], cwd=repository.root, check=True)
    commands = {one["before"]: one["command"] for one in since(repository)}
    # As a name it stands for llama now.
    assert commands == {"gone": "git rm suite/test_gone.py", "code_llama": "hfcodemod migrate suite/test_code_llama.py"}
    subprocess.run([*shlex.split(commands["gone"]), "--force", "--quiet"], cwd=repository.root, check=True)
    type_it(repository, commands["code_llama"], monkeypatch)
    assert repository.run("check", "--ignore", "HF113").code == 0


def pin(repository: Repository, version: str | None) -> None:
    """Let the configuration pin the facts of a version, or those that the package ships."""
    path = repository.root / "pyproject.toml"
    text = path.read_text().removeprefix('[tool.hfcodemod]\nfacts = "5.1"\n')
    path.write_text(f'[tool.hfcodemod]\nfacts = "{version}"\n{text}' if version else text)


def test_a_module_follows_a_model_type_with_another_name(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was edited by hand goes with it, and so does a module that is like it."""
    before = architecture(
        "o.lmo-old", "OOld", "Model", "ForCausalLM", checkpoint=NOW["olmo"].checkpoint, modalities=("text",)
    )
    now = replace(
        NOW["olmo"], heads=tuple(head for head in NOW["olmo"].heads if head.name in ("OlmoModel", "OlmoForCausalLM"))
    )
    catalog_now = load_snapshot(FACTS)
    architectures = {name: item for name, item in NOW.items() if name != "olmo"}
    past(repository, {**architectures, "olmo": None, "o.lmo-old": before})
    write_snapshot(
        replace(catalog_now, version="5.2", architectures={**NOW, "olmo": now}),
        repository.root / ".hfcodemod" / "facts" / SNAPSHOT.format(version="5.2"),
    )
    repository.module("olmo").unlink()
    pin(repository, "5.1")
    assert repository.run("add", "o.lmo-old", "--skeleton", "suite").code == 0
    assert repository.run("add", "mine", "--like", "o.lmo-old", "--skeleton", "suite").code == 0
    mine = repository.module("mine")
    mine.write_text(mine.read_text() + EXTRA)
    assert "class TestOOld:" in repository.text("o_lmo_old")
    text = (repository.root / "pyproject.toml").read_text()
    (repository.root / "pyproject.toml").write_text(text.replace('facts = "5.1"', 'facts = "5.2"'))
    (change,) = [one for one in since(repository) if one["what"] == "model type"]
    assert (change["how"], change["before"], change["now"]) == ("renamed", "o.lmo-old", "olmo")
    type_it(repository, change["command"], monkeypatch)
    followed = repository.text("o_lmo_old")
    assert "class TestOlmo:" in followed and "OOld" not in followed and "# hfcodemod: olmo skeleton=" in followed
    assert "# hfcodemod: mine like=olmo skeleton=suite base=" in mine.read_text() and EXTRA in mine.read_text()
    assert repository.run("check", "--select", "HF1").code == 0


def test_a_table_for_people_and_pipes(hfcodemod: Run) -> None:
    done = hfcodemod("list", "--since", "5.0.0")
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert {len(row) for row in rows} == {7}
    assert ["model type", "went", "code_llama", "code_llama", "", "3 classes", ""] in rows
    assert done.stderr.startswith("transformers 5.23.0 since 5.0.0: model types: ")


def test_the_same_version(repository: Repository) -> None:
    done = repository.run("list", "--since", FACTS)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"nothing came, went or has another name in transformers {FACTS} since {FACTS}\n"


def test_from_python(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    past(repository, {"llama": None})
    monkeypatch.chdir(repository.root)
    (step,) = hfcodemod.since("5.1", root=repository.root)
    assert (step.change.now, step.command) == ("llama", "hfcodemod add llama")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--since", "5.1.0"], "there are 4.57.6, 5.0.0, 5.13.0, 5.23.0; to read", id="unknown-version"),
        pytest.param(
            ["--since", "5.1.0"],
            "pip install --no-deps --target SOMEWHERE transformers==5.1.0 && hfcodemod facts --from",
            id="how-to-read-it",
        ),
        pytest.param(["--since", "yesterday"], "no version of transformers; there are", id="no-version"),
        pytest.param(["--since", ""], "no version of transformers; there are", id="empty"),
        pytest.param(["--since", "5.0.0", "--missing"], "leave it out, or --missing", id="since-and-missing"),
        pytest.param(["--since", "5.0.0", "--task", "fill-mask"], "leave it out, or --task", id="since-and-a-task"),
    ],
)
def test_bad_input(repository: Repository, arguments: list[str], message: str) -> None:
    done = repository.run("list", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err and done.err.startswith("error: ") and done.err.count("\n") == 1


def test_a_damaged_snapshot_is_named(repository: Repository) -> None:
    path = repository.root / ".hfcodemod" / "facts" / SNAPSHOT.format(version="5.1")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x1f\x8b broken")
    done = repository.run("list", "--since", "5.1")
    assert done.code == 2 and str(path) in done.err and done.err.count("\n") == 1


def test_snapshots_are_small() -> None:
    folder = Path(hfcodemod.__file__).parent / "data"
    sizes = {path.name: path.stat().st_size for path in folder.glob("facts-*.json.gz")}
    assert len(sizes) == len(available_versions()) and max(sizes.values()) < 100_000
