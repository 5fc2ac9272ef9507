"""From a default configuration to a tiny one, by what the fields mean.

Every rule speaks of the names of fields and of their values; none knows an architecture.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hfcodemod.probing.layers import is_layer_count, is_numbering, is_per_layer, kept_layers, layer_count, mixed, others
from hfcodemod.probing.parts import absent_part, of_single_layers
from hfcodemod.probing.stages import of_masks, of_stages, of_taps, own_backbone, same, set_by_the_outer, thinned
from hfcodemod.recipes import CLASS

WIDTH = 64
HEAD_WIDTH = 16
IMAGE = 32
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
    Rule(r"keypoint_decoder_dim", lambda value: value, "the places of a cell of 8 x 8, and none of them"),
    Rule(r"dim_feedforward", _at_most(WIDTH), "one width for all"),
    Rule(r"num_windows", _at_most(4), "windows in each of which lie several patches"),
    # Behind the first layer of two, so that there are layers before and behind what is put in.
    Rule(r"(.+_)?layer_id", _at_most(0), "the number of a layer"),
    Rule(r"max_keypoints", lambda _: 16, "as many in each picture, alone or among others"),
    Rule(r"num_pos_feats", _at_most(WIDTH // 2), "sines and cosines, half of the width each"),
    # Words are told apart by their ids, so there are never fewer: some vocabularies are of characters.
    Rule(r"vocab_size", lambda _: VOCABULARY, "a word for each id"),
    Rule(r"(.+_)?vocab(_size(_.+)?)?|num_embeddings|codebook_size|n_codes", _at_most(VOCABULARY), "a word for each id"),
    Rule(r"(.+_)?head_dim|d_kv|dim_head|attention_head_size|.*_head_dim", _at_most(HEAD_WIDTH), "a width for 4 heads"),
    Rule(r".*_rank|time_step_rank", _at_most(HEAD_WIDTH), "a bottleneck narrower than what it stands in"),
    Rule(r"(.+_)?(key_value|kv)_heads|num_kv|n_head_kv|multi_query_group_num", _at_most(2), "keys that heads share"),
    Rule(r"(.+_)?(attention_)?heads|n_heads?|num_(.+_)?heads|nhead", _at_most(4), "several heads"),
    Rule(r"(.*_)?num_experts|num_local_experts|n_routed_experts|moe_num_experts", _at_most(8), "a choice of experts"),
    Rule(r"num_experts_per_tok|top_k|moe_topk|moe_top_k|num_experts_per_token", _at_most(2), "several experts a token"),
    Rule(r"(.+_)?(sparse_step|layer_period)", _at_most(2), "a layer of each kind in two"),
    Rule(r"(.+_)?layer_offset", lambda value: value % 2, "a layer of each kind in two"),
    Rule(r"num_sparse_.*layers", _at_most(1), "a layer of each kind in two"),
    Rule(r"n_group", _at_most(2), "groups of experts"),
    Rule(r"topk_group", _at_most(1), "fewer groups than there are"),
    Rule(r"num_res_blocks", _at_most(1), "a block for each resolution: there are several"),
    Rule(r"(num_|n_)?(.+_)?layers?|depth|n_layer|num_(.+_)?blocks|.*_depth", _at_most(2), "two layers"),
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
    Rule(r"index_kpool", _at_most(4), "several pools in a window, which holds whole ones"),
    Rule(r"num_mel_bins|feature_size|input_feat_per_channel", _at_most(16), "few bands of sound"),
    Rule(r"(num_)?(.+_)?quer(y_token|ie)s|num_query_tokens|num_latents|.*num_latents", _at_most(8), "few queries"),
    Rule(
        r".*intermediate_size",
        lambda values: [min(value, WIDTH) for value in values],
        "one width for all, of experts for words and of those for images",
    ),
    Rule(r"chunk_size|.*chunk_size|block_size", _at_most(8), "several chunks in a short text"),
    Rule(r"deepstack_visual_indexes", lambda values: list(range(min(2, len(values)))), "layers of a depth of two"),
    Rule(r"num_position_embeddings", _at_most(POSITIONS), "places for a small image"),
    Rule(r"cross_attention_layers", lambda values: [1], "a layer with cross attention of two"),
    Rule(r"mm_tokens_per_image", _at_most(4), "a token for several patches of a small image"),
    Rule(r"base_channels", _at_most(32), "a channel for each of the groups that are normalised together"),
    Rule(r"channel_multiplier", lambda values: [1, 1, 2], "three resolutions, two of one width and one of another"),
    Rule(r"coordinate_size", _at_most(8), "four of them and two of shape_size are as wide as the text"),
    Rule(r"shape_size", _at_most(16), "four of coordinate_size and two of them are as wide as the text"),
    Rule(r"num_labels", _at_most(2), "two classes"),
    Rule(r"num_targets", lambda value: max(value, 2), "classes to tell apart"),
    Rule(r"num_(time|static_real|static_categorical)_features", lambda value: max(value, 1), "an input of each kind"),
    Rule(r"cardinality", lambda values: [max(3, value) for value in values], "choices of a static feature"),
    Rule(r"embedding_dimension", lambda values: [max(2, value) for value in values], "the width of a static feature"),
    Rule(r"upsample_groups", _at_most(WIDTH), "a group for each channel"),
    Rule(r"num_filters", _at_most(4), "channels that double in each of four stages"),
    Rule(r"label_length|moving_average", _at_most(3), "shorter than the context"),
    Rule(r"num_mel_channels", _at_most(16), "few bands of sound"),
    Rule(r"image_size|input_size|pretrain_image_size|.*image_size", lambda value: _image_size(value), "small images"),
    Rule(r"patch_size|.*_patch_size", lambda value: _patch_size(value), "several patches in a small image"),
    Rule(r"depths|.*_depths|num_blocks|layers", lambda values: [min(value, 1) for value in values], "a layer a stage"),
    Rule(
        r"(.+_)?(hidden_sizes|channels|embed_dims|dims|filters|dim|widths|hidden_dims|conv_dim)",
        _scaled,
        "stages of the same proportions",
    ),
    Rule(
        r"(.+_)?(size|dim|dims|width|channels?|features|n_embd|d_model|d_ff|dimension|n_inner|filters|units|embd)"
        r"|d_model|d_ff|dim_ff|d_inner|n_embd|n_inner|width",
        _at_most(WIDTH),
        "one width for all",
    ),
)
"""The first that fits a field and takes its value decides."""

LISTS = {"depths|.*_depths|num_blocks|layers"}

UNSET: tuple[Rule, ...] = (
    Rule(r"decoder_hidden_size", lambda _: WIDTH, "a decoder where there is one for pretraining alone"),
    Rule(r"decoder_depth", lambda _: 1, "a decoder where there is one for pretraining alone"),
    Rule(r"decoder_num_heads", lambda _: 4, "a decoder where there is one for pretraining alone"),
    Rule(r"num_experts|n_routed_experts", lambda _: 8, "a choice of experts"),
    Rule(r"num_experts_per_tok|top_k_experts", lambda _: 2, "several experts a token"),
    Rule(r"moe_intermediate_size", lambda _: WIDTH, "one width for all"),
    Rule(r"mlp_layer_types", lambda _: ["dense", "sparse"], "a layer of each kind"),
    Rule(r"prediction_length", lambda _: 4, "a future to predict"),
    Rule(r"context_length", lambda _: 8, "a past to predict from"),
    Rule(r"attn_layer_indices", lambda _: [1], "a layer of each kind"),
    Rule(r"vocab_size", lambda _: VOCABULARY, "a word for each id"),
    Rule(r"num_key_value_heads", lambda _: 2, "keys that heads share"),
    Rule(r"pad_token_id", lambda _: 0, "classifiers of a row look for the last word before the padding"),
    Rule(r"mask_token_id", lambda _: NAMED_TOKENS["mask"], "a token for what is to be guessed"),
)
"""For fields that default to None though the model asks for a number, or has a part only where there is one."""

INSERTED = r"(image|video|audio)_token_(id|index)"
"""Tokens that stand for another modality: without them, where they default to None, it can't be part of the text."""


