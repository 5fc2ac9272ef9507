"""What convolutional networks have of their own: feature maps, and another image processor; written for ConvNeXt."""

import pytest
from transformers import (
    ConvNextBackbone,
    ConvNextConfig,
    ConvNextImageProcessorPil,
    PreTrainedModel,
)

from .canonical import Head
from .image import IMAGE_SIZE, IMAGES

HEADS: dict[type[PreTrainedModel], Head] = {
    ConvNextBackbone: Head(
        inputs=IMAGES,
        outputs={"feature_maps": (2, 64, 1, 1)},
    ),
}


@pytest.fixture
def config() -> ConvNextConfig:
    return ConvNextConfig(
        hidden_sizes=[16, 32, 48, 64],
        depths=[1, 1, 1, 1],
        image_size=32,
    )


@pytest.fixture
def image_processor() -> ConvNextImageProcessorPil:
    return ConvNextImageProcessorPil(size={"shortest_edge": IMAGE_SIZE})
