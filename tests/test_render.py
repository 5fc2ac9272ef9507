"""Rendering: the committed modules, what is left of the reference, and what every rendering has in common."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import libcst as cst
import pytest
from golden import GOLDEN, REQUESTS, rendered
from hypothesis import given, settings
from hypothesis import strategies as st

from hfcodemod.architecture import Architecture, Head, Target
from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.config import FACTS
from hfcodemod.counterparts import counterparts
from hfcodemod.errors import UserError
from hfcodemod.loader import codemod
from hfcodemod.names import bare, resolve
from hfcodemod.recipes import Recipe, check_fields, model_types_with_recipe, recipe_of, why_no_module
from hfcodemod.render import needs_recipe, render
from hfcodemod.requests import fingerprint
from hfcodemod.skeletons import Part, shipped_skeleton
from hfcodemod.spelling import leftovers, spellings
from hfcodemod.stamp import without_stamp

ROOT = Path(__file__).parents[1]
MODULES = sorted(GOLDEN.glob("test_hf_*.py"))


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_snapshot(FACTS)


def reference_of_the_skeleton(catalog: Catalog) -> Architecture:
    return catalog.architectures[shipped_skeleton().canonical.reference]


def source_for(target: Target, catalog: Catalog, recipe: Recipe | None = None) -> str:
    """The shipped skeleton for a target."""
    recipe = recipe or recipe_of(target.architecture.model_type)
    return render(target, shipped_skeleton(), catalog.architectures, catalog.configurations, recipe).source


def test_golden_modules_are_what_is_rendered(tmp_path: Path) -> None:
    made = {addition.path.name: addition.text for addition in rendered(tmp_path)}
    assert made == {path.name: path.read_text(encoding="utf-8") for path in MODULES}
    assert len(made) == len(REQUESTS) == 23


def test_golden_modules_are_clean_and_formatted() -> None:
    """By the bare rules that a module promises to meet, whatever this repository asks of itself."""
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "120"]
    files = list(map(str, MODULES))
    for command in (["check", *options, "--select", "E,F,I"], ["format", *options, "--check"]):
        done = subprocess.run([*ruff, *command, *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_golden_modules_do_not_need_hfcodemod() -> None:
    allowed = {"PIL", "pytest", "tokenizers", "torch", "transformers"}
    for path in MODULES:
        found = re.findall(r"^(?:from|import) (\w+)", path.read_text(), re.MULTILINE)
        assert set(found) - set(sys.stdlib_module_names) <= allowed, path.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_nothing_is_left_of_the_reference(path: Path, catalog: Catalog) -> None:
    text = path.read_text().lower()
    for spelling in spellings(reference_of_the_skeleton(catalog)):
        assert spelling.lower() not in text
        assert bare(spelling) not in re.sub(r"[-_. ]", "", text)


@settings(max_examples=40)
@given(data=st.data())
def test_rendering_is_deterministic_and_idempotent(data: st.DataObject) -> None:
    """Over all names that have a recipe to run, with any name and checkpoint of somebody's own."""
    catalog = load_snapshot(FACTS)
    able = [name for name in model_types_with_recipe() if not why_no_module(catalog.architectures[name])]
    model_type = data.draw(st.sampled_from(able))
    words = st.from_regex(r"[a-z][a-z0-9]{0,8}(?:[-.][a-z0-9]{1,6}){0,3}", fullmatch=True)
    name = data.draw(words.filter(lambda word: bare(word) not in {bare(known) for known in catalog.architectures}))
    model_id = f"{data.draw(words)}/{data.draw(words)}"
    try:
        target = resolve(name, catalog, like=model_type, model_id=model_id)
    except UserError as refused:
        # A name in use means something else already.
        assert name in str(refused)
        return
    source = source_for(target, catalog)
    assert source == source_for(target, catalog)
    compile(source, "module.py", "exec")
    assert f"class Test{target.class_name}:" in source
    assert f'MODEL_ID = "{model_id}"' in source
    module = cst.parse_module(source)
    # Each codemod that knows the target finds nothing more to do.
    recipe = recipe_of(model_type)
    assert recipe is not None
    writer = codemod("write_tiny_config", "TinyConfigWriter")
    for transformer in (
        codemod("sort_imports", "ImportSorter")(),
        codemod("drop_unused_definitions", "UnusedDefinitionDropper")(),
        codemod("leave_out_tests", "TestLeaver")(recipe.without),
        writer(target.architecture.config, recipe.config),
    ):
        visited = module.visit(transformer)
        assert isinstance(visited, cst.Module)
        assert visited.code == source


