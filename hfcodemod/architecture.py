"""What is known of an architecture: plain values, read from transformers' source by `hfcodemod.catalog`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Head:
    """One model class and the auto mappings that name it."""

    name: str
    """The class: ``BertForMaskedLM``."""
    tasks: tuple[str, ...]
    """The mappings, in the order of transformers: ``("pretraining", "masked_lm")``; ``model`` is the base model."""
    pipelines: tuple[str, ...] = ()
    """The pipeline tasks that a mapping of this head serves: ``("fill-mask",)``."""
    generates: bool = False
    """Whether the class inherits ``GenerationMixin``."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration class: its declared fields, inherited ones too, and the configurations nested in it."""

    name: str
    model_type: str
    fields: tuple[str, ...]
    """Every keyword that the class declares, those of `attribute_map` included."""
    nested: Mapping[str, str] = field(default_factory=dict)
    """Field to class of the nested configuration; an empty string where the source leaves the class open."""


@dataclass(frozen=True, slots=True)
class Architecture:
    """The facts of one model type."""

    model_type: str
    """As transformers spells it: ``xlm-roberta``, ``kosmos-2.5``."""
    module: str
    """The folder under ``transformers/models``: ``data2vec`` for ``data2vec-audio``."""
    config: str
    """The configuration class."""
    prefix: str = ""
    """What the class names have in common: ``XLMRoberta``."""
    heads: tuple[Head, ...] = ()
    """Each model class once, the base model first, the rest in the order of transformers' mappings."""
    tokenizer: str | None = None
    processor: str | None = None
    image_processors: Mapping[str, str] = field(default_factory=dict)
    """Backend (``torchvision``, ``pil``) to class."""
    feature_extractor: str | None = None
    video_processor: str | None = None
    checkpoint: str | None = None
    """The checkpoint that transformers documents, corrected where it is wrong upstream."""
    modalities: tuple[str, ...] = ()
    """What goes in: ``text``, ``image``, ``video``, ``audio``, ``time_series``."""
    encoder_decoder: bool = False
    nested: Mapping[str, str] = field(default_factory=dict)
    """Nested configurations: field to class. Empty: not composite."""

    @property
    def generates(self) -> bool:
        """Whether a class of the architecture has ``generate()``."""
        return any(head.generates for head in self.heads)

    @property
    def composite(self) -> bool:
        """Whether configurations are nested in the architecture's own."""
        return bool(self.nested)

    def head(self, task: str) -> Head | None:
        """The class that the mapping of ``task`` names, or None."""
        return next((head for head in self.heads if task in head.tasks), None)


@dataclass(frozen=True, slots=True)
class Target:
    """What a module is made for: a name that somebody typed, resolved."""

    name: str
    """A valid identifier part for file and function names: ``llama_3``, ``kosmos_2_5``."""
    original: str
    """The name as it is written in text: ``llama-3``, ``kosmos-2.5``."""
    architecture: Architecture
    checkpoint: str
    """The real checkpoint that the module names."""
    class_name: str
    """A valid identifier part for class names: ``Llama3``, ``Kosmos2_5``."""
