"""Fields that hold a value for each stage of a pyramid of feature maps, and fields that say which layers are tapped.

A pyramid keeps its number of stages, each a layer deep, and the widths of all of its lists shrink by one factor: what
agreed before agrees after. A stack whose layers are tapped keeps as many as there are taps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

WIDTH = 64
NARROWEST = 8

IMAGE = 64
"""The side of an image: halved five times, more than one place is left."""

DEEP = r"depths?|.*_depths|(.+_)?num_blocks|blocks_per_stage|num_block_repeats|n_attn_blocks|stage_numb_of_layers"
"""Lists that say how deep each stage is."""

STAGED = rf"{DEEP}|stage_.*|.*_per_stage|block_configs|(.+_)?strides|patch_sizes|neck_hidden_sizes|.*_channel_list"
"""Lists by which a pyramid is known."""

WIDE = (
    r"(.+_)?(hidden_sizes|channels|embed_dims?|dims|filters|dim|widths|unit_dims|out_features|channel_list|sizes)"
    r"|embed_dim_per_stage"
)
"""Lists of widths."""

CONVOLVED = 0.2
"""The deviation of first weights: a dozen convolutions in a row with the usual 0.02 leave nothing of a picture."""

HEADS = r"(num_)?(attention_)?heads(_per_stage)?|num_attention_heads_per_stage"

MAPS = "feature_sizes"
"""The end of the names of fields that hold the sides of feature maps."""

STAGES = r"num_(encoder_|decoder_)?(blocks|stages)"
"""Numbers of stages."""

TAPS = r"_?(.+_)?out_indices|intermediate_(hook_ids|hidden_state_indices)"
"""Lists of layers whose output is used beside that of the last one."""

KINDS = r"(.+_)?(global|full|window)(_.+)?_(indexes|indices|blocks)"
"""Lists of layers of another kind than the rest."""


def is_list(value: Any, kind: type = int) -> bool:
    """Whether a value holds several numbers."""
    return (
        isinstance(value, list | tuple)
        and len(value) > 1
        and all(isinstance(item, kind) and not isinstance(item, bool) for item in value)
    )


def is_pyramid(values: Mapping[str, Any]) -> bool:
    """Whether a configuration has a list with a value for each stage."""
    return any(isinstance(value, list | tuple) and re.fullmatch(STAGED, name) for name, value in values.items())


def has_stages(arguments: Mapping[str, Any]) -> bool:
    """Whether the arguments of a network say that it has stages: some say so by nothing but a list of widths."""
    wide = (value for name, value in arguments.items() if re.fullmatch(WIDE, name))
    return is_pyramid(arguments) or any(map(is_list, wide)) or "channel_multiplier" in arguments


def of_stages(values: Mapping[str, Any]) -> dict[str, Any]:
    """The tiny values of the fields of a pyramid, changed or not; none where the configuration is of no pyramid."""
    if not is_pyramid(values):
        return {}
    lists = {name: list(value) for name, value in values.items() if is_list(value)}
    widths = {name: value for name, value in lists.items() if re.fullmatch(WIDE, name) and min(value) > 0}
    deep = {name: value for name, value in lists.items() if re.fullmatch(DEEP, name)}
    heads = {name: value for name, value in lists.items() if re.fullmatch(HEADS, name)}
    blocks = {name: value for name, value in values.items() if is_table(value) and not name.endswith(MAPS)}
    every = [*widths.values(), *map(numbers_in, blocks.values())]
    # Where one factor makes all widths small, those too that are no fields, the lists stay as they are.
    largest = WIDTH if "width_coefficient" in values else max([WIDTH, *(width for item in every for width in item)])
    found: dict[str, Any] = {name: rewritten(value, largest) for name, value in blocks.items()}
    for name, value in widths.items():
        # A list of equal widths is no pyramid: it is as wide as all else.
        found[name] = rewritten(value, largest if len(set(value)) > 1 else max(value))
    found |= {name: [min(layers, 1) for layers in value] for name, value in deep.items()}
    # Shrunk widths are multiples of 8, so the number of heads has to be a power of two.
    found |= {name: [min(4, 1 << (count.bit_length() - 1)) for count in value] for name, value in heads.items()}
    found |= _of_images(values)
    found |= _of_numbers(values, widths, max(map(len, [*deep.values(), *widths.values()]), default=0), largest)
    if 0 < (values.get("initializer_range") or 0) < CONVOLVED and not heads:
        found["initializer_range"] = CONVOLVED
    return found


def _of_images(values: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name in ("image_size", "pretrain_image_size") and value is not None:
            found[name] = min(value, IMAGE) if isinstance(value, int) else [min(side, IMAGE) for side in value]
        elif name.endswith(MAPS) and is_table(value):
            # The finest feature map has a quarter of the image's side.
            finest = max(numbers_in(value))
            found[name] = [[side * IMAGE // 4 // finest for side in sides] for sides in value]
    return found


def _of_numbers(
    values: Mapping[str, Any], widths: Mapping[str, Sequence[int]], stages: int, largest: int
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    firsts = {value[0] for value in widths.values() if value[0] < value[-1]}
    for name, value in values.items():
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if re.fullmatch(STAGES, name) and value == stages:
            found[name] = value
        elif re.fullmatch(r"stem_channels|.+_feat_dim", name) or (name == "hidden_size" and value in firsts):
            found[name] = narrowed(value, largest)
        elif name == "embed_dim" and value > WIDTH >> (stages - 1):
            # The width of the first stage; each other one is twice as wide as that before it.
            found[name] = max(NARROWEST, WIDTH >> (stages - 1))
    if "width_coefficient" in values and "hidden_dim" in values:
        factor = thinned("width_coefficient", values["width_coefficient"]) / values["width_coefficient"]
        found["hidden_dim"] = int(values["hidden_dim"] * factor)
    if "scale" in values and "divisor" in values:
        # What is scaled is rounded to a multiple of the divisor, by which narrow widths would not agree any more.
        found |= {"scale": 1.0, "divisor": NARROWEST}
    return found


def of_masks(values: Mapping[str, Any]) -> dict[str, Any]:
    """The tiny numbers of heads of a detector that may draw masks: they join the width, which is cut into 8 groups."""
    if "mask_loss_coefficient" not in values:
        return {}
    return {name: 8 for name, value in values.items() if name.endswith("_attention_heads") and value >= 8}


def thinned(name: str, value: Any) -> Any:
    """A factor by which all widths of a network, or its depth, are multiplied, small; what is no such factor, as is."""
    if not isinstance(value, float):
        return value
    # The depth that is multiplied is in some that of the feature maps.
    if re.fullmatch(r"(depth|width)_multiplier|width_coefficient", name):
        return min(value, 0.25)
    if re.fullmatch(r"(coarse_matching|filter)_threshold", name):
        return 0.0  # weights that were not trained are sure of no match
    return min(value, 1.0) if name == "depth_coefficient" else value


def narrowed(width: int, largest: int) -> int:
    """A width in the proportion to the largest, in steps of NARROWEST; what is no width (colours, a stride) stays."""
    if width < NARROWEST or largest <= WIDTH:
        return width
    return max(NARROWEST, round(width * WIDTH / largest / NARROWEST) * NARROWEST)


def is_table(value: Any) -> bool:
    """Whether a value holds lists of lists, as the blocks of a network written out."""
    return isinstance(value, list | tuple) and any(isinstance(item, list | tuple) and item for item in value)


def numbers_in(value: Any) -> Iterator[int]:
    """All numbers of a table."""
    for item in value:
        if isinstance(item, list | tuple):
            yield from numbers_in(item)
        elif isinstance(item, int) and not isinstance(item, bool):
            yield item


def rewritten(value: Any, largest: int) -> Any:
    """A table with its widths narrowed."""
    if isinstance(value, list | tuple):
        return [rewritten(item, largest) for item in value]
    return narrowed(value, largest) if isinstance(value, int) and not isinstance(value, bool) else value


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, lists and tuples alike."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def tap_count(values: Mapping[str, Any]) -> int:
    """How many layers are tapped at most by one field."""
    return max((len(value) for name, value in values.items() if re.fullmatch(TAPS, name) and is_list(value)), default=0)


def of_taps(values: Mapping[str, Any], before: int | None, after: int | None) -> dict[str, Any]:
    """For a stack that had ``before`` layers and has ``after`` the layers that are tapped or of another kind."""
    found: dict[str, Any] = {}
    if before is None or after is None or before == after:
        return found
    for name, value in values.items():
        if not isinstance(value, list | tuple) or not value or not all(isinstance(layer, int) for layer in value):
            continue
        if re.fullmatch(TAPS, name) and len(value) > 1:
            # Some count layers from 1, the input of the first being number 0.
            last = after if max(value) >= before else after - 1
            order = sorted(value)
            found[name.removeprefix("_")] = [last - (len(value) - 1 - order.index(layer)) for layer in value]
        elif re.fullmatch(KINDS, name):
            found[name] = kept_kind(value, before, after)
    return found


def kept_kind(layers: Sequence[int], before: int, after: int) -> list[int]:
    """The layers of a kind in a smaller stack, in which one of the others is left."""
    kept = sorted({layer * after // before for layer in layers if 0 <= layer < before})
    return kept if len(kept) < after else kept[1::2]


def own_backbone(outer: Any, name: str, value: Any) -> Any:
    """A nested configuration, or in place of one that wraps another library's backbones the one declared beside it."""
    import transformers

    spec = getattr(type(outer), "sub_configs_defaults", {}).get(name)
    if not hasattr(value, "features_only") or spec is None or spec.model_type is None:
        return value
    return transformers.CONFIG_MAPPING[spec.model_type](**{**spec.init_kwargs, **taps_of(value)})


def taps_of(backbone: Any) -> dict[str, Any]:
    """The argument by which another backbone gives the same stages."""
    indices = getattr(backbone, "_out_indices", None)
    return {"out_features": None, "out_indices": list(indices)} if indices else {}


def set_by_the_outer(value: Any, usual: Any, fields: Iterable[str]) -> dict[str, Any]:
    """The fields of a nested configuration to which the outer one gives other values than its class does."""
    said, otherwise = vars(value), vars(usual)
    # Not every class of a backbone declares the stages that it gives.
    names = [name for name in dict.fromkeys([*fields, "_out_indices"]) if name != "_out_features"]
    return {
        name.removeprefix("_"): said[name]
        for name in names
        if name in said and name in otherwise and not same(said[name], otherwise[name])
    }
