"""Inputs of any kind, written out for each class, in two rows; written for UDOP."""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    PreTrainedConfig,
    PreTrainedModel,
    UdopConfig,
    UdopForConditionalGeneration,
    UdopModel,
)
from transformers.testing_utils import slow, torch_device
from transformers.utils.hub import is_offline_mode

from .canonical import MODEL_ID, TOLERANCE, answer, load


def tokens(rows: int, length: int, inserted: list[int] | None = None, shift: int = 0) -> torch.Tensor:
    """Rows of words, no two alike, with special tokens ``inserted`` behind the first word of each row."""
    words = (torch.arange(rows * length) * 7 + shift) % 60 + 8
    words = words.reshape(rows, length)
    special = torch.tensor(inserted or [], dtype=torch.long).expand(rows, -1)
    return torch.cat([words[:, :1], special, words[:, 1:]], dim=1)


def kinds(rows: int, length: int, inserted: list[int]) -> torch.Tensor:
    """The kind of what stands in such rows: 0 for a word, and the kinds of what is ``inserted``."""
    return torch.tensor([[0, *inserted, *[0] * (length - 1)]] * rows)


def places(*sides: tuple[int, int]) -> torch.Tensor:
    """For images of these heights and widths, all of one area, the column and the row of each patch."""
    return torch.stack(
        [
            torch.stack(torch.meshgrid(torch.arange(w), torch.arange(h), indexing="xy"), -1).flatten(0, 1)
            for h, w in sides
        ]
    )


