"""Reasons why a fault can't show in a class: found in the class, its configuration or a run of the real model."""

from __future__ import annotations

import contextlib
import copy
import inspect
from typing import Any

import torch
import transformers
from injection import (
    Subject,
    changed_field,
    last_layer,
    nested_configs,
    weight_of,
)
from torch import Tensor, nn
from transformers.pipelines import PIPELINE_REGISTRY

from .fault import Reason

TEXT = ("input_ids",)
IMAGE = ("pixel_values", "flattened_patches")
AUDIO = ("input_features", "input_values")
SERIES = ("past_values",)
SERIES_TIME = ("past_time_features", "future_time_features")
NOTHING = "changes nothing that the real model returns"
MODALITIES = TEXT + IMAGE + AUDIO + SERIES


def takes(*names: str) -> Reason:
    def reason(subject: Subject) -> str | None:
        return None if set(names) & set(subject.parameters) else f"forward takes no {' or '.join(names)}"

    return reason


def generates(subject: Subject) -> str | None:
    return None if hasattr(subject.cls, "generate") else "does not generate"


def caches(subject: Subject) -> str | None:
    return None if subject.cls.can_generate() else "does not generate with a cache"


def has_labels(subject: Subject) -> str | None:
    return None if subject.labels else "forward takes no labels"


def has_loss(subject: Subject) -> str | None:
    by = set(subject.parameters) & {"return_loss", "sampled_negative_indices"}
    return None if subject.labels or by else "forward computes no loss"


def is_encoder_decoder(subject: Subject) -> str | None:
    both = getattr(subject.config, "is_encoder_decoder", False) and "encoder_outputs" in subject.parameters
    return None if both else "is not an encoder with a decoder"


def has_weight(kind: str) -> Reason:
    def reason(subject: Subject) -> str | None:
        return None if weight_of(subject.model, kind) else f"saves no {kind} weight of its own"

    return reason


def has_tied_weights(subject: Subject) -> str | None:
    return None if subject.model.all_tied_weights_keys else "ties no weights"


def has_nested_configs(subject: Subject) -> str | None:
    return None if nested_configs(subject.config) else "the configuration holds no other"


def has_changed_field(numbers: bool = False) -> Reason:
    def reason(subject: Subject) -> str | None:
        found = changed_field(subject.config, numbers)
        return None if found else "no scalar of the outer configuration differs from its default"

    return reason


def has_layers(subject: Subject) -> str | None:
    return None if last_layer(subject.model) else "has no stack of layers"


def has_token_types(subject: Subject) -> str | None:
    rows = [
        module.num_embeddings
        for name, module in subject.model.named_modules()
        if name.endswith("token_type_embeddings") and isinstance(module, nn.Embedding)
    ]
    return None if any(number > 1 for number in rows) else "embeds no more than one token type"


def has_positions(subject: Subject) -> str | None:
    known = "position_ids" in subject.parameters or is_encoder_decoder(subject) is None
    return None if known else "has no positions beside its cache"


def has_dimensions(least: int) -> Reason:
    def reason(subject: Subject) -> str | None:
        first = next(iter(subject.outputs.values()), None)
        return None if first is not None and first.ndim >= least else f"returns fewer than {least} dimensions"

    return reason


def has_outputs(least: int) -> Reason:
    def reason(subject: Subject) -> str | None:
        return None if len(own_outputs(subject.outputs)) >= least else f"returns fewer than {least} tensors"

    return reason


def has_vocabulary(subject: Subject) -> str | None:
    return None if subject.model.get_output_embeddings() is not None else "has no output embeddings"


def has_pipeline(subject: Subject) -> str | None:
    name = subject.cls.__name__
    for task in PIPELINE_REGISTRY.supported_tasks.values():
        for auto in task["pt"]:
            heads = auto._model_mapping._model_mapping.values()
            names = {each for entry in heads for each in (entry if isinstance(entry, (list, tuple)) else [entry])}
            if auto is not transformers.AutoModel and name in names:
                return None
    return "no pipeline has a task for the class"


def has_processor(mapping: dict[str, Any], what: str) -> Reason:
    def reason(subject: Subject) -> str | None:
        return None if processor_of(mapping, subject) else f"transformers maps no {what} to the architecture"

    return reason


def processor_of(mapping: dict[str, Any], subject: Subject) -> str | None:
    """The class name in a mapping of transformers for the architecture of a subject."""
    entry = mapping.get(subject.config.model_type)
    names = list(entry.values()) if isinstance(entry, dict) else list(entry) if isinstance(entry, tuple) else [entry]
    return next((name for name in names if name), None)


def loads_by_name(subject: Subject) -> str | None:
    load = getattr(subject.module, "load", None)
    return None if inspect.isfunction(load) else "the module has no function that loads"


