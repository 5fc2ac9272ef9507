"""Images in a text: placeholders that the image's features replace, and text that is generated from both; for LLaVA."""

from typing import Any
from unittest.mock import patch

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaImageProcessorPil,
    LlavaModel,
    LlavaProcessor,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    ProcessorMixin,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, run
from .image import pictures  # noqa: F401  # the fixture of the pipeline calls

IMAGE_SIZE = 16
IMAGE_TOKEN = 5
IMAGE_TOKENS = 4

# A word for each token.
SPECIAL_WORDS = ["<pad>", "<s>", "</s>", "<unk>", "<mask>", "<image>", "<begin>", "<end>"]
VOCABULARY = [*SPECIAL_WORDS, "the", "cat", "sat", "on", "a", "mat", "dogs", "run", *(f"word{i}" for i in range(112))]
QUESTIONS = ["<image> the cat sat", "<image> dogs run on a mat"]

# Two images of noise, in two rows of text; the second row is two shorter, padded on the left.
IMAGES = {"pixel_values": torch.rand(2, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0)) - 0.5}
TEXT = {
    "input_ids": torch.tensor(
        [[1, *[IMAGE_TOKEN] * IMAGE_TOKENS, 10, 11, 12, 13], [0, 0, 1, *[IMAGE_TOKEN] * IMAGE_TOKENS, 14, 15]]
    ),
    "attention_mask": torch.tensor([[1] * (IMAGE_TOKENS + 5), [0, 0, *[1] * (IMAGE_TOKENS + 3)]]),
}
# Neither padding nor an image is said.
NEXT_TOKENS = TEXT["input_ids"].masked_fill(TEXT["input_ids"] < 8, -100)
PROMPT = {**TEXT, **IMAGES}

HEADS: dict[type[PreTrainedModel], Head] = {
    LlavaModel: Head(
        inputs={**TEXT, **IMAGES},
        outputs={"last_hidden_state": (2, 9, 64), "image_hidden_states": (8, 64)},
    ),
    LlavaForConditionalGeneration: Head(
        inputs={**TEXT, **IMAGES},
        outputs={"logits": (2, 9, 128), "image_hidden_states": (8, 64)},
        labels={"labels": NEXT_TOKENS},
    ),
}
GENERATORS = [
    LlavaForConditionalGeneration,
]


@pytest.fixture
def config() -> LlavaConfig:
    return LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=16,
            patch_size=8,
        ),
        text_config=LlamaConfig(
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
        ),
        image_token_index=5,
        image_seq_length=4,
    )


def word_tokenizer(**image_tokens: str) -> PreTrainedTokenizerFast:
    """A tokenizer of whole words."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(VOCABULARY)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        padding_side="left",
        extra_special_tokens=image_tokens,
    )


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    return word_tokenizer(image_token="<image>", boi_token="<begin>", eoi_token="<end>")


@pytest.fixture
def processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    return LlavaProcessor(
        image_processor=LlavaImageProcessorPil(size=size, crop_size=size),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )


def answers_to(task: Any, model: Any, processor: Any, pictures: list[Image.Image]) -> list[list[str]]:
    """What a pipeline says to each question about each picture; the same as ``generate()`` says."""
    answer: Any = pipeline(task, model=model, processor=processor, device=torch_device)
    # Without repetition more of the distribution shows, and with it the image.
    steps = {"min_new_tokens": 8, "max_new_tokens": 8, "do_sample": False, "no_repeat_ngram_size": 1}
    said = []
    for picture in pictures:
        row = []
        for question in QUESTIONS:
            batch = processor(images=picture, text=question, return_tensors="pt").to(torch_device)
            words = [word for word in question.split() if word not in SPECIAL_WORDS]
            assert [VOCABULARY[token] for token in batch["input_ids"][0, -len(words) :]] == words
            assert {name: batch[name].shape[1:] for name in IMAGES} == {name: IMAGES[name].shape[1:] for name in IMAGES}
            tokens = model.generate(**batch, **steps)[0, batch["input_ids"].shape[1] :]
            expected = processor.decode(tokens, skip_special_tokens=True)
            text = answer(images=picture, text=question, generate_kwargs=steps, return_full_text=False)
            assert text[0]["generated_text"].split() == expected.split()
            row.append(expected)
        said.append(row)
    return said


class TestLlava:
    @pytest.mark.parametrize("cls", HEADS)
    def test_every_word_matters(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        expected = run(model, head)
        tokens = head.inputs["input_ids"]
        for row, place in (tokens >= 8).nonzero().tolist():
            other = tokens.clone()
            other[row, place] += 20
            outputs = run(model, head, input_ids=other)
            assert max((outputs[name] - expected[name]).abs().max().item() for name in expected) > 1e-6

    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        padded = run(model, head)
        real = head.inputs["attention_mask"][1].bool()
        alone = {
            name: value[1:, real] if value.shape[:2] == (2, len(real)) else value[1:]
            for name, value in head.inputs.items()
        }
        for name, output in run(model, head, **alone).items():
            row = padded[name][1:, real] if padded[name].shape[:2] == (2, len(real)) else padded[name][-len(output) :]
            # Every image is compared to every text: alone, a row only meets itself.
            row = row[:, 1:] if name.startswith("logits_per_") else row
            torch.testing.assert_close(output, row, **TOLERANCE)

    def test_pipeline_image_text_to_text(
        self,
        config: PreTrainedConfig,
        processor: ProcessorMixin,
        pictures: list[Image.Image],
    ) -> None:
        model = build(LlavaForConditionalGeneration, config)
        said = answers_to("image-text-to-text", model, processor, pictures)
        # The picture counts, and so does the question.
        assert len({tuple(row) for row in said}) > 1
        assert len(set(zip(*said, strict=True))) > 1

    def test_pipeline_any_to_any(
        self,
        config: PreTrainedConfig,
        processor: ProcessorMixin,
        pictures: list[Image.Image],
    ) -> None:
        model = build(LlavaForConditionalGeneration, config)
        # The pipeline insists on torchvision wherever there are images; Pillow prepares these.
        with patch("transformers.pipelines.any_to_any.requires_backends"):
            said = answers_to("any-to-any", model, processor, pictures)
        # The picture counts, and so does the question.
        assert len({tuple(row) for row in said}) > 1
        assert len(set(zip(*said, strict=True))) > 1
