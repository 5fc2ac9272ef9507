"""Rules for pyramids of feature maps, for stacks that are tapped, and for weights that leave nothing of an input."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from hfcodemod.probing import stages
from hfcodemod.probing.loudness import louder
from hfcodemod.probing.scenes import SCENES


@pytest.mark.parametrize(
    ("values", "tiny"),
    [
        pytest.param({"hidden_size": 768, "num_hidden_layers": 12}, {}, id="no pyramid"),
        pytest.param(
            {
                "depths": (3, 4),
                "hidden_sizes": [256, 2048],
                "stem_channels": (3, 48),
                "decoder_in_channels": [256, 256],
            },
            {"depths": [1, 1], "hidden_sizes": [8, 64], "stem_channels": [3, 8], "decoder_in_channels": [64, 64]},
            id="one factor for all lists of widths, colours apart",
        ),
        pytest.param(
            {"depths": (2, 2, 6, 2), "num_heads": (3, 6, 12, 24), "embed_dim": 96, "image_size": (224, 224)},
            {"depths": [1, 1, 1, 1], "num_heads": [2, 4, 4, 4], "embed_dim": 8, "image_size": [64, 64]},
            id="the width of the first stage",
        ),
        pytest.param(
            {"depths": (2, 2), "hidden_sizes": (64, 128), "num_encoder_blocks": 2, "hidden_size": 64, "flag": True},
            {"depths": [1, 1], "hidden_sizes": [32, 64], "num_encoder_blocks": 2, "hidden_size": 32},
            id="the number of stages stays",
        ),
        pytest.param(
            {"block_configs": [[[3, 16, 512, 1, False]], [[5, 512, 512, [2, 1], True]]], "stem_channels": 16},
            {"block_configs": [[[3, 8, 64, 1, False]], [[5, 64, 64, [2, 1], True]]], "stem_channels": 8},
            id="blocks written out",
        ),
        pytest.param(
            {"block_configs": [[[3, 16, 32]]], "scale": 0.75, "divisor": 16, "initializer_range": 0.02},
            {"block_configs": [[[3, 16, 32]]], "scale": 1.0, "divisor": 8, "initializer_range": 0.2},
            id="what is rounded to a multiple",
        ),
        pytest.param(
            {"strides": (1, 2), "out_channels": (16, 320), "width_coefficient": 2.0, "hidden_dim": 2560},
            {"out_channels": [16, 320], "hidden_dim": 320},
            id="a factor for all widths",
        ),
        pytest.param(
            {
                "backbone_channel_list": [384, 96],
                "backbone_feature_sizes": [[256, 256], [128, 128]],
                "image_size": 1024,
            },
            {"backbone_channel_list": [64, 16], "backbone_feature_sizes": [[16, 16], [8, 8]], "image_size": 64},
            id="feature maps of the small image",
        ),
    ],
)
def test_a_pyramid_keeps_its_stages(values: dict[str, Any], tiny: dict[str, Any]) -> None:
    assert stages.of_stages(values) == tiny


@pytest.mark.parametrize(
    ("values", "before", "after", "tiny"),
    [
        ({"_out_indices": [3, 6, 9, 12]}, 12, 4, {"out_indices": [1, 2, 3, 4]}),
        ({"out_indices": (2, 5, 8, 11), "other": ["a"]}, 12, 4, {"out_indices": [0, 1, 2, 3]}),
        ({"intermediate_hook_ids": (11, 5)}, 12, 2, {"intermediate_hook_ids": [1, 0]}),
        ({"global_attn_indexes": (2, 5, 8, 11)}, 12, 2, {"global_attn_indexes": [1]}),
        ({"window_block_indices": [0, 1]}, 12, 4, {"window_block_indices": [0]}),
        ({"out_indices": (2, 5)}, None, None, {}),
        ({"out_indices": (2, 5)}, 12, 12, {}),
    ],
)
def test_taps_move_with_the_layers(
    values: dict[str, Any], before: int | None, after: int | None, tiny: dict[str, Any]
) -> None:
    assert stages.of_taps(values, before, after) == tiny


def test_a_stack_has_a_layer_for_each_tap() -> None:
    assert stages.tap_count({"out_indices": [2, 5, 8, 11], "depths": [1] * 6}) == 4
    assert stages.tap_count({"out_indices": [4]}) == 0


@pytest.mark.parametrize(
    ("name", "value", "tiny"),
    [
        ("depth_multiplier", 1.0, 0.25),
        ("depth_coefficient", 3.1, 1.0),
        ("filter_threshold", 0.1, 0.0),
        ("layer_norm_eps", 1e-5, 1e-5),
        ("hidden_act", "gelu", "gelu"),
    ],
)
def test_factors_are_small(name: str, value: Any, tiny: Any) -> None:
    assert stages.thinned(name, value) == tiny


def test_heads_that_join_a_width_cut_into_eight_groups() -> None:
    values = {"mask_loss_coefficient": 1, "encoder_attention_heads": 16, "decoder_attention_heads": 2}
    assert stages.of_masks(values) == {"encoder_attention_heads": 8}
    assert stages.of_masks({"encoder_attention_heads": 16}) == {}


def test_lists_and_tuples_of_the_same_are_the_same() -> None:
    assert stages.same([1, [2, 3]], (1, (2, 3)))
    assert not stages.same([1, 2], (1, 2, 3))
    assert not stages.same([1], 1)


def test_a_backbone_of_another_library_is_replaced_by_the_one_that_is_declared() -> None:
    from transformers import DetrConfig

    outer = DetrConfig()
    own = stages.own_backbone(outer, "backbone_config", outer.backbone_config)
    assert not hasattr(own, "features_only")
    assert own.out_indices == outer.backbone_config.out_indices
    assert stages.own_backbone(outer, "backbone_config", own) is own
    said = stages.set_by_the_outer(own, type(own)(), ["depths", "hidden_sizes"])
    assert said == {"out_indices": own.out_indices}
    assert stages.taps_of(object()) == {}


def test_weights_grow_in_every_part() -> None:
    inner = SimpleNamespace(model_type="part", init_std=0.02)
    outer = SimpleNamespace(initializer_range=0.2, part=inner, other={})
    found = list(louder({"part": {"width": 8}, "other": {}}, outer))
    arguments, paths = found[0]
    assert arguments == {"part": {"width": 8, "init_std": 0.1}, "other": {}}
    assert paths == ["part.init_std"]
    assert found[-1][0]["initializer_range"] == 0.6


def test_weights_grow_where_no_field_says_so() -> None:
    arguments, paths = next(iter(louder({}, SimpleNamespace())))
    assert (arguments, paths) == ({"initializer_range": 0.1}, ["initializer_range"])


@pytest.mark.parametrize("name", sorted(set(SCENES) - {"task_inputs", "dataset_index"}))
def test_what_goes_with_a_picture_needs_one(name: str) -> None:
    from transformers import SamConfig

    from hfcodemod.probing.sizes import Sizes

    sizes = Sizes(SamConfig())
    picture = {"pixel_values": {"noise": [2, 3, 64, 64]}}
    assert SCENES[name]({}, sizes) == []
    (described,) = SCENES[name](picture, sizes)
    value = next(iter(described.values()))
    assert value[0] == 2 or len(value) == 2


@pytest.mark.parametrize(("name", "field"), [("task_inputs", "task_seq_len"), ("dataset_index", "num_experts")])
def test_what_a_field_asks_for(name: str, field: str) -> None:
    from hfcodemod.probing.sizes import Sizes

    assert SCENES[name]({}, Sizes(SimpleNamespace())) == []
    assert len(SCENES[name]({}, Sizes(SimpleNamespace(**{field: 4})))) == 1
