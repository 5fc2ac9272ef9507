"""Series of numbers: a past that was partly observed, a future to predict; written for Autoformer."""

import pytest
import torch
from transformers import (
    AutoformerConfig,
    AutoformerModel,
    PreTrainedModel,
)

from .canonical import Head

# Two series of 11 steps (8 of context after 3 of lags) and the 4 that follow; the second was observed late.
SERIES = {
    "past_values": torch.rand(2, 11, generator=torch.Generator().manual_seed(0)) + 1,
    "past_time_features": torch.rand(2, 11, 1, generator=torch.Generator().manual_seed(1)),
    "past_observed_mask": torch.tensor([[1.0] * 11, [0.0] * 4 + [1.0] * 7]),
    "future_values": torch.rand(2, 4, generator=torch.Generator().manual_seed(2)) + 1,
    "future_time_features": torch.rand(2, 4, 1, generator=torch.Generator().manual_seed(3)),
}

HEADS: dict[type[PreTrainedModel], Head] = {
    AutoformerModel: Head(
        inputs=SERIES,
        outputs={"last_hidden_state": (2, 8, 6), "trend": (2, 8, 6), "encoder_last_hidden_state": (2, 8, 64)},
    ),
}


@pytest.fixture
def config() -> AutoformerConfig:
    return AutoformerConfig(
        prediction_length=4,
        context_length=8,
        lags_sequence=[1, 2, 3],
        num_time_features=1,
        d_model=64,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        encoder_layerdrop=0.0,
        decoder_layerdrop=0.0,
        label_length=4,
        moving_average=3,
    )
