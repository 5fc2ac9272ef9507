"""Rules for networks of another library that a configuration only names; the library is a stand-in."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from hfcodemod.architecture import Head
from hfcodemod.probing import networks, promises
from hfcodemod.probing.declared import undeclared
from hfcodemod.probing.entries import Entry
from hfcodemod.probing.networks import small_arguments, with_small_networks
from hfcodemod.probing.sizes import Sizes
from hfcodemod.probing.stages import has_stages


class Network:
    """What the stand-in makes."""

    def __init__(self, img_size: int = 224, embed_dim: int = 768, depth: int = 12, act: type = int) -> None:
        self.width = embed_dim


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A stand-in for the library, with one network, of a width that its class does not have by default."""
    module: Any = ModuleType(networks.LIBRARY)
    module.__spec__ = ModuleSpec(networks.LIBRARY, None)
    module.build_model_with_cfg = lambda cls, variant, pretrained, **arguments: cls(**arguments)

    def wide(**arguments: Any) -> Network:
        made: Network = module.build_model_with_cfg(Network, "wide", False, **{"embed_dim": 1024, **arguments})
        return made

    wide.__module__ = networks.LIBRARY
    module.is_model = lambda name: name == "wide"
    module.model_entrypoint = lambda name: wide
    module.create_model = lambda name, **arguments: wide(**arguments)
    monkeypatch.setitem(sys.modules, networks.LIBRARY, module)
    result: ModuleType = module
    return result


def test_the_arguments_of_a_network_are_read_off_while_it_is_made(library: Any) -> None:
    build = library.build_model_with_cfg
    found = networks.made_with("wide", {"depth": 3})
    assert found == {"img_size": 224, "embed_dim": 1024, "depth": 3, "act": int}
    assert library.build_model_with_cfg is build
    assert networks.made_with("another", {}) == {}


def test_without_the_library_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks, "find_spec", lambda name: None)
    assert networks.made_with("wide", {}) == {}


@pytest.mark.parametrize(
    ("values", "said", "small"),
    [
        pytest.param(
            {"img_size": 224, "embed_dim": 1024, "depth": 24, "num_heads": 16, "mlp_ratio": 4.0, "norm": int},
            {},
            {"img_size": 32, "embed_dim": 64, "depth": 2, "num_heads": 4},
            id="one width",
        ),
        pytest.param(
            {"img_size": 224, "embed_dim": (48, 96), "depth": (2, 14)},
            {},
            {"img_size": 64, "embed_dim": [32, 64], "depth": [1, 1]},
            id="stages",
        ),
        pytest.param({"embed_dim": 1024, "depth": 24}, {"depth": 5}, {"embed_dim": 64}, id="what is said stays"),
        pytest.param(
            {"block_args": [[{"stride": 2}]], "stem_size": 64},
            {},
            {"channel_multiplier": 1 / 32, "stem_size": 16},
            id="a table of blocks",
        ),
        pytest.param({}, {}, {}, id="nothing known"),
    ],
)
def test_a_network_is_small(values: dict[str, Any], said: dict[str, Any], small: dict[str, Any]) -> None:
    assert small_arguments(values, said) == small


def test_stages_are_known_by_a_list_of_widths() -> None:
    assert has_stages({"channels": [8, 16]})
    assert has_stages({"channel_multiplier": 0.1})
    assert not has_stages({"embed_dim": 64})


def test_a_network_that_a_configuration_names_is_small(library: Any) -> None:
    from transformers import TimmWrapperConfig

    labels = ["LABEL_0", "LABEL_1"]
    named = TimmWrapperConfig(architecture="wide")
    outer = SimpleNamespace(vision_config=named, hidden_size=7)
    loaded = SimpleNamespace(vision_config=SimpleNamespace(label_names=labels, num_classes=2))
    said = {"vision_config": {"class": "TimmWrapperConfig", "model_args": {"depth": 3}}, "hidden_size": 8}
    changed = networks._made_small(said, outer, loaded)
    assert changed["hidden_size"] == 8
    assert changed["vision_config"] == {
        "class": "TimmWrapperConfig",
        "model_args": {"img_size": 32, "embed_dim": 64, "depth": 3},
        "label_names": labels,
        "num_classes": 2,
    }


def test_a_configuration_that_names_no_network_stays_as_it_is() -> None:
    from transformers import LlamaConfig, LlavaConfig

    assert with_small_networks({"hidden_size": 64}, LlamaConfig()) == {"hidden_size": 64}
    assert with_small_networks({"vision_config": {"depth": 2}}, LlavaConfig()) == {"vision_config": {"depth": 2}}


def test_what_goes_with_the_name_of_a_network_and_is_no_field_has_a_reason() -> None:
    vision = {"class": "TimmWrapperConfig", "architecture": "wide", "label_names": [], "global_pool": "map"}
    found = undeclared("PerceptionLMConfig", {"vision_config": vision, "image_token_id": 1}, {})
    assert found.keys() == {"vision_config.label_names", "vision_config.global_pool"}
    assert all(found.values())
    assert undeclared("LlamaConfig", {"no_field": 1}, {}) == {}


def test_sizes_look_at_the_arguments_of_a_network() -> None:
    assert Sizes(SimpleNamespace(model_args={"img_size": 48, "patch_size": 4})).image == (3, 48, 48)
    assert Sizes(SimpleNamespace(model_args={"patch_size": 4})).patch == 4
    assert Sizes(SimpleNamespace(model_args={"embed_dim": [8, 16]})).image == (3, 64, 64)
    assert Sizes(SimpleNamespace(model_args=None)).image == (3, 32, 32)


def test_what_does_not_load_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    model = SimpleNamespace(save_pretrained=loaded.append)
    monkeypatch.setattr(promises.module, "build", lambda cls, config: model)
    entry = Entry({})
    assert promises.promised(object, Head("Network", ()), None, entry, {promises.LOADING: "it never does"}) == [
        "It is not loaded in bfloat16: it never does."
    ]
    assert (loaded, entry.half) == ([], None)
