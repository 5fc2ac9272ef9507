"""What goes into a class: for each parameter of its ``forward`` candidates, by the parameter's name.

A candidate is a description as a recipe holds it (`codemods/write_heads.py`); the first with which the class runs, and
in which every input counts, is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from hfcodemod.probing.patches import frames_of, patches
from hfcodemod.probing.sessions import FRAMES, VIDEO
from hfcodemod.probing.sizes import DECODER_LENGTH, TEXT_LENGTH, Described, Sizes


def candidates(name: str, sizes: Sizes) -> list[Described]:
    """The descriptions to try for a parameter, the likeliest first; none where a class runs without it."""
    make = MAKERS.get(name)
    return make(sizes) if make is not None else []


def _text(sizes: Sizes) -> list[Described]:
    described: dict[str, Any] = {"tokens": [2, TEXT_LENGTH]}
    if sizes.inserted:
        described["inserted"] = sizes.inserted
    books = sizes.find("num_codebooks")
    # The rows of all codebooks lie one behind the other.
    rows: list[Described] = [{"tokens": [2 * books, TEXT_LENGTH]}] if isinstance(books, int) else []
    if isinstance(books, int) and sizes.find("codebook_vocab_size"):
        # A word and a code of each book at every step.
        rows.insert(0, {"integers": [2, TEXT_LENGTH, books + 1], "below": 60})
    return [described, *rows]


def _mask(sizes: Sizes) -> list[Described]:
    return [{"mask": [2, sizes.length], "padded": 1}]


def _global_mask(sizes: Sizes) -> list[Described]:
    # The first word is padding in the second row.
    row = [int(place in (1, 2)) for place in range(sizes.length)]
    return [{"tensor": [row, row]}]


def _types(sizes: Sizes) -> list[Described]:
    count = sizes.find("type_vocab_size")
    return [{"integers": [2, sizes.length], "below": 2}] if count is None or count > 1 else []


def _image(sizes: Sizes) -> list[Described]:
    channels, height, width = sizes.image
    frames = sizes.find("num_frames", "frames_per_clip")
    shapes = [[2, channels, height, width], [2, 1, channels, height, width]]
    if isinstance(frames, int):
        shapes.insert(0, [2, frames, channels, height, width])
    patch = sizes.patch
    flat = channels * patch * patch
    temporal = sizes.find("temporal_patch_size", "patch_temporal") or 1
    if sizes.grids:
        rows = patches(sizes.grids, "image")
        shapes[:0] = [[rows, flat * temporal], [rows, channels, patch, patch]]
    if sizes.placed:
        shapes[:0] = placed_shapes(sizes, "image")
    if sizes.find("image_grid_pinpoints"):
        # An image of two tiles, and the whole.
        shapes.insert(0, [2, 3, channels, height, width])
    tiles = sizes.find("max_num_tiles")
    if isinstance(tiles, int):
        shapes.insert(0, [2, 1, tiles, channels, height, width])
    shapes += [[2, 16, flat], [2, 24, flat], [2 * 16, flat], [2 * 16, flat * temporal], [2, 3 * flat]]
    # Pairs of pictures that show the same come in twice the size: keypoints need room.
    shapes += [[2, 16, channels, patch, patch], [2, 2, channels, 2 * height, 2 * width]]
    return [{"noise": shape} for shape in shapes]


def _video(sizes: Sizes) -> list[Described]:
    channels, height, width = sizes.image
    patch = sizes.patch
    temporal = sizes.find("temporal_patch_size", "patch_temporal") or 1
    frames = sizes.find("num_frames", "frames_per_clip") or 2
    shapes = [[2, frames, channels, height, width], [2, channels, frames, height, width]]
    if sizes.grids:
        rows = patches(sizes.grids, "video")
        shapes[:0] = [[rows, channels * patch * patch * temporal], [rows, channels, patch, patch]]
    if sizes.placed:
        shapes[:0] = placed_shapes(sizes, "video")
    return [{"noise": shape} for shape in shapes]


def placed_shapes(sizes: Sizes, name: str) -> list[list[int]]:
    """The shapes of patches in rows, one for each image or frame; some are made of patches that are pooled."""
    images = frames_of(sizes.grids, name)
    wide = [sizes.patch, sizes.patch * (sizes.find("pooling_kernel_size", within="vision") or 1)]
    if not hasattr(getattr(sizes.config, "vision_config", None), "num_hidden_layers"):
        wide.reverse()  # without layers that see single patches these are pooled before
    return [[len(images), math.prod(images[0]), sizes.image[0] * side * side] for side in wide]


def _places(modality: str) -> Callable[[Sizes], list[Described]]:
    return lambda sizes: [{"places": frames_of(sizes.grids, modality)}] if sizes.placed else []


def _image_grid(sizes: Sizes) -> list[Described]:
    return [{"tensor": [list(grid) for grid in sizes.grids["image"]]}] if sizes.grids else []


def _video_grid(sizes: Sizes) -> list[Described]:
    return [{"tensor": [list(grid) for grid in sizes.grids["video"]]}] if sizes.grids else []


def _sound(sizes: Sizes) -> list[Described]:
    bands = sizes.bands
    positions = sizes.find("max_source_positions")
    lengths = [32, 64, 40, 100, 128]
    if isinstance(positions, int):
        lengths.insert(0, 2 * positions)
    # Frames and bands must not fit in each other's place.
    lengths = [length for length in lengths if length != bands]
    shapes: list[list[int]] = []
    for length in lengths:
        shapes += [[2, bands, length], [2, length, bands], [2, 1, length, bands]]
    return [{"noise": shape} for shape in shapes]


def _wave(sizes: Sizes) -> list[Described]:
    bands = sizes.find("num_mel_bins", "feature_size") or 16
    # Encoders halve a wave five to seven times; vectors of a speaker take in fifteen of their steps.
    lengths = [3200, 8000, 400, 800]
    if sizes.told:
        lengths.insert(0, -(-lengths[0] // sizes.told) * sizes.told)
    shapes: list[list[int]] = [[2, length] for length in lengths] + [[2, 1, length] for length in lengths]
    longest = sizes.find("max_length")
    if isinstance(longest, int):
        shapes.insert(0, [2, longest, bands])
    shapes.append([2, 32, bands])
    return [{"noise": shape} for shape in shapes]


def _same_length_ones(sizes: Sizes) -> list[Described]:
    return [{"mask": [2, length]} for length in (32, 64, 400, 1600, 100, 16)]


def _boxes(sizes: Sizes) -> list[Described]:
    return [{"boxes": [2, sizes.length]}]


def _decoder_text(sizes: Sizes) -> list[Described]:
    books = sizes.find("num_codebooks", "num_channels_audio")
    described: list[Described] = [{"tokens": [2, DECODER_LENGTH], "shift": 3}]
    if isinstance(books, int):
        described.append({"integers": [2 * books, DECODER_LENGTH], "below": 60})
        described.append({"integers": [2, DECODER_LENGTH, books], "below": 60})
    return described


def _past(sizes: Sizes) -> list[Described]:
    length = sizes.find("context_length") or 16
    lags = sizes.find("lags_sequence")
    total = length + (max(lags) if lags else 0)
    channels = sizes.find("num_input_channels")
    shapes = [[2, total, channels]] if isinstance(channels, int) else []
    return [{"noise": shape} for shape in [*shapes, [2, total], [2, total, 1]]]


def _future(sizes: Sizes) -> list[Described]:
    length = sizes.find("prediction_length") or 4
    channels = sizes.find("num_input_channels")
    shapes = [[2, length, channels]] if isinstance(channels, int) else []
    return [{"noise": shape} for shape in [*shapes, [2, length], [2, length, 1]]]


def _modality_types(sizes: Sizes) -> list[Described]:
    # Text is 0, an image 1, a video 2, sound 3.
    kinds = {"image": 1, "video": 2, "audio": 3}
    inserted: list[int] = []
    for modality, tokens in sizes.around.items():
        inner = sizes.placeholders[modality]
        inserted += [kinds.get(modality, 0) if token in inner else 0 for token in tokens]
    return [{"kinds": [2, TEXT_LENGTH], "inserted": inserted}]


def _layers(sizes: Sizes) -> list[Described]:
    width, layers = sizes.find("hidden_size"), sizes.find("target_layer_ids")
    return [{"noise": [2, 6, width * len(layers)]}] if width and layers else []


def _codes(sizes: Sizes) -> list[Described]:
    books, below = sizes.find("num_codebooks"), sizes.find("codebook_size")
    frames = len(sizes.placeholders.get("audio", ()))
    return [{"integers": [2, frames, books], "below": below}] if frames and books and below else []


def _static_classes(sizes: Sizes) -> list[Described]:
    count = sizes.find("num_static_categorical_features")
    return [{"integers": [2, count], "below": min(sizes.find("cardinality") or [2])}] if count else []


def _static_numbers(sizes: Sizes) -> list[Described]:
    count = sizes.find("num_static_real_features")
    return [{"noise": [2, count]}] if count else []


def _trajectory(*widths: str) -> Callable[[Sizes], list[Described]]:
    """A number, or as many as a field says, for each step of a trajectory."""
    return lambda sizes: [{"noise": [2, TEXT_LENGTH, sizes.find(*widths) if widths else 1]}]


def _steps(sizes: Sizes) -> list[Described]:
    return [{"integers": [2, TEXT_LENGTH], "below": 20}]


def _hidden(sizes: Sizes) -> list[Described]:
    width = sizes.find("hidden_size", "d_model", "embed_dim") or 64
    # The first hidden states of a codec are the wave itself.
    shapes = [[2, 6, width], [2, width, 6], [2, width], [2, 1, 3200]]
    if sizes.grids:
        # The hidden states of some encoders are the patches as they come.
        temporal = sizes.find("temporal_patch_size") or 1
        shapes.insert(0, [patches(sizes.grids, "image"), sizes.image[0] * sizes.patch**2 * temporal])
    return [{"noise": shape} for shape in shapes]


def _masked_patches(sizes: Sizes) -> list[Described]:
    _, height, width = sizes.image
    count = (height // sizes.patch) * (width // sizes.patch)
    frames = sizes.find("num_frames")
    if isinstance(frames, int):
        count *= frames // (sizes.find("tubelet_size") or 1)
    half = count // 2
    return [{"tensor": [[True] * half + [False] * half, [False] * half + [True] * half]}] if count <= 32 else []


def _image_sizes(sizes: Sizes) -> list[Described]:
    _, height, width = sizes.image
    grids = sizes.find("image_grid_pinpoints")
    size = list(grids[0]) if grids else [height, width]
    return [{"tensor": [size, size]}]


def _queries(sizes: Sizes) -> list[Described]:
    return [{"noise": [2, TEXT_LENGTH, sizes.find("hidden_size")]}] if sizes.find("encoder_hidden_size") else []


def _pixel_mask(sizes: Sizes) -> list[Described]:
    _, height, width = sizes.image
    return [{"mask": [2, height, width]}]


MAKERS: dict[str, Callable[[Sizes], list[Described]]] = {
    "input_ids": _text,
    "attention_mask": _mask,
    "token_type_ids": _types,
    "global_attention_mask": _global_mask,
    "pixel_values": _image,
    "pixel_values_videos": _video,
    VIDEO: lambda sizes: [{"noise": [FRAMES, *sizes.image]}],
    "image_grid_thw": _image_grid,
    "video_grid_thw": _video_grid,
    "grid_thw": _image_grid,
    "input_features": _sound,
    "input_values": _wave,
    "bbox": _boxes,
    "decoder_input_ids": _decoder_text,
    "past_values": _past,
    "future_values": _future,
    "mm_token_type_ids": _modality_types,
    "moe_mm_token_type_ids": _modality_types,
    "image_position_ids": _places("image"),
    "pixel_position_ids": _places("image"),
    "video_position_ids": _places("video"),
    "video_second_per_grid": lambda sizes: [{"tensor": [1.0, 2.0]}] if sizes.grids else [],
    "num_frames_per_video": lambda sizes: [{"tensor": [2, 2]}],
    "image_merge_sizes": lambda sizes: [{"tensor": [2, 2]}],
    "video_merge_sizes": lambda sizes: [{"tensor": [2, 2]}],
    # An encoder alone has no text with a place for each merged patch: one image is merged more than the other.
    "merge_sizes": lambda sizes: [{"tensor": [2, 1]}] if sizes.grids else [],
    "static_categorical_features": _static_classes,
    "static_real_features": _static_numbers,
    "states": _trajectory("state_dim"),
    "actions": _trajectory("act_dim"),
    "returns_to_go": _trajectory(),
    "timesteps": _steps,
    "freq": lambda sizes: [{"tensor": [[0], [1]]}],
    "audio_mel": _sound,
    "audio_input_ids": _codes,
    "inputs_embeds": _hidden,
    "noise_embeds": _hidden,
    "latents": _hidden,
    "context_hidden_states": _layers,
    "hidden_states": _hidden,
    "encoder_hidden_states": _hidden,
    "image_sizes": _image_sizes,
    "pixel_mask": _pixel_mask,
    "query_embeds": _queries,
    "bool_masked_pos": _masked_patches,
}
"""Parameters that no maker speaks of are not given."""

OPTIONAL = ("inputs_embeds", "encoder_hidden_states", "hidden_states", "bool_masked_pos", "future_values", "pixel_mask")
"""Parameters that are given only where they are required."""