def _image_size(value: Any) -> Any:
    if isinstance(value, int):
        return min(value, IMAGE)
    return [min(side, IMAGE) for side in value]


def _patch_size(value: Any) -> Any:
    if isinstance(value, int):
        return min(value, 8)
    return [min(side, 8) for side in value]


def is_token(name: str, value: Any) -> bool:
    """Whether a field holds the id of a token; that of a layer is its number."""
    tokens = r".*_(token_id|token_index|token_idx|token)|.*(?<!_layer)_id"
    return isinstance(value, int) and re.fullmatch(tokens, name) is not None


def tiny_arguments(default: Any, tokens: dict[str, int] | None = None) -> dict[str, Any]:
    """The keyword arguments that differ from the defaults, nested configurations included."""
    from transformers import PreTrainedConfig

    # Tokens of the same name are the same token in every nested configuration.
    tokens = {} if tokens is None else tokens
    values = values_of(default)
    layers = kept_layers(values)
    arguments: dict[str, Any] = {}
    for name, value in values.items():
        if value is None:
            value = absent_part(default, name)
        if isinstance(value, PreTrainedConfig):
            arguments[name] = nested(own_backbone(default, name, value), tokens)
        elif layers is not None and is_layer_count(name, value, values):
            arguments[name] = len(layers)
        elif layers is not None and is_per_layer(value, layer_count(values)):
            arguments[name] = (
                list(range(len(layers)))
                if is_numbering(value)
                else [shrunk(name.removesuffix("_per_layer"), value[layer], tokens) for layer in layers]
            )
            if name == "layer_types":
                arguments[name] = mixed(arguments[name], values)
        elif layers is not None and (told := others(name, value, layer_count(values))) is not None:
            arguments[name] = sum(told[layer] for layer in layers)
        else:
            new = shrunk(name, value, tokens)
            if name == "rope_parameters" and isinstance(new, Mapping):
                new = with_sections(new or of_each_kind(default), default)
            if new != value:
                arguments[name] = new
    arguments |= of_taps(values, layer_count(values), layer_count({**values, **arguments}))
    if single := of_single_layers(default, layers):
        arguments["per_layer_config"] = shrunk("per_layer_config", single, tokens)
    for name, new in {**of_stages(values), **of_masks(values)}.items():
        arguments[name] = new
        if same(new, values[name]):
            del arguments[name]
    for sizes in (arguments, *arguments.get("per_layer_config", {}).values()):
        if "kv_lora_rank" in values and "num_attention_heads" in sizes and "num_key_value_heads" in sizes:
            # Keys and values that come out of one bottleneck are made for each head.
            sizes["num_key_value_heads"] = sizes["num_attention_heads"]
    if "out_hidden_size" in values and "projector_hidden_size" in values and "vision_config" in arguments:
        # A projector takes in the patches that become one token, as wide as the vision encoder left each.
        merged = getattr(values["vision_config"], "merge_size", None) or 1
        arguments["out_hidden_size"] = merged**2 * arguments["vision_config"].get("hidden_size", WIDTH)
    if "tdnn_dim" in values and "initializer_range" in values:
        # Five narrow layers in a row leave nothing of an input that is multiplied by 0.02 in each.
        arguments["initializer_range"] = 0.1
    return arguments


