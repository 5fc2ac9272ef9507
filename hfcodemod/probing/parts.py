"""Parts that a default configuration leaves out, and values of single layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def absent_part(config: Any, name: str) -> Any:
    """The default configuration of a part that is None, where its class is known; None otherwise.

    Without it the model lacks what reads an image or a sound, though its ``forward`` takes them.
    """
    from transformers import AutoConfig

    known = getattr(type(config), "sub_configs_defaults", {}).get(name)
    # A backbone that may be left out stands in place of layers that the model has itself.
    if known is None or (name == "backbone_config" and getattr(known, "optional", False)):
        return None
    made = getattr(known, "config_class", known)
    if made is not AutoConfig:
        return made()
    model_type = getattr(known, "model_type", None)
    return AutoConfig.for_model(model_type) if model_type else None


def of_single_layers(config: Any, layers: Sequence[int] | None) -> dict[str, dict[str, Any]]:
    """For the layers that are kept what each has in place of the configuration's values, by its new place."""
    if layers is None or not getattr(config, "per_layer_config", None):
        return {}
    said: Mapping[Any, Any] = config.to_dict().get("per_layer_config") or {}
    told = {int(layer): dict(values) for layer, values in said.items()}
    return {str(place): told[layer] for place, layer in enumerate(layers) if layer in told}
