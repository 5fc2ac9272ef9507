"""Images and texts in one space: embeddings, their likeness, and labels for images; written for CLIP."""

from typing import Any

import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    CLIPConfig,
    CLIPForImageClassification,
    CLIPImageProcessorPil,
    CLIPModel,
    CLIPProcessor,
    CLIPTextConfig,
    CLIPVisionConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, loss_of, run
from .image import IMAGE_SIZE, IMAGES, pictures  # noqa: F401  # the fixture of the pipeline call

LABEL_WORDS = ["<pad>", "<s>", "<unk>", "</s>", "a", "photo", "of", "the", "cat", "dogs", "mat"]

# Two rows of seven tokens, each with the end that the text is read at; the second row has four, before padding.
TEXT = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 10, 3], [12, 13, 14, 3, 0, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]]),
}

HEADS: dict[type[PreTrainedModel], Head] = {
    CLIPModel: Head(
        inputs={**TEXT, **IMAGES},
        outputs={
            "logits_per_image": (2, 2),
            "logits_per_text": (2, 2),
            "text_embeds": (2, 32),
            "image_embeds": (2, 32),
        },
        labels={"return_loss": True},
    ),
    CLIPForImageClassification: Head(
        inputs=IMAGES,
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
}


@pytest.fixture
def config() -> CLIPConfig:
    return CLIPConfig(
        text_config=CLIPTextConfig(
            vocab_size=128,
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=64,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=3,
        ),
        vision_config=CLIPVisionConfig(
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
        ),
        projection_dim=32,
    )


@pytest.fixture
def image_processor() -> CLIPImageProcessorPil:
    size = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
    return CLIPImageProcessorPil(size=size, crop_size=size)


@pytest.fixture
def processor(image_processor: CLIPImageProcessorPil) -> CLIPProcessor:
    """A processor with a tokenizer of whole words."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(LABEL_WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", LABEL_WORDS.index("<s>")), ("</s>", LABEL_WORDS.index("</s>"))]
    )
    return CLIPProcessor(
        image_processor=image_processor,
        tokenizer=PreTrainedTokenizerFast(
            tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
        ),
    )


class TestCLIP:
    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        batch = run(model, head)
        for row in range(2):
            real = TEXT["attention_mask"][row].bool()
            inputs = {name: value[row : row + 1] for name, value in head.inputs.items()}
            alone = run(
                model, head, **{name: inputs[name][:, real] if name in TEXT else inputs[name] for name in inputs}
            )
            for name, output in alone.items():
                # Every image is compared to every text: alone, a row only meets itself.
                expected = batch[name][row : row + 1, row] if name.startswith("logits_per_") else batch[name][row]
                torch.testing.assert_close(output[0], expected, **TOLERANCE)

    @pytest.mark.parametrize("cls", [CLIPModel])
    def test_loss_is_of_the_pairs(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        outputs = run(model, head)
        pairs = torch.arange(2, device=torch_device)
        losses = [
            torch.nn.functional.cross_entropy(outputs[name], pairs) for name in ("logits_per_image", "logits_per_text")
        ]
        with torch.no_grad():
            loss = loss_of(model, head, head.labels)
        torch.testing.assert_close(loss, torch.stack(losses).mean(), **TOLERANCE)

    def test_pipeline_zero_shot_image_classification(
        self,
        config: PreTrainedConfig,
        processor: CLIPProcessor,
        pictures: list[Image.Image],
    ) -> None:
        model = build(CLIPModel, config)
        classify: Any = pipeline(
            "zero-shot-image-classification",
            model=model,
            tokenizer=processor.tokenizer,
            image_processor=processor.image_processor,
            device=torch_device,
        )
        labels = ["cat", "dogs", "the mat"]
        scores = []
        for picture in pictures:
            answer = classify(picture, candidate_labels=labels, hypothesis_template="a photo of {}")
            texts = [f"a photo of {label}" for label in labels]
            batch = processor(text=texts, images=picture, return_tensors="pt", padding=True).to(torch_device)
            with torch.no_grad():
                expected = model(**batch).logits_per_image[0].softmax(-1).tolist()
            assert {label["label"]: label["score"] for label in answer} == pytest.approx(
                dict(zip(labels, expected, strict=True)), rel=1e-3
            )
            scores += expected
        # Each picture and each label has a score of its own.
        assert len({round(score, 6) for score in scores}) == 9
