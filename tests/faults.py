"""The faults that generated tests must catch: what breaks, where it applies, how it enters transformers' classes.

A fault enters real classes while a whole generated module runs. Where it can't show, ``Fault.reason`` says why, from
the class, its configuration or a run of the real model; it never looks at the tests.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from injection import (
    Once,
    Scene,
    Subject,
    built,
    called,
    changed_field,
    constant,
    edited,
    hooked,
    last_layer,
    loaded,
    method,
    middle_parameter,
    nested,
    nested_configs,
    replaced,
    saved,
    special_tokens,
    trunk,
    values,
    weight_of,
    without_information,
)
from torch import Tensor, nn
from transformers import Pipeline, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer, LinearAttentionLayer
from transformers.image_processing_utils import BaseImageProcessor
from transformers.models.auto import feature_extraction_auto, image_processing_auto, tokenization_auto
from transformers.pipelines import PIPELINE_REGISTRY
from transformers.utils import ModelOutput

Reason = Callable[[Subject], str | None]
Inject = Callable[[Scene], AbstractContextManager[Any]]

TEXT = ("input_ids",)
IMAGE = ("pixel_values", "flattened_patches")
AUDIO = ("input_features", "input_values")
SERIES = ("past_values",)
SERIES_TIME = ("past_time_features", "future_time_features")
MODALITIES = TEXT + IMAGE + AUDIO + SERIES


@dataclass(frozen=True)
class Fault:
    """One thing that breaks, with the classes that it can't break and the way in."""

    name: str
    breaks: str
    reason: Reason
    inject: Inject


FAULTS: list[Fault] = []


def fault(name: str, breaks: str, *reasons: Reason) -> Callable[[Inject], Inject]:
    """Lists a fault; it applies to a class unless one of the reasons speaks against it."""

    def first(subject: Subject) -> str | None:
        return next((found for reason in reasons if (found := reason(subject))), None)

    def listed(inject: Inject) -> Inject:
        FAULTS.append(Fault(name, breaks, first, inject))
        return inject

    return listed


