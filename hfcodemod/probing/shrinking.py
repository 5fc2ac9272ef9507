"""From a default configuration to a tiny one, by what the fields mean.

Every rule speaks of the names of fields and of their values; none knows an architecture.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hfcodemod.recipes import CLASS

WIDTH = 64
HEAD_WIDTH = 16
VOCABULARY = 128
POSITIONS = 64
SPECIAL = 100
"""The first id of special tokens: words lie below."""

NAMED_TOKENS = {"pad": 0, "bos": 1, "eos": 2, "cls": 1, "sep": 2, "decoder_start": 3, "unk": 3, "mask": 4}
"""Tokens that every tokenizer has; all the others get an id of their own from SPECIAL up."""


@dataclass(frozen=True)
class Rule:
    """A value for the fields whose whole name fits a pattern."""

    pattern: str
    value: Callable[[Any], Any]
    why: str

    def fits(self, name: str) -> bool:
        """Whether the rule speaks of the field."""
        return re.fullmatch(self.pattern, name) is not None


def _at_most(limit: int) -> Callable[[Any], Any]:
    return lambda value: min(value, limit)


def _scaled(values: Any) -> Any:
    """A list with the same proportions whose largest number is WIDTH, in eighths of it at least."""
    largest = max(values)
    if largest <= WIDTH:
        return values
    return [max(8, round(value * WIDTH / largest / 8) * 8) for value in values]


RULES: tuple[Rule, ...] = (
    Rule(r"(.+_)?vocab_size|num_embeddings|codebook_size|n_codes", _at_most(VOCABULARY), "a word for each id"),
    Rule(r"(.+_)?head_dim|d_kv|dim_head|attention_head_size|.*_head_dim", _at_most(HEAD_WIDTH), "a width for 4 heads"),
    Rule(r".*_rank|time_step_rank", _at_most(HEAD_WIDTH), "a bottleneck narrower than what it stands in"),
    Rule(r"(.+_)?(key_value|kv)_heads|num_kv|n_head_kv|multi_query_group_num", _at_most(2), "keys that heads share"),
    Rule(r"(.+_)?(attention_)?heads|n_heads?|num_(.+_)?heads|nhead", _at_most(4), "several heads"),
    Rule(r"(.*_)?num_experts|num_local_experts|n_routed_experts|moe_num_experts", _at_most(8), "a choice of experts"),
    Rule(r"num_experts_per_tok|top_k|moe_topk|moe_top_k|num_experts_per_token", _at_most(2), "several experts a token"),
    Rule(r"n_group", _at_most(2), "groups of experts"),
    Rule(r"topk_group", _at_most(1), "fewer groups than there are"),
    Rule(r"(num_|n_)?(.+_)?layers?|depth|n_layer|num_(.+_)?blocks|.*_depth|num_res_blocks", _at_most(2), "two layers"),
    Rule(
        r"max_(.*_)?position(_embedding)?s|n_positions|max_.*positions|n_ctx|context_length|max_(source|target)_length"
        r"|max_seq_len(gth)?|.*max_sequence_length|max_2d_position_embeddings|seq_length",
        _at_most(POSITIONS),
        "room for a short text",
    ),
    Rule(
        r"(sliding|attention|local_attention)_window(_size)?|index_topk|attention_chunk_size",
        _at_most(8),
        "a window shorter than the text",
    ),
    Rule(r"num_mel_bins|feature_size|input_feat_per_channel", _at_most(16), "few bands of sound"),
    Rule(r"(num_)?(.+_)?quer(y_token|ie)s|num_query_tokens|num_latents|.*num_latents", _at_most(8), "few queries"),
    Rule(r"chunk_size|.*chunk_size|block_size", _at_most(8), "several chunks in a short text"),
    Rule(r"num_labels", _at_most(2), "two classes"),
    Rule(r"image_size|input_size|pretrain_image_size|.*image_size", lambda value: _image_size(value), "small images"),
    Rule(r"patch_size|.*_patch_size", lambda value: _patch_size(value), "several patches in a small image"),
    Rule(r"depths|.*_depths|num_blocks|layers", lambda values: [min(value, 1) for value in values], "a layer a stage"),
    Rule(
        r"(.+_)?(hidden_sizes|channels|embed_dims|dims|filters|dim|widths|hidden_dims|conv_dim)",
        _scaled,
        "stages of the same proportions",
    ),
    Rule(
        r"(.+_)?(size|dim|dims|width|channels|features|n_embd|d_model|d_ff|dimension|n_inner|filters|units|embd)"
        r"|d_model|d_ff|d_inner|n_embd|n_inner|width",
        _at_most(WIDTH),
        "one width for all",
    ),
)
"""The first that fits a field and takes its value decides."""

LISTS = {"depths|.*_depths|num_blocks|layers"}


def _image_size(value: Any) -> Any:
    if isinstance(value, int):
        return min(value, 32)
    return [min(side, 32) for side in value]


def _patch_size(value: Any) -> Any:
    if isinstance(value, int):
        return min(value, 8)
    return [min(side, 8) for side in value]


def is_token(name: str, value: Any) -> bool:
    """Whether a field holds the id of a token."""
    return isinstance(value, int) and re.fullmatch(r".*_(token_id|token_index|token_idx|token)|.*_id", name) is not None


def tiny_arguments(default: Any, tokens: dict[str, int] | None = None) -> dict[str, Any]:
    """The keyword arguments that differ from the defaults, nested configurations included."""
    from transformers import PreTrainedConfig

    # Tokens of the same name are the same token in every nested configuration.
    tokens = {} if tokens is None else tokens
    values = values_of(default)
    layers = kept_layers(values)
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, PreTrainedConfig):
            arguments[name] = nested(value, tokens)
        elif layers is not None and is_layer_count(name, value, values):
            arguments[name] = len(layers)
        elif layers is not None and is_per_layer(value, layer_count(values)):
            arguments[name] = [value[i] for i in layers]
        else:
            new = shrunk(name, value, tokens)
            if new != value:
                arguments[name] = new
    return arguments


def nested(value: Any, tokens: dict[str, int]) -> dict[str, Any]:
    """A nested configuration as a recipe holds it: a call of its class, or where that is not exported a dict."""
    import transformers

    name = type(value).__name__
    head = {CLASS: name} if hasattr(transformers, name) else {"model_type": value.model_type}
    return {**head, **tiny_arguments(value, tokens)}


def values_of(default: Any) -> dict[str, Any]:
    """The declared fields of a configuration with their values; those of every configuration apart."""
    from transformers import PreTrainedConfig

    common = {field.name for field in dataclasses.fields(PreTrainedConfig)}
    names = [field.name for field in dataclasses.fields(type(default)) if field.name not in common]
    return {name: default.__dict__[name] for name in names if name in default.__dict__}


def shrunk(name: str, value: Any, tokens: dict[str, int]) -> Any:
    """A field's value in a tiny configuration."""
    if isinstance(value, Mapping):
        return {key: shrunk(str(key), item, tokens) for key, item in value.items()}
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return 0.0 if isinstance(value, float) and is_dropout(name) else value
    if is_token(name, value):
        return token(name, value, tokens)
    if re.fullmatch(r"mrope_section|(short|long)_factor", name):
        return rotary(name, value)
    numbers = [value] if isinstance(value, int) else list(value) if isinstance(value, Sequence) else []
    if not numbers or not all(isinstance(number, int) for number in numbers):
        return value
    if re.fullmatch(r".*_token_ids?", name):
        return [token(f"{name}_{i}", number, tokens) for i, number in enumerate(numbers)]
    for rule in RULES:
        if rule.fits(name):
            try:
                return rule.value(value)
            except TypeError:  # a rule for numbers and a list, or the other way round
                continue
    return value


