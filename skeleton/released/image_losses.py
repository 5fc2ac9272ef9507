"""What the losses of image models are of; written for ViT."""

import pytest
import torch
from transformers import (
    PreTrainedConfig,
    ViTConfig,
    ViTForImageClassification,
    ViTForMaskedImageModeling,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, build, loss_of, run
from .image import HEADS, IMAGE_SIZE, IMAGES


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


class TestViT:
    def test_loss_is_of_the_class(self, config: PreTrainedConfig) -> None:
        head = HEADS[ViTForImageClassification]
        model = build(ViTForImageClassification, config, **head.config)
        labels = head.labels["labels"].to(torch_device)
        expected = torch.nn.functional.cross_entropy(run(model, head)["logits"], labels)
        with torch.no_grad():
            torch.testing.assert_close(loss_of(model, head, head.labels), expected, **TOLERANCE)

    def test_loss_is_of_the_masked_patches(self, config: PreTrainedConfig) -> None:
        head = HEADS[ViTForMaskedImageModeling]
        model = build(ViTForMaskedImageModeling, config, **head.config)
        masked = head.labels["bool_masked_pos"].to(torch_device)
        side = int(masked.shape[1] ** 0.5)
        pixels = torch.nn.functional.interpolate(masked.reshape(2, 1, side, side).float(), IMAGE_SIZE)
        images = IMAGES["pixel_values"].to(torch_device)
        error = (run(model, head, **head.labels)["reconstruction"] - images).abs()
        with torch.no_grad():
            loss = loss_of(model, head, head.labels)
        torch.testing.assert_close(loss, error[pixels.expand_as(error).bool()].mean(), **TOLERANCE)