def nested(value: Any, tokens: dict[str, int]) -> dict[str, Any]:
    """A nested configuration as a recipe holds it: a call of its class, or where that is not exported a dict."""
    import transformers

    name = type(value).__name__
    # Some have no class that is exported and no name either: then the outer configuration knows of them alone.
    named = {"model_type": value.model_type} if value.model_type else {}
    head = {CLASS: name} if hasattr(transformers, name) else named
    try:
        said = set_by_the_outer(value, type(value)(), values_of(value))
    except (TypeError, ValueError):  # a class without defaults
        said = {}
    return {**head, **said, **tiny_arguments(value, tokens)}


def values_of(default: Any) -> dict[str, Any]:
    """The declared fields of a configuration with their values; those of every configuration apart."""
    from transformers import PreTrainedConfig

    common = {field.name for field in dataclasses.fields(PreTrainedConfig)}
    names = [field.name for field in dataclasses.fields(type(default)) if field.name not in common]
    # A field that is another name of an attribute is kept under the attribute's.
    mapped = {name: to for name, to in type(default).attribute_map.items() if to not in names}
    found = {name: mapped.get(name, name) for name in names}
    return {name: default.__dict__[kept] for name, kept in found.items() if kept in default.__dict__}


def shrunk(name: str, value: Any, tokens: dict[str, int]) -> Any:
    """A field's value in a tiny configuration."""
    if isinstance(value, Mapping):
        return {key: shrunk(str(key), item, tokens) for key, item in value.items()}
    if value is None:
        if re.fullmatch(INSERTED, name):
            return token(name, 0, tokens)
        return next((rule.value(value) for rule in UNSET if rule.fits(name)), None)
    if isinstance(value, float) and name == "initializer_range" and value < 1e-3:
        return 0.02  # with weights near zero no input counts
    if isinstance(value, bool | str | float):
        return 0.0 if isinstance(value, float) and is_dropout(name) else thinned(name, value)
    if is_token(name, value):
        return token(name, value, tokens)
    if name == "image_grid_pinpoints":
        return [[2 * IMAGE, IMAGE], [IMAGE, 2 * IMAGE]]  # two tiles, one above the other or side by side
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


def rotary(name: str, value: Any, half: int = HEAD_WIDTH // 2) -> Any:
    """A list over the rotated half of a head, for a head of HEAD_WIDTH."""
    if name != "mrope_section":
        return list(value[:half])
    share = [max(1, number * half // sum(value)) for number in value]
    return [half - sum(share[1:]), *share[1:]]


def of_each_kind(config: Any) -> dict[str, Any]:
    """Rotation for each kind of layer, for a configuration that asks for it and has none by default."""
    kinds = getattr(config, "layer_types", None) or ()
    return {kind: {"rope_type": "default", "rope_theta": 10000.0} for kind in dict.fromkeys(kinds)}


def with_sections(rope: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """Rotation with a section of the head for time, height and width, where the configuration knows of them.

    Where it says none, the code that reads it falls back to sections of a wide head.
    """
    said = dict(rope)
    if "mrope_section" not in getattr(type(config), "ignore_keys_at_rope_validation", ()):
        return said
    if any(isinstance(value, Mapping) for value in said.values()):
        return {kind: with_sections(value, config) for kind, value in said.items()}
    share = said.get("partial_rotary_factor") or getattr(config, "partial_rotary_factor", None) or 1
    half = int(HEAD_WIDTH * share) // 2
    return {**said, "mrope_section": rotary("mrope_section", said.get("mrope_section") or [3, 3, 2], half)}


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
