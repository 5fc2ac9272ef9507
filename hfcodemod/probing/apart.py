"""Images and videos that one call can't both take: some texts have the same token for either."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from hfcodemod.probing.patches import kind_of
from hfcodemod.probing.sizes import Sizes


def both(parameters: Iterable[str]) -> bool:
    """Whether there are images and videos among the parameters."""
    return {"image", "video"} <= {kind_of(name) for name in parameters}


def without(modality: str, known: Iterable[Sizes]) -> Iterator[Sizes]:
    """The sizes for texts that lack a modality; where the image is left out, the video has its token as well."""
    for sizes in known:
        rest = {name: tokens for name, tokens in sizes.placeholders.items() if name != modality}
        yield replace(sizes, placeholders=rest, without=modality)
        shared = sizes.placeholders.get("image")
        if modality == "image" and "video" in rest and shared:
            yield replace(sizes, placeholders={**rest, "video": shared[:1] * len(rest["video"])}, without=modality)


def exchange(inputs: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """What is given, or left out, in place of some inputs to make the others of them."""
    gone = {name: {"value": None} for name in inputs if name not in others}
    return {**gone, **{name: item for name, item in others.items() if inputs.get(name) != item}}
