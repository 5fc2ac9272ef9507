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
"""Names that no field holds, that saving works out all the same, and that loading then keeps."""

BUILDER = "build_model_with_cfg"
"""What every file of the library calls with the class of a network and its arguments."""

GIVEN = ("num_classes", "in_chans", "device", "dtype")
"""Arguments that are set from elsewhere."""

NARROW = 1 / 64
"""The factor for all widths where a network is a table of blocks."""


def with_small_networks(arguments: Mapping[str, Any], default: Any) -> dict[str, Any]:
    """The arguments of a configuration in which each network that it names, or one nested in it, is a small one."""
    fields = getattr(default, "__dict__", {})
    changed = {
        name: with_small_networks(value, fields[name]) if isinstance(value, Mapping) and name in fields else value
        for name, value in arguments.items()
    }
    if NAME in fields and ARGUMENTS in fields:
        said = changed.get(ARGUMENTS, fields[ARGUMENTS]) or {}
        small = {**small_arguments(changed.get(NAME, fields[NAME]), said), **said}
        if small:
            changed[ARGUMENTS] = small
        if LABELS not in fields and (labels := default.to_dict().get(LABELS)):
            # Said from the start, they are the same after saving and loading.
            changed[LABELS] = labels
    return changed


def small_arguments(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that make the network of a name small, beside those that are said; none without the library."""
    if find_spec(LIBRARY) is None:
        return {}
    values = made_with(name, said)
    found = {field: shrunk(field, value, {}) for field, value in values.items()} | of_stages(values)
    if "img_size" in values:
        found["img_size"] = PYRAMID if has_stages(values) else IMAGE
    if values.get("block_args"):
        # All widths stand in the table of blocks, and are multiplied by one factor.
        found["channel_multiplier"] = NARROW
    return {
        field: value
        for field, value in found.items()
        if field not in said and _is_plain(value) and not same(value, values.get(field))
    }


def made_with(name: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of the class of a network with which the library makes that of a name; empty where it has none."""
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
