"""Images and videos in grids of patches, and the parts and layers of configurations that read them."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hfcodemod.codemods.expressions import source_of
from hfcodemod.codemods.write_heads import expression

from hfcodemod.probing import apart, parts, patches
from hfcodemod.probing.companions import companions
from hfcodemod.probing.entries import Entry, Unsolved, made
from hfcodemod.probing.feeding import candidates
from hfcodemod.probing.inputs import combined, feeds
from hfcodemod.probing.measuring import ALONE, weigh
from hfcodemod.probing.overrides import Override
from hfcodemod.probing.shrinking import tiny_arguments
from hfcodemod.probing.sizes import Sizes

IDS = {"image": [100] * 6, "video": [101] * 4}


@pytest.mark.parametrize("grids", [*patches.GRIDS, patches.PLACED])
def test_both_rows_have_as_many_patches(grids: patches.Grids) -> None:
    for rows in grids.values():
        assert math.prod(rows[0]) == math.prod(rows[1])
        assert max(map(max, rows)) < 8  # a number from 8 up is taken for a word


def test_inputs_in_grids_agree() -> None:
    sizes = Sizes(_config(), IDS, patches.GRIDS[0])
    assert made(candidates("pixel_values", sizes)[0]).shape == (48, 3 * 14 * 14 * 2)
    assert made(candidates("pixel_values_videos", sizes)[0]).shape == (32, 3 * 14 * 14 * 2)
    assert made(candidates("image_grid_thw", sizes)[0]).tolist() == [[1, 4, 6], [1, 6, 4]]
    counts = patches.token_counts(sizes.find, sizes.grids, patches.areas(sizes.find)[0])
    assert counts == {"image": 6, "video": 4}


def test_kinds_stand_where_the_placeholders_do() -> None:
    sizes = Sizes(_config(), IDS)
    text, kinds = (made(candidates(name, sizes)[0]) for name in ("input_ids", "mm_token_type_ids"))
    assert text.shape == kinds.shape
    assert ((text == 100) == (kinds == 1)).all()
    assert ((text == 101) == (kinds == 2)).all()


def test_a_modality_that_is_left_out() -> None:
    sizes = Sizes(_config(), IDS)
    assert [found.placeholders for found in apart.without("video", [sizes])] == [{"image": [100] * 6}]
    assert [found.placeholders for found in apart.without("image", [sizes])] == [
        {"video": [101] * 4},
        {"video": [100] * 4},
    ]
    exchanged = apart.exchange({"a": {"value": 1}, "b": {"value": 2}}, {"b": {"value": 2}, "c": {"value": 3}})
    assert exchanged == {"a": {"value": None}, "c": {"value": 3}}
    assert apart.both(["pixel_values", "pixel_values_videos"])
    assert not apart.both(["pixel_values", "input_ids"])


def test_what_an_override_says_of_a_modality_goes_with_it() -> None:
    def forward(self: object, pixel_values: object = None, pixel_values_videos: object = None) -> None: ...

    said = {"*": {"pixel_values": {"noise": [4, 3]}, "pixel_values_videos": {"noise": [6, 3]}}}
    head = SimpleNamespace(tasks=())
    for without, given in (("video", ["pixel_values"]), ("image", ["pixel_values_videos"])):
        sizes = Sizes(_config(), {}, without=without)
        found = next(feeds(type("Made", (), {"forward": forward}), head, sizes, Override(inputs=said), False))
        assert list(found) == given


@pytest.mark.parametrize("without", [{}, {ALONE: "The columns of all rows are numbered together."}])
def test_rows_alone_are_compared_where_there_are_any(without: dict[str, str]) -> None:
    import torch

    class Made(torch.nn.Module):
        dtype, config = torch.float32, SimpleNamespace()

        def forward(self, pixel_values: torch.Tensor, places: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"output": pixel_values[places]}

    entry = Entry({"pixel_values": {"noise": [2, 3]}, "places": {"tensor": [1, 0]}}, {"output": [2, 3]})
    if without:
        weigh(Made, Made(), entry, Override(without=without))
        assert not entry.inert and not entry.joint
    else:
        with pytest.raises(Unsolved, match="a row alone does not run"):
            weigh(Made, Made(), entry, Override())


def test_a_length_in_samples_goes_with_its_frames() -> None:
    sizes = Sizes(SimpleNamespace(hop_length=160, num_mel_bins=16))
    sound = {"input_features": {"noise": [2, 16, 32]}}
    # Eight frames make up a token: both rows have four, and yet the second is shorter.
    assert companions("chunk_sample_lengths", sound, sizes) == [{"tensor": [32 * 160, 27 * 160]}]
    assert companions("chunk_sample_lengths", {}, sizes) == []


def test_a_projector_takes_in_patches_that_were_merged() -> None:
    from transformers import MuseGlimmerConfig

    arguments = tiny_arguments(MuseGlimmerConfig())
    assert arguments["out_hidden_size"] == 4 * arguments["vision_config"]["hidden_size"]


def test_videos_in_grids_have_a_pace() -> None:
    assert candidates("video_second_per_grid", Sizes(_config(), IDS, patches.GRIDS[0])) == [{"tensor": [1.0, 2.0]}]
    assert candidates("video_second_per_grid", Sizes(_config(), IDS)) == []


def test_what_is_alike_takes_the_same_place() -> None:
    found = list(combined({"x": [1, 2], "y": [3, 4], "z": [5]}, ("x", "y")))
    assert found == [{"x": 1, "y": 3, "z": 5}, {"x": 2, "y": 4, "z": 5}]
    assert len(list(combined({"x": [1, 2], "y": [3, 4]}, ()))) == 4


def test_long_rows_are_said_in_short() -> None:
    described = {"tokens": [2, 7], "inserted": [102, *[100] * 6, 103, 101, 101]}
    assert source_of(expression(described)) == "tokens(2, 7, inserted=[102, *[100] * 6, 103, 101, 101])"


def test_sections_fit_the_small_head() -> None:
    rope = tiny_arguments(_config())["text_config"]["rope_parameters"]
    assert sum(rope["mrope_section"]) == 8


def test_parts_that_are_left_out_by_default() -> None:
    from transformers import Gemma4Config

    default = Gemma4Config()
    assert default.vision_config is None
    assert type(parts.absent_part(default, "vision_config")).__name__ == "Gemma4VisionConfig"
    assert parts.absent_part(default, "boi_token_id") is None
    assert parts.of_single_layers(default.text_config, [0, 5]) == {"1": {"head_dim": 512}}
    assert parts.of_single_layers(default.text_config, None) == {}


def _config() -> object:
    from transformers import Qwen2VLConfig

    return Qwen2VLConfig(vision_start_token_id=102, vision_end_token_id=103)


def test_images_of_an_encoder_are_merged_one_more_than_the_other() -> None:
    assert candidates("merge_sizes", Sizes(_config(), IDS, patches.GRIDS[0])) == [{"tensor": [2, 1]}]
    assert candidates("merge_sizes", Sizes(_config(), IDS)) == []
