"""What no rule explains: values for single architectures, each with its reason; data in the package."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from hfcodemod.probing.patches import kind_of
from hfcodemod.recipes import CLASS

ANY = "*"
"""The key that stands for every class of an architecture."""


@dataclass(frozen=True)
class Override:
    """What is said of one architecture in place of what the rules find."""

    why: Mapping[str, str] = field(default_factory=dict)
    """A reason for each entry below, by its path (``config.text_config.hidden_size``, ``inputs.pixel_values``)."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Values of the configuration by dotted path; a path whose field is null is left to its default."""
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Class, or ``*``, to parameter to description; null: the parameter is not given."""
    instead: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Class, or ``*``, to what it takes in place of some of its inputs; null: what the others stand in for."""
    labels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Class, or ``*``, to labels."""
    placeholders: Mapping[str, list[int]] = field(default_factory=dict)
    """Modality to the special tokens that stand for it in each row of text."""
    classes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Class to changes of the configuration for that class alone."""
    without: Mapping[str, str] = field(default_factory=dict)
    """Tests that make no sense for the architecture, each with the reason."""
    blocked: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Class, or ``*``, to why it does not run (see `hfcodemod.recipes.Recipe.blocked`)."""

    largest: int = 0
    """How many parameters the tiny model may have at most, where it can't be as small as others."""

    def of(self, table: Mapping[str, Mapping[str, Any]], cls: str) -> dict[str, Any]:
        """What a table says of a class."""
        return {**table.get(ANY, {}), **table.get(cls, {})}

    def taken(self, cls: str, parameters: Collection[str]) -> list[str]:
        """The parameters of a class but those that are said not to be given."""
        said = self.of(self.inputs, cls)
        return [name for name in parameters if name not in said or said[name] is not None]

    def left_out(self, cls: str) -> list[str]:
        """Why images or videos that a class could be given are left out, in sentences."""
        gone = [name for name, item in self.of(self.inputs, cls).items() if item is None and kind_of(name)]
        own = self.inputs.get(cls, {})
        return [f"{name} is left out. {self.why[f'inputs.{cls if name in own else ANY}.{name}']}" for name in gone]

    def applied(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments of a configuration with the values of the override."""
        changed = dict(arguments)
        for path, value in self.config.items():
            changed = _with(changed, path.split("."), value)
        return changed


def _with(arguments: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    name, *rest = path
    changed = dict(arguments)
    if rest:
        changed[name] = _with(changed.get(name) or {}, rest, value)
    elif value is None and name != CLASS:
        changed.pop(name, None)
    else:
        changed[name] = value
    return changed


def override_of(model_type: str) -> Override:
    """The override of a model type; an empty one where the rules say it all."""
    file = importlib.resources.files("hfcodemod") / "data" / "overrides" / f"{model_type}.json"
    return Override(**json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else Override()
