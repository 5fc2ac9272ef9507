"""Values that a configuration takes without declaring them as fields, each with the reason to give it all the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from hfcodemod.probing.networks import ARGUMENTS, BESIDE, KEPT
from hfcodemod.recipes import CLASS, UNDECLARED


def undeclared(
    class_name: str, arguments: Mapping[str, Any], why: Mapping[str, str], where: str = ""
) -> dict[str, str]:
    """The paths of such values in a configuration of this name and in those nested in it, with their reasons.

    ``why`` is what an override says, by ``config.`` and the path; what goes with the name of a network needs none.
    """
    import transformers

    cls = getattr(transformers, class_name)
    declared = {*(field.name for field in dataclasses.fields(cls)), *cls.attribute_map, CLASS}
    found: dict[str, str] = {}
    for name, value in arguments.items():
        path = f"{where}{name}"
        if isinstance(value, Mapping) and CLASS in value:
            found |= undeclared(value[CLASS], value, why, f"{path}.")
        elif name not in declared and f"config.{path}" in why:
            if not where or name not in UNDECLARED:
                found[path] = why[f"config.{path}"]
        elif name not in declared and ARGUMENTS in declared:
            found[path] = BESIDE.get(name, KEPT)
    return found
