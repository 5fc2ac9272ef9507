"""Text to text: an encoder, a decoder that attends to it, and their heads; written for BART."""

from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForCausalLM,
    BartForConditionalGeneration,
    BartForQuestionAnswering,
    BartForSequenceClassification,
    BartModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, loss_of, prolonged, run
from .text_pipelines import WORDS

# Two rows of seven tokens, each with an end; the second row has four, before three of padding.
TEXT = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 10, 2], [12, 13, 14, 2, 0, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]]),
}
TEXT_TO_TEXT = {
    **TEXT,
    "decoder_input_ids": torch.tensor([[2, 20, 21, 22, 23], [2, 24, 25, 26, 0]]),
    "decoder_attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]),
}
# What an encoder made of two other texts, for a decoder without one; the second is shorter.
ENCODED = {
    "encoder_hidden_states": torch.randn(2, 5, 64, generator=torch.Generator().manual_seed(0)),
    "encoder_attention_mask": torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]]),
}
NEXT_TOKENS = torch.tensor([[5, 6, 7, 8, 9, 10, 2], [12, 13, 14, 2, -100, -100, -100]])
ANSWERS = torch.tensor([[20, 21, 22, 23, 2], [24, 25, 26, 2, -100]])
PROMPT = TEXT

HEADS: dict[type[PreTrainedModel], Head] = {
    BartModel: Head(
        inputs=TEXT_TO_TEXT,
        outputs={"last_hidden_state": (2, 5, 64), "encoder_last_hidden_state": (2, 7, 64)},
    ),
    BartForCausalLM: Head(
        inputs={**TEXT, **ENCODED},
        outputs={"logits": (2, 7, 128)},
        labels={"labels": NEXT_TOKENS},
    ),
    BartForConditionalGeneration: Head(
        inputs=TEXT_TO_TEXT,
        outputs={"logits": (2, 5, 128)},
        labels={"labels": ANSWERS},
    ),
    BartForSequenceClassification: Head(
        inputs=TEXT,
        outputs={"logits": (2, 3)},
        labels={"labels": torch.tensor([0, 1])},
    ),
    BartForQuestionAnswering: Head(
        inputs=TEXT,
        outputs={"start_logits": (2, 7), "end_logits": (2, 7)},
        labels={"start_positions": torch.tensor([3, 1]), "end_positions": torch.tensor([5, 2])},
        untrained=("qa_outputs.bias",),
    ),
}
GENERATORS = [
    BartForConditionalGeneration,
    BartForCausalLM,
]
CLASSIFIERS = [
    BartForSequenceClassification,
    BartForQuestionAnswering,
]


@pytest.fixture
def config() -> BartConfig:
    return BartConfig(
        vocab_size=128,
        d_model=64,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
        forced_eos_token_id=None,
    )


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words that ends each text with ``</s>``, on which the classifiers rely."""
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A $B </s>", special_tokens=[("</s>", WORDS.index("</s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
    )


def said_at_once(model: Any, head: Head, tokens: torch.Tensor) -> torch.Tensor:
    """What the model says at each step towards ``tokens``, in one pass: without ``generate()``, without a cache."""
    if "decoder_input_ids" in head.inputs:
        start = torch.full((2, 1), model.config.decoder_start_token_id)
        decoded = torch.cat([start, tokens[:, :-1].cpu()], dim=1)
        return run(model, head, **PROMPT, decoder_input_ids=decoded, decoder_attention_mask=None)["logits"]
    batch = prolonged(PROMPT, tokens[:, :-1])
    positions = batch["attention_mask"].cumsum(-1) - 1
    # `generate()` gives a decoder alone a cache for its own tokens only, in which an encoder's states have no place.
    alone = {name: None for name in head.inputs if name.startswith("encoder_")}
    return run(model, head, **batch, **alone, position_ids=positions)["logits"][:, -tokens.shape[1] :]


class TestBart:
    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        padded = run(model, head)
        # Of the text and of what the decoder reads, each by its length.
        real = {mask.shape[1]: mask[1].bool() for name, mask in head.inputs.items() if name.endswith("attention_mask")}
        alone = run(model, head, **{name: value[1:, real[value.shape[1]]] for name, value in head.inputs.items()})
        for name, output in padded.items():
            row = output[1:, real[output.shape[1]]] if output.shape[1] in real else output[1:]
            torch.testing.assert_close(alone[name], row, **TOLERANCE)

    @pytest.mark.parametrize("cls", GENERATORS)
    def test_loss_is_of_the_next_token(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        """The labels are given shifted already, to the decoder alone too."""
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        labels = head.labels["labels"].to(torch_device)
        expected = torch.nn.functional.cross_entropy(run(model, head)["logits"].flatten(0, 1), labels.flatten())
        with torch.no_grad():
            torch.testing.assert_close(loss_of(model, head, head.labels), expected, **TOLERANCE)
        if "decoder_input_ids" in head.inputs:
            # A decoder that is given nothing to read reads the labels, each of them one step later.
            logits = said_at_once(model, head, labels)
            expected = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())
            unread = {"decoder_input_ids": None, "decoder_attention_mask": None}
            with torch.no_grad():
                torch.testing.assert_close(loss_of(model, head, {**head.labels, **unread}), expected, **TOLERANCE)
