"""Networks of another library that a configuration only names: their arguments are shrunk by the rules for fields.

Such a configuration has no width and no depth of its own. It has the name of a network and arguments in place of those
with which the library makes the network of that name; these are read off while the network is made without weights.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any
from unittest import mock

from hfcodemod.probing.shrinking import IMAGE, shrunk
from hfcodemod.probing.stages import IMAGE as PYRAMID
from hfcodemod.probing.stages import has_stages, of_stages, same

LIBRARY = "timm"
NAME = "architecture"
"""The field with the name of the network."""
ARGUMENTS = "model_args"
"""The field with the arguments in place of the library's."""

LABELS = "label_names"
CLASSES = "num_classes"
BESIDE = {
    LABELS: "Saving works out the names of the classes, and loading keeps them.",
    CLASSES: "Saving works out the number of classes, and loading keeps it.",
}
"""Attributes that are no fields: said from the start, they are the same after saving and loading."""

KEPT = "The outer configuration sets it where one is loaded."

BUILDER = "build_model_with_cfg"
"""What every file of the library calls with the class of a network and its arguments."""

GIVEN = ("num_classes", "in_chans", "device", "dtype")
"""Arguments that are set from elsewhere."""

NARROW = 1 / 32
STEM = 16
"""The factor for all widths where a network is a table of blocks, and the width before them, which it leaves alone."""


def with_small_networks(arguments: Mapping[str, Any], default: Any) -> dict[str, Any]:
    """The arguments of a configuration in which each network that it names, or one nested in it, is a small one."""
    if not _names_a_network(default):
        return dict(arguments)
    return _made_small(arguments, default, type(default).from_dict(default.to_dict()))


def _names_a_network(config: Any) -> bool:
    fields = vars(config)
    return {NAME, ARGUMENTS} <= fields.keys() or any(
        _names_a_network(value) for value in fields.values() if hasattr(value, "model_type")
    )


def _made_small(arguments: Mapping[str, Any], default: Any, loaded: Any) -> dict[str, Any]:
    fields = vars(default)
    changed = dict(arguments)
    for name, value in arguments.items():
        if isinstance(value, Mapping) and hasattr(fields.get(name), "model_type"):
            changed[name] = _made_small(value, fields[name], getattr(loaded, name))
    if NAME not in fields or ARGUMENTS not in fields:
        return changed
    network, said = changed.get(NAME, fields[NAME]), changed.get(ARGUMENTS, fields[ARGUMENTS]) or {}
    known = made_with(network, said)
    if small := {**small_arguments(known, said), **said}:
        changed[ARGUMENTS] = small
    # A default of an outer configuration says here what the network takes, and nothing reads it.
    usual = vars(type(default)())
    changed |= {name: value for name, value in fields.items() if name in known and name not in usual}
    worked_out = {LABELS: list(default.id2label.values()), CLASSES: default.num_labels}
    return {**changed, **{name: value for name, value in worked_out.items() if name in vars(loaded)}}


def small_arguments(values: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that make a network small that is made with these values, beside those that are said."""
    found = {field: shrunk(field, value, {}) for field, value in values.items()} | of_stages(values)
    if "img_size" in values:
        found["img_size"] = PYRAMID if has_stages(values) else IMAGE
    if values.get("block_args"):
        # All widths stand in the table of blocks, and are multiplied by one factor.
        found |= {"channel_multiplier": NARROW, "stem_size": STEM}
    return {
        field: value
        for field, value in found.items()
        if field not in said and _is_plain(value) and not same(value, values.get(field))
    }


def made_with(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of its class with which the library makes a network; none where it does not know the name.

    Nor are there any where the library is not installed.
    """
    if find_spec(LIBRARY) is None:
        return {}
    import timm
    import torch

    if not timm.is_model(name):
        return {}
    module = sys.modules[timm.model_entrypoint(name).__module__]
    build = getattr(module, BUILDER)
    found: dict[str, Any] = {}

    def noted(cls: Any, variant: str, pretrained: bool, **arguments: Any) -> Any:
        known = inspect.signature(cls.__init__).parameters.values()
        usual = {each.name: each.default for each in known if each.default is not inspect.Parameter.empty}
        taken = {each.name: arguments[each.name] for each in known if each.name in arguments}
        found.update({field: value for field, value in {**usual, **taken}.items() if field not in GIVEN})
        return build(cls, variant, pretrained, **arguments)

    with mock.patch.object(module, BUILDER, noted), torch.device("meta"):
        timm.create_model(name, **said)
    return found


def _is_plain(value: Any) -> bool:
    """Whether JSON holds a value as it is."""
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return isinstance(value, bool | int | float | str)
