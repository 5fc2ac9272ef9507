"""Speech as a waveform: frames of it, the heads that label them and their pipelines; written for wav2vec 2.0."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForAudioFrameClassification,
    Wav2Vec2ForCTC,
    Wav2Vec2ForPreTraining,
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2ForXVector,
    Wav2Vec2Model,
    pipeline,
)
from transformers.testing_utils import torch_device

from .canonical import TOLERANCE, Head, build, loss_of, run

# Noise of 400 samples, which make 19 frames; a tone of 300, 14 frames, before padding.
SAMPLES = (400, 300)
FRAMES = (19, 14)
HEARD = (torch.arange(SAMPLES[0]) < torch.tensor(SAMPLES)[:, None]).long()
NOISE = torch.randn(SAMPLES[0], generator=torch.Generator().manual_seed(0))
TONE = torch.sin(torch.arange(SAMPLES[0]) / 5)
WAVEFORMS = {
    "input_values": torch.stack([NOISE, TONE]) * HEARD,
    "attention_mask": HEARD,
}
LETTERS = ["<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz", "'"]

HEADS: dict[type[PreTrainedModel], Head] = {
    Wav2Vec2Model: Head(
        inputs=WAVEFORMS,
        outputs={"last_hidden_state": (2, 19, 64), "extract_features": (2, 19, 32)},
    ),
    Wav2Vec2ForPreTraining: Head(
        inputs=WAVEFORMS,
        outputs={"projected_states": (2, 19, 32), "projected_quantized_states": (2, 19, 32)},
        labels={
            "mask_time_indices": torch.arange(38).reshape(2, 19) % 3 == 0,
            "sampled_negative_indices": torch.arange(38).reshape(2, 19, 1) * torch.tensor([1, 5, 7]) % 38,
        },
        config={"apply_spec_augment": True, "mask_time_prob": 0.05},
    ),
    Wav2Vec2ForSequenceClassification: Head(
        inputs=WAVEFORMS,
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
    Wav2Vec2ForCTC: Head(
        inputs=WAVEFORMS,
        outputs={"logits": (2, 19, 32)},
        labels={"labels": torch.tensor([[5, 6, 7, 8], [9, 10, -100, -100]])},
    ),
    Wav2Vec2ForAudioFrameClassification: Head(
        inputs=WAVEFORMS,
        outputs={"logits": (2, 19, 2)},
        labels={"labels": torch.nn.functional.one_hot(torch.arange(38).reshape(2, 19) % 2).float()},
    ),
    Wav2Vec2ForXVector: Head(
        inputs=WAVEFORMS,
        outputs={"logits": (2, 16), "embeddings": (2, 16)},
        labels={"labels": torch.tensor([0, 1])},
    ),
}
CLASSIFIERS = [
    Wav2Vec2ForSequenceClassification,
    Wav2Vec2ForAudioFrameClassification,
]


@pytest.fixture
def config() -> Wav2Vec2Config:
    return Wav2Vec2Config(
        vocab_size=32,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=[32, 32, 32],
        conv_stride=[5, 2, 2],
        conv_kernel=[10, 3, 3],
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        layerdrop=0.0,
        apply_spec_augment=False,
        mask_time_prob=0.0,
        ctc_loss_reduction="mean",
        classifier_proj_size=32,
        tdnn_dim=[32, 32, 64],
        tdnn_kernel=[3, 3, 1],
        tdnn_dilation=[1, 2, 1],
        xvector_output_dim=16,
    )


@pytest.fixture
def feature_extractor() -> Wav2Vec2FeatureExtractor:
    return Wav2Vec2FeatureExtractor(return_attention_mask=True)


@pytest.fixture
def recordings() -> list[torch.Tensor]:
    """Three recordings of noise, each rougher than the one before."""
    noise = torch.randn(3, SAMPLES[0], generator=torch.Generator().manual_seed(1))
    return [torch.nn.functional.avg_pool1d(row[None], 2 * i + 1, 1, i)[0] for i, row in enumerate(noise)]


class TestWav2Vec2:
    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        padded = run(model, head)
        alone = run(model, head, **{name: value[1:, : SAMPLES[1]] for name, value in head.inputs.items()})
        for name, output in alone.items():
            row = padded[name][1:, : FRAMES[1]] if padded[name].shape[1] == FRAMES[0] else padded[name][1:]
            torch.testing.assert_close(output, row, **TOLERANCE)

    def test_loss_is_of_the_letters(self, config: PreTrainedConfig) -> None:
        head = HEADS[Wav2Vec2ForCTC]
        model = build(Wav2Vec2ForCTC, config, **head.config)
        labels = head.labels["labels"].to(torch_device)
        expected = torch.nn.functional.ctc_loss(
            run(model, head)["logits"].log_softmax(-1).transpose(0, 1),
            labels[labels >= 0],
            torch.tensor(FRAMES),
            (labels >= 0).sum(-1),
            blank=model.config.pad_token_id,
            reduction=model.config.ctc_loss_reduction,
        )
        with torch.no_grad():
            torch.testing.assert_close(loss_of(model, head, head.labels), expected, **TOLERANCE)

    def test_pipeline_automatic_speech_recognition(
        self,
        config: PreTrainedConfig,
        feature_extractor: Wav2Vec2FeatureExtractor,
        recordings: list[torch.Tensor],
        tmp_path: Path,
    ) -> None:
        (tmp_path / "vocab.json").write_text(json.dumps({letter: i for i, letter in enumerate(LETTERS)}))
        tokenizer = Wav2Vec2CTCTokenizer(str(tmp_path / "vocab.json"))
        model = build(Wav2Vec2ForCTC, config)
        recognise: Any = pipeline(
            "automatic-speech-recognition",
            model=model,
            tokenizer=tokenizer,
            feature_extractor=feature_extractor,
            device=torch_device,
        )
        texts = []
        for recording in recordings:
            features = feature_extractor(recording.numpy(), sampling_rate=16000, return_tensors="pt").to(torch_device)
            with torch.no_grad():
                letters = model(**features).logits[0].argmax(-1)
            texts.append(recognise(recording.numpy())["text"])
            assert texts[-1] == tokenizer.decode(letters)
        assert len(set(texts)) > 1

    def test_pipeline_audio_classification(
        self,
        config: PreTrainedConfig,
        feature_extractor: Wav2Vec2FeatureExtractor,
        recordings: list[torch.Tensor],
    ) -> None:
        model = build(Wav2Vec2ForSequenceClassification, config)
        classify: Any = pipeline(
            "audio-classification", model=model, feature_extractor=feature_extractor, device=torch_device
        )
        answers = []
        for recording in recordings:
            features = feature_extractor(recording.numpy(), sampling_rate=16000, return_tensors="pt").to(torch_device)
            with torch.no_grad():
                expected = model(**features).logits[0].softmax(-1).tolist()
            answer = {label["label"]: label["score"] for label in classify(recording.numpy())}
            assert answer == pytest.approx({model.config.id2label[i]: score for i, score in enumerate(expected)})
            answers.append(round(answer["LABEL_0"], 6))
        assert len(set(answers)) == 3