# Reasons why a fault can't show


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
    given = subject.inputs.get("attention_mask")
    if given is None:
        main = next((subject.inputs[name] for name in TEXT + AUDIO if name in subject.inputs), None)
        if main is None:
            return "is called without a sequence that a mask could hide"
        length = main.shape[1] if main.ndim == 2 else main.shape[-1]
        given = torch.ones(main.shape[0], length, dtype=torch.long)
    if given.ndim != 2:
        return None
    mask = torch.ones_like(given)
    mask[-1, : mask.shape[1] // 2] = 0
    hidden, seen = subject.run(attention_mask=mask), subject.run(attention_mask=torch.ones_like(given))
    same = all(torch.equal(value, seen[key]) for key, value in hidden.items())
    return "attention_mask changes nothing that the real model returns" if same else None


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
    after = subject.run(**{name: changed})["logits"]
    causal = torch.allclose(after[:, :-1], logits[:, :-1], atol=1e-5, equal_nan=True)
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


# Outputs


def outputs(scene: Scene, change: Callable[[Tensor], Tensor], every: bool = False) -> AbstractContextManager[None]:
    return called(scene.classes, after=lambda _model, _inputs, result: edited(result, change, every))


def marked(value: Tensor, number: float) -> Tensor:
    """The tensor with another last element."""
    last = torch.zeros_like(value, dtype=torch.bool)
    last.view(-1)[-1] = True
    return value.masked_fill(last, number)


def rows(value: Tensor, change: Callable[[Tensor], Tensor]) -> Tensor:
    """The tensor with its rows changed, if there are two or more."""
    return change(value) if len(value) > 1 else value


@fault("output-nan", "Every output is NaN.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value * float("nan"), every=True)


@fault("output-element-nan", "The last element of the first output is NaN.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: marked(value, float("nan")))


@fault("output-element-infinite", "The last element of the first output is infinite.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: marked(value, float("inf")))


@fault("output-constant", "Every output is one, whatever the input.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value * 0 + 1, every=True)


@fault("output-column-missing", "The first output lacks its last column.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value[..., :-1])


@fault("output-position-missing", "The first output lacks its last position.", has_dimensions(3))
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value[:, :-1] if value.ndim > 2 else value)


@fault("output-row-missing", "The first output lacks the last row of the batch.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value[:-1])


@fault("vocabulary-too-large", "The logits have a column more than the vocabulary.", has_vocabulary)
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: torch.cat([value, value[..., :1]], -1))


@fault("second-output-missing", "A class returns its first tensor only.", has_outputs(2))
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(_model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        if isinstance(result, ModelOutput):
            for key in own_outputs(dict(values(result)))[1:]:
                result[key] = None
        return result

    return called(scene.classes, after=after)


@fault("rows-leak", "The first row's output is added to the second row's.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: rows(value, lambda it: torch.cat([it[:1], it[1:] + it[:1]])), every=True)


@fault("row-copied", "The second row's output is the first row's.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: rows(value, lambda it: torch.cat([it[:1], it[:1], it[2:]])), every=True)


@fault("rows-reversed", "The rows of the batch come back in reverse.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return outputs(scene, lambda value: value.flip(0), every=True)


@fault("dropout-in-eval", "Dropout is active though the model is in evaluation mode.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        drop = functools.partial(nn.functional.dropout, p=0.1, training=True)
        return result if model.training else edited(result, drop, every=True)

    return called(scene.classes, after=after)


@fault("state-between-calls", "Each call of a model adds to what its next call returns.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        calls = model.__dict__["calls_so_far"] = model.__dict__.get("calls_so_far", -1) + 1
        return edited(result, lambda value: value + 0.1 * calls, every=True)

    return called(scene.classes, after=after)


@fault("inputs-overwritten", "A call overwrites the caller's inputs.", takes(*MODALITIES))
def _(scene: Scene) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, inputs: dict[str, Any], result: Any) -> Any:
        for name in set(MODALITIES) & set(inputs):
            if isinstance(inputs[name], Tensor) and not inputs[name].requires_grad:
                inputs[name].copy_(constant(inputs[name], model.config))
        return result

    return called(scene.classes, after=after)


@fault("future-leaks", "A position's logits depend on the token after it.", looks_back_only)
def _(scene: Scene) -> AbstractContextManager[None]:
    def leak(value: Tensor) -> Tensor:
        return torch.cat([value[:, :-1] + value[:, 1:], value[:, -1:]], 1) if value.ndim == 3 else value

    return outputs(scene, leak)


# Masks, positions and modalities


def dropped(name: str, scene: Scene) -> AbstractContextManager[None]:
    """An input that gets lost in the outermost call of any model."""
    return called(before=lambda _model, inputs: void(inputs.pop(name, None)))


def void(_value: object) -> None:
    """Nothing: for calls whose result doesn't matter."""


@fault("mask-ignored", "The attention mask is ignored.", takes("attention_mask"), mask_matters)
def _(scene: Scene) -> AbstractContextManager[None]:
    return dropped("attention_mask", scene)


@fault("mask-inverted", "The attention mask hides what it should show.", takes("attention_mask"), mask_matters)
def _(scene: Scene) -> AbstractContextManager[None]:
    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        mask = inputs.get("attention_mask")
        if isinstance(mask, Tensor) and mask.ndim == 2 and not mask.all():
            inputs["attention_mask"] = mask.logical_not().to(mask.dtype)

    return called(before=before)


@fault(
    "decoder-mask-ignored",
    "The decoder's attention mask is ignored.",
    takes("decoder_attention_mask"),
    takes("decoder_input_ids"),
)
def _(scene: Scene) -> AbstractContextManager[None]:
    return dropped("decoder_attention_mask", scene)


@fault("observed-mask-ignored", "Values that were not observed count as observed.", takes("past_observed_mask"))
def _(scene: Scene) -> AbstractContextManager[None]:
    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        if isinstance(inputs.get("past_observed_mask"), Tensor):
            inputs["past_observed_mask"] = torch.ones_like(inputs["past_observed_mask"])

    return called(scene.classes, before=before)


@fault("cached-position-off", "Positions are off by one as soon as there is a cache.", caches, has_positions)
def _(scene: Scene) -> AbstractContextManager[None]:
    length = Cache.get_seq_length

    def get_seq_length(self: Cache, layer_idx: int = 0) -> int:
        found = length(self, layer_idx)
        caller = inspect.currentframe()
        asks = caller.f_back.f_code if caller and caller.f_back else None
        model = asks is not None and asks.co_name == "forward" and "/models/" in asks.co_filename.replace("\\", "/")
        return found + 1 if model and found else found

    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        cache = inputs.get("past_key_values")
        if isinstance(cache, Cache) and length(cache) and isinstance(inputs.get("position_ids"), Tensor):
            inputs["position_ids"] = inputs["position_ids"] + 1

    return nested([replaced(Cache, "get_seq_length", get_seq_length), called(before=before)])


def ignored(scene: Scene, *names: str) -> AbstractContextManager[None]:
    """Inputs that reach the model as constants."""

    def before(model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        for name in set(names) & set(inputs):
            if isinstance(inputs[name], Tensor):
                inputs[name] = constant(inputs[name], model.config)

    return called(before=before)


@fault("text-ignored", "Every text reaches the model as one repeated token.", takes(*TEXT))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *TEXT)


@fault("image-ignored", "Every image reaches the model as zeros.", takes(*IMAGE))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *IMAGE)


@fault("audio-ignored", "Every sound reaches the model as zeros.", takes(*AUDIO))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *AUDIO)


@fault("series-ignored", "The past of a time series reaches the model as zeros.", takes(*SERIES))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *SERIES)


@fault("time-features-ignored", "The time features of a series reach the model as zeros.", takes(*SERIES_TIME))
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, *SERIES_TIME)


@fault("token-types-ignored", "Token types are all the same.", takes("token_type_ids"), has_token_types)
def _(scene: Scene) -> AbstractContextManager[None]:
    return dropped("token_type_ids", scene)


@fault(
    "decoder-input-ignored",
    "The decoder's input reaches the model as one repeated token.",
    takes("decoder_input_ids"),
    is_encoder_decoder,
)
def _(scene: Scene) -> AbstractContextManager[None]:
    return ignored(scene, "decoder_input_ids")


@fault("encoder-ignored", "The decoder sees zeros in place of what the encoder found.", is_encoder_decoder)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(model: PreTrainedModel) -> AbstractContextManager[None]:
        return hooked(model.get_encoder(), torch.zeros_like)

    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        if inputs.get("encoder_outputs") is not None:
            inputs["encoder_outputs"] = edited(copy.copy(inputs["encoder_outputs"]), torch.zeros_like)

    return called(scene.classes, before=before, around=around)


# Loss and gradients


def loss(scene: Scene, change: Callable[[Tensor], Tensor | None]) -> AbstractContextManager[None]:
    def after(_model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        if isinstance(result, ModelOutput) and isinstance(result.get("loss"), Tensor):
            result["loss"] = change(result["loss"])
        return result

    return called(scene.classes, after=after)


@fault("loss-constant", "The loss is one, whatever the labels.", has_loss)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loss(scene, lambda value: value * 0 + 1)


@fault("loss-missing", "No loss is returned.", has_loss)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loss(scene, lambda _value: None)


@fault("loss-nan", "The loss is NaN.", has_loss)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loss(scene, lambda value: value * float("nan"))


@fault("labels-ignored", "The loss is computed against labels that are all zero.", has_labels)
def _(scene: Scene) -> AbstractContextManager[None]:
    names = {subject.cls: subject.labels for subject in scene.subjects}

    def before(model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        for name in names.get(type(model), []):
            if isinstance(inputs.get(name), Tensor):
                inputs[name] = torch.zeros_like(inputs[name])

    return called(scene.classes, before=before)


@fault(
    "labels-not-shifted",
    "The loss compares each token's logits with that token itself.",
    has_labels,
    lambda subject: "labels have no next token" if is_encoder_decoder(subject) is None else looks_back_only(subject),
)
def _(scene: Scene) -> AbstractContextManager[None]:
    def before(_model: PreTrainedModel, inputs: dict[str, Any]) -> None:
        if isinstance(inputs.get("labels"), Tensor):
            inputs["labels"] = inputs["labels"].roll(1, -1)

    return called(scene.classes, before=before)


@fault("hidden-detached", "The hidden state is detached from the graph inside the model.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return called(scene.classes, around=lambda model: hooked(trunk(model), Tensor.detach))


def gradient(scene: Scene, change: Callable[[nn.Parameter], object]) -> AbstractContextManager[None]:
    """Meddles with the gradient of one parameter of each model, before its first call with gradients."""
    first = Once()

    def before(model: PreTrainedModel, _inputs: dict[str, Any]) -> None:
        if torch.is_grad_enabled() and first(model):
            change(middle_parameter(model))

    return called(scene.classes, before=before)


def lose_gradient(parameter: nn.Parameter) -> None:
    parameter.grad = None


@fault("gradient-missing", "One parameter gets no gradient.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return gradient(scene, lambda parameter: parameter.register_post_accumulate_grad_hook(lose_gradient))


@fault("gradient-zero", "One parameter's gradient is zero.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return gradient(scene, lambda parameter: parameter.register_hook(torch.zeros_like))


@fault("gradient-nan", "One parameter's gradient is NaN.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return gradient(scene, lambda parameter: parameter.register_hook(lambda found: found * float("nan")))


@fault("parameter-frozen", "One parameter is made without asking for a gradient.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return built(scene.classes, lambda model: void(middle_parameter(model).requires_grad_(False)))


@fault("parameter-unused", "A model has a parameter that it never uses.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return built(scene.classes, lambda model: model.register_parameter("unused", nn.Parameter(torch.ones(3))))


# Saving and loading


def weight(scene: Scene, kind: str, change: Callable[[Tensor], Tensor | None]) -> AbstractContextManager[None]:
    """Changes a tensor on its way to the file, or loses it."""

    def save(model: PreTrainedModel, state: dict[str, Tensor]) -> None:
        name = weight_of(model, kind, list(state))
        if name is not None:
            changed = change(state.pop(name))
            if changed is not None:
                state[name] = changed

    return saved(save)


for KIND in ("norm", "bias", "linear", "embedding", "head"):
    fault(f"{KIND}-lost", f"Saving loses a weight: {KIND}.", has_weight(KIND))(
        lambda scene, kind=KIND: weight(scene, kind, lambda _value: None)  # type: ignore[misc]
    )


@fault("weight-altered", "Saving alters one element of a linear weight.", has_weight("linear"))
def _(scene: Scene) -> AbstractContextManager[None]:
    return weight(scene, "linear", lambda value: marked(value.clone(), 1.0))


@fault("weight-reversed", "Saving reverses the rows of a linear weight.", has_weight("linear"))
def _(scene: Scene) -> AbstractContextManager[None]:
    return weight(scene, "linear", lambda value: value.flip(0).contiguous())


@fault("weights-rounded", "Saving rounds every weight to the precision of bfloat16.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def save(_model: PreTrainedModel, state: dict[str, Tensor]) -> None:
        for name, value in state.items():
            if value.is_floating_point():
                state[name] = value.to(torch.bfloat16).to(value.dtype)

    return saved(save)


@fault("weights-new", "Loading leaves every weight at a new random value.")
def _(scene: Scene) -> AbstractContextManager[None]:
    def renew(model: PreTrainedModel, _asked: dict[str, Any]) -> None:
        with torch.no_grad():
            for parameter in model.parameters():
                nn.init.normal_(parameter, std=0.05)

    return loaded(renew)


def replace_tied(model: PreTrainedModel, change: Callable[[Tensor], Tensor]) -> None:
    """Gives each tied weight a tensor of its own."""
    for target in model.all_tied_weights_keys:
        parent, _, name = target.rpartition(".")
        old = model.get_parameter(target)
        setattr(model.get_submodule(parent), name, nn.Parameter(change(old.detach()).clone()))


@fault("weights-untied", "Loading gives tied weights the same values but no common memory.", has_tied_weights)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loaded(lambda model, _asked: replace_tied(model, torch.clone))


@fault("tied-weights-lost", "Loading gives tied weights new random values.", has_tied_weights)
def _(scene: Scene) -> AbstractContextManager[None]:
    return loaded(lambda model, _asked: replace_tied(model, lambda value: torch.randn_like(value) * 0.02))


@fault("layer-skipped", "The last layer of a loaded model does nothing.", has_layers)
def _(scene: Scene) -> AbstractContextManager[None]:
    def skip(model: PreTrainedModel, _asked: dict[str, Any]) -> None:
        layer = last_layer(model)
        if layer is None:
            return
        forward = layer.forward

        def skipped(*args: Any, **kwargs: Any) -> Any:
            result = forward(*args, **kwargs)
            hidden = args[0] if args else kwargs["hidden_states"]
            return (hidden, *result[1:]) if isinstance(result, tuple) else hidden

        layer.forward = skipped

    return loaded(skip)


@fault("loaded-in-training-mode", "A loaded model is in training mode.")
def _(scene: Scene) -> AbstractContextManager[None]:
    return loaded(lambda model, _asked: void(model.train()))


@fault("dtype-ignored", "Weights stay in float32 though bfloat16 was asked for.", runs_in_bfloat16)
def _(scene: Scene) -> AbstractContextManager[None]:
    move = PreTrainedModel.to

    def load(model: PreTrainedModel, asked: dict[str, Any]) -> None:
        if asked.get("dtype", asked.get("torch_dtype")) is not None:
            nn.Module.float(model)

    def to(self: PreTrainedModel, *args: Any, **kwargs: Any) -> PreTrainedModel:
        kwargs.pop("dtype", None)
        args = tuple(arg for arg in args if not isinstance(arg, torch.dtype))
        return move(self, *args, **kwargs) if args or kwargs else self

    patches = [replaced(PreTrainedModel, name, lambda self: self) for name in ("bfloat16",)]
    return nested([loaded(load), replaced(PreTrainedModel, "to", to), *patches])


def in_bfloat16(scene: Scene, change: Callable[[Tensor], Tensor]) -> AbstractContextManager[None]:
    def after(model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        half = any(parameter.dtype == torch.bfloat16 for parameter in model.parameters())
        return edited(result, change, every=True) if half else result

    return called(scene.classes, after=after)


@fault("bfloat16-output-float32", "A bfloat16 model returns float32.", runs_in_bfloat16, returns_bfloat16)
def _(scene: Scene) -> AbstractContextManager[None]:
    return in_bfloat16(scene, Tensor.float)


@fault("bfloat16-nan", "A bfloat16 model returns NaN.", runs_in_bfloat16)
def _(scene: Scene) -> AbstractContextManager[None]:
    return in_bfloat16(scene, lambda value: value * float("nan"))


def written(change: Callable[[PreTrainedConfig, dict[str, Any]], None], name: str) -> AbstractContextManager[None]:
    """Changes what a configuration says of itself in the method ``name``."""

    def around(call: Callable[..., dict[str, Any]], self: Any, args: Any, kwargs: Any) -> dict[str, Any]:
        found = call(*args, **kwargs)
        change(self, found)
        return found

    return method((PreTrainedConfig,), name, around)


@fault("config-field-lost", "The configuration loses a field when it is written as a dictionary.", has_changed_field())
def _(scene: Scene) -> AbstractContextManager[None]:
    return written(lambda config, found: void(found.pop(changed_field(config) or "", None)), "to_dict")


@fault("config-field-not-saved", "The configuration loses a field when it is saved.", has_changed_field())
def _(scene: Scene) -> AbstractContextManager[None]:
    return written(lambda config, found: void(found.pop(changed_field(config) or "", None)), "to_diff_dict")


@fault("config-field-altered", "A number of the configuration is one more when loaded.", has_changed_field(True))
def _(scene: Scene) -> AbstractContextManager[None]:
    original = vars(PreTrainedConfig)["from_dict"].__func__
    names = {type(subject.config): changed_field(subject.config, True) for subject in scene.subjects}

    def from_dict(cls: type[PreTrainedConfig], config_dict: dict[str, Any], **kwargs: Any) -> Any:
        name = names.get(cls)
        if name is not None and isinstance(config_dict.get(name), (int, float)):
            value = config_dict[name]
            config_dict = {**config_dict, name: not value if isinstance(value, bool) else value + 1}
        return original(cls, config_dict, **kwargs)

    return replaced(PreTrainedConfig, "from_dict", classmethod(from_dict))


@fault("nested-config-lost", "A configuration is saved without those nested in it.", has_nested_configs)
def _(scene: Scene) -> AbstractContextManager[None]:
    # A model loaded with the default nested configurations would not fit into memory: a model's own save is left alone.
    saving = Once()

    def model_saves(call: Callable[..., None], self: Any, args: Any, kwargs: Any) -> None:
        saving(self.config)
        try:
            call(*args, **kwargs)
        finally:
            saving.seen.clear()

    def lose(config: PreTrainedConfig, found: dict[str, Any]) -> None:
        for name in [] if saving.seen else nested_configs(config):
            found.pop(name, None)

    return nested([method((PreTrainedModel,), "save_pretrained", model_saves), written(lose, "to_diff_dict")])


# Caches and generation


def rows_before(value: Tensor, new: int, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Keys or values with those changed that were in the cache before."""
    old = value.shape[-2] - new
    return torch.cat([change(value[..., :old, :]), value[..., old:, :]], -2)


LINEAR = ("update_conv_state", "update_recurrent_state")


@fault("cache-stale", "The cache keeps what the first step put there and forgets every later step.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        before = dict(self.__dict__) if self.is_initialized and self.get_seq_length() else {}
        found = call(*args, **kwargs)
        self.__dict__.update(before)
        return found

    def state(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        states = self.conv_states if call.func.__name__ == LINEAR[0] else self.recurrent_states  # type: ignore[attr-defined]
        known = self.is_conv_states_initialized if states is self.conv_states else self.is_recurrent_states_initialized
        index = kwargs.get("state_idx", 0)
        before = states[index].clone() if known[index] and states[index].any() else None
        found = call(*args, **kwargs)
        found = found.clone()
        if before is not None:
            states[index].copy_(before)
        return found

    patches = [method((layer,), "update", around) for layer in (DynamicLayer, DynamicSlidingWindowLayer)]
    return nested([*patches, *(method((LinearAttentionLayer,), name, state) for name in LINEAR)])


def cached(scene: Scene, change: Callable[[Tensor], Tensor]) -> AbstractContextManager[None]:
    """Changes what the last layer reads back from its cache."""

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        index = kwargs["layer_idx"] if "layer_idx" in kwargs else args[2]
        new = (kwargs["key_states"] if "key_states" in kwargs else args[0]).shape[-2]
        keys, vals = call(*args, **kwargs)
        if index < len(self.layers) - 1 or keys.shape[-2] == new:
            return keys, vals
        return rows_before(keys, new, change), rows_before(vals, new, change)

    def read(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        index = kwargs["layer_idx"] if "layer_idx" in kwargs else args[0]
        # In place: the model goes on with the very tensor.
        return found if found is None or index < len(self.layers) - 1 else found.copy_(change(found))

    names = [name for name in ("get_conv_state", "get_recurrent_state") if hasattr(Cache, name)]
    return nested([method((Cache,), "update", around), *(method((Cache,), name, read) for name in names)])


@fault("cache-zero", "The last layer reads zeros from its cache.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    return cached(scene, torch.zeros_like)


@fault("cache-rows-swapped", "The last layer reads each row's cache from another row.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    return cached(scene, lambda value: value.flip(0))


def generated(
    scene: Scene, change: Callable[[Tensor, int], Tensor], logits: Any = None
) -> AbstractContextManager[None]:
    """Changes the sequences that ``generate`` returns, given the length of the prompt in them, and the logits."""

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        prompt = kwargs.get("input_ids", kwargs.get("inputs", args[0] if args else None))
        result = call(*args, **kwargs)
        found = result if isinstance(result, Tensor) else result.sequences
        start = 1 if getattr(self.config, "is_encoder_decoder", False) else 0
        if isinstance(prompt, Tensor) and prompt.ndim == 2 and found.ndim == 2 and found.shape[1] > prompt.shape[1]:
            width = prompt.shape[1]
            start = width if torch.equal(found[:, :width], prompt) else start
        found = change(found, start)
        if isinstance(result, Tensor):
            return found
        result.sequences = found
        for name in ("logits", "scores"):
            if logits is not None and result.get(name) is not None:
                result[name] = logits(result[name])
        return result

    return method(scene.classes, "generate", around)


@fault("generate-constant", "Generation gives the same token at each step, whatever the prompt.", generates)
def _(scene: Scene) -> AbstractContextManager[None]:
    def change(found: Tensor, start: int) -> Tensor:
        first = found.ndim > 2 or found.is_floating_point()
        return torch.ones_like(found) if first else torch.cat([found[:, :start], torch.ones_like(found[:, start:])], 1)

    return generated(scene, change, lambda steps: tuple(torch.zeros_like(step) for step in steps))


@fault("generate-too-short", "Generation stops one step too early.", generates)
def _(scene: Scene) -> AbstractContextManager[None]:
    return generated(scene, lambda found, _start: found[..., :-1], lambda steps: steps[:-1])


@fault("generate-wrong-token", "The last token generated is not the most likely one.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    def change(found: Tensor, _start: int) -> Tensor:
        last = found[..., -1:]
        return torch.cat([found[..., :-1], torch.where(last == 1, 2, 1).to(found.dtype)], -1)

    return generated(scene, change)


@fault("generate-ignores-prompt", "Generation starts from a constant in place of the prompt.", generates)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        name = self.main_input_name if self.main_input_name in kwargs else "inputs"
        prompt = args[0] if args else kwargs.get(name)
        if not isinstance(prompt, Tensor):
            prompt = kwargs.get("past_values")
            name = "past_values"
        if not isinstance(prompt, Tensor):
            return call(*args, **kwargs)
        empty = constant(prompt, self.config)
        result = call(empty, *args[1:], **kwargs) if args else call(**{**kwargs, name: empty})
        found = result if isinstance(result, Tensor) else result.sequences
        width = prompt.shape[1] if prompt.ndim == 2 else 0
        if width and found.ndim == 2 and found.shape[1] >= width and torch.equal(found[:, :width], empty):
            found[:, :width] = prompt
        return result

    return method(scene.classes, "generate", around)


# Pipelines and processors


def answers(change: Callable[[Pipeline, Any, Any], Any]) -> AbstractContextManager[None]:
    """Changes what a pipeline answers: ``change(pipeline, inputs, answer)``."""

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        given = args[0] if args else kwargs.get("inputs")
        return change(self, given, call(*args, **kwargs))

    return method((Pipeline,), "__call__", around)


@fault("pipeline-constant", "A pipeline repeats its first answer.", has_pipeline)
def _(scene: Scene) -> AbstractContextManager[None]:
    first: dict[int, tuple[Pipeline, Any]] = {}

    def change(pipeline: Pipeline, given: Any, answer: Any) -> Any:
        several = isinstance(given, list) and isinstance(answer, list) and len(given) == len(answer)
        one = answer[0] if several else answer
        _, kept = first.setdefault(id(pipeline), (pipeline, copy.deepcopy(one)))
        return [copy.deepcopy(kept) for _ in answer] if several else copy.deepcopy(kept)

    return answers(change)


@fault("pipeline-empty", "A pipeline answers with nothing.", has_pipeline)
def _(scene: Scene) -> AbstractContextManager[None]:
    return answers(lambda _pipeline, _given, answer: type(answer)() if isinstance(answer, (list, dict, str)) else None)


@fault("pipeline-ignores-input", "A pipeline gives its model a constant.", has_pipeline)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        without_information(args[0], MODALITIES, self.model.config)
        return call(*args, **kwargs)

    return method((Pipeline,), "forward", around)


TOKENIZERS = tokenization_auto.TOKENIZER_MAPPING_NAMES
IMAGE_PROCESSORS = image_processing_auto.IMAGE_PROCESSOR_MAPPING_NAMES
FEATURE_EXTRACTORS = feature_extraction_auto.FEATURE_EXTRACTOR_MAPPING_NAMES


@fault(
    "tokenizer-constant",
    "The tokenizer gives every token the same id.",
    takes(*TEXT),
    has_pipeline,
    has_processor(TOKENIZERS, "tokenizer"),
)
def _(scene: Scene) -> AbstractContextManager[None]:
    config = scene.subjects[0].config

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        special = {*special_tokens(config), *self.all_special_ids}
        plain = next(number for number in range(3, 1000) if number not in special)
        found["input_ids"] = same_ids(found["input_ids"], special, plain)
        return found

    return method((PreTrainedTokenizerBase,), "__call__", around)


def same_ids(ids: Any, special: set[int], plain: int) -> Any:
    """Token ids, in lists or a tensor, that all are ``plain`` where they are not special."""
    if isinstance(ids, Tensor):
        return torch.tensor(same_ids(ids.tolist(), special, plain), dtype=ids.dtype)
    return [
        same_ids(each, special, plain) if isinstance(each, list) else each if each in special else plain for each in ids
    ]


@fault(
    "image-processor-size",
    "The image processor gives images of half the width.",
    takes(*IMAGE),
    has_pipeline,
    has_processor(IMAGE_PROCESSORS, "image processor"),
)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        for name in set(IMAGE) & set(found):
            found[name] = halved(found[name])
        return found

    return method((BaseImageProcessor,), "__call__", around)


def halved(value: Any) -> Any:
    """Arrays, alone or in a list, without the second half of their last dimension."""
    if isinstance(value, list):
        return [halved(item) for item in value]
    return value[..., : value.shape[-1] // 2]


@fault(
    "feature-extractor-size",
    "The feature extractor gives half of a recording.",
    takes(*AUDIO),
    has_pipeline,
    has_processor(FEATURE_EXTRACTORS, "feature extractor"),
)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        for name in set(AUDIO) & set(found):
            found[name] = halved(found[name])
        return found

    names = {name for subject in scene.subjects if (name := processor_of(FEATURE_EXTRACTORS, subject))}
    return method(tuple(getattr(transformers, name) for name in names), "__call__", around)


# The calls themselves


def renamed(scene: Scene, choose: Callable[[Subject], str | None]) -> AbstractContextManager[None]:
    """A ``forward`` that knows one of its parameters under another name only."""
    contexts = []
    for subject in scene.subjects:
        forward, name = subject.cls.forward, choose(subject)
        known = inspect.signature(forward)
        other = f"renamed_{name}"

        def wrapper(self: Any, *args: Any, _forward: Any = forward, _name: Any = name, **kwargs: Any) -> Any:
            if _name in kwargs:
                raise TypeError(f"forward() got an unexpected keyword argument '{_name}'")
            if f"renamed_{_name}" in kwargs:
                kwargs[_name] = kwargs.pop(f"renamed_{_name}")
            return _forward(self, *args, **kwargs)

        functools.update_wrapper(wrapper, forward)
        wrapper.__signature__ = known.replace(  # type: ignore[attr-defined]
            parameters=[each.replace(name=other) if each.name == name else each for each in known.parameters.values()]
        )
        contexts.append(replaced(subject.cls, "forward", wrapper))
    return nested(contexts)


def main_input(subject: Subject) -> str | None:
    return next((name for name in subject.parameters if name in MODALITIES), None)


@fault("input-renamed", "forward takes its main input under another name.", takes(*MODALITIES))
def _(scene: Scene) -> AbstractContextManager[None]:
    return renamed(scene, main_input)


@fault("mask-renamed", "forward takes its attention mask under another name.", takes("attention_mask"))
def _(scene: Scene) -> AbstractContextManager[None]:
    return renamed(scene, lambda _subject: "attention_mask")


@fault("loading-needs-keyword", "from_pretrained takes the checkpoint under another name only.")
def _(scene: Scene) -> AbstractContextManager[None]:
    original = vars(PreTrainedModel)["from_pretrained"].__func__

    def from_pretrained(cls: Any, *, checkpoint: str, **kwargs: Any) -> Any:
        return original(cls, checkpoint, **kwargs)

    return replaced(PreTrainedModel, "from_pretrained", classmethod(from_pretrained))


@fault("wrong-checkpoint", "The module's function that loads asks for another checkpoint.", loads_by_name)
def _(scene: Scene) -> AbstractContextManager[None]:
    load = scene.module.load

    def other(value: Any) -> Any:
        return "another/checkpoint" if value == getattr(scene.module, "MODEL_ID", None) else value

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return load(*map(other, args), **{key: other(value) for key, value in kwargs.items()})

    return replaced(scene.module, "load", functools.update_wrapper(wrapper, load))


def nothing(scene: Scene) -> AbstractContextManager[None]:
    """Opens every way in and changes nothing: a module that fails then fails because of the injection itself."""

    def through(call: Callable[..., Any], _self: Any, args: Any, kwargs: Any) -> Any:
        return call(*args, **kwargs)

    def same(_model: PreTrainedModel, _inputs: dict[str, Any], result: Any) -> Any:
        return edited(result, torch.clone, every=True)

    generating = [subject for subject in scene.subjects if generates(subject) is None]
    ways = [
        called(scene.classes, lambda _model, _inputs: None, same, lambda model: hooked(trunk(model), torch.clone)),
        built(scene.classes, lambda _model: None),
        saved(lambda _model, _state: None),
        loaded(lambda _model, _asked: None),
        written(lambda _config, _found: None, "to_dict"),
        written(lambda _config, _found: None, "to_diff_dict"),
        cached(scene, torch.clone),
        generated(Scene(scene.module, generating), lambda found, _start: found),
        answers(lambda _pipeline, _given, answer: answer),
        method((Pipeline,), "forward", through),
        method((PreTrainedTokenizerBase,), "__call__", through),
        method((BaseImageProcessor,), "__call__", through),
        renamed(scene, lambda _subject: None),
    ]
    return nested(ways)


CONTROL = Fault("nothing", "Nothing breaks.", lambda _subject: None, nothing)
