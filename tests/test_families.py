"""Families: found by a rule over names, folders and modalities."""

from __future__ import annotations

import pytest

from hfcodemod.architecture import Architecture, Head
from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.families import Families


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_snapshot("5.23.0")


@pytest.fixture(scope="module")
def families(catalog: Catalog) -> Families:
    return Families(catalog.architectures)


@pytest.mark.parametrize(
    ("family", "members"),
    [
        pytest.param("llama", ["llama", "llama4", "llama4_text", "mllama", "diffllama"], id="versions and glued words"),
        pytest.param("qwen", ["qwen2", "qwen2_vl", "qwen3_moe", "qwen3_omni_moe_thinker"], id="no bare name"),
        pytest.param("gemma", ["gemma3n", "paligemma", "recurrent_gemma"], id="a name behind a word"),
        pytest.param("t5", ["t5", "mt5", "umt5", "longt5"], id="a name of which its version is a part"),
        pytest.param("wav2vec", ["wav2vec2", "wav2vec2-bert", "wav2vec2-conformer"], id="the first of two names"),
        pytest.param("bert", ["bert", "roc_bert", "distilbert", "modernbert-decoder"], id="a name at the end"),
        pytest.param("nemotron", ["nemotron", "nemo_speechlm"], id="by the folder, whatever the model type"),
        pytest.param("glm", ["glm", "glm46v", "glm_image_vqmodel", "glmasr"], id="a version with a letter"),
        pytest.param("detr", ["detr", "dab-detr", "rt_detr_resnet"], id="the last word"),
        pytest.param("dino", ["dinov2", "grounding-dino", "mm-grounding-dino"], id="the whole of another folder"),
        pytest.param("blip", ["blip", "blip-2", "instructblipvideo"], id="in two steps"),
        pytest.param("owl", ["owlvit", "owlv2"], id="the beginning before the end"),
        pytest.param("muse", ["muse_spark", "muse_glimmer_text"], id="only a first word in common"),
        pytest.param("encoder_decoder", ["encoder-decoder", "vision-encoder-decoder"], id="no single word"),
    ],
)  # fmt: skip
def test_what_belongs_together_is_a_family(families: Families, family: str, members: list[str]) -> None:
    assert {families.of(name) for name in members} == {family}
    assert set(members) <= set(families.members[family])


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param("hubert", "bert", id="hears, and does not read"),
        pytest.param("bitnet", "bit", id="reads, and does not see"),
        pytest.param("vits", "vit", id="speaks, and does not see"),
        pytest.param("hyperclovax", "hy_v3", id="two letters in another word"),
        pytest.param("vision-text-dual-encoder", "vit", id="a word that is no name"),
    ],
)
def test_names_that_only_look_alike_are_no_family(families: Families, name: str, other: str) -> None:
    assert families.of(name) != families.of(other)


def test_every_model_type_with_a_class_is_in_one_family(catalog: Catalog, families: Families) -> None:
    listed = [name for members in families.members.values() for name in members]
    assert sorted(listed) == sorted(name for name, item in catalog.architectures.items() if item.heads)
    assert list(families.members) == sorted(families.members)
    assert len(families.members) < len(listed) / 2


def test_what_is_alone_is_called_as_its_folder(families: Families) -> None:
    assert [families.of(name) for name in ("florence2", "mgp-str", "speecht5")] == ["florence2", "mgp_str", "speecht5"]


def test_a_model_type_without_a_class_has_a_family_too(catalog: Catalog, families: Families) -> None:
    name = next(name for name, item in catalog.architectures.items() if not item.heads)
    assert families.of(name)
    assert name not in {member for members in families.members.values() for member in members}


def test_an_architecture_of_tomorrow_needs_no_entry(catalog: Catalog) -> None:
    heads = (Head("New", ("model",)),)
    new = {name: Architecture(name, name, "C", heads=heads, modalities=("text",)) for name in ("llama9", "nobody")}
    families = Families({**catalog.architectures, **new})
    assert (families.of("llama9"), families.of("nobody")) == ("llama", "nobody")
