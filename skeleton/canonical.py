"""SmolLM3 (``smollm3``), tiny and run for real.

Random weights in the real architecture, on any device, without network.
"""

import copy
import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec, patch

import pytest
import torch
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    SmolLM3Config,
    SmolLM3ForCausalLM,
    SmolLM3ForQuestionAnswering,
    SmolLM3ForSequenceClassification,
    SmolLM3ForTokenClassification,
    SmolLM3Model,
)
from transformers.testing_utils import slow, torch_device
from transformers.utils.hub import is_offline_mode

MODEL_ID = "HuggingFaceTB/SmolLM3-3B"

# How close two float32 computations of the same values come.
TOLERANCE: dict[str, Any] = {"atol": 1e-4, "rtol": 1e-4}

# Two rows of seven tokens; the second row has four, after three of padding.
TEXT = {
    "input_ids": torch.tensor([[5, 6, 7, 8, 9, 10, 11], [0, 0, 0, 12, 13, 14, 15]]),
    "attention_mask": torch.tensor([[1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1]]),
}
NEXT_TOKENS = torch.tensor([[5, 6, 7, 8, 9, 10, 11], [-100, -100, -100, 12, 13, 14, 15]])
PROMPT = TEXT


@dataclass
class Head:
    """A model class: what goes in, what trains it, and the shapes of the outputs that the tests compare."""

    inputs: dict[str, torch.Tensor]
    outputs: dict[str, tuple[int, ...]]
    labels: dict[str, Any] = field(default_factory=dict)
    # Changes of the configuration that this class asks for.
    config: dict[str, Any] = field(default_factory=dict)
    # What a model in bfloat16 answers in.
    half: torch.dtype = torch.bfloat16
    # Parameters, by a part of their names, that stay in float32.
    single: tuple[str, ...] = ()
    # Inputs that rightly change no output, and parameters, by a part of their names, that rightly get no gradient: a
    # bias that is added to the scores of all places alike moves no probability.
    inert: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()


HEADS: dict[type[PreTrainedModel], Head] = {
    SmolLM3Model: Head(
        inputs=TEXT,
        outputs={"last_hidden_state": (2, 7, 64)},
    ),
    SmolLM3ForCausalLM: Head(
        inputs=TEXT,
        outputs={"logits": (2, 7, 128)},
        labels={"labels": NEXT_TOKENS},
    ),
    SmolLM3ForSequenceClassification: Head(
        inputs=TEXT,
        outputs={"logits": (2, 2)},
        labels={"labels": torch.tensor([0, 1])},
    ),
    SmolLM3ForQuestionAnswering: Head(
        inputs=TEXT,
        outputs={"start_logits": (2, 7), "end_logits": (2, 7)},
        labels={"start_positions": torch.tensor([3, 4]), "end_positions": torch.tensor([5, 6])},
        untrained=("qa_outputs.bias",),
    ),
    SmolLM3ForTokenClassification: Head(
        inputs=TEXT,
        outputs={"logits": (2, 7, 2)},
        labels={"labels": torch.tensor([[0, 1, 0, 1, 0, 1, 0], [1, 0, 1, 0, 1, 0, 1]])},
    ),
}
GENERATORS = [
    SmolLM3ForCausalLM,
]
CLASSIFIERS = [
    SmolLM3ForSequenceClassification,
    SmolLM3ForQuestionAnswering,
    SmolLM3ForTokenClassification,
]


@pytest.fixture
def config() -> SmolLM3Config:
    return SmolLM3Config(
        vocab_size=128,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
        no_rope_layers=[1, 0],
    )


