"""The rules by which a recipe is found, and what they may not know."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from hfcodemod import probing
from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS

FOLDER = Path(probing.__file__).parent
OVERRIDES = FOLDER.parent / "data" / "overrides"


def test_no_rule_knows_an_architecture() -> None:
    architectures = load_snapshot(FACTS).architectures
    names = set(architectures) | {item.config for item in architectures.values()}
    names |= {head.name for item in architectures.values() for head in item.heads}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                assert node.value not in names, f"{path}:{node.lineno}"


def test_at_most_one_in_five_has_an_override() -> None:
    types = [name for name, item in load_snapshot(FACTS).architectures.items() if item.heads]
    assert len(list(OVERRIDES.glob("*.json"))) <= len(types) / 5


@pytest.mark.parametrize("path", sorted(OVERRIDES.glob("*.json")), ids=lambda path: path.stem)
def test_an_override_says_why(path: Path) -> None:
    """Each value has a reason, by its path; and each class and model type is one that there is."""
    architecture = load_snapshot(FACTS).architectures[path.stem]
    data = json.loads(path.read_text(encoding="utf-8"))
    said = dict(data.pop("why", {}))
    classes = {head.name for head in architecture.heads} | {"*"}
    for table, values in data.items():
        if table in ("inputs", "instead", "labels", "classes", "blocked"):
            assert values.keys() <= classes, table
        if table == "blocked":
            assert all({"kind", "name", "why"} == item.keys() for item in values.values())
            continue
        if table == "without":
            assert all(values.values())
            continue
        if table == "largest":
            assert said.get(table)
            continue
        for name in values:
            whys = (f"{table}.{name}", table)
            inner: Any = values[name]
            deeper = [f"{table}.{name}.{key}" for key in inner] if isinstance(inner, dict) else []
            assert any(said.get(why) for why in whys) or (deeper and all(said.get(why) for why in deeper)), name


@pytest.mark.parametrize(
    ("name", "value", "tiny"),
    [
        ("vocab_size", 30522, 128),
        ("text_vocab_size", 100, 100),
        ("head_dim", 128, 16),
        ("num_attention_heads", 32, 4),
        ("num_key_value_heads", 8, 2),
        ("num_hidden_layers", 32, 2),
        ("n_routed_experts", 256, 8),
        ("num_experts_per_tok", 8, 2),
        ("max_position_embeddings", 8192, 64),
        ("image_size", 224, 32),
        ("intermediate_size", 11008, 64),
        ("d_model", 48, 48),
        ("attention_dropout", 0.1, 0.0),
        ("layer_norm_eps", 1e-5, 1e-5),
        ("use_cache", True, True),
        ("pad_token_id", 32000, 0),
        ("insert_layer_id", 6, 0),
        ("lang_id", 7, 100),
        ("mrope_section", [16, 24, 24], [2, 3, 3]),
    ],
)
def test_a_field_is_shrunk_by_its_name(name: str, value: object, tiny: object) -> None:
    from hfcodemod.probing.shrinking import shrunk

    assert shrunk(name, value, {}) == tiny


def test_special_tokens_are_the_same_in_every_configuration() -> None:
    from hfcodemod.probing.shrinking import SPECIAL, shrunk

    tokens: dict[str, int] = {}
    assert shrunk("image_token_id", 151655, tokens) == SPECIAL
    assert shrunk("video_token_id", 151656, tokens) == SPECIAL + 1
    assert shrunk("image_token_index", 32000, tokens) == SPECIAL


def test_one_layer_of_each_kind_is_kept() -> None:
    from hfcodemod.probing.shrinking import kept_layers

    kinds = ["sliding", "sliding", "full", "sliding", "sliding", "full"]
    assert kept_layers({"num_hidden_layers": 6, "layer_types": kinds}) == [0, 2]
    assert kept_layers({"num_hidden_layers": 6, "layer_types": ["full"] * 6}) == [0, 1]
    assert kept_layers({"num_hidden_layers": 6}) is None


def test_a_value_that_no_field_holds_comes_with_its_reason() -> None:
    from hfcodemod.probing.declared import undeclared

    why = {"config.size": "It asks for a size.", "config.text_config.size": "Its text does.", "config.x.y": "No."}
    text = {"class": "LlamaConfig", "size": 2, "hidden_size": 4}
    found = undeclared("LlavaConfig", {"size": 1, "image_token_id": 3, "text_config": text, "x": {"y": 5}}, why)
    assert found == {"size": "It asks for a size.", "text_config.size": "Its text does."}


def test_a_modality_that_is_left_out_is_not_asked_for() -> None:
    from hfcodemod.probing.overrides import Override

    inputs = {"*": {"pixel_values_videos": None, "input_ids": None, "pixel_values": {"noise": [2, 3]}}}
    override = Override(inputs=inputs, why={"inputs.*.pixel_values_videos": "Any video fails."})
    assert override.taken("C", ("pixel_values", "pixel_values_videos", "labels")) == ["pixel_values", "labels"]
    assert override.left_out("C") == ["pixel_values_videos is left out. Any video fails."]


def test_what_is_said_of_a_class_goes_in_though_it_is_not_named() -> None:
    """Some classes hand images on to a part of theirs among other arguments."""
    from transformers import LlamaConfig

    from hfcodemod.architecture import Head
    from hfcodemod.probing.inputs import feeds
    from hfcodemod.probing.overrides import Override
    from hfcodemod.probing.sizes import Sizes

    class Reader:
        def forward(self, input_ids: Any = None, **kwargs: Any) -> None: ...

    image = {"pixel_values": {"noise": [2, 3, 8, 8]}}
    head, sizes = Head("Reader", ()), Sizes(LlamaConfig())
    given = [next(feeds(Reader, head, sizes, Override(inputs={name: image}), False)) for name in ("*", "Reader")]
    assert ["pixel_values" in inputs for inputs in given] == [False, True]


def test_what_goes_in_in_place_of_others_is_proved() -> None:
    from types import SimpleNamespace

    import torch

    from hfcodemod.probing.entries import Entry, Unsolved
    from hfcodemod.probing.measuring import said_instead
    from hfcodemod.probing.overrides import Override

    class Either(torch.nn.Module):
        dtype = torch.float32
        config = SimpleNamespace()

        def forward(self, words: Any = None, sound: Any = None, spare: Any = None) -> dict[str, Any]:
            return {"heard": 2 * words if sound is None else sound}

    sound = {"noise": [2, 4]}
    entry = Entry({"words": {"noise": [2, 3]}}, {"heard": [2, 3]})
    found = said_instead(Either, Either(), entry, Override(instead={"*": {"words": None, "sound": sound}}))
    assert found == {"words": {"value": None}, "sound": sound}
    with pytest.raises(Unsolved, match="does not count"):
        spare = Override(instead={"Either": {"words": None, "sound": sound, "spare": sound}})
        said_instead(Either, Either(), entry, spare)


def test_a_session_that_takes_prompts_is_asked_in_words() -> None:
    from transformers.models.sam3_video.modeling_sam3_video import Sam3VideoInferenceSession

    from hfcodemod.probing.sessions import ASKED, VIDEO, opened

    parameters = {"inference_session": True, "frame_idx": False}
    assert opened(parameters, Sam3VideoInferenceSession) == dict.fromkeys((VIDEO, *ASKED), True)


def test_what_a_session_is_made_of_stands_in_its_place() -> None:
    from hfcodemod.probing.sessions import SHOWN, VIDEO, in_session, opened

    assert opened({"inference_session": True, "frame_idx": False, "frame": False}) == dict.fromkeys(
        (VIDEO, *SHOWN), True
    )
    assert opened({"pixel_values": True}) == {"pixel_values": True}
    assert in_session({VIDEO: {}}) and not in_session({"pixel_values": {}})


class Picky(torch.nn.Module):
    """A model that takes nothing but one value of one of its inputs."""

    config = SimpleNamespace(is_encoder_decoder=False)
    dtype = torch.float32

    def forward(self, values: torch.Tensor, numbers: torch.Tensor) -> dict[str, torch.Tensor]:
        if numbers[0] != 0:
            raise ValueError("not these")
        return {"output": values}


def test_an_input_whose_other_values_fail_is_not_said_to_be_without_effect() -> None:
    from hfcodemod.probing.entries import Entry, Unsolved
    from hfcodemod.probing.measuring import weigh
    from hfcodemod.probing.overrides import Override

    entry = Entry({"values": {"noise": [2, 3]}, "numbers": {"tensor": [0, 1]}}, {"output": [2, 3]})
    with pytest.raises(Unsolved, match="Picky: other values of numbers do not go in: not these"):
        weigh(Picky, Picky(), entry, Override())
