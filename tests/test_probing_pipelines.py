"""Pipelines that take text are called for the classes that read nothing else, and what they fail at is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.probing.pipelines import TOKENIZER, add_calls

RECIPES = Path(__file__).parents[1] / "hfcodemod" / "data" / "recipes"


def recipe(model_type: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((RECIPES / f"{model_type}.json").read_text())
    return found


def without_calls(model_type: str) -> dict[str, Any]:
    """The package's recipe as it was before the pipelines were tried."""
    known = recipe(model_type)
    known.pop("pipelines", None)
    known["fragments"] = [name for name in known["fragments"] if name != TOKENIZER]
    known["without"] = {test: why for test, why in known["without"].items() if "_pipeline_" not in test}
    return known


@pytest.mark.parametrize("model_type", ["apertus", "ibert", "jina_embeddings_v3", "longt5", "dpr", "clap"])
def test_the_package_has_the_calls_that_are_found(model_type: str) -> None:
    found = without_calls(model_type)
    add_calls(found, load_snapshot(FACTS).architectures[model_type])
    assert found == recipe(model_type)


def test_what_a_pipeline_fails_at_is_told() -> None:
    said = recipe("jina_embeddings_v3")["without"]["test_pipeline_fill_mask"]
    assert said.startswith("it fails at `assert len({round(answer[0]")
    assert recipe("longt5")["without"]["test_pipeline_feature_extraction"].startswith("ValueError: You have to specify")


def test_classes_of_the_skeleton_are_named_as_those_that_ran() -> None:
    said = recipe("dia")["without"]["test_pipeline_feature_extraction"]
    assert "SmolLM3" not in said


def test_what_takes_more_than_text_is_not_called() -> None:
    assert "pipelines" not in recipe("clap")
    assert "feature-extraction" not in recipe("qwen3_5").get("pipelines", ())
