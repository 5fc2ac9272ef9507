"""What people type, and what it stands for."""

from __future__ import annotations

import keyword
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hfcodemod.catalog import Catalog, load_snapshot
from hfcodemod.config import FACTS, DeclaredArchitecture
from hfcodemod.errors import UserError
from hfcodemod.names import aliases, bare, identifier, known_names, pascal, resolve

CATALOG = load_snapshot(FACTS)


class TestModelTypes:
    @pytest.mark.parametrize(
        ("typed", "model_type", "name", "class_name"),
        [
            ("gemma3", "gemma3", "gemma3", "Gemma3"),
            ("xlm-roberta", "xlm-roberta", "xlm_roberta", "XLMRoberta"),
            ("XLM-RoBERTa", "xlm-roberta", "xlm_roberta", "XLMRoberta"),
            ("xlm_roberta", "xlm-roberta", "xlm_roberta", "XLMRoberta"),
            ("gpt-neox", "gpt_neox", "gpt_neox", "GPTNeoX"),
            ("GPT NeoX", "gpt_neox", "gpt_neox", "GPTNeoX"),
            ("kosmos-2.5", "kosmos-2.5", "kosmos_2_5", "Kosmos2_5"),
            ("kosmos2.5", "kosmos-2.5", "kosmos_2_5", "Kosmos2_5"),
            ("BLIP-2", "blip-2", "blip_2", "Blip2"),
            ("codegen", "codegen", "codegen", "CodeGen"),
            ("gpt2", "gpt2", "gpt2", "GPT2"),
            ("gpt-sw3", "gpt-sw3", "gpt_sw3", "GptSw3"),
        ],
    )
    def test_however_spelt(self, typed: str, model_type: str, name: str, class_name: str) -> None:
        target = resolve(typed, CATALOG)
        assert target.architecture is CATALOG.architectures[model_type]
        assert (target.name, target.original, target.class_name) == (name, model_type, class_name)
        assert target.checkpoint == CATALOG.architectures[model_type].checkpoint

    def test_another_checkpoint(self) -> None:
        target = resolve("gemma3", CATALOG, model_id="google/gemma-3-27b-it")
        assert target == replace(resolve("gemma3", CATALOG), checkpoint="google/gemma-3-27b-it")

    def test_without_a_checkpoint(self) -> None:
        assert resolve("pp_lcnet_v3", CATALOG).checkpoint == ""


class TestAliases:
    @pytest.mark.parametrize(
        ("typed", "model_type", "name", "class_name", "checkpoint"),
        [
            ("llama-3", "llama", "llama_3", "Llama3", "meta-llama/Meta-Llama-3-8B"),
            ("Llama3", "llama", "llama_3", "Llama3", "meta-llama/Meta-Llama-3-8B"),
            ("llama-3.1", "llama", "llama_3_1", "Llama3_1", "meta-llama/Llama-3.1-8B"),
            ("command-r", "cohere", "command_r", "CommandR", "CohereLabs/c4ai-command-r-v01"),
            ("qwen2.5", "qwen2", "qwen_2_5", "Qwen2_5", "Qwen/Qwen2.5-0.5B"),
            ("phi-4", "phi3", "phi_4", "Phi4", "microsoft/phi-4"),
            ("deepseek-r1", "deepseek_v3", "deepseek_r1", "DeepseekR1", "deepseek-ai/DeepSeek-R1"),
            ("codellama", "llama", "code_llama", "CodeLlama", "codellama/CodeLlama-7b-hf"),
        ],
    )
    def test_generation_of_an_architecture(
        self, typed: str, model_type: str, name: str, class_name: str, checkpoint: str
    ) -> None:
        target = resolve(typed, CATALOG)
        assert target.architecture.model_type == model_type
        assert (target.name, target.class_name, target.checkpoint) == (name, class_name, checkpoint)

    def test_each_is_of_a_model_type_with_classes_and_hides_none(self) -> None:
        types = {bare(name) for name in CATALOG.architectures}
        for name, (model_type, checkpoint) in aliases().items():
            assert CATALOG.architectures[model_type].heads, name
            assert checkpoint.count("/") == 1, name
            assert bare(name) not in types, name
        assert len(aliases()) > 60

    def test_in_a_version_that_lacks_the_architecture(self) -> None:
        without = {name: item for name, item in CATALOG.architectures.items() if name != "cohere"}
        older = Catalog("4.0.0", without, {}, {})
        with pytest.raises(UserError, match=r"'command-r' stands for 'cohere', which transformers 4.0.0 does not have"):
            resolve("command-r", older)