def rotary(name: str, value: Any) -> Any:
    """A list over the rotated half of a head, for a head of HEAD_WIDTH."""
    half = HEAD_WIDTH // 2
    if name != "mrope_section":
        return list(value[:half])
    share = [max(1, number * half // sum(value)) for number in value]
    return [half - sum(share[1:]), *share[1:]]


def is_dropout(name: str) -> bool:
    """Whether a field is a chance to leave something out: none, so that a test says the same each time."""
    return (
        re.fullmatch(
            r".*(dropout|layerdrop|_pdrop|drop_path|drop_path_rate|drop_prob|dropout_prob|drop_rate"
            r"|dropout_rate)|mask_(time|feature)_prob",
            name,
        )
        is not None
    )


def token(name: str, value: int, tokens: dict[str, int]) -> int:
    """The id of a special token in the small vocabulary."""
    if value < 0:
        return value
    stem = re.sub(r"_(token_id|token_index|token_idx|token|id)$", "", name)
    if stem in NAMED_TOKENS:
        return NAMED_TOKENS[stem]
    return tokens.setdefault(stem, SPECIAL + len(tokens))


def layer_count(values: Mapping[str, Any]) -> int | None:
    """How many layers a configuration has, where one field says it."""
    for name in ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "depth"):
        if isinstance(values.get(name), int):
            return int(values[name])
    return None


def is_layer_count(name: str, value: Any, values: Mapping[str, Any]) -> bool:
    """Whether the field says how many layers there are."""
    return name in ("num_hidden_layers", "n_layer", "num_layers", "n_layers", "depth") and value == layer_count(values)


def is_per_layer(value: Any, count: int | None) -> bool:
    """Whether a list has an item for each layer."""
    return isinstance(value, list | tuple) and count is not None and len(value) == count > 2


def kept_layers(values: Mapping[str, Any]) -> list[int] | None:
    """The layers that show every kind there is, two at least; None where layers are not told apart."""
    count = layer_count(values)
    kinds = [value for value in values.values() if is_per_layer(value, count)]
    if count is None or not kinds:
        return None
    seen: set[str] = set()
    kept: list[int] = []
    for layer in range(count):
        kind = repr([value[layer] for value in kinds if not isinstance(value[layer], float)])
        if kind not in seen:
            seen.add(kind)
            kept.append(layer)
    for layer in range(count):
        if len(kept) >= 2:
            break
        if layer not in kept:
            kept.append(layer)
    return sorted(kept)[:6]