def mask_matters(subject: Subject) -> str | None:
    """Runs the real model with and without a mask that hides half of the last row."""
    main = next((subject.inputs[name] for name in TEXT + AUDIO if name in subject.inputs), None)
    return hides_nothing(subject, "attention_mask", main)


def decoder_mask_matters(subject: Subject) -> str | None:
    """Runs the real model with and without a mask that hides half of the last row of what the decoder is given."""
    return hides_nothing(subject, "decoder_attention_mask", subject.inputs.get("decoder_input_ids"))


def hides_nothing(subject: Subject, name: str, main: Tensor | None) -> str | None:
    given = subject.inputs.get(name)
    if given is not None:
        return None if given.ndim != 2 or hides(subject, name, given) else f"{name} {NOTHING}"
    if main is None:
        return "is called without a sequence that a mask could hide"
    # Sounds lie along the last axis or along the second: the wrong one fails in the real model.
    for length in (main.shape[1],) if main.ndim == 2 else (main.shape[-1], main.shape[1]):
        with contextlib.suppress(RuntimeError):
            whole = torch.ones(main.shape[0], length, dtype=torch.long)
            return None if hides(subject, name, whole) else f"{name} {NOTHING}"
    return f"{name} fails in the real model, which is called without it"


def hides(subject: Subject, name: str, like: Tensor) -> bool:
    """Whether a mask that hides half of the last row changes what the real model returns."""
    mask = torch.ones_like(like)
    mask[-1, : mask.shape[1] // 2] = 0
    hidden, seen = subject.run(**{name: mask}), subject.run(**{name: torch.ones_like(like)})
    return not all(torch.equal(value, seen[key]) for key, value in hidden.items())


def keeps_rows_apart(subject: Subject) -> str | None:
    """Gives the real model its second row twice, and looks at what becomes of the second."""
    first = {
        key: torch.cat([value[1:2], value[1:]])
        for key, value in subject.inputs.items()
        if isinstance(value, Tensor) and value.ndim and len(value) > 1
    }
    after = subject.run(**first)
    apart = [
        torch.allclose(after[key][1:2], value[1:2], atol=1e-4, equal_nan=True)
        for key, value in subject.outputs.items()
        if len(value) > 1 and after[key].shape == value.shape
    ]
    return None if any(apart) or not apart else "a row depends on the other rows in the real model"


def shifts_labels(subject: Subject) -> str | None:
    """Compares the real model's loss with that of each token's own logits."""
    logits, ids = subject.outputs["logits"], subject.inputs.get("input_ids")
    if ids is None or ids.shape != logits.shape[:2]:
        return None
    with torch.no_grad():
        loss = subject.model(**{**copy.deepcopy(subject.inputs), "labels": ids}).loss
    own = nn.functional.cross_entropy(logits.flatten(0, 1), ids.flatten())
    return "the real model's loss compares each token's logits with that token" if torch.isclose(loss, own) else None


def looks_back_only(subject: Subject) -> str | None:
    """Changes the last token of the real model's input and looks at the output before it."""
    logits = subject.outputs.get("logits")
    if not subject.cls.can_generate() or logits is None or logits.ndim != 3:
        return "predicts no next token"
    name = "decoder_input_ids" if is_encoder_decoder(subject) is None else "input_ids"
    ids = subject.inputs.get(name)
    if ids is None or ids.shape[1] != logits.shape[1]:
        return None
    changed = ids.clone()
    changed[:, -1] = changed[:, -1] % 7 + 3
    # Without padding: a position that may look nowhere looks everywhere.
    whole = {"attention_mask": torch.ones_like(ids)} if name == "input_ids" else {}
    before, after = subject.run(**whole)["logits"], subject.run(**{**whole, name: changed})["logits"]
    causal = torch.allclose(after[:, :-1], before[:, :-1], atol=1e-5)
    return None if causal else "attends in both directions"


def runs_in_bfloat16(subject: Subject) -> str | None:
    """Runs the real model in bfloat16."""
    try:
        halved_outputs(subject)
    except (RuntimeError, ValueError, TypeError) as error:
        return f"bfloat16 fails in the real model: {str(error).splitlines()[0]}"
    return None


def returns_bfloat16(subject: Subject) -> str | None:
    first = next(iter(halved_outputs(subject).values()), None)
    if first is None:
        return "returns no tensor"
    return None if first.dtype == torch.bfloat16 else f"returns {first.dtype} in bfloat16 by itself"


def halved_outputs(subject: Subject) -> dict[str, Tensor]:
    """What the real model returns in bfloat16."""
    model = copy.deepcopy(subject.model).to(torch.bfloat16)
    floats = {
        key: value.to(torch.bfloat16)
        for key, value in subject.inputs.items()
        if isinstance(value, Tensor) and value.is_floating_point()
    }
    return subject.run(model, **floats)


def own_outputs(found: dict[str, Tensor]) -> list[str]:
    """The outputs that a class documents as its own, without what it passes on from its encoder."""
    return [key for key in found if not key.startswith("encoder_")]
