"""Speech to text: log-mel features in, tokens out, and the heads of such a model; written for Whisper."""

from typing import Any

import pytest
import torch
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForAudioClassification,
    WhisperForCausalLM,
    WhisperForConditionalGeneration,
    WhisperModel,
    WhisperTokenizer,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, loss_of, prolonged, run

# Two seconds of noise as features of one second each: 16 mel bins, 100 frames, of which the encoder makes 50.
FEATURES = {"input_features": torch.randn(2, 16, 100, generator=torch.Generator().manual_seed(0))}
DECODED = torch.tensor([[3, 20, 21, 22, 23], [3, 24, 25, 26, 0]])
DECODED_MASK = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
# What an encoder made of two other seconds, for a decoder without one.
ENCODED = torch.randn(2, 50, 64, generator=torch.Generator().manual_seed(1))
SPOKEN = {**FEATURES, "decoder_input_ids": DECODED, "decoder_attention_mask": DECODED_MASK}
ANSWERS = torch.tensor([[20, 21, 22, 23, 2], [24, 25, 26, 2, -100]])

HEADS: dict[type[PreTrainedModel], Head] = {
    WhisperModel: Head(
        inputs=SPOKEN,
        outputs={"last_hidden_state": (2, 5, 64), "encoder_last_hidden_state": (2, 50, 64)},
    ),
    WhisperForCausalLM: Head(
        inputs={"input_ids": DECODED, "attention_mask": DECODED_MASK, "encoder_outputs": ENCODED},
        outputs={"logits": (2, 5, 128)},
        labels={"labels": ANSWERS},
    ),
    WhisperForConditionalGeneration: Head(
        inputs=SPOKEN,
        outputs={"logits": (2, 5, 128)},
        labels={"labels": ANSWERS},
    ),
    WhisperForAudioClassification: Head(
        inputs=FEATURES,
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
}
GENERATORS = [
    WhisperForConditionalGeneration,
    WhisperForCausalLM,
]


@pytest.fixture
def config() -> WhisperConfig:
    return WhisperConfig(
        vocab_size=128,
        num_mel_bins=16,
        encoder_layers=2,
        encoder_attention_heads=4,
        decoder_layers=2,
        decoder_attention_heads=4,
        decoder_ffn_dim=64,
        encoder_ffn_dim=64,
        d_model=64,
        max_source_positions=50,
        max_target_positions=64,
        classifier_proj_size=32,
        init_std=0.1,
        decoder_start_token_id=3,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        begin_suppress_tokens=None,
    )


@pytest.fixture
def feature_extractor() -> WhisperFeatureExtractor:
    return WhisperFeatureExtractor(feature_size=16, chunk_length=1)


@pytest.fixture
def recordings() -> list[torch.Tensor]:
    """A second each of noise, of a tone, and of both."""
    noise = torch.randn(16000, generator=torch.Generator().manual_seed(1))
    tone = torch.sin(torch.arange(16000) / 5)
    return [noise, tone, noise + tone]


def prompt_of(head: Head) -> dict[str, torch.Tensor]:
    """What generation starts from: all that goes in but what the decoder says itself, tokens that both rows have."""
    return {
        name: value[:, :4] if name in ("input_ids", "attention_mask") else value
        for name, value in head.inputs.items()
        if not name.startswith("decoder_")
    }


def said_at_once(model: Any, head: Head, tokens: torch.Tensor) -> torch.Tensor:
    """What the model says at each step towards ``tokens``, in one pass: without ``generate()``, without a cache."""
    if "decoder_input_ids" in head.inputs:
        start = torch.full((2, 1), model.config.decoder_start_token_id)
        decoded = torch.cat([start, tokens[:, :-1].cpu()], dim=1)
        return run(model, head, decoder_input_ids=decoded, decoder_attention_mask=None)["logits"]
    batch = prolonged(prompt_of(head), tokens[:, :-1])
    return run(model, head, **batch)["logits"][:, -tokens.shape[1] :]


class TestWhisper:
    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        """Features are padded with silence, which is heard: each row alone gives what it gives in the batch."""
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        batch = run(model, head)
        for row in range(2):
            alone = run(model, head, **{name: value[row : row + 1] for name, value in head.inputs.items()})
            for name, output in alone.items():
                torch.testing.assert_close(output[0], batch[name][row], **TOLERANCE)

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

    def test_pipeline_automatic_speech_recognition(
        self,
        config: PreTrainedConfig,
        feature_extractor: WhisperFeatureExtractor,
        recordings: list[torch.Tensor],
    ) -> None:
        special = ["<|nothing|>", "<|begin|>", "<|endoftext|>", "<|startoftranscript|>"]
        letters = sorted(ByteLevel.alphabet())[:123]
        # What follows this token in the vocabulary would be read as a time.
        tokens = [*special, *letters, "<|notimestamps|>"]
        tokenizer = WhisperTokenizer({token: i for i, token in enumerate(tokens)}, [])
        model = build(WhisperForConditionalGeneration, config)
        recognise: Any = pipeline(
            "automatic-speech-recognition",
            model=model,
            tokenizer=tokenizer,
            feature_extractor=feature_extractor,
            device=torch_device,
        )
        steps = {"max_new_tokens": 8, "no_repeat_ngram_size": 1, "num_beams": 1}
        texts = []
        for recording in recordings:
            features = feature_extractor(recording.numpy(), sampling_rate=16000, return_tensors="pt").to(torch_device)
            spoken = model.generate(**features, **steps)
            texts.append(recognise(recording.numpy(), generate_kwargs=steps)["text"])
            assert texts[-1] == tokenizer.decode(spoken[0], skip_special_tokens=True)
        assert len(set(texts)) > 1
