"""`hfcodemod probe`: what it finds is what the package has, and what is in the way is told."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from repository import Repository

from hfcodemod.architecture import Architecture, Head
from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.probing import probe
from hfcodemod.probing.probe import Probed, by_hand, probed, probed_all
from hfcodemod.recipes import recipe_of

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "hfcodemod" / "data" / "recipes"
KINDS = [
    "albert",
    "beit",
    "bigbird_pegasus",
    "blip",
    "clap",
    "detr",
    "falcon_h1",
    "hubert",
    "layoutlmv3",
    "mask2former",
    "patchtst",
    "qwen2_vl",
    "segformer",
    "speecht5",
    "tapas",
    "vilt",
]
"""Architectures of many kinds: together they need nearly every rule."""


@pytest.mark.parametrize("model_type", [name for name in KINDS if (RECIPES / f"{name}.json").is_file()])
def test_the_package_has_what_is_found(model_type: str) -> None:
    found = probed(load_snapshot(FACTS).architectures[model_type])
    assert found.recipe is not None, found.failures
    assert json.loads(json.dumps(found.recipe)) == json.loads((RECIPES / f"{model_type}.json").read_text())


@pytest.mark.parametrize(
    "model_type",
    [
        "mllama",
        "idefics",
        "informer",
        "pix2struct",
        "audioflamingo3",
        "unispeech",
        "siglip2",
        "lightglue",
        "qwen2_5_vl",
        "mimi",
        "longformer",
        "zoedepth",
        "pvt_v2",
        "seggpt",
        "t5",
    ],
)
def test_a_way_is_found_for_every_class(model_type: str) -> None:
    """Of stranger kinds the recipe may say some of it otherwise."""
    found, known = probed(load_snapshot(FACTS).architectures[model_type]), recipe_of(model_type)
    assert known is not None and found.recipe is not None
    assert found.recipe["heads"].keys() >= known.heads.keys() - known.blocked.keys()


def test_kinds_have_recipes() -> None:
    assert len([name for name in KINDS if (RECIPES / f"{name}.json").is_file()]) > 12


def test_a_recipe_is_written_into_the_repository_and_goes_first(repository: Repository) -> None:
    done = repository.run("probe", "vilt", "--jobs", "1")
    assert (done.code, done.out) == (0, "wrote 1 recipe to .hfcodemod/recipes\n")
    path = repository.root / ".hfcodemod" / "recipes" / "vilt.json"
    recipe = json.loads(path.read_text())
    assert recipe["config"]["hidden_size"] == 64
    path.write_text(json.dumps({**recipe, "config": {**recipe["config"], "hidden_size": 32}}))
    assert repository.run("add", "vilt").code == 0
    assert "hidden_size=32," in (repository.root / "tests" / "models" / "test_hf_vilt.py").read_text()
    path.write_text("[")
    broken = repository.run("add", "vilt", "--force")
    assert broken.code == 2
    assert broken.err.startswith(f"error: {path}: no recipe (")
    assert broken.err.endswith("make it again with `hfcodemod probe vilt`\n")


def test_what_is_in_the_way_is_told(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = Probed("vilt", None, {"ViltModel": "no inputs fit"}, 1.0)
    monkeypatch.setattr(probe, "probed_all", lambda wanted, jobs: iter([stuck]))
    done = repository.run("probe", "vilt")
    assert done.code == 1
    assert "ViltModel" in done.out and "no inputs fit" in done.out
    assert "wrote 0 recipes" in done.out
    assert "1 of 1 not solved" in done.err
    told = repository.run("probe", "vilt", "--json")
    assert "wrote 0 recipes" in told.err
    assert json.loads(told.out)[0]["failures"] == {"ViltModel": "no inputs fit"}


def test_a_recipe_stays_where_a_package_that_it_needs_is_not_installed(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = {"kind": "package", "name": "timm", "why": "It needs the package timm, which is not installed here."}
    without = Probed("vilt", {"blocked": {"ViltModel": why}})
    monkeypatch.setattr(probe, "probed_all", lambda wanted, jobs: iter([without]))
    done = repository.run("probe", "vilt")
    assert done.code == 1
    assert "it needs timm, which is not installed; its recipe stays as it is" in " ".join(done.out.split())
    path = repository.root / ".hfcodemod" / "recipes" / "vilt.json"
    assert not path.exists()
    path.parent.mkdir(parents=True)
    path.write_text("[")
    assert repository.run("probe", "vilt").code == 0
    assert json.loads(path.read_text()) == without.recipe


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "error: give a NAME, or --all; not both\n"),
        (("vilt", "--all"), "error: give a NAME, or --all; not both\n"),
        (("villtt",), "vilt"),
    ],
)
def test_wrong_use(arguments: tuple[str, ...], said: str, repository: Repository) -> None:
    done = repository.run("probe", *arguments)
    assert done.code == 2
    assert said in done.err


def test_without_torch(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["hfcodemod.probe"], "find_spec", lambda name: None)
    done = repository.run("probe", "vilt")
    assert done.code == 2
    assert "pip install 'hfcodemod[models]'" in done.err


def test_all_are_those_without_a_recipe_by_hand(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[str] = []

    def recorded(architectures: list[Architecture], jobs: int | None) -> Any:
        wanted.extend(item.model_type for item in architectures)
        return iter(())

    monkeypatch.setattr(probe, "probed_all", recorded)
    assert repository.run("probe", "--all").code == 0
    assert "vilt" in wanted and "gemma3" not in wanted and by_hand("gemma3")
    assert len(wanted) > 600


def test_one_that_takes_too_long_is_given_up() -> None:
    found = probed(load_snapshot(FACTS).architectures["vilt"], limit=0.01)
    assert (found.recipe, found.failures) == (None, {"*": "took longer than 0 s"})


def test_an_architecture_that_is_not_there_fails_alone() -> None:
    """In processes of their own, the others are found all the same."""
    known = load_snapshot(FACTS).architectures["vilt"]
    strange = Architecture("strange", "strange", "NoSuchConfig", heads=(Head("NoSuchModel", ("model",)),))
    found = {one.model_type: one for one in probed_all([strange, known], jobs=2)}
    assert found["strange"].recipe is None and not found["strange"].solved
    assert found["vilt"].solved


def test_a_class_that_cannot_be_built_is_left_out_with_the_reason() -> None:
    known = load_snapshot(FACTS).architectures["vilt"]
    more = Architecture("vilt", "vilt", "ViltConfig", heads=(*known.heads, Head("ViltForNothing", ("causal_lm",))))
    found = probed(more)
    assert found.failures.keys() == {"ViltForNothing"}
    assert found.recipe is not None
    assert found.recipe["blocked"]["ViltForNothing"]["kind"] == "unsolved"


def test_recipe_is_none_for_what_nobody_probed() -> None:
    assert recipe_of("no-such-type") is None
    assert "torch" in sys.modules
