"""Images read through a few query tokens, and texts that are found by image; written for BLIP-2."""

from typing import Any

import pytest
import torch
from PIL import Image
from transformers import (
    Blip2Config,
    Blip2ForConditionalGeneration,
    Blip2ForImageTextRetrieval,
    Blip2Model,
    Blip2Processor,
    Blip2QFormerConfig,
    Blip2VisionConfig,
    BlipImageProcessorPil,
    OPTConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, exchanged, on_device
from .image import pictures  # noqa: F401  # the fixture of the pipeline call
from .image_text import IMAGE_SIZE, IMAGE_TOKEN, IMAGE_TOKENS, IMAGES, NEXT_TOKENS, word_tokenizer

QUESTIONS = ["the cat sat", "dogs run on a mat"]

# The image stands first; the second row is two shorter, padded on the right.
TEXT = {
    "input_ids": torch.tensor(
        [[*[IMAGE_TOKEN] * IMAGE_TOKENS, 1, 10, 11, 12, 13], [*[IMAGE_TOKEN] * IMAGE_TOKENS, 1, 14, 15, 0, 0]]
    ),
    "attention_mask": torch.tensor([[1] * (IMAGE_TOKENS + 5), [*[1] * (IMAGE_TOKENS + 3), 0, 0]]),
}
# The text without placeholders for the image.
CAPTIONS = {name: value[:, IMAGE_TOKENS:] for name, value in TEXT.items()}
# As many tokens as both rows have.
PROMPT = {**{name: value[:, : IMAGE_TOKENS + 3] for name, value in TEXT.items()}, **IMAGES}

HEADS: dict[type[PreTrainedModel], Head] = {
    Blip2Model: Head(
        inputs={**TEXT, **IMAGES},
        outputs={"logits": (2, 9, 128)},
        labels={"labels": NEXT_TOKENS},
    ),
    Blip2ForConditionalGeneration: Head(
        inputs={**TEXT, **IMAGES},
        outputs={"logits": (2, 9, 128)},
        labels={"labels": NEXT_TOKENS},
    ),
    Blip2ForImageTextRetrieval: Head(
        inputs={**CAPTIONS, **IMAGES},
        outputs={
            "logits_per_image": (2, 2),
            "logits_per_text": (2, 2),
            "text_embeds": (2, 32),
            "image_embeds": (2, 4, 32),
        },
        config={"image_token_index": None},
    ),
}


@pytest.fixture
def config() -> Blip2Config:
    return Blip2Config(
        vision_config=Blip2VisionConfig(
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=16,
            patch_size=8,
            initializer_range=0.02,
        ),
        qformer_config=Blip2QFormerConfig(
            vocab_size=128,
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
            max_position_embeddings=64,
            encoder_hidden_size=64,
            use_qformer_text_input=True,
        ),
        text_config=OPTConfig(
            vocab_size=128,
            hidden_size=64,
            num_hidden_layers=2,
            ffn_dim=64,
            max_position_embeddings=64,
            num_attention_heads=4,
            word_embed_proj_dim=64,
            pad_token_id=0,
        ),
        num_query_tokens=4,
        image_text_hidden_size=32,
        image_token_index=5,
    )


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    """Without an image token: the processor adds its own."""
    return word_tokenizer()


@pytest.fixture
def processor(tokenizer: PreTrainedTokenizerFast) -> Blip2Processor:
    return Blip2Processor(
        image_processor=BlipImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE}),
        tokenizer=tokenizer,
        num_query_tokens=IMAGE_TOKENS,
    )


class TestBlip2:
    def test_matching_of_image_and_text(self, config: PreTrainedConfig) -> None:
        """Whether an image and a text match is asked with both at once, and answered by a head of its own."""
        head = HEADS[Blip2ForImageTextRetrieval]
        model = build(Blip2ForImageTextRetrieval, config, **head.config)

        def answer(rows: slice = slice(None), **changes: torch.Tensor) -> torch.Tensor:
            inputs = {name: value[rows] for name, value in {**head.inputs, **changes}.items()}
            batch = on_device(inputs, model.dtype)
            return model(**batch, use_image_text_matching_head=True).logits_per_image

        scores = answer()
        assert scores.shape == (2, 2) and scores.isfinite().all()
        for name, value in head.inputs.items():
            assert not torch.allclose(answer(**{name: exchanged(value)}), scores, atol=1e-6), name
        without_padding = {name: value[:, :-2] for name, value in CAPTIONS.items()}
        torch.testing.assert_close(answer(slice(1, 2), **without_padding), scores[1:], **TOLERANCE)
        scores.logsumexp(-1).sum().backward()
        for parameter in [model.query_tokens, *model.itm_head.parameters()]:
            assert parameter.grad is not None and parameter.grad.isfinite().all() and parameter.grad.any()

    def test_pipeline_zero_shot_image_classification(
        self,
        config: PreTrainedConfig,
        processor: Blip2Processor,
        pictures: list[Image.Image],
    ) -> None:
        cls = Blip2ForImageTextRetrieval
        model = build(cls, config, **HEADS[cls].config)
        classify: Any = pipeline(
            "zero-shot-image-classification",
            model=model,
            tokenizer=processor.tokenizer,
            image_processor=processor.image_processor,
            device=torch_device,
        )
        labels = ["cat", "dogs", "mat"]
        scores = []
        for picture in pictures:
            answer = classify(picture, candidate_labels=labels, hypothesis_template="{} on the mat")
            texts = processor.tokenizer([f"{label} on the mat" for label in labels], return_tensors="pt")
            pixels = processor.image_processor(picture, return_tensors="pt")
            with torch.no_grad():
                expected = model(**texts.to(torch_device), **pixels.to(torch_device)).logits_per_image[0].softmax(-1)
            assert {label["label"]: label["score"] for label in answer} == pytest.approx(
                dict(zip(labels, expected.tolist(), strict=True)), rel=1e-3
            )
            scores += expected.tolist()
        # Each picture and each label has a score of its own.
        assert len({round(score, 6) for score in scores}) == 9
