"""The encoder of an encoder-decoder alone, and heads on it; written for T5."""

import pytest
import torch
from transformers import (
    PreTrainedModel,
    T5Config,
    T5EncoderModel,
    T5ForQuestionAnswering,
    T5ForSequenceClassification,
    T5ForTokenClassification,
)

from .canonical import Head
from .text_seq2seq import TEXT

HEADS: dict[type[PreTrainedModel], Head] = {
    T5ForTokenClassification: Head(
        inputs=TEXT,
        outputs={"logits": (2, 7, 2)},
        labels={"labels": torch.tensor([[0, 1, 0, 1, 0, 1, 0], [1, 0, 1, 0, -100, -100, -100]])},
    ),
    T5EncoderModel: Head(
        inputs=TEXT,
        outputs={"last_hidden_state": (2, 7, 64)},
    ),
}
CLASSIFIERS = [
    T5ForSequenceClassification,
    T5ForQuestionAnswering,
    T5ForTokenClassification,
]


@pytest.fixture
def config() -> T5Config:
    return T5Config(
        vocab_size=128,
        d_model=64,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        decoder_start_token_id=0,  # type: ignore[call-arg]  # not declared, and asked for
    )
