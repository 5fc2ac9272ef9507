"""Inputs with which a class runs: every parameter that a maker knows, corrected by what errors say."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hfcodemod.architecture import Head
from hfcodemod.probing import apart
from hfcodemod.probing.companions import COMPANIONS, companions
from hfcodemod.probing.entries import FAILURES, Unsolved, answered, comparable
from hfcodemod.probing.feeding import OPTIONAL, candidates
from hfcodemod.probing.overrides import Override
from hfcodemod.probing.patches import GRIDS, PARAMETERS, PLACED, areas, kind_of, token_counts
from hfcodemod.probing.sizes import Sizes, parameters_of

MODAL = re.compile(
    r"(.+_)?(input_ids|pixel_values\w*|input_features|input_values|past_values|bbox|flattened_patches)"
    r"|visual_feats|query_embeds"
)

MISPLACED = re.compile(
    r"tokens?\b.* (not|mis)[- ]?(match|equal)|(not|mis)[- ]?(match|equal).*\btokens?\b", re.IGNORECASE
)
"""What is said where a text has not as many placeholders as there is to place."""


EITHER = re.compile(r"cannot specify both (\w+) and (\w+)")
"""What an error says of two inputs of which one alone may be given."""

WIDTH = re.compile(
    r"cannot be multiplied \(\d+x\d+ and (\d+)x|must match the size of tensor b \((\d+)\)|to have (\d+) channels"
    r"|multiple of (\d+)"
)
"""What an error says of the width of an input."""


VISUAL = ("pixel_values", "pixel_values_videos")
"""Inputs of one form: what is cut into patches is so for images and videos alike."""

MOST_PLACES = 160
"""Placeholders in a row at most."""


def running(
    cls: Any, head: Head, model: Any, config: Any, override: Override, without: str = ""
) -> tuple[dict[str, Any], Any]:
    """Inputs with which the class runs, and what it answers; raises Unsolved with the first and the last error."""
    errors: list[str] = []
    tried: set[str] = set()
    # A class that is a part of an architecture has the configuration of that part.
    known = list(sizes_of(cls, getattr(model, "config", config), override))
    if without:
        known = list(apart.without(without, known))
    # Every size with all inputs, before any with fewer.
    waiting = [(sizes, fewer) for fewer in (False, True) for sizes in known]
    while waiting:
        sizes, fewer = waiting.pop(0)
        for inputs in feeds(cls, head, sizes, override, fewer):
            key = repr(inputs)
            if key in tried or len(tried) > 80:
                continue
            tried.add(key)
            try:
                outputs = answered(model, inputs)
                if comparable(outputs):
                    return inputs, outputs
                errors.append("no output tells the rows apart")
            except FAILURES as error:
                errors.append(f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
                if MISPLACED.search(str(error)) or EITHER.search(str(error)):
                    # All else fits: the same again at once, with other numbers of placeholders, or one input less.
                    waiting[:0] = [(found, fewer) for found in [*corrected(sizes, str(error)), sizes]]
                    break
                if len(tried) < 12:
                    waiting += [(found, fewer) for found in corrected(sizes, str(error)) for fewer in (False, True)]
    if not without and apart.both(parameters_of(cls)):
        return running(cls, head, model, config, override, "video")
    raise Unsolved(
        f"{cls.__name__}: no inputs fit: {errors[0] if errors else 'none known'} | {errors[-1] if errors else ''}"
    )


def sizes_of(cls: Any, config: Any, override: Override) -> Iterator[Sizes]:
    """What inputs may have to agree on: the placeholders, where the text has some."""
    parameters = parameters_of(cls)
    plain = Sizes(config)
    placeholders: dict[str, list[int]] = {}
    if "input_ids" in parameters:
        for modality, given in (
            ("image", ("pixel_values", "image_grid_thw", "flattened_patches")),
            ("video", ("pixel_values_videos",)),
            ("audio", ("input_features", "input_values", "audio_values", "audio_input_ids")),
        ):
            token = plain.find(f"{modality}_token_id", f"{modality}_token_index", f"{modality}_token")
            if isinstance(token, int) and token >= 0 and any(name in parameters for name in given):
                placeholders[modality] = [token]
    if override.placeholders:
        yield Sizes(config, dict(override.placeholders))
        return
    if "image_position_ids" in parameters or "pixel_position_ids" in parameters:
        for area in areas(plain.find):
            counts = token_counts(plain.find, PLACED, area)
            named = {name: tokens * counts.get(name, 4) for name, tokens in placeholders.items()}
            yield Sizes(config, named, PLACED, placed=True)
        return
    if any(name in parameters for name in PARAMETERS):
        for area in areas(plain.find):
            for grids in GRIDS:
                counts = token_counts(plain.find, grids, area)
                named = {name: tokens * counts.get(name, 4) for name, tokens in placeholders.items()}
                yield Sizes(config, named, grids)
        return
    if placeholders:
        for count in (4, 1, 16):
            yield Sizes(config, {name: tokens * count for name, tokens in placeholders.items()})
    yield plain
    end = plain.find("eos_token_id")
    if "decoder_input_ids" in parameters and isinstance(end, int):
        # Some read a whole row off the place of its last token.
        yield Sizes(config, {"end": [end]})


def corrected(sizes: Sizes, message: str) -> list[Sizes]:
    """Other numbers of placeholders, by the numbers that an error tells."""
    said = [int(number) for number in re.findall(r"\d+", message)]
    # Some tell the numbers of a feature times that of the features.
    width = sizes.find("hidden_size", within="text")
    if isinstance(width, int):
        said = [number // width if number > 4 * width and number % width == 0 else number for number in said]
    numbers = sorted({number for number in said if 1 <= number <= MOST_PLACES})
    found = []
    if (either := EITHER.search(message)) and not sizes.excluded:
        found += [replace(sizes, excluded=frozenset({str(name)})) for name in reversed(either.groups())]
    if (wide := WIDTH.search(message)) and not sizes.told:
        # Frames of sound are stacked, or made wider, before they come into some encoders.
        found.append(replace(sizes, told=int(next(number for number in wide.groups() if number))))
    named = [modality for modality in sizes.placeholders if modality in message.lower()]
    for modality, tokens in sizes.placeholders.items():
        if named and modality not in named:
            continue
        # Of two numbers the first is most often that of the placeholders, the second what it should be.
        share = [said[1] * len(tokens) // said[0]] if len(said) > 1 and said[0] else []
        share = [number for number in share if 1 <= number <= MOST_PLACES]
        for number in [*share, *numbers, *(number // 2 for number in numbers if number % 2 == 0)]:
            if number != len(tokens):
                found.append(replace(sizes, placeholders={**sizes.placeholders, modality: tokens[:1] * number}))
    return found


def feeds(cls: Any, head: Head, sizes: Sizes, override: Override, fewer: bool) -> Iterator[dict[str, Any]]:
    """Inputs to try: every parameter that a maker knows, or ``fewer`` of those that need not be given."""
    parameters = parameters_of(cls)
    options: dict[str, list[Any]] = {}
    for name, required in parameters.items():
        if sizes.without and kind_of(name) == sizes.without:
            continue
        # The times of a future that is not given would stand for nothing.
        if required or name not in OPTIONAL or (name == "future_values" and "future_time_features" in parameters):
            found = candidates(name, sizes)
            if found:
                options[name] = list(found)
    said = override.of(override.inputs, cls.__name__)
    if sizes.without:
        said = {name: item for name, item in said.items() if kind_of(name) != sizes.without}
    options = {name: items for name, items in options.items() if name not in said and name not in sizes.excluded}
    # What is said of one class by its name may also go in among the arguments that it hands on to its parts.
    known = {*parameters, *override.inputs.get(cls.__name__, ())}
    options |= {name: [item] for name, item in said.items() if item is not None and name in known}
    if "input_ids" not in options and "attention_mask" not in said:
        options.pop("attention_mask", None)  # the mask is over something else: see `companions`
    needed = [name for name in options if name in said or parameters[name]]
    spare = [name for name in options if name not in needed and not MODAL.fullmatch(name)]
    if "multiple_choice" in head.tasks:
        options = {
            name: items if name in said else [of_choices(item) for item in items] for name, items in options.items()
        }
    # Where the text that a decoder reads is not given, it reads the encoder's.
    decoder = tuple(name for name in options if name.startswith("decoder_") and name not in needed)
    lacking: list[tuple[str, ...]] = [*((name,) for name in spare), tuple(spare), decoder] if fewer else [()]
    for dropped in lacking:
        kept = {name: items for name, items in options.items() if name not in dropped}
        if any(name not in kept for name in needed):
            continue
        alike = VISUAL if sizes.grids and all(name in kept and name not in said for name in VISUAL) else ()
        for inputs in itertools.islice(combined(kept, alike), 16):
            yield from accompanied(inputs, [name for name in parameters if name not in said], parameters, sizes)


def combined(options: Mapping[str, Sequence[Any]], alike: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One of the options of each, all combinations; those that are ``alike`` take the same place of theirs."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, items in options.items():
        if name in alike:
            together = zip(*(options[other] for other in alike), strict=False)
            groups[alike[0]] = [dict(zip(alike, chosen, strict=True)) for chosen in together]
        else:
            groups[name] = [{name: item} for item in items]
    for parts in itertools.product(*groups.values()):
        found = {name: item for part in parts for name, item in part.items()}
        yield {name: found[name] for name in options}


def accompanied(
    inputs: dict[str, Any], names: Sequence[str], parameters: Mapping[str, bool], sizes: Sizes
) -> Iterator[dict[str, Any]]:
    """The inputs with what goes with them, and without that of it which need not be given."""
    found = {name: companions(name, inputs, sizes) for name in names if name in COMPANIONS and name not in inputs}
    options = {name: [*items, *([] if parameters[name] else [None])] for name, items in found.items() if items}
    for chosen in itertools.islice(itertools.product(*options.values()), 6):
        yield {**inputs, **{name: item for name, item in zip(options, chosen, strict=True) if item is not None}}


def of_choices(described: Mapping[str, Any]) -> dict[str, Any]:
    """The same for three choices a row."""
    if "tensor" in described:
        return {**described, "tensor": [[row] * 3 for row in described["tensor"]]}
    kind = next(kind for kind in ("tokens", "mask", "integers", "boxes", "noise") if kind in described)
    rows, *rest = described[kind]
    if kind == "tokens":
        return {"integers": [rows, 3, *rest], "below": 60}
    return {**described, kind: [rows, 3, *rest]}