@pytest.mark.parametrize("model_type", model_types_with_recipe())
def test_recipes_are_complete(model_type: str, catalog: Catalog) -> None:
    recipe = recipe_of(model_type)
    architecture = catalog.architectures[model_type]
    assert recipe is not None
    assert {*recipe.heads, *recipe.blocked} == {head.name for head in architecture.heads}
    check_fields(recipe, architecture, catalog.configurations)
    for name, head in recipe.heads.items():
        exceptional = head.keys() & {"half", "inert", "single", "untrained"}
        assert not exceptional or head.get("why"), f"{name} makes an exception without a reason"
    assert set(recipe.fragments) <= set(shipped_skeleton().fragments)


def test_without_a_checkpoint_no_test_names_one(catalog: Catalog) -> None:
    target = resolve("pp_lcnet_v3", catalog)
    source = source_for(target, catalog)
    assert not target.checkpoint
    assert "MODEL_ID" not in source and "SmolLM3" not in source
    assert "# test_real_checkpoint is left out: no checkpoint of it is known." in source
    named = source_for(dataclasses.replace(target, checkpoint="org/lcnet"), catalog)
    assert 'MODEL_ID = "org/lcnet"' in named and "def test_real_checkpoint(" in named


def test_a_misspelt_keyword_is_an_error(catalog: Catalog) -> None:
    recipe = recipe_of("olmo")
    assert recipe is not None
    target = resolve("olmo", catalog)
    wrong = dataclasses.replace(recipe, config={**recipe.config, "hiden_size": 64})
    with pytest.raises(UserError, match="OlmoConfig declares no field 'hiden_size'"):
        source_for(target, catalog, wrong)
    nested = dataclasses.replace(recipe, config={**recipe.config, "hidden_act": {"class": "NoConfig", "a": 1}})
    with pytest.raises(UserError, match="no configuration class NoConfig"):
        source_for(target, catalog, nested)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": {}}, "the recipe has no entry for OlmoModel"),
        ({"fragments": ("nothing",)}, "the skeleton has no fragment 'nothing'"),
    ],
)
def test_an_incomplete_recipe_is_an_error(change: Mapping[str, object], message: str, catalog: Catalog) -> None:
    recipe = recipe_of("olmo")
    assert recipe is not None
    with pytest.raises(UserError, match=message):
        source_for(resolve("olmo", catalog), catalog, dataclasses.replace(recipe, **change))


def test_a_head_that_no_fragment_knows_is_an_error(catalog: Catalog) -> None:
    target = resolve("olmo", catalog)
    recipe = recipe_of("olmo")
    assert recipe is not None
    heads = (*target.architecture.heads, Head("OlmoForMatting", ("image_matting",)))
    odd = dataclasses.replace(target, architecture=dataclasses.replace(target.architecture, heads=heads))
    known = dataclasses.replace(recipe, heads={**recipe.heads, "OlmoForMatting": {"outputs": {}}})
    with pytest.raises(UserError, match="no fragment of the skeleton has an entry for OlmoForMatting"):
        source_for(odd, catalog, known)