def mask(*shape: int, padded: int = 0) -> torch.Tensor:
    """Ones; the second half of the rows starts with ``padded`` zeros, or ends with them where it is negative."""
    ones = torch.ones(shape, dtype=torch.long)
    ones[len(ones) // 2 :, ..., slice(padded) if padded >= 0 else slice(padded, None)] = 0
    return ones


def boxes(*shape: int) -> torch.Tensor:
    """Boxes as left, top, right and bottom, other ones in each row."""
    corner = torch.randint(16, (*shape, 2), generator=torch.Generator().manual_seed(2))
    return torch.cat(
        [corner, corner + torch.randint(1, 16, (*shape, 2), generator=torch.Generator().manual_seed(3))], -1
    )


def noise(*shape: int) -> torch.Tensor:
    """Numbers between -0.5 and 0.5."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0)) - 0.5


def integers(*shape: int, below: int) -> torch.Tensor:
    """Integers from 0 up, other ones in each row."""
    return torch.randint(below, shape, generator=torch.Generator().manual_seed(1))


@dataclass
class Head:
    """A model class: what goes in, what trains it, and the shapes of the outputs that the tests compare."""

    inputs: dict[str, Any]
    outputs: dict[str, tuple[int, ...]]
    # Other inputs that it takes in place of these, say videos for images; None for one that is left out.
    instead: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    # What the loss is of, "next token" or "classes", where it is the mean cross-entropy of these.
    loss: str = ""
    # What generation starts from, where the class generates.
    prompt: dict[str, Any] = field(default_factory=dict)
    # Whether one pass over the prompt and what was generated says what generation said at each step.
    at_once: bool = True
    # Changes of the configuration that this class asks for.
    config: dict[str, Any] = field(default_factory=dict)
    # What a model in bfloat16 answers in; None where it does not run in bfloat16.
    half: torch.dtype | None = torch.bfloat16
    # Parameters, by a part of their names, that stay in float32.
    single: tuple[str, ...] = ()
    # Inputs that rightly change no output, and parameters, by a part of their names, that rightly get no gradient.
    inert: tuple[str, ...] = ()
    untrained: tuple[str, ...] = ()
    # Outputs in which the rows of a batch meet.
    joint: tuple[str, ...] = ()
    # The step of the training that must make the loss smaller; 0 where a class answers without gradients.
    rate: float = 1e-3


DOCUMENT = {
    "input_ids": tokens(2, 7),
    "attention_mask": mask(2, 7, padded=1),
    "bbox": boxes(2, 7),
    "pixel_values": noise(2, 3, 32, 32),
}

HEADS: dict[type[PreTrainedModel], Head] = {
    UdopModel: Head(
        inputs={**DOCUMENT, "decoder_input_ids": tokens(2, 5, shift=3)},
        outputs={"last_hidden_state": (2, 5, 64), "encoder_last_hidden_state": (2, 23, 64)},
        untrained=("embed_patches", "decoder.relative_bias", "SelfAttention.relative_attention_bias"),
    ),
    UdopForConditionalGeneration: Head(
        inputs={**DOCUMENT, "decoder_input_ids": tokens(2, 5, shift=3)},
        outputs={"logits": (2, 5, 128), "encoder_last_hidden_state": (2, 23, 64)},
        labels={"labels": integers(2, 5, below=100)},
        loss="classes",
        prompt={**DOCUMENT, "decoder_start_token_id": 0},
        untrained=("embed_patches", "decoder.relative_bias"),
    ),
}


@pytest.fixture
def config() -> UdopConfig:
    return UdopConfig(
        vocab_size=128,
        d_model=64,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_decoder_layers=2,
        num_heads=4,
        max_2d_position_embeddings=64,
        image_size=32,
        patch_size=8,
    )


def part_of(config: PreTrainedConfig, cls: type[PreTrainedModel]) -> PreTrainedConfig | None:
    """The configuration, or the one nested in it, that the class is made from; None where there is none."""
    if isinstance(config, cls.config_class or PreTrainedConfig):
        return config
    nested = [value for value in vars(config).values() if isinstance(value, PreTrainedConfig)]
    return next((part for part in (part_of(value, cls) for value in nested) if part is not None), None)


def build(cls: type[PreTrainedModel], config: PreTrainedConfig, **changes: Any) -> Any:
    """A model with seeded random weights; weights that start as a constant (zeros, ones) are moved off it to count."""
    # A model may change its configuration: each one has its own. That of one part of an architecture is nested.
    config = type(config).from_dict({**config.to_dict(), **changes}) if changes else copy.deepcopy(config)
    torch.manual_seed(0)
    model: Any = cls(part_of(config, cls) or config)
    with torch.no_grad():
        # A codebook is no parameter, but is saved with them.
        books = [saved for saved in model.state_dict().values() if saved.ndim > 1 and saved.is_floating_point()]
        for weight in [*model.parameters(), *books]:
            # A single number that is 0 is a gate, which would keep an input out; any other has its meaning.
            constant = weight.numel() > 0 and bool(weight.eq(weight.flatten()[0]).all())
            if constant and (weight.numel() > 1 or not weight.any()):
                weight.add_(torch.randn_like(weight), alpha=0.1)
    return model.to(torch_device).eval()


def on_device(batch: Any, dtype: torch.dtype) -> Any:
    """The batch where the model is; its floating-point tensors in ``dtype``."""
    if isinstance(batch, dict):
        return {name: on_device(value, dtype) for name, value in batch.items()}
    if isinstance(batch, list):
        return [on_device(value, dtype) for value in batch]
    if isinstance(batch, torch.Tensor):
        return batch.to(torch_device, dtype if batch.is_floating_point() else batch.dtype)
    return batch


def flat(outputs: Any) -> dict[str, Any]:
    """The outputs by their names, of a tuple by their places; those of a part with its name and a dot before theirs."""
    if isinstance(outputs, torch.Tensor):
        return {"output": outputs}
    if not isinstance(outputs, dict):
        outputs = {str(place): output for place, output in enumerate(outputs)}
    parts = {name: flat(value) for name, value in outputs.items() if isinstance(value, dict)}
    return {**outputs, **{f"{name}.{key}": value for name, part in parts.items() for key, value in part.items()}}


def compared(outputs: Any, head: Head) -> dict[str, torch.Tensor]:
    """The outputs that ``head`` names, of a tuple by their places; of several layers' the last."""
    outputs = flat(outputs)
    return {name: outputs[name][-1] if isinstance(outputs[name], tuple) else outputs[name] for name in head.outputs}


def run(model: Any, head: Head, **changes: Any) -> dict[str, torch.Tensor]:
    """The outputs that ``head`` names, computed without gradients; ``changes`` replace inputs."""
    torch.manual_seed(0)
    with torch.no_grad():
        outputs = answer(model, on_device({**head.inputs, **changes}, model.dtype))
    return compared(outputs, head)


def loss_of(model: Any, head: Head, labels: dict[str, Any]) -> torch.Tensor:
    """The loss of a batch; for a class without labels, a weighted mean of its outputs."""
    torch.manual_seed(0)
    outputs = answer(model, on_device({**head.inputs, **labels}, model.dtype))
    if labels:
        return outputs.loss
    return torch.stack(
        [(output * torch.randn_like(output)).mean() for output in compared(outputs, head).values()]
    ).sum()


def cross_entropy(model: Any, head: Head) -> torch.Tensor:
    """The mean cross-entropy of all logits and the labels that belong to them."""
    logits = [output for name, output in run(model, head).items() if name.endswith("logits")]
    losses = []
    for said, labels in zip(logits, on_device(list(head.labels.values()), model.dtype), strict=True):
        if head.loss == "next token":
            said, labels = said[:, :-1], labels[:, 1:]
        losses.append(torch.nn.functional.cross_entropy(said.flatten(0, -2), labels.flatten()))
    return torch.stack(losses).mean()


def said_at_once(model: Any, prompt: dict[str, Any], sequences: torch.Tensor, steps: int) -> torch.Tensor:
    """What the model says at each step of a generation, in one pass: without ``generate()``, without a cache."""
    inputs = {name: value for name, value in prompt.items() if name != "decoder_start_token_id"}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = sequences[:, :-1]
    else:
        words = prompt["input_ids"]
        for name, value in prompt.items():
            each_word = isinstance(value, torch.Tensor) and value.shape[:2] == words.shape
            if each_word and (value.ndim == 2 or "mask" in name):
                # Masks and the kinds of tokens go on as they end.
                more = [sequences[:, -steps:-1]] if name == "input_ids" else [value[:, -1:]] * (steps - 1)
                inputs[name] = torch.cat([value, *more], dim=1)
    with torch.no_grad():
        return model(**inputs).logits[:, -steps:]


def listed(value: Any) -> Any:
    """A value as it comes back from a file, which knows lists alone where a default is a tuple."""
    if isinstance(value, PreTrainedConfig):
        # Saving writes the version, loading the name of the class's type; what starts with an underscore is worked out.
        own = vars(value).keys() - {"transformers_version", "model_type"}
        return {name: listed(vars(value)[name]) for name in own if not name.startswith("_")}
    if isinstance(value, dict):
        return {key: listed(item) for key, item in value.items()}
    return [listed(item) for item in value] if isinstance(value, list | tuple) else value


def exchanged(value: Any) -> Any:
    """The rows of a batch, or of its labels, the other way round."""
    if isinstance(value, list):
        return value[::-1]
    return value.flip(0) if isinstance(value, torch.Tensor) and value.ndim else value


def varied(value: torch.Tensor) -> torch.Tensor:
    """An input with other values: of text the words change, and what is special about it stays."""
    if value.is_floating_point():
        return value.roll(1, 0) if len(value) > 1 else -value
    if value.amin() == 0 < value.amax() and torch.equal(value, value.flip(0)):
        return torch.zeros_like(value)  # the kinds of what stands in rows that are built alike
    words = (value >= 8) & (value < 80)
    if words.any() and value.shape[-1] not in (2, 4):  # no boxes, nor heights and widths
        return value + 20 * words
    return value.flip(0 if len(value) > 1 else -1)


def row_of(value: Any, row: int) -> Any:
    """One row of two; of rows that lie one behind the other, the half."""
    if isinstance(value, torch.Tensor) and value.ndim and len(value) % 2 == 0:
        return value.chunk(2)[row]
    return value


class TestUdop:
    def test_config_round_trip(self, config: PreTrainedConfig, tmp_path: Path) -> None:
        config.save_pretrained(tmp_path)
        loaded = type(config).from_pretrained(tmp_path)
        assert listed(loaded) == listed(config)
        assert listed(loaded.to_dict()) == listed(config.to_dict())
        cls, head = next(iter(HEADS.items()))
        torch.testing.assert_close(
            run(build(cls, loaded, **head.config), head),
            run(build(cls, config, **head.config), head),
        )

    def test_model_loading(self, config: PreTrainedConfig, tmp_path: Path) -> None:
        cls, head = next(iter(HEADS.items()))
        model = build(cls, config, **head.config)
        model.save_pretrained(tmp_path)
        loaded = load(cls, tmp_path)
        assert loaded.device.type == torch_device
        torch.testing.assert_close(run(loaded, head), run(model, head))

    @pytest.mark.parametrize("cls", HEADS)
    def test_forward(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        model = build(cls, config, **HEADS[cls].config)
        outputs = run(model, HEADS[cls])
        assert {name: tuple(output.shape) for name, output in outputs.items()} == HEADS[cls].outputs
        for name, output in outputs.items():
            assert output.isfinite().all(), name
            assert output.ndim == 0 or len(output) == 1 or not torch.equal(output[0], output[-1]), name

    @pytest.mark.parametrize("cls", HEADS)
    def test_every_input_matters(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        for others in ({}, head.instead) if head.instead else ({},):
            expected = run(model, head, **others)
            for name, value in {**head.inputs, **others}.items():
                if isinstance(value, torch.Tensor):
                    outputs = run(model, head, **{**others, name: varied(value)})
                    change = max((outputs[key] - expected[key]).abs().max().item() for key in expected)
                    assert (change > 1e-6) != (name in head.inert), name

    @pytest.mark.parametrize("cls", HEADS)
    def test_padding_changes_nothing(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        """Each row alone gives what it gives in the batch, and so does a row whose padding says something else."""
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        batch = run(model, head)
        for row in range(2):
            alone = run(model, head, **{name: row_of(value, row) for name, value in head.inputs.items()})
            for name, output in alone.items():
                if name not in head.joint:
                    torch.testing.assert_close(output, row_of(batch[name], row), **TOLERANCE)

    @pytest.mark.parametrize("cls", [cls for cls in HEADS if HEADS[cls].prompt])
    def test_cached_generation_equals_uncached(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        prompt = on_device(head.prompt, model.dtype)
        # Without repetition: the same token again would hide a cache that misses one.
        steps = {"min_new_tokens": 4, "max_new_tokens": 4, "do_sample": False, "no_repeat_ngram_size": 1}
        report = {"output_logits": True, "output_scores": True, "return_dict_in_generate": True}
        cached = model.generate(**copy.deepcopy(prompt), **steps, **report)
        uncached = model.generate(**copy.deepcopy(prompt), **steps, **report, use_cache=False)
        # Token ids alone would hide a stale cache: other logits often have the same maximum.
        said = torch.stack(cached.logits, dim=1)
        assert said.shape[:2] == (2, 4)
        assert not torch.equal(said[:, 0], said[:, -1])
        torch.testing.assert_close(said, torch.stack(uncached.logits, dim=1), **TOLERANCE)
        if head.at_once:
            # The first row has no padding: without generate() the places of a padded one are counted in another way.
            torch.testing.assert_close(said[0], said_at_once(model, prompt, cached.sequences, 4)[0], **TOLERANCE)
        assert torch.equal(cached.sequences, uncached.sequences)
        if said.ndim == 3:
            assert torch.equal(cached.sequences[:, -4:], torch.stack(cached.scores, dim=1).argmax(-1))

    @pytest.mark.parametrize("cls", [cls for cls in HEADS if HEADS[cls].loss])
    def test_loss_is_the_cross_entropy(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config)
        with torch.no_grad():
            torch.testing.assert_close(loss_of(model, head, head.labels), cross_entropy(model, head), **TOLERANCE)

    @pytest.mark.parametrize("cls", [cls for cls in HEADS if HEADS[cls].rate])
    def test_training_step(self, config: PreTrainedConfig, cls: type[PreTrainedModel]) -> None:
        head = HEADS[cls]
        model = build(cls, config, **head.config).train()
        loss = loss_of(model, head, head.labels)
        loss.backward()
        for name, parameter in model.named_parameters():
            if not any(part in name for part in head.untrained):
                assert parameter.grad is not None and parameter.grad.isfinite().all(), name
                assert parameter.grad.abs().sum() > 0, name
        for name, value in head.labels.items():
            if isinstance(value, torch.Tensor | list):
                assert loss_of(model, head, {**head.labels, name: exchanged(value)}) != loss, name
        torch.optim.SGD(model.parameters(), lr=head.rate).step()
        assert loss_of(model, head, head.labels) < loss

    @pytest.mark.parametrize("cls", [cls for cls in HEADS if HEADS[cls].half])
    def test_bfloat16(self, config: PreTrainedConfig, cls: type[PreTrainedModel], tmp_path: Path) -> None:
        model = build(cls, config, **HEADS[cls].config)
        model.save_pretrained(tmp_path)
        half = load(cls, tmp_path, dtype=torch.bfloat16)
        for name, parameter in half.named_parameters():
            kept = any(part in name for part in HEADS[cls].single)
            assert parameter.dtype == (torch.float32 if kept else torch.bfloat16), name
        expected = run(model, HEADS[cls])
        answers = run(half, HEADS[cls])
        assert any(output.dtype == HEADS[cls].half for output in answers.values())
        for name, output in answers.items():
            assert (output - expected[name]).abs().mean() < 0.1 * expected[name].abs().mean(), name

    @slow
    @pytest.mark.skipif(is_offline_mode(), reason="HF_HUB_OFFLINE is set, and a real checkpoint is downloaded")
    def test_real_checkpoint(self, config: PreTrainedConfig) -> None:
        # The class that the checkpoint was saved from: another one may have weights that it lacks, say of a pooler.
        saved = type(config).from_pretrained(MODEL_ID).architectures or []
        cls = next((cls for cls in HEADS if cls.__name__ in saved), next(iter(HEADS)))
        found: Any = cls.from_pretrained(MODEL_ID, output_loading_info=True)
        model, report = found
        assert not report["missing_keys"] and not report["mismatched_keys"]
        assert all(parameter.isfinite().all() for parameter in model.parameters())
