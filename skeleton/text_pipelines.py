"""Pipeline calls of text models, each with a tokenizer made here; written for SmolLM3."""

from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    PreTrainedConfig,
    PreTrainedTokenizerFast,
    SmolLM3Config,
    SmolLM3ForCausalLM,
    SmolLM3ForSequenceClassification,
    SmolLM3ForTokenClassification,
    SmolLM3Model,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import HEADS, build

WORDS = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", "the", "cat", "sat", "on", "a", "mat", "dogs", "run", "fast"]
SENTENCES = ["the cat sat", "dogs run on the mat", "a mat"]


@pytest.fixture
def config() -> SmolLM3Config:
    return SmolLM3Config(
        vocab_size=128,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        no_rope_layers=[1, 0],
    )


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        padding_side="left",
    )


class TestSmolLM3:
    def test_pipeline_text_generation(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        cls = SmolLM3ForCausalLM
        model = build(cls, config, **HEADS[cls].config)
        generate: Any = pipeline("text-generation", model=model, tokenizer=tokenizer, device=torch_device)
        steps = {"max_new_tokens": 4, "min_new_tokens": 4, "do_sample": False}
        said = []
        for sentence in SENTENCES:
            prompt = tokenizer(sentence, return_tensors="pt").to(torch_device)
            words: Any = tokenizer.convert_tokens_to_ids(sentence.split())
            assert prompt["input_ids"][0, : len(words)].tolist() == words
            expected = model.generate(**prompt, **steps, output_logits=True, return_dict_in_generate=True)
            answer = generate(sentence, **steps, return_tensors=True)[0]["generated_token_ids"]
            assert answer == expected.sequences[0].tolist()
            assert len(answer) == prompt["input_ids"].shape[1] + 4
            said.append(expected.logits[0][0].tolist())
        # The likeliest token may be the same for each, but not how likely it is.
        assert said[0] != said[1] != said[2]

    def test_pipeline_text_classification(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        model = build(SmolLM3ForSequenceClassification, config)
        classify: Any = pipeline("text-classification", model=model, tokenizer=tokenizer, device=torch_device)
        scores = [[label["score"] for label in classify(sentence, top_k=None)] for sentence in SENTENCES]
        classes = HEADS[SmolLM3ForSequenceClassification].outputs["logits"][-1]
        assert {len(answer) for answer in scores} == {classes}
        assert [sum(answer) for answer in scores] == pytest.approx([1, 1, 1])
        assert len({round(answer[0], 6) for answer in scores}) == 3

    def test_pipeline_zero_shot_classification(
        self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast
    ) -> None:
        labels = {"id2label": {0: "entailment", 1: "contradiction"}, "label2id": {"entailment": 0, "contradiction": 1}}
        model = build(SmolLM3ForSequenceClassification, config, **labels)
        classify: Any = pipeline("zero-shot-classification", model=model, tokenizer=tokenizer, device=torch_device)
        answers = [
            classify(sentence, candidate_labels=["cat", "dogs"], hypothesis_template="the {}") for sentence in SENTENCES
        ]
        assert [sorted(answer["labels"]) for answer in answers] == [["cat", "dogs"]] * 3
        assert [sum(answer["scores"]) for answer in answers] == pytest.approx([1, 1, 1])
        assert len({round(answer["scores"][0], 6) for answer in answers}) == 3

    def test_pipeline_token_classification(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        model = build(SmolLM3ForTokenClassification, config)
        classify: Any = pipeline("token-classification", model=model, tokenizer=tokenizer, device=torch_device)
        answers = [classify(sentence, ignore_labels=[]) for sentence in SENTENCES]
        assert [[token["word"] for token in answer] for answer in answers] == [s.split() for s in SENTENCES]
        assert len({round(answer[0]["score"], 6) for answer in answers}) == 3

    def test_pipeline_feature_extraction(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        model = build(SmolLM3Model, config)
        extract: Any = pipeline("feature-extraction", model=model, tokenizer=tokenizer, device=torch_device)
        for sentence in SENTENCES:
            prompt = tokenizer(sentence, return_tensors="pt").to(torch_device)
            with torch.no_grad():
                expected = model(**prompt).last_hidden_state
            features = extract(sentence, return_tensors=True)
            assert features.shape == (
                1,
                prompt["input_ids"].shape[1],
                HEADS[SmolLM3Model].outputs["last_hidden_state"][-1],
            )
            torch.testing.assert_close(features.to(torch_device), expected)
