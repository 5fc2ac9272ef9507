"""What goes with an input: masks over it, the times of a series; each is shaped like the input that it speaks of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hfcodemod.probing.pictures import PICTURES
from hfcodemod.probing.scenes import SCENES
from hfcodemod.probing.sizes import Described, Sizes

Chosen = Mapping[str, Described]
Companion = Callable[[Chosen, Sizes], list[Described]]

SOUND = ("input_features", "input_values", "audio_mel", "audio_values")
"""Parameters that hold sound, or what was computed from it."""


def companions(name: str, chosen: Chosen, sizes: Sizes) -> list[Described]:
    """Candidates for a parameter that goes with one of those chosen; none where it has nothing to go with."""
    make = COMPANIONS.get(name)
    return make(chosen, sizes) if make is not None else []


def steps(described: Described, bands: int) -> int | None:
    """How many steps of time an input has: the samples of a wave, the frames of a spectrogram."""
    shape = described.get("noise")
    if not shape:
        return None
    spectrogram = len(shape) > 2 and shape[-1] == bands and shape[-2] > 1
    return int(shape[-2] if spectrogram else shape[-1])


def _over_sound(chosen: Chosen, sizes: Sizes) -> list[Described]:
    for name in SOUND:
        length = steps(chosen[name], sizes.bands) if name in chosen else None
        if length is not None:
            whole: list[Described] = [{"mask": [2, length]}]
            # Each row of text has as many places for the sound as the other: then no row of sound is shorter.
            return whole if sizes.placeholders else [{"mask": [2, length], "padded": -(length // 4)}, *whole]
    return []


def _chosen_sound(chosen: Chosen, sizes: Sizes) -> list[Described]:
    # Among placeholders the mask picks what goes to them, and as numbers it would pick the first steps again and again.
    found = _over_sound(chosen, sizes)
    return [{**described, "method": "bool"} for described in found] + found if sizes.placeholders else found


def _over_wave(chosen: Chosen, sizes: Sizes) -> list[Described]:
    # Where a wave goes with its features, the masks of the two are apart.
    wave = {name: item for name, item in chosen.items() if name == "input_values"}
    return _over_sound(wave or chosen, sizes)


def _over_only_sound(chosen: Chosen, sizes: Sizes) -> list[Described]:
    return [] if "input_ids" in chosen else _over_sound(chosen, sizes)


def _over_video(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = chosen.get("pixel_values_videos", {}).get("noise")
    return [{"mask": shape[:2], "padded": -1}, {"mask": shape[:2]}] if shape else []


def _over_decoder(chosen: Chosen, sizes: Sizes) -> list[Described]:
    for name in ("decoder_input_ids", "decoder_input_values"):
        described = chosen.get(name, {})
        shape = described.get("tokens") or described.get("integers") or described.get("noise")
        if shape:
            return [{"mask": [2, shape[1]]}]
    return []


def _ends(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = chosen.get("input_values", {}).get("noise")
    return [{"tensor": [[shape[-1]], [shape[-1]]]}] if shape else []


def _samples(chosen: Chosen, sizes: Sizes) -> list[Described]:
    length = steps(chosen["input_features"], sizes.bands) if "input_features" in chosen else None
    hop = sizes.find("hop_length", within="audio")
    # The second row is shorter by less than what makes up a token: each has as many of them as the other.
    return [{"tensor": [hop * length, hop * (length - 5)]}] if length and hop else []


def _silence(chosen: Chosen, sizes: Sizes) -> list[Described]:
    length = steps(chosen["audio_mel"], sizes.bands) if "audio_mel" in chosen else None
    if not length:
        return []
    # Here a mask is true where nothing is heard.
    row = [place >= length * 3 // 4 for place in range(length)]
    return [{"tensor": [[False] * length, row]}]


def _over_codes(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = chosen.get("audio_input_ids", {}).get("integers")
    return [{"mask": shape[:2], "method": "bool"}] if shape else []


def _past(chosen: Chosen) -> list[int]:
    shape: list[int] = chosen.get("past_values", {}).get("noise", [])
    return shape


def _observed(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = _past(chosen)
    # The second row was observed late, long after the lags; along the last axis of three lie channels.
    return [{"mask": shape, **({"padded": shape[1] * 3 // 4} if len(shape) == 2 else {})}] if shape else []


def _unobserved(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = _past(chosen)
    return [{"integers": [2, shape[1]], "below": 1}] if shape else []


def _past_times(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = _past(chosen)
    return [{"noise": [2, shape[1], _times(sizes)]}] if shape else []


def _future_times(chosen: Chosen, sizes: Sizes) -> list[Described]:
    shape = chosen.get("future_values", {}).get("noise")
    return [{"noise": [2, shape[1], _times(sizes)]}] if shape else []


def _times(sizes: Sizes) -> int:
    return int((sizes.find("num_time_features") or 0) + (sizes.find("num_dynamic_real_features") or 0))


COMPANIONS: dict[str, Companion] = {
    **PICTURES,
    **SCENES,
    "attention_mask": _over_only_sound,
    "input_features_mask": _chosen_sound,
    "feature_attention_mask": _over_sound,
    "audio_mel_mask": _silence,
    "chunk_sample_lengths": _samples,
    "input_values_cutoffs": _ends,
    "audio_input_ids_mask": _over_codes,
    "padding_mask": _over_wave,
    "padding_mask_videos": _over_video,
    "decoder_attention_mask": _over_decoder,
    "past_observed_mask": _observed,
    "observed_mask": _observed,
    "past_values_padding": _unobserved,
    "past_time_features": _past_times,
    "future_time_features": _future_times,
}
"""Companions are looked for when the inputs are chosen; a parameter may be both input and companion."""