class TestCheckpoints:
    @pytest.mark.parametrize(
        ("typed", "name", "model_type"),
        [
            pytest.param("google/gemma-3-4b-it", "gemma3", "gemma3", id="documented"),
            pytest.param("google/gemma-3-1b-it", "gemma3_text", "gemma3_text", id="documented-for-text-alone"),
            pytest.param("google/gemma-3-27b-it", "gemma3", "gemma3", id="longest-beginning"),
            pytest.param("google/gemma-3-1b-pt", "gemma_3_1b", "gemma3_text", id="longest-beginning-an-alias"),
            pytest.param("sentence-transformers/all-MiniLM-L6-v2", "minilm", "bert", id="checkpoint-of-an-alias"),
            pytest.param("meta-llama/Llama-3.1-70B", "llama_3_1", "llama", id="generation"),
            pytest.param("meta-llama/Llama-3.2-11B-Vision-Instruct", "llama_3_2_11b_vision", "mllama", id="vision"),
            pytest.param("Qwen/Qwen2.5-VL-3B-Instruct", "qwen2_5_vl", "qwen2_5_vl", id="vision-language"),
            pytest.param("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3_30b_a3b", "qwen3_moe", id="experts"),
            pytest.param("facebook/opt-1.3b", "opt", "opt", id="size-with-a-dot"),
            pytest.param("google/gemma-1.1-2b-it", "gemma", "gemma", id="version-after-a-hyphen"),
            pytest.param(
                "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "deepseek_r1_distill_qwen", "qwen2", id="distilled"
            ),
            pytest.param("someone/clip-vision-thing", "clip", "clip", id="vision-of-an-architecture-that-sees"),
        ],
    )
    def test_architecture(self, typed: str, name: str, model_type: str) -> None:
        target = resolve(typed, CATALOG)
        assert (target.name, target.architecture.model_type, target.checkpoint) == (name, model_type, typed)

    @pytest.mark.parametrize(
        "typed",
        [
            pytest.param("microsoft/Phi-3-vision-128k-instruct", id="vision-of-a-text-model"),
            pytest.param("Qwen/Qwen3-480B-A35B", id="experts-of-a-dense-model"),
            pytest.param("zai-org/GLM-4.9", id="later-version"),
            pytest.param("someone/llamalike-7b", id="part-of-a-word"),
        ],
    )
    def test_in_doubt_none(self, typed: str) -> None:
        with pytest.raises(UserError, match="no architecture") as caught:
            resolve(typed, CATALOG)
        assert f"--model-id {typed}" in str(caught.value)

    @pytest.mark.parametrize(
        "typed", ["org/team/model", "/model", "org/", "https://huggingface.co/org/model", "../model", "org/mo del"]
    )
    def test_malformed(self, typed: str) -> None:
        with pytest.raises(UserError, match="is no checkpoint: it must be ORG/MODEL, with one slash"):
            resolve(typed, CATALOG)
        with pytest.raises(UserError, match="is no checkpoint"):
            resolve("llama", CATALOG, model_id=typed)


class TestNewNames:
    def test_like_a_known_one(self) -> None:
        target = resolve("mistral-next", CATALOG, like="mistral", model_id="mistralai/Mistral-Next")
        assert target.architecture is CATALOG.architectures["mistral"]
        assert (target.name, target.original, target.class_name, target.checkpoint) == (
            "mistral_next",
            "mistral-next",
            "MistralNext",
            "mistralai/Mistral-Next",
        )

    def test_checkpoint_of_the_known_one_by_default(self) -> None:
        target = resolve("my-model", CATALOG, like="command-r")
        assert target.checkpoint == "CohereLabs/c4ai-command-r-v01"

    def test_like_a_declared_one(self) -> None:
        declared = {"yolov4": DeclaredArchitecture("YOLOv4", "org/yolo")}
        target = resolve("yolov5", CATALOG, like="yolov4", declared=declared)
        assert (target.architecture.prefix, target.checkpoint) == ("YOLOv4", "org/yolo")

    def test_like_an_unknown_one(self) -> None:
        with pytest.raises(UserError, match="no architecture 'mistrall'; the nearest: mistral,"):
            resolve("mistral-next", CATALOG, like="mistrall")

    def test_known_name_of_the_same_architecture(self) -> None:
        target = resolve("llama-3", CATALOG, like="llama", model_id="my/llama-3")
        assert (target.name, target.checkpoint) == ("llama_3", "my/llama-3")

    def test_known_name_of_another_architecture(self) -> None:
        with pytest.raises(UserError, match="'gemma3' is known: it is 'gemma3', not 'llama'; leave --like out"):
            resolve("gemma3", CATALOG, like="llama")

    @pytest.mark.parametrize("typed", ["", "3d-model", "-x", "a b", "org/model", "é", "a\nb"])
    def test_malformed(self, typed: str) -> None:
        with pytest.raises(UserError, match="cannot name a module"):
            resolve(typed, CATALOG, like="llama")


