"""What goes with a picture besides text: prompts for masks, a picture with its answer, depths, positions of patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hfcodemod.probing.sessions import VIDEO
from hfcodemod.probing.sizes import Described, Sizes

Chosen = Mapping[str, Described]


def _pixels(chosen: Chosen) -> list[int]:
    shape: list[int] = chosen.get("pixel_values", chosen.get(VIDEO, {})).get("noise", [])
    return shape


def _like_the_picture(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = _pixels(chosen)
    return [{"noise": shape}] if len(shape) == 4 else []


def _points(chosen: Chosen, sizes: Sizes) -> list[Described]:
    # One object in each picture, two points on it.
    return [{"tensor": [[[[5.0, 6.0], [20.0, 9.0]]], [[[8.0, 25.0], [3.0, 14.0]]]]}] if _pixels(chosen) else []


def _point_labels(chosen: Chosen, sizes: Sizes) -> list[Described]:
    # Whether a point lies on the object.
    return [{"tensor": [[[1, 0]], [[0, 1]]]}] if _pixels(chosen) else []


def _boxes(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [{"tensor": [[[2.0, 3.0, 20.0, 24.0]], [[6.0, 1.0, 30.0, 15.0]]]}] if _pixels(chosen) else []


def _mask(chosen: Chosen, sizes: Sizes) -> list[Described]:
    # A mask comes in at four times the resolution of the features.
    size, patch = sizes.find("image_size", within="prompt"), sizes.find("patch_size", within="prompt")
    side = 4 * size // patch if isinstance(size, int) and isinstance(patch, int) else 0
    return [{"noise": [2, 1, side, side]}] if side and len(_pixels(chosen)) == 4 else []


def _depths(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = _pixels(chosen)
    return [{"noise": [2, 1, *shape[-2:]]}] if len(shape) == 4 else []


def _order_of_patches(chosen: Chosen, sizes: Sizes) -> list[Described]:
    """The random numbers by which patches are left out: given, they say the same each time."""
    shape = _pixels(chosen)
    if len(shape) != 4:
        return []
    stride = sizes.find("patch_stride") or sizes.patch
    sides = [stride, stride] if isinstance(stride, int) else list(stride)
    unit = sizes.find("masked_unit_size") or [1, 1]
    count = 1
    for size, side, of_unit in zip(shape[-2:], sides, unit, strict=True):
        count *= size // side // of_unit
    return [{"noise": [2, count]}] if count > 1 else []


def _target_sizes(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = _pixels(chosen)
    if len(shape) != 4:
        return []
    side = [size // sizes.patch for size in shape[-2:]]
    return [{"tensor": [side, side]}]


def _task(chosen: Chosen, sizes: Sizes) -> list[Described]:
    length: Any = sizes.find("task_seq_len")
    return [{"tokens": [2, length]}] if length else []


def _experts(chosen: Chosen, sizes: Sizes) -> list[Described]:
    count: Any = sizes.find("num_experts")
    return [{"tensor": [0, 1]}] if isinstance(count, int) and count > 1 else []


SCENES: dict[str, Callable[[Chosen, Sizes], list[Described]]] = {
    "prompt_pixel_values": _like_the_picture,
    "prompt_masks": _like_the_picture,
    "prompt_depth": _depths,
    "input_points": _points,
    "input_labels": _point_labels,
    "input_boxes": _boxes,
    "input_masks": _mask,
    "noise": _order_of_patches,
    "target_sizes": _target_sizes,
    "task_inputs": _task,
    "dataset_index": _experts,
}
"""Companions of pictures where no text says what to look for (see `companions`)."""
