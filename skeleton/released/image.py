"""Images: pixel values, the heads that take them and their pipelines; written for ViT."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    ViTConfig,
    ViTForImageClassification,
    ViTForMaskedImageModeling,
    ViTImageProcessorPil,
    ViTModel,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, loss_of, run

IMAGE_SIZE = 32

# Two images of noise.
IMAGES = {"pixel_values": torch.rand(2, 3, IMAGE_SIZE, IMAGE_SIZE, generator=torch.Generator().manual_seed(0)) - 0.5}
# Half of the patches, other ones in each row.
MASKED_PATCHES = torch.tensor([[True, False] * 8, [True, True, False, False] * 4])

HEADS: dict[type[PreTrainedModel], Head] = {
    ViTModel: Head(
        inputs=IMAGES,
        outputs={"last_hidden_state": (2, 17, 64), "pooler_output": (2, 64)},
    ),
    ViTForMaskedImageModeling: Head(
        inputs=IMAGES,
        outputs={"reconstruction": (2, 3, 32, 32)},
        labels={"bool_masked_pos": MASKED_PATCHES},
    ),
    ViTForImageClassification: Head(
        inputs=IMAGES,
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
}


@pytest.fixture
def config() -> ViTConfig:
    return ViTConfig(
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
        encoder_stride=8,
    )


@pytest.fixture
def image_processor() -> ViTImageProcessorPil:
    return ViTImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE})


@pytest.fixture
def pictures() -> list[Image.Image]:
    """Three pictures of noise, a dark, a middling and a bright one, larger than what the model takes."""
    noise = torch.Generator().manual_seed(1)
    shape = (IMAGE_SIZE + 8, IMAGE_SIZE + 8, 3)
    pixels = [torch.randint(low, low + 64, shape, generator=noise, dtype=torch.uint8) for low in (0, 96, 192)]
    return [Image.fromarray(values.numpy()) for values in pixels]


class TestViT:
    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        """There is no padding here: each row alone gives what it gives in the batch."""
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        batch = run(model, head)
        for row in range(2):
            alone = run(model, head, **{name: value[row : row + 1] for name, value in head.inputs.items()})
            for name, output in alone.items():
                torch.testing.assert_close(output[0], batch[name][row], **TOLERANCE)

    @pytest.mark.parametrize("cls", HEADS)
    def test_every_pixel_matters(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        images = {name: value.clone().to(torch_device).requires_grad_() for name, value in IMAGES.items()}
        loss_of(model, replace(head, inputs={**head.inputs, **images}), {}).backward()
        for name, image in images.items():
            assert image.grad is not None and image.grad.ne(0).all(), name

    def test_pipeline_image_classification(
        self,
        config: PreTrainedConfig,
        image_processor: ViTImageProcessorPil,
        pictures: list[Image.Image],
    ) -> None:
        model = build(ViTForImageClassification, config)
        classify: Any = pipeline(
            "image-classification", model=model, image_processor=image_processor, device=torch_device
        )
        answers = [{label["label"]: label["score"] for label in classify(picture)} for picture in pictures]
        for picture, answer in zip(pictures, answers, strict=True):
            pixels = image_processor(picture, return_tensors="pt").to(torch_device)
            assert pixels["pixel_values"].shape == (1, 3, IMAGE_SIZE, IMAGE_SIZE)
            with torch.no_grad():
                expected = model(**pixels).logits[0].softmax(-1).tolist()
            assert answer == pytest.approx({model.config.id2label[i]: score for i, score in enumerate(expected)})
        assert len({round(answer["LABEL_0"], 6) for answer in answers}) == 3

    def test_pipeline_image_feature_extraction(
        self,
        config: PreTrainedConfig,
        image_processor: ViTImageProcessorPil,
        pictures: list[Image.Image],
    ) -> None:
        model = build(ViTModel, config)
        extract: Any = pipeline(
            "image-feature-extraction", model=model, image_processor=image_processor, device=torch_device
        )
        for picture in pictures:
            pixels = image_processor(picture, return_tensors="pt").to(torch_device)
            with torch.no_grad():
                expected = model(**pixels).last_hidden_state
            features = extract(picture, return_tensors=True)
            shape = HEADS[ViTModel].outputs["last_hidden_state"]
            assert features.shape[1:] == shape[1:]
            torch.testing.assert_close(features.to(torch_device), expected)
