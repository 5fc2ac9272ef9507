"""Series of numbers: a past that was partly observed, a future to predict; written for Autoformer."""

import pytest
import torch
from transformers import (
    AutoformerConfig,
    AutoformerModel,
    PreTrainedConfig,
    PreTrainedModel,
)

from .canonical import TOLERANCE, Head, build, run

# Two series of 11 steps (8 of context after 3 of lags) and the 4 that follow; the second was observed late.
SERIES = {
    "past_values": torch.rand(2, 11, generator=torch.Generator().manual_seed(0)) + 1,
    "past_time_features": torch.rand(2, 11, 1, generator=torch.Generator().manual_seed(1)),
    "past_observed_mask": torch.tensor([[1.0] * 11, [0.0] * 4 + [1.0] * 7]),
    "static_categorical_features": torch.tensor([[0], [1]]),
    "static_real_features": torch.tensor([[0.5], [2.0]]),
    "future_values": torch.rand(2, 4, generator=torch.Generator().manual_seed(2)) + 1,
    "future_time_features": torch.rand(2, 4, 1, generator=torch.Generator().manual_seed(3)),
}

HEADS: dict[type[PreTrainedModel], Head] = {
    AutoformerModel: Head(
        inputs=SERIES,
        outputs={"last_hidden_state": (2, 8, 9), "trend": (2, 8, 9), "encoder_last_hidden_state": (2, 8, 64)},
    ),
}


@pytest.fixture
def config() -> AutoformerConfig:
    return AutoformerConfig(
        prediction_length=4,
        context_length=8,
        lags_sequence=[1, 2, 3],
        num_time_features=1,
        num_static_real_features=1,
        num_static_categorical_features=1,
        cardinality=[3],
        embedding_dimension=[2],
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


class TestAutoformer:
    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        """There is no padding here: each row alone gives what it gives in the batch."""
        head = HEADS[cls]
        # With several heads and out of training, the delays of one row serve those of another.
        model = build(cls, config, **head.config, encoder_attention_heads=1, decoder_attention_heads=1)
        batch = run(model, head)
        for row in range(2):
            alone = run(model, head, **{name: value[row : row + 1] for name, value in head.inputs.items()})
            for name, output in alone.items():
                torch.testing.assert_close(output[0], batch[name][row], **TOLERANCE)
