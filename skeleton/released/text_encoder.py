"""Text that is read in both directions: padding on the right, and the heads of encoders; written for BERT."""

from typing import Any

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertLMHeadModel,
    BertModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, loss_of, prolonged, run
from .text_pipelines import tokenizer  # noqa: F401  # the fixture of the pipeline call

# Two rows of seven tokens; the second row has four, before three of padding.
TEXT = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15, 0, 0, 0]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0, 0]]),
    "token_type_ids": torch.tensor([[1, 1, 0, 0, 0, 1, 1], [1, 0, 1, 0, 0, 0, 0]]),
}
NEXT_TOKENS = torch.tensor([[5, 6, 7, 8, 9, 10, 11], [12, 13, 14, 15, -100, -100, -100]])
MASKED_TOKENS = torch.tensor([[-100, 16, -100, -100, -100, 17, -100], [-100, 18, -100, 19, -100, -100, -100]])
# As many tokens as both rows have.
PROMPT = {name: value[:, :4] for name, value in TEXT.items()}
# Each row with three answers to choose from.
CHOICES = {
    "input_ids": torch.stack([TEXT["input_ids"] + shift * (TEXT["input_ids"] > 0) for shift in (0, 20, 40)], dim=1),
    "attention_mask": torch.stack([TEXT["attention_mask"]] * 3, dim=1),
    "token_type_ids": torch.stack([TEXT["token_type_ids"]] * 3, dim=1),
}

HEADS: dict[type[PreTrainedModel], Head] = {
    BertModel: Head(
        inputs=TEXT,
        outputs={"last_hidden_state": (2, 7, 64), "pooler_output": (2, 64)},
    ),
    BertForPreTraining: Head(
        inputs=TEXT,
        outputs={"prediction_logits": (2, 7, 128), "seq_relationship_logits": (2, 2)},
        labels={"labels": MASKED_TOKENS, "next_sentence_label": torch.tensor([0, 1])},
    ),
    BertLMHeadModel: Head(
        inputs=TEXT,
        outputs={"logits": (2, 7, 128)},
        labels={"labels": NEXT_TOKENS},
    ),
    BertForMaskedLM: Head(
        inputs=TEXT,
        outputs={"logits": (2, 7, 128)},
        labels={"labels": MASKED_TOKENS},
    ),
    BertForSequenceClassification: Head(
        inputs=TEXT,
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
    BertForQuestionAnswering: Head(
        inputs=TEXT,
        outputs={"start_logits": (2, 7), "end_logits": (2, 7)},
        labels={"start_positions": torch.tensor([3, 1]), "end_positions": torch.tensor([5, 2])},
        untrained=("qa_outputs.bias",),
    ),
    BertForTokenClassification: Head(
        inputs=TEXT,
        outputs={"logits": (2, 7, 2)},
        labels={"labels": torch.tensor([[0, 1, 0, 1, 0, 1, 0], [1, 0, 1, 0, -100, -100, -100]])},
    ),
    BertForMultipleChoice: Head(
        inputs=CHOICES,
        outputs={"logits": (2, 3)},
        labels={"labels": torch.tensor([0, 2])},
    ),
    BertForNextSentencePrediction: Head(
        inputs=TEXT,
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
}
CLASSIFIERS = [
    BertForSequenceClassification,
    BertForQuestionAnswering,
    BertForTokenClassification,
    BertForMultipleChoice,
    BertForNextSentencePrediction,
]


@pytest.fixture
def config() -> BertConfig:
    return BertConfig(
        vocab_size=128,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=64,
        pad_token_id=0,
    )


def said_at_once(model: Any, head: Head, tokens: torch.Tensor) -> torch.Tensor:
    """What the model says at each step towards ``tokens``, in one pass, with the positions of ``generate()``."""
    batch = prolonged(PROMPT, tokens[:, :-1])
    positions = batch["attention_mask"].cumsum(-1) - 1
    return run(model, head, **batch, position_ids=positions)["logits"][:, -tokens.shape[1] :]


class TestBert:
    @pytest.mark.parametrize("cls", [BertForMaskedLM])
    def test_loss_is_of_the_masked_tokens(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        labels = head.labels["labels"].to(torch_device)
        expected = torch.nn.functional.cross_entropy(run(model, head)["logits"].flatten(0, 1), labels.flatten())
        with torch.no_grad():
            torch.testing.assert_close(loss_of(model, head, head.labels), expected, **TOLERANCE)

    def test_pipeline_fill_mask(self, config: PreTrainedConfig, tokenizer: PreTrainedTokenizerFast) -> None:
        cls = BertForMaskedLM
        model = build(cls, config, **HEADS[cls].config)
        fill: Any = pipeline("fill-mask", model=model, tokenizer=tokenizer, device=torch_device)
        sentences = ["the cat <mask> on the mat", "dogs <mask> fast", "<mask>"]
        answers = [fill(sentence, targets=["sat", "run"]) for sentence in sentences]
        assert [sorted(word["token_str"] for word in answer) for answer in answers] == [["run", "sat"]] * 3
        prompt = tokenizer(sentences[0], return_tensors="pt").to(torch_device)
        with torch.no_grad():
            expected = model(**prompt).logits[0, sentences[0].split().index("<mask>")].softmax(-1)
        for word in answers[0]:
            assert word["score"] == pytest.approx(expected[word["token"]].item(), rel=1e-4)
        assert len({round(answer[0]["score"], 6) for answer in answers}) == 3