def build(cls: type[PreTrainedModel], config: PreTrainedConfig, **changes: Any) -> Any:
    """A model with seeded random weights; weights that start as a constant (zeros, ones) are moved off it to count."""
    # A model may change its configuration: each one has its own.
    config = type(config).from_dict({**config.to_dict(), **changes}) if changes else copy.deepcopy(config)
    torch.manual_seed(0)
    model: Any = cls(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() > 1 and parameter.eq(parameter.flatten()[0]).all():
                parameter.add_(torch.randn_like(parameter), alpha=0.1)
    return model.to(torch_device).eval()


def load(cls: type[PreTrainedModel], checkpoint: str | Path, **options: Any) -> Any:
    """The saved model, ready to run."""
    model: Any = cls.from_pretrained(checkpoint, **options)
    return model.to(torch_device).eval()


def on_device(batch: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """The batch where the model is; its floating-point tensors in ``dtype``."""
    return {
        name: value.to(torch_device, dtype if value.is_floating_point() else value.dtype)
        if isinstance(value, torch.Tensor)
        else value
        for name, value in batch.items()
    }


def compared(outputs: Any, head: Head) -> dict[str, torch.Tensor]:
    """The outputs that ``head`` names; of several layers' the last."""
    return {name: outputs[name][-1] if isinstance(outputs[name], tuple) else outputs[name] for name in head.outputs}


def answer(model: Any, batch: dict[str, Any]) -> Any:
    """What the model says of a batch."""
    return model(**batch)


def run(model: Any, head: Head, **changes: Any) -> dict[str, torch.Tensor]:
    """The outputs that ``head`` names, computed without gradients; ``changes`` replace inputs."""
    torch.manual_seed(0)
    with torch.no_grad():
        outputs = answer(model, on_device({**head.inputs, **changes}, model.dtype))
    return compared(outputs, head)


def prolonged(batch: dict[str, torch.Tensor], tokens: torch.Tensor) -> dict[str, torch.Tensor]:
    """The batch with more tokens behind its text: neither padding nor part of an image."""
    more = {"input_ids": tokens.cpu(), "attention_mask": torch.ones_like(tokens).cpu()}
    nothing = torch.zeros_like(tokens).cpu()
    shape = batch["input_ids"].shape
    return {
        name: torch.cat([value, more.get(name, nothing)], dim=1) if value.shape == shape else value
        for name, value in batch.items()
    }


def prompt_of(head: Head) -> dict[str, torch.Tensor]:
    """What generation starts from."""
    return PROMPT


def said_at_once(model: Any, head: Head, tokens: torch.Tensor) -> torch.Tensor:
    """What the model says at each step towards ``tokens``, in one pass: without ``generate()``, without a cache."""
    return run(model, head, **prolonged(PROMPT, tokens[:, :-1]))["logits"][:, -tokens.shape[1] :]


def exchanged(value: Any) -> Any:
    """The two rows of a batch, or of its labels, the other way round."""
    return value.flip(0) if isinstance(value, torch.Tensor) else value


def loss_of(model: Any, head: Head, labels: dict[str, Any]) -> torch.Tensor:
    """The loss of a batch; for a class without labels, a weighted mean of its outputs."""
    torch.manual_seed(0)
    outputs = answer(model, on_device({**head.inputs, **labels}, model.dtype))
    if labels:
        return outputs.loss
    return torch.stack(
        [(output * torch.randn_like(output)).mean() for output in compared(outputs, head).values()]
    ).sum()


class TestSmolLM3:
    def test_config_round_trip(self, config: PreTrainedConfig, tmp_path: Path) -> None:
        config.save_pretrained(tmp_path)
        loaded = SmolLM3Config.from_pretrained(tmp_path)
        # The version is written by saving.
        fields = vars(config).keys() - {"transformers_version"}
        assert {name: getattr(loaded, name) for name in fields} == {name: getattr(config, name) for name in fields}
        assert loaded.to_dict() == config.to_dict()
        head = HEADS[SmolLM3Model]
        torch.testing.assert_close(
            run(build(SmolLM3Model, loaded), head),
            run(build(SmolLM3Model, config), head),
        )

    def test_model_loading(self, config: PreTrainedConfig, tmp_path: Path) -> None:
        head = HEADS[SmolLM3Model]
        model = build(SmolLM3Model, config)
        model.save_pretrained(tmp_path)
        loaded = load(SmolLM3Model, tmp_path)
        assert loaded.device.type == torch_device
        torch.testing.assert_close(run(loaded, head), run(model, head))

    @pytest.mark.parametrize("cls", HEADS)
    def test_forward(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        model = build(cls, config, **HEADS[cls].config)
        outputs = run(model, HEADS[cls])
        assert {name: tuple(output.shape) for name, output in outputs.items()} == HEADS[cls].outputs
        for name, output in outputs.items():
            assert output.isfinite().all(), name
            assert not torch.equal(output[0], output[1]), name

    @pytest.mark.parametrize("cls", HEADS)
    def test_every_input_matters(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        expected = run(model, head)
        for name, value in head.inputs.items():
            # Of text the words change, and what is special about it stays.
            words = name.endswith("input_ids")
            outputs = run(model, head, **{name: value + 20 * (value >= 8) if words else exchanged(value)})
            change = max((outputs[key] - expected[key]).abs().max().item() for key in expected)
            assert (change > 1e-6) != (name in head.inert), name

    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        padded = run(model, head)
        real = TEXT["attention_mask"][1].bool()
        alone = run(model, head, **{name: value[1:, ..., real] for name, value in head.inputs.items()})
        for name, output in padded.items():
            row = output[1:, real] if output.shape[:2] == (2, len(real)) else output[1:]
            torch.testing.assert_close(alone[name], row, **TOLERANCE)

    @pytest.mark.parametrize("cls", GENERATORS)
    def test_cached_generation_equals_uncached(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        prompt = on_device(prompt_of(head), model.dtype)
        # Without repetition: the same token again would hide a cache that misses one.
        steps = {"min_new_tokens": 4, "max_new_tokens": 4, "do_sample": False, "no_repeat_ngram_size": 1}
        report = {"output_logits": True, "output_scores": True, "return_dict_in_generate": True}
        cached = model.generate(**prompt, **steps, **report)
        uncached = model.generate(**prompt, **steps, **report, use_cache=False)
        tokens = torch.stack(cached.scores, dim=1).argmax(-1)
        assert tokens.shape == (2, 4)
        # Token ids alone would hide a stale cache: other logits often have the same maximum.
        said = torch.stack(cached.logits, dim=1)
        torch.testing.assert_close(said, torch.stack(uncached.logits, dim=1), **TOLERANCE)
        torch.testing.assert_close(said, said_at_once(model, head, tokens), **TOLERANCE)
        assert torch.equal(cached.sequences[:, -4:], tokens)
        assert torch.equal(cached.sequences[:, :-4], uncached.sequences[:, :-4])

    @pytest.mark.parametrize("cls", GENERATORS)
    def test_loss_is_of_the_next_token(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        model = build(cls, config, **HEADS[cls].config)
        logits = run(model, HEADS[cls])["logits"]
        labels = HEADS[cls].labels["labels"].to(torch_device)
        expected = torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        with torch.no_grad():
            torch.testing.assert_close(loss_of(model, HEADS[cls], HEADS[cls].labels), expected, **TOLERANCE)

    @pytest.mark.parametrize("cls", CLASSIFIERS)
    def test_loss_is_of_the_classes(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        """The mean over what is labelled, and over starts and ends."""
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        losses = []
        for logits, labels in zip(run(model, head).values(), head.labels.values(), strict=True):
            classes = labels.to(torch_device).flatten(0, logits.ndim - 2)
            losses.append(torch.nn.functional.cross_entropy(logits.flatten(0, -2), classes))
        with torch.no_grad():
            torch.testing.assert_close(loss_of(model, head, head.labels), torch.stack(losses).mean(), **TOLERANCE)

    @pytest.mark.parametrize("cls", HEADS)
    def test_training_step(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **HEADS[cls].config).train()
        loss = loss_of(model, head, head.labels)
        loss.backward()
        for name, parameter in model.named_parameters():
            if not any(part in name for part in head.untrained):
                assert parameter.grad is not None and parameter.grad.isfinite().all(), name
                assert parameter.grad.abs().sum() > 0, name
        for name, value in head.labels.items():
            if isinstance(value, torch.Tensor):
                assert loss_of(model, head, {**head.labels, name: exchanged(value)}) != loss, name
        torch.optim.SGD(model.parameters(), lr=1e-3).step()
        assert loss_of(model, head, head.labels) < loss

    @pytest.mark.parametrize("cls", HEADS)
    def test_save_load(self, config: PreTrainedConfig, cls: type[PreTrainedModel], tmp_path: Path) -> None:
        model = build(cls, config, **HEADS[cls].config)
        model.save_pretrained(tmp_path)
        found: Any = cls.from_pretrained(tmp_path, output_loading_info=True)
        loaded, report = found
        assert not any(report.values()), report
        assert not loaded.training
        loaded = loaded.to(torch_device).eval()
        weights, expected = loaded.state_dict(), model.state_dict()
        assert weights.keys() == expected.keys()
        for name, weight in expected.items():
            assert torch.equal(weights[name], weight), name
        # A tied weight is one parameter under two names: as many parameters in the one as in the other.
        assert [name for name, _ in loaded.named_parameters()] == [name for name, _ in model.named_parameters()]
        torch.testing.assert_close(run(loaded, HEADS[cls]), run(model, HEADS[cls]))

    @pytest.mark.parametrize("cls", HEADS)
    def test_bfloat16(self, config: PreTrainedConfig, cls: type[PreTrainedModel], tmp_path: Path) -> None:
        model = build(cls, config, **HEADS[cls].config)
        model.save_pretrained(tmp_path)
        half = load(cls, tmp_path, dtype=torch.bfloat16)
        for name, parameter in half.named_parameters():
            kept = any(part in name for part in HEADS[cls].single)
            assert parameter.dtype == (torch.float32 if kept else torch.bfloat16), name
        expected = run(model, HEADS[cls])
        for name, output in run(half, HEADS[cls]).items():
            assert output.dtype == HEADS[cls].half, name
            assert (output - expected[name]).abs().mean() < 0.1 * expected[name].abs().mean(), name

    @pytest.mark.parametrize("cls", HEADS)
    def test_model_with_mock(self, cls: type[PreTrainedModel]) -> None:
        """The calls of this module against the signatures of the model, for machines without its weights."""
        signature = inspect.signature(cls.forward)

        def forward(**batch: Any) -> dict[str, torch.Tensor]:
            # `forward` takes any keyword; only those that it names do something.
            assert batch.keys() <= signature.parameters.keys()
            signature.bind(None, **batch)
            return {name: torch.zeros(shape) for name, shape in HEADS[cls].outputs.items()}

        model = create_autospec(cls, instance=True, side_effect=forward, dtype=torch.float32)
        model.to.return_value = model.eval.return_value = model
        with patch.object(cls, "from_pretrained", autospec=True, return_value=model) as from_pretrained:
            loaded = load(cls, MODEL_ID, dtype=torch.float32)
        from_pretrained.assert_called_once_with(MODEL_ID, dtype=torch.float32)
        model.to.assert_called_once_with(torch_device)
        model.eval.assert_called_once_with()
        answer(loaded, on_device({**HEADS[cls].inputs, **HEADS[cls].labels}, torch.float32))
        with pytest.raises(AssertionError):
            loaded(**HEADS[cls].inputs, no_such_input=None)

    @slow
    @pytest.mark.skipif(is_offline_mode(), reason="HF_HUB_OFFLINE is set, and a real checkpoint is downloaded")
    def test_real_checkpoint(self) -> None:
        # The class that the checkpoint was saved from: another one may have weights that it lacks, say of a pooler.
        saved = SmolLM3Config.from_pretrained(MODEL_ID).architectures or []
        cls = next((cls for cls in HEADS if cls.__name__ in saved), SmolLM3Model)
        found: Any = cls.from_pretrained(MODEL_ID, output_loading_info=True)
        model, report = found
        assert not report["missing_keys"] and not report["mismatched_keys"]
        assert all(parameter.isfinite().all() for parameter in model.parameters())