def test_a_pipeline_that_no_fragment_calls(catalog: Catalog) -> None:
    target = resolve("olmo", catalog)
    recipe = recipe_of("olmo")
    assert recipe is not None
    heads = (dataclasses.replace(target.architecture.heads[0], pipelines=("mask-generation",)),)
    odd = dataclasses.replace(target, architecture=dataclasses.replace(target.architecture, heads=heads))
    with pytest.raises(UserError, match="calls the pipeline 'mask-generation'"):
        source_for(odd, catalog, recipe)
    told = dataclasses.replace(recipe, without={"test_pipeline_mask_generation": "there is nothing to prompt with"})
    assert "mask_generation" not in source_for(odd, catalog, told)


def test_a_reference_that_is_no_model_type(catalog: Catalog) -> None:
    skeleton = dataclasses.replace(shipped_skeleton(), canonical=Part(shipped_skeleton().canonical.path, "nothing"))
    with pytest.raises(UserError, match="its reference 'nothing' is no model type"):
        needs_recipe(skeleton, catalog.architectures)


def test_a_skeleton_that_cannot_be_read_or_parsed(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        _ = Part(tmp_path / "none.py", "llama").source
    broken = tmp_path / "broken.py"
    broken.write_text("def test(:\n")
    with pytest.raises(UserError, match=r"broken.py:1: the skeleton does not parse"):
        _ = Part(broken, "llama").module


def test_counterparts_go_by_role(catalog: Catalog) -> None:
    roles = counterparts(catalog.architectures["bert"], catalog.architectures["xlm-roberta"])
    assert roles.renames["BertLMHeadModel"] == "XLMRobertaForCausalLM"
    assert roles.renames["BertModel"] == "XLMRobertaModel"
    assert roles.absent["BertForNextSentencePrediction"] == "XLMRoberta has no class for next sentence prediction"
    vision = counterparts(catalog.architectures["vit"], catalog.architectures["convnext"])
    assert vision.renames["ViTImageProcessorPil"] == "ConvNextImageProcessorPil"


def test_fingerprints_tell_apart_what_a_text_depends_on(catalog: Catalog) -> None:
    skeleton = shipped_skeleton()
    target, recipe = resolve("olmo", catalog), recipe_of("olmo")
    assert recipe is not None
    own = fingerprint(target, skeleton, recipe)
    assert own == fingerprint(target, skeleton, recipe)
    assert own != fingerprint(dataclasses.replace(target, checkpoint="a/b"), skeleton, recipe)
    assert own != fingerprint(target, skeleton, dataclasses.replace(recipe, config={}))
    # A fragment of another modality is none of its concern.
    fewer = {name: part for name, part in skeleton.fragments.items() if name == "text_pipelines"}
    assert own == fingerprint(target, dataclasses.replace(skeleton, fragments=fewer), recipe)


def test_leftovers_are_found_and_a_mark_keeps_them(catalog: Catalog) -> None:
    llama, mistral = catalog.architectures["llama"], resolve("mistral", catalog)
    source = "\n".join(
        [
            "x = '/tmp/llama3_2_ckpt'",
            "# Llama, as it was",
            "y = '/tmp/llama'  # hfcodemod: keep",
            "class TestMistral: ...",
            "llamafile = 1",
            "LlamaTokenizer",
        ]
    )
    assert [(left.line, left.text) for left in leftovers(source, [llama], mistral)] == [
        (1, "llama"),
        (2, "Llama"),
        (6, "Llama"),
    ]
    # An architecture's own names are none of the reference's.
    assert not list(leftovers("XLMRobertaModel", [catalog.architectures["bert"]], resolve("xlm-roberta", catalog)))


def test_stamps_name_what_was_asked_for() -> None:
    stamps = {path.stem: without_stamp(path.read_text())[1] for path in MODULES}
    assert all(stamps.values())
    kosmos, mistral = stamps["test_hf_kosmos_2_5"], stamps["test_hf_mistral_next"]
    assert kosmos is not None and kosmos.name == "kosmos-2.5"
    assert mistral is not None
    assert (mistral.name, mistral.like, mistral.model_id) == ("mistral-next", "mistral", "mistralai/Mistral-7B-v0.3")
