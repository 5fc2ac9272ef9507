"""Images in a text whose tokens are told apart by type, so that images attend in both directions; for Gemma 3."""

import pytest
import torch
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3ForSequenceClassification,
    Gemma3ImageProcessorPil,
    Gemma3Model,
    Gemma3Processor,
    Gemma3TextConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    SiglipVisionConfig,
)

from .canonical import Head
from .image_text import IMAGE_SIZE, IMAGE_TOKEN, IMAGE_TOKENS, IMAGES, NEXT_TOKENS, TEXT

QUESTIONS = ["<begin> the cat sat", "<begin> dogs run on a mat"]
TYPES = {"token_type_ids": (TEXT["input_ids"] == IMAGE_TOKEN).long()}
PROMPT = {**TEXT, **TYPES, **IMAGES}

HEADS: dict[type[PreTrainedModel], Head] = {
    Gemma3Model: Head(
        inputs={**TEXT, **TYPES, **IMAGES},
        outputs={"last_hidden_state": (2, 9, 64), "image_hidden_states": (2, 4, 64)},
    ),
    Gemma3ForConditionalGeneration: Head(
        inputs={**TEXT, **TYPES, **IMAGES},
        outputs={"logits": (2, 9, 128), "image_hidden_states": (2, 4, 64)},
        labels={"labels": NEXT_TOKENS},
    ),
    Gemma3ForSequenceClassification: Head(
        inputs={**TEXT, **TYPES, **IMAGES},
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
}


@pytest.fixture
def config() -> Gemma3Config:
    return Gemma3Config(
        text_config=Gemma3TextConfig(
            vocab_size=128,
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
        ),
        vision_config=SiglipVisionConfig(
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=16,
            patch_size=4,
        ),
        mm_tokens_per_image=4,
        image_token_index=5,
    )


@pytest.fixture
def processor(tokenizer: PreTrainedTokenizerFast) -> Gemma3Processor:
    return Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}),
        tokenizer=tokenizer,
        image_seq_length=IMAGE_TOKENS,
    )
