"""What the inputs of a class have to agree on, and which it takes."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hfcodemod.probing.patches import Grids
from hfcodemod.probing.sessions import SESSION, opened
from hfcodemod.probing.stages import IMAGE, has_stages, is_pyramid

Described = Mapping[str, Any]

TEXT_LENGTH = 7
DECODER_LENGTH = 5


@dataclass
class Sizes:
    """What the inputs have to agree on, read from a configuration and those nested in it."""

    config: Any
    placeholders: dict[str, list[int]] = field(default_factory=dict)
    """For each modality the special tokens that stand for it in each row of text."""
    grids: Grids = field(default_factory=dict)
    """The sides of images and videos, in patches, where a class is told them."""
    placed: bool = False
    """Whether the place of each patch is told."""
    without: str = ""
    """The modality, of image and video, that is not given."""
    excluded: frozenset[str] = frozenset()
    """Inputs that an error said do not go with another."""
    told: int = 0
    """The width of a frame of sound, or what a wave has to be a multiple of, where an error told it."""

    def find(self, *names: str, within: str = "") -> Any:
        """The first value of a field of one of these names, outer configurations first."""
        for config in self._configs(self.config, within):
            for name in names:
                value = config.__dict__.get(name)
                if value is None:
                    value = _arguments(config).get(name)
                if value is not None:
                    return value
        return None

    def _configs(self, config: Any, within: str) -> Iterator[Any]:
        from transformers import PreTrainedConfig

        nested = [(name, value) for name, value in vars(config).items() if isinstance(value, PreTrainedConfig)]
        if within:
            for name, value in nested:
                if within in name:
                    yield from self._configs(value, "")
        if not within or not nested:
            yield config
        for _, value in nested:
            yield from self._configs(value, within)

    @property
    def image(self) -> tuple[int, int, int]:
        """Channels, height and width of an image."""
        size = self.find("image_size", "img_size", "input_size", within="vision") or self.find("image_size")
        if size is None:
            configs = list(self._configs(self.config, ""))
            staged = any(is_pyramid(vars(config)) or has_stages(_arguments(config)) for config in configs)
            size = IMAGE if staged else 32
        height, width = (size, size) if isinstance(size, int) else (list(size) * 2)[-2:]
        channels = self.find("num_channels", "in_channels", "in_chans", within="vision")
        return (channels if isinstance(channels, int) else 3), height, width

    @property
    def patch(self) -> int:
        """The side of a patch."""
        size = self.find("patch_size", within="vision") or self.find("patch_size") or 8
        return int(size if isinstance(size, int) else list(size)[-1])

    @property
    def bands(self) -> int:
        """The bands of a spectrogram."""
        names = ["num_mel_bins", "num_mel_channels", "feature_size", "input_feat_per_channel", "input_dim", "n_mels"]
        names += ["num_chroma", "audio_embed_dim"]
        stem = self.find("subsampling_conv_channels", within="audio")
        if isinstance(stem, list | tuple) and not self.told:
            return int(stem[0])  # the width behind it is reckoned from as many bands as its first layer has channels
        bands = (
            self.told
            or self.find(*names, within="audio")
            or self.find(*names, "input_feat_size", "feature_projection_input_dim")
        )
        return int(bands or 16)

    @property
    def inserted(self) -> list[int]:
        """All tokens that stand for something other than text."""
        return [token for tokens in self.around.values() for token in tokens]

    @property
    def around(self) -> dict[str, list[int]]:
        """The placeholders of each modality between the tokens for its start and its end."""
        found = {}
        for modality, tokens in self.placeholders.items():
            kind = "audio" if modality == "audio" else "vision"
            ends = [self.find(f"{modality}_{end}_token_id", f"{kind}_{end}_token_id") for end in ("start", "end")]
            start, end = ([token] if isinstance(token, int) else [] for token in ends)
            found[modality] = [*start, *tokens, *end]
        return found

    @property
    def length(self) -> int:
        """The length of a row of text with its placeholders."""
        return TEXT_LENGTH + len(self.inserted)


def _arguments(config: Any) -> dict[str, Any]:
    """The arguments of a network that a configuration only names (see `hfcodemod.probing.networks`)."""
    return config.__dict__.get("model_args") or {}


def parameters_of(cls: Any) -> dict[str, bool]:
    """The parameters of ``forward``, or what a session is made of, and whether each is required."""
    parameters = inspect.signature(cls.forward).parameters
    return opened(
        {
            one.name: one.default is inspect.Parameter.empty
            for one in parameters.values()
            if one.name != "self" and one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)
        },
        parameters[SESSION].annotation if SESSION in parameters else None,
    )
