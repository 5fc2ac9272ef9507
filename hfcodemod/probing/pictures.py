"""What goes with images and with the queries to them: masks over patches and tiles, sizes, a second text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hfcodemod.probing.sizes import TEXT_LENGTH, Described, Sizes

Chosen = Mapping[str, Described]

REGIONS = 6
"""Regions of an image of which features are given instead of pixels."""


def _pixels(chosen: Chosen) -> list[int]:
    shape: list[int] = chosen.get("pixel_values", {}).get("noise", [])
    return shape


def _over_patches(chosen: Chosen, sizes: Sizes) -> list[Described]:
    match _pixels(chosen):
        case [rows, patches, _]:
            # Each row of text has as many places for the image as the other: then no image is smaller.
            return [{"mask": [rows, patches], **({} if sizes.placeholders else {"padded": -(patches // 6)})}]
        case [rows, _, height, width]:
            return [{"mask": [rows, height, width], "padded": width // 4, "method": "bool"}]
        case [rows, images, _, height, width]:
            over_pixels = {"mask": [rows, images, height, width], "padded": width // 4, "method": "bool"}
            return [over_pixels, {"mask": [rows, images], "method": "bool"}]
    return []


def _sides_in_patches(chosen: Chosen, sizes: Sizes) -> list[Described]:
    match _pixels(chosen):
        case [_, 24, _]:
            return [{"tensor": [[4, 6], [6, 4]]}] if sizes.placeholders else [{"tensor": [[4, 6], [4, 5]]}]
    return []


def _second_image(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = _pixels(chosen)
    return [{"noise": shape}] if len(shape) == 4 else []


def _tiles(chosen: Chosen) -> tuple[int, int] | None:
    match _pixels(chosen):
        case [_, images, tiles, _, _, _]:
            return images, tiles
    return None


def _shape_of_tiles(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [{"tensor": [[1], [2]]}] if _tiles(chosen) else []


def _over_tiles(chosen: Chosen, sizes: Sizes) -> list[Described]:
    tiles = _tiles(chosen)
    return [{"mask": [2, *tiles], "padded": -1}] if tiles else []


def _of_text_over_tiles(chosen: Chosen, sizes: Sizes) -> list[Described]:
    tiles = _tiles(chosen)
    return [{"mask": [2, sizes.length, *tiles], "padded": -1}] if tiles else []


def _of_text_over_images(chosen: Chosen, sizes: Sizes) -> list[Described]:
    match _pixels(chosen):
        case [_, images, _, _, _]:
            return [{"mask": [2, sizes.length, images], "padded": 1}]
    return []


def _one_each(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [{"tensor": [1, 1]}] if "image_grid_thw" in chosen else []


def _second_text(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [{"tokens": [2, TEXT_LENGTH], "shift": 3}]


def _over_second_text(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [{"mask": [2, TEXT_LENGTH], "padded": 1}]


def _asked(chosen: Chosen, sizes: Sizes) -> list[Described]:
    # Queries need something that they ask.
    return [{"noise": [2, REGIONS, sizes.find("encoder_hidden_size")]}] if "query_embeds" in chosen else []


def _over_asked(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [{"mask": [2, REGIONS], "padded": 1}] if "query_embeds" in chosen else []


def _regions(field: str) -> Callable[[Chosen, Sizes], list[Described]]:
    def of(chosen: Chosen, sizes: Sizes) -> list[Described]:
        width: Any = sizes.find(field)
        return [{"noise": [2, REGIONS, width]}] if width else []

    return of


def _over_regions(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [{"mask": [2, REGIONS], "padded": 1}]


PICTURES: dict[str, Callable[[Chosen, Sizes], list[Described]]] = {
    "pixel_attention_mask": _over_patches,
    "spatial_shapes": _sides_in_patches,
    "high_res_pixel_values": _second_image,
    "aspect_ratio_ids": _shape_of_tiles,
    "aspect_ratio_mask": _over_tiles,
    "cross_attention_mask": _of_text_over_tiles,
    "image_attention_mask": _of_text_over_images,
    "images_per_sample": _one_each,
    "qformer_input_ids": _second_text,
    "qformer_attention_mask": _over_second_text,
    "visual_feats": _regions("visual_feat_dim"),
    "visual_pos": _regions("visual_pos_dim"),
    "visual_attention_mask": _over_regions,
    "encoder_hidden_states": _asked,
    "encoder_attention_mask": _over_asked,
}
"""Companions of images, and of queries to them (see `companions`)."""
