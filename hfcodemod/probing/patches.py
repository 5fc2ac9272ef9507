"""Images and videos that are cut into patches, in grids of any size: what their patches, grids and tokens agree on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

Grids = Mapping[str, Sequence[Sequence[int]]]
"""For each of image and video a row's time, height and width, in patches."""

GRIDS: tuple[Grids, ...] = (
    # Grids of one area and other sides: exchanged, they say something else. No number of 8 or more, which is a word.
    {"image": [[1, 4, 6], [1, 6, 4]], "video": [[2, 2, 4], [2, 4, 2]]},
    # Where every frame of a video stands apart in the text.
    {"image": [[1, 4, 6], [1, 6, 4]], "video": [[1, 4, 6], [1, 6, 4]]},
    # Where images are square.
    {"image": [[1, 4, 4], [1, 4, 4]], "video": [[1, 4, 4], [1, 4, 4]]},
)

PLACED: Grids = {"image": [[1, 3, 6], [1, 6, 3]], "video": [[2, 3, 6], [2, 6, 3]]}
"""Where the place of each patch is told: sides that three patches pooled to one divide, and several frames."""

PARAMETERS = ("image_grid_thw", "video_grid_thw", "grid_thw")
"""Parameters that hold grids."""


def modality_of(name: str) -> str:
    """Whether a parameter speaks of a video or an image."""
    return "video" if "video" in name else "image"


def kind_of(name: str) -> str | None:
    """Whether a parameter of a class that has both is for videos or for images; None: for neither alone."""
    if "video" in name:
        return "video"
    return "image" if name == "pixel_values" or name.startswith("image_") else None


def patches(grids: Grids, name: str) -> int:
    """How many patches the two rows of a parameter have."""
    return sum(math.prod(grid) for grid in grids[modality_of(name)])


def areas(find: Any) -> list[int]:
    """How many patches may make up a token: what the configuration says, or the usual numbers."""
    said = find("spatial_merge_size", "merge_kernel_size", "merge_size", "pooling_kernel_size", within="vision")
    sides = said if isinstance(said, list | tuple) else [said] * 2
    return [math.prod(sides)] if all(isinstance(side, int) for side in sides) else [4, 1]


def token_counts(find: Any, grids: Grids, area: int) -> dict[str, int]:
    """How many tokens stand for an image and a video in each row of text."""
    # Frames that are merged: fewer tokens for a video than for as many images.
    frames = find("temporal_merge_size", within="vision") or 1
    return {
        modality: max(1, math.prod(grid[0]) // area // (frames if modality == "video" else 1))
        for modality, grid in grids.items()
    }


def frames_of(grids: Grids, name: str) -> list[list[int]]:
    """Height and width of each image or frame."""
    return [[height, width] for time, height, width in grids[modality_of(name)] for _ in range(time)]
