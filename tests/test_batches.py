"""The batches in which what is missing is planned."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from importlib import import_module
from itertools import pairwise

import pytest
from repository import Repository

from hfcodemod import recipes, requests
from hfcodemod.batches import SIZE, Batch, batch_of, batches_of
from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.errors import UserError
from hfcodemod.families import Families
from hfcodemod.names import identifier, resolve
from hfcodemod.recipes import Recipe


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_snapshot(FACTS)


@pytest.fixture(scope="module")
def planned(catalog: Catalog) -> tuple[Batch, ...]:
    return batches_of(catalog)


def test_each_model_type_with_a_class_is_in_one_batch(catalog: Catalog, planned: tuple[Batch, ...]) -> None:
    having = [name for name, item in catalog.architectures.items() if item.heads]
    assert sorted(name for batch in planned for name in batch.model_types) == sorted(having)
    assert [batch.number for batch in planned] == list(range(1, len(planned) + 1))


def test_a_batch_is_whole_families_or_a_part_of_a_large_one(catalog: Catalog, planned: tuple[Batch, ...]) -> None:
    families = Families(catalog.architectures)
    parts = Counter(family for batch in planned for family in batch.families)
    for batch in planned:
        assert 0 < len(batch.model_types) <= SIZE
        assert set(batch.families) == {families.of(name) for name in batch.model_types}
        if any(parts[family] > 1 for family in batch.families):
            assert len(batch.families) == 1 and len(families.members[batch.families[0]]) > SIZE
    assert {family for family, count in parts.items() if count > 1} == {"bert", "gemma", "glm", "qwen"}


def test_what_writes_text_and_is_used_most_comes_first(planned: tuple[Batch, ...]) -> None:
    order = list(dict.fromkeys(family for batch in planned for family in batch.families))
    assert order[:4] == ["llama", "qwen", "bert", "mistral"]
    assert planned[0].model_types[0] == "llama" and planned[1].model_types[0] == "qwen2"
    # Siglip is a part of more families than any that writes text but llama and qwen, and writes none.
    places = [order.index(name) for name in ("llama", "t5", "pegasus", "siglip", "clip", "vits")]
    assert places == sorted(places)


def test_a_batch_ends_where_the_next_family_does_not_fit(catalog: Catalog, planned: tuple[Batch, ...]) -> None:
    members = Families(catalog.architectures).members
    for batch, following in pairwise(planned):
        whole = all(len(members[family]) <= SIZE for family in batch.families)
        if whole:
            assert len(batch.model_types) + len(members[following.families[0]]) > SIZE


def test_batches_are_the_same_in_each_process() -> None:
    program = (
        "from hfcodemod.batches import batches_of; from hfcodemod.catalog import load_snapshot\n"
        f"print(batches_of(load_snapshot('{FACTS}')))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


@pytest.mark.parametrize("number", [0, -1, 1000])
def test_a_batch_that_there_is_not(catalog: Catalog, number: int) -> None:
    with pytest.raises(UserError, match=rf"no batch {number}; there are 1 to \d+, and `hfcodemod list --missing`"):
        batch_of(number, catalog)


def test_names_collide_nowhere(catalog: Catalog) -> None:
    """Not where a file system ignores case, nor where pytest or somebody who reads a report goes by class names."""
    targets = [resolve(name, catalog) for name, item in catalog.architectures.items() if item.heads]
    for names in ([target.name.casefold() for target in targets], [target.class_name for target in targets]):
        assert len(names) == 649
        assert [name for name, count in Counter(names).items() if count > 1] == []
    assert all(target.name == identifier(target.original) and target.class_name.isidentifier() for target in targets)
    assert all(f"test_hf_{target.name}".isidentifier() for target in targets)


def listed(repository: Repository, *options: str) -> list[dict[str, str]]:
    done = repository.run("list", "--missing", "--skeleton", "suite", "--json", *options)
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert isinstance(found, list)
    return found


def test_what_has_a_module_is_not_missing(repository: Repository, planned: tuple[Batch, ...]) -> None:
    found = listed(repository)
    assert len(found) == 646 and not {one["model_type"] for one in found} & {"mistral", "olmo", "bert"}
    assert found[0] == {"model_type": "llama", "batch": 1, "family": "llama", "obstacle": ""}
    numbers = {name: batch.number for batch in planned for name in batch.model_types}
    assert [(one["model_type"], one["batch"]) for one in found] == [
        (name, number) for name, number in numbers.items() if name not in ("mistral", "olmo", "bert")
    ]


def test_a_module_under_another_name_is_one(repository: Repository) -> None:
    assert repository.run("add", "llama-3", "--skeleton", "suite").code == 0
    assert repository.run("add", "new", "--like", "qwen2", "--skeleton", "suite").code == 0
    assert not {one["model_type"] for one in listed(repository)} & {"llama", "qwen2"}


def test_modules_of_another_skeleton_do_not_count(repository: Repository) -> None:
    done = repository.run("list", "--missing", "--json")
    assert len(json.loads(done.out)) == 649


def test_a_module_of_what_transformers_does_not_have_is_nobodys(repository: Repository) -> None:
    before = listed(repository)
    assert repository.run("add", "yolov4", "--skeleton", "suite").code == 0
    repository.edit(repository.root / "pyproject.toml", "[tool.hfcodemod.architectures.yolov4]", "[tool.other]")
    assert listed(repository) == before


def test_a_file_in_the_place_of_a_module_is_told(repository: Repository) -> None:
    repository.module("llama").write_text("x = 1\n")
    told = {one["model_type"]: one["obstacle"] for one in listed(repository)}
    assert told["llama"] == "suite/test_llama.py is not managed; `hfcodemod adopt` changes that"
    assert told["qwen2"] == ""


def test_why_none_can_be_made_is_told(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    blocked = {
        f"Olmo2{head}": {"kind": "package", "name": "natten", "why": "It needs natten."}
        for head in ("Model", "ForCausalLM", "ForSequenceClassification")
    }
    known = recipes.recipe_of
    for module in (recipes, requests):
        monkeypatch.setattr(
            module, "recipe_of", lambda name, own=None: Recipe(blocked=blocked) if name == "olmo2" else known(name)
        )
    found = repository.run("list", "--missing", "--family", "olmo")
    rows = {row.split("\t")[2]: row.split("\t")[3] for row in found.out.splitlines()}
    assert rows["olmo"] == "" and rows["olmo2"] == "none of its classes can run: It needs natten"
    assert found.err.startswith(f"{len(rows)} model types are missing, of which `hfcodemod add` can make ")
    assert found.err.endswith(f"the first: hfcodemod add --batch {found.out.splitlines()[0][:2]}\n")
    refused = repository.run("add", "olmo2")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == "error: olmo2: none of its classes can run: It needs natten; nothing was written\n"


def test_filters_narrow_what_is_missing(repository: Repository) -> None:
    by_family = {one["model_type"] for one in listed(repository, "--family", "mistral")}
    assert by_family and "mistral" not in by_family
    both = {one["model_type"] for one in listed(repository, "--family", "mistral", "--task", "text-generation")}
    assert both < by_family


def test_nothing_is_missing(repository: Repository) -> None:
    done = repository.run("list", "--missing", "--family", "olmo", "--task", "fill-mask")
    assert (done.code, done.out, done.err) == (0, "", "none is missing\n")


def test_nothing_can_be_made(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(import_module("hfcodemod.missing"), "why_no_module", lambda item, own: "there is no recipe yet")
    done = repository.run("list", "--missing", "--family", "opt")
    assert done.out.split("\t")[1:] == ["opt", "opt", "there is no recipe yet\n"]
    assert done.err == "1 model type is missing, and `hfcodemod add` can make none of them\n"


def test_the_family_is_told(repository: Repository) -> None:
    rows = [row.split("\t") for row in repository.run("list", "--family", "qwen").out.splitlines()]
    assert {row[1] for row in rows} == {"qwen"} and len(rows) == 34
    said = json.loads(repository.run("list", "--family", "qwen", "--task", "fill-mask", "--json").out)
    assert said == []
    assert json.loads(repository.run("show", "qwen2", "--json").out)["family"] == "qwen"
    assert json.loads(repository.run("show", "yolov4", "--json").out)["family"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--family", "qwem"], "no family 'qwem'; the nearest: qwen", id="unknown-family"),
        pytest.param(["--skeleton", "suite"], "give --missing too", id="skeleton-without-missing"),
        pytest.param(["--missing", "--skeleton", "awq"], "no skeleton 'awq'", id="unknown-skeleton"),
    ],
)
def test_bad_input(repository: Repository, arguments: list[str], message: str) -> None:
    done = repository.run("list", *arguments)
    assert (done.code, done.out) == (2, "")
    assert message in done.err and done.err.count("\n") == 1
