"""Images as rows of flattened patches, with a mask that says where they stand in the text; written for KOSMOS-2.5."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from transformers import (
    Kosmos2_5Config,
    Kosmos2_5ForConditionalGeneration,
    Kosmos2_5ImageProcessorPil,
    Kosmos2_5Model,
    Kosmos2_5Processor,
    Kosmos2_5TextConfig,
    Kosmos2_5VisionConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.testing_utils import torch_device

from .canonical import Head, build, loss_of
from .image_text import IMAGE_TOKEN, IMAGE_TOKENS, NEXT_TOKENS

PATCH_SIZE = 8
QUESTIONS = ["the cat sat", "dogs run on a mat"]

# Two images of two by two patches: row, column, pixels.
PLACES = torch.tensor([[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]).expand(2, 4, 2)
PIXELS = torch.randn(2, 4, 3 * PATCH_SIZE**2, generator=torch.Generator().manual_seed(0))
IMAGES = {"flattened_patches": torch.cat([PLACES, PIXELS], dim=-1)}
# The second row is two shorter, padded on the left.
TEXT = {
    "input_ids": torch.tensor(
        [[1, 6, *[IMAGE_TOKEN] * IMAGE_TOKENS, 7, 10, 11, 12], [0, 0, 1, 6, *[IMAGE_TOKEN] * IMAGE_TOKENS, 7, 13]]
    ),
    "attention_mask": torch.tensor([[1] * (IMAGE_TOKENS + 6), [0, 0, *[1] * (IMAGE_TOKENS + 4)]]),
    "image_embeds_position_mask": torch.tensor(
        [[0, -1, *[1] * IMAGE_TOKENS, -1, 0, 0, 0], [0, 0, 0, -1, *[1] * IMAGE_TOKENS, -1, 0]]
    ),
}
# Without padding: once there is a cache, the positions of the model count the padding too.
PROMPT = {
    "input_ids": torch.tensor([[1, 6, *[IMAGE_TOKEN] * IMAGE_TOKENS, 7, token] for token in (10, 13)]),
    "attention_mask": torch.ones(2, IMAGE_TOKENS + 4, dtype=torch.long),
    "image_embeds_position_mask": torch.tensor([[0, -1, *[1] * IMAGE_TOKENS, -1, 0]] * 2),
    **IMAGES,
}

HEADS: dict[type[PreTrainedModel], Head] = {
    Kosmos2_5Model: Head(
        inputs={**TEXT, **IMAGES},
        outputs={"last_hidden_state": (2, 10, 64), "image_embeds": (2, 4, 64)},
    ),
    Kosmos2_5ForConditionalGeneration: Head(
        inputs={**TEXT, **IMAGES},
        outputs={"logits": (2, 10, 128), "image_embeds": (2, 4, 64)},
        labels={"labels": NEXT_TOKENS},
    ),
}


@pytest.fixture
def config() -> Kosmos2_5Config:
    return Kosmos2_5Config(
        text_config=Kosmos2_5TextConfig(
            vocab_size=128,
            max_position_embeddings=64,
            embed_dim=64,
            layers=2,
            ffn_dim=64,
            attention_heads=4,
            pad_token_id=0,
            bos_token_id=1,
        ),
        vision_config=Kosmos2_5VisionConfig(
            hidden_size=64,
            patch_embed_hidden_size=192,
            intermediate_size=64,
            head_dim=16,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_num_patches=64,
        ),
        latent_query_num=4,
    )


@pytest.fixture
def processor(tokenizer: PreTrainedTokenizerFast) -> Kosmos2_5Processor:
    patch_size = {"height": PATCH_SIZE, "width": PATCH_SIZE}
    processor: Any = Kosmos2_5Processor(
        image_processor=Kosmos2_5ImageProcessorPil(patch_size=patch_size),
        tokenizer=tokenizer,
        num_image_tokens=IMAGE_TOKENS,
    )
    # The processor's number of patches goes before that of its image processor.
    processor.images_kwargs = {"max_patches": 4}
    return processor


class TestKosmos2_5:
    @pytest.mark.parametrize("cls", HEADS)
    def test_every_pixel_matters(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        pixels = PIXELS.clone().to(torch_device).requires_grad_()
        # Row and column are numbers of embeddings: they have no gradient.
        images = {"flattened_patches": torch.cat([PLACES.to(torch_device), pixels], dim=-1)}
        loss_of(model, replace(head, inputs={**head.inputs, **images}), {}).backward()
        assert pixels.grad is not None and pixels.grad.ne(0).all()