class TestDeclared:
    def test_architecture_that_transformers_does_not_have(self) -> None:
        target = resolve("yolov4", CATALOG, declared={"yolov4": DeclaredArchitecture("YOLO v4", "org/yolo")})
        assert (target.name, target.original, target.class_name) == ("yolov4", "yolov4", "YOLOV4")
        assert target.checkpoint == target.architecture.checkpoint == "org/yolo"
        assert not target.architecture.heads

    def test_without_a_checkpoint(self) -> None:
        target = resolve("yolov4", CATALOG, declared={"yolov4": DeclaredArchitecture("YOLOv4", "")})
        assert (target.checkpoint, target.architecture.checkpoint) == ("", None)


class TestUnknown:
    def test_says_the_nearest_and_the_command(self) -> None:
        with pytest.raises(UserError) as caught:
            resolve("mistral-next", CATALOG)
        message = str(caught.value)
        assert message.startswith("no architecture 'mistral-next'; the nearest: mistral, ")
        assert message.endswith("hfcodemod add mistral-next --like mistral --model-id ORG/MODEL")
        assert "\n" not in message

    def test_the_command_holds_what_was_given(self) -> None:
        with pytest.raises(UserError, match=r"hfcodemod add wibble --like .* --model-id org/wibble"):
            resolve("wibble", CATALOG, model_id="org/wibble")

    @pytest.mark.parametrize("typed", ["", "; rm x", "ü"])
    def test_the_command_can_be_typed(self, typed: str) -> None:
        with pytest.raises(UserError, match="hfcodemod add NAME --like"):
            resolve(typed, CATALOG)

    @given(st.text(max_size=30))
    def test_any_text_is_resolved_or_refused_in_one_line(self, typed: str) -> None:
        try:
            target = resolve(typed, CATALOG)
        except UserError as error:
            assert len(str(error).splitlines()) == 1
        else:
            assert f"test_{target.name}".isidentifier()


class TestIdentifiers:
    def test_no_two_names_collide(self) -> None:
        """Over every model type, those without a model class too, and every name in use."""
        targets = [resolve(name, CATALOG) for name in (*CATALOG.architectures, *aliases())]
        assert [target.original for target in targets] == [*CATALOG.architectures, *aliases()]
        for names in ([target.name for target in targets], [target.class_name for target in targets]):
            assert len(set(names)) == len(names) == len(CATALOG.architectures) + len(aliases())
            assert all(name.isidentifier() and not keyword.iskeyword(name) for name in names)
        assert all(target.name == target.name.lower() for target in targets)

    def test_no_two_names_are_the_same_but_for_separators(self) -> None:
        names = [bare(name) for name in (*CATALOG.architectures, *aliases())]
        assert len(set(names)) == len(names)

    @pytest.mark.parametrize(
        ("original", "name", "class_name"),
        [
            ("llama-3.1", "llama_3_1", "Llama3_1"),
            ("mistral-31", "mistral_31", "Mistral31"),
            ("mistral-3-1", "mistral_3_1", "Mistral3_1"),
            ("lambda", "lambda_", "Lambda"),
            ("none", "none", "None_"),
            ("qwen2-57b-a14b", "qwen2_57b_a14b", "Qwen2_57bA14b"),
        ],
    )
    def test_spelling(self, original: str, name: str, class_name: str) -> None:
        assert (identifier(original), pascal(original)) == (name, class_name)

    @given(st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,20}", fullmatch=True))
    def test_every_new_name_gives_identifiers(self, typed: str) -> None:
        for name in (identifier(typed), pascal(typed)):
            assert name.isidentifier() and not keyword.iskeyword(name)


def test_known_names_are_sorted_and_all_resolve() -> None:
    names = known_names(CATALOG)
    assert names == sorted(set(names))
    assert len(names) == 649 + len(aliases())
    assert {"gemma3", "llama-3", "xlm-roberta"} <= set(names)
    assert "siglip_text_model" not in names
    assert all(resolve(name, CATALOG).original == name for name in names)
