"""The facts of every architecture, from transformers' source as text or from a snapshot of it.

``python -m hfcodemod.catalog FOLDER OUTPUT`` makes the snapshot that the package ships.
"""

from __future__ import annotations

import gzip
import importlib.resources
import json
import re
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hfcodemod.architecture import Architecture, Configuration, Head
from hfcodemod.errors import UserError
from hfcodemod.workspace import facts_folder, recipes_folder

if TYPE_CHECKING:
    from hfcodemod.config import Settings

SNAPSHOT = "facts-{version}.json.gz"
# What the auto modules of every version hold, the mappings of tasks apart.
MAPPINGS = (
    "CONFIG_MAPPING_NAMES",
    "SPECIAL_MODEL_TYPE_TO_MODULE_NAME",
    "TOKENIZER_MAPPING_NAMES",
    "PROCESSOR_MAPPING_NAMES",
    "IMAGE_PROCESSOR_MAPPING_NAMES",
    "FEATURE_EXTRACTOR_MAPPING_NAMES",
    "VIDEO_PROCESSOR_MAPPING_NAMES",
)

# What a parameter of ``forward`` takes in; the first that matches.
MODALITIES = (
    (r"pixel_values_videos|video", "video"),
    (r"pixel|image(?!_(hidden|embeds|features|sizes|grid|attention|encoder))|flattened_patches", "image"),
    (r"input_features|input_values|audio_values|audio_codes|audio_input_ids|input_audio|audio_mel|waveform", "audio"),
    (r"past_values|^past_time|context_values", "time_series"),
    (r"^(classes_)?input_ids$|^text_ids$", "text"),
)
# Pipelines that take a bare AutoModel say nothing of what the model takes; these do.
BARE_PIPELINES = {
    "feature-extraction": ("text",),
    "image-feature-extraction": ("image",),
}
# The only architecture whose base model scores audio against text.
ZERO_SHOT_AUDIO = {"clap": "zero-shot-audio-classification"}
# Its pipeline also takes any generative model as a last resort; a head of its own is another thing.
OWN_MAPPINGS = {"decision": ("decision",)}


@dataclass(frozen=True)
class Catalog:
    """The architectures and configurations of one version of transformers."""

    version: str
    architectures: Mapping[str, Architecture]
    """By model type."""
    configurations: Mapping[str, Configuration]
    """By class."""
    pipelines: Mapping[str, tuple[str, ...]]
    """Pipeline task to the mapping tasks whose classes it takes."""
    recipes: Path | None = None
    """Where the repository keeps recipes of its own."""


def read_source(folder: Path) -> Catalog:
    """The catalog of the transformers in ``folder``; nothing is imported.

    Raises UserError where the folder holds no transformers.
    """
    from hfcodemod.mappings import auto_class_tasks, auto_mappings, model_mappings, pipeline_tasks
    from hfcodemod.sources import Sources

    init, auto = folder / "__init__.py", folder / "models" / "auto" / "modeling_auto.py"
    pipelines = folder / "pipelines" / "__init__.py"
    version = re.search(r'^__version__ = "([^"]+)"', init.read_text("utf-8"), re.MULTILINE) if init.is_file() else None
    if version is None or not auto.is_file() or not pipelines.is_file():
        raise UserError(f"{folder}: holds no transformers; name the folder with models/auto/modeling_auto.py in it")
    names = auto_mappings(folder)
    lacking = next((name for name in MAPPINGS if name not in names), None)
    if lacking is not None:
        raise UserError(f"{auto.parent}: holds no {lacking}; name the folder of a whole transformers, 4.57 or later")
    tasks = pipeline_tasks(pipelines, auto_class_tasks(auto)) | OWN_MAPPINGS
    sources = Sources(folder)
    reader = _Reader(names, model_mappings(names), tasks, sources)
    return Catalog(
        version=version[1],
        architectures={model_type: reader.architecture(model_type) for model_type in names["CONFIG_MAPPING_NAMES"]},
        configurations={name: reader.configuration(name) for name in sorted(sources.configurations)},
        pipelines=tasks,
    )


class _Reader:
    def __init__(
        self,
        names: Mapping[str, Any],
        mappings: Mapping[str, Mapping[str, tuple[str, ...]]],
        pipelines: Mapping[str, tuple[str, ...]],
        sources: Any,
    ) -> None:
        self.names = names
        self.mappings = mappings
        self.pipelines = pipelines
        self.sources = sources
        self.corrections: dict[str, dict[str, Any]] = json.loads(_data("corrections.json"))

    def architecture(self, model_type: str) -> Architecture:
        config = self.names["CONFIG_MAPPING_NAMES"][model_type]
        lineage = list(self.sources.configuration_lineage(config))
        modalities = self._modalities(model_type)
        documented = next((item.checkpoint for item in lineage if item.checkpoint), None)
        return Architecture(
            model_type=model_type,
            module=self.names["SPECIAL_MODEL_TYPE_TO_MODULE_NAME"].get(model_type, model_type.replace("-", "_")),
            config=config,
            prefix=config.removesuffix("Config"),
            heads=tuple(self._heads(model_type, modalities)),
            tokenizer=self._tokenizer(model_type),
            processor=self.names["PROCESSOR_MAPPING_NAMES"].get(model_type),
            image_processors=self._image_processors(model_type),
            feature_extractor=self.names["FEATURE_EXTRACTOR_MAPPING_NAMES"].get(model_type),
            video_processor=self._video_processor(model_type),
            checkpoint=self.corrections.get(model_type, {}).get("checkpoint", documented),
            modalities=modalities,
            encoder_decoder=next((item.encoder_decoder for item in lineage if item.encoder_decoder is not None), False),
            nested=self._nested(config),
        )

    def configuration(self, name: str) -> Configuration:
        lineage = list(self.sources.configuration_lineage(name))
        fields = dict.fromkeys(field for item in lineage for field in item.fields)
        model_type = next((item.model_type for item in lineage if item.model_type), "")
        return Configuration(name, model_type, tuple(sorted(fields)), self._nested(name))

    def _nested(self, config: str) -> dict[str, str]:
        for item in self.sources.configuration_lineage(config):
            if item.nested:
                return {name: self._nested_class(cls) for name, cls in item.nested.items()}
        return {}

    def _nested_class(self, cls: str) -> str:
        model_type = cls.removeprefix("model type:")
        known = self.names["CONFIG_MAPPING_NAMES"]
        # Nougat names donut-swin as donut_swin.
        return cls if model_type == cls else known.get(model_type) or known.get(model_type.replace("_", "-"), "")

    def _image_processors(self, model_type: str) -> dict[str, str]:
        found = self.names["IMAGE_PROCESSOR_MAPPING_NAMES"].get(model_type) or {}
        if not isinstance(found, dict):
            # In 5.0 and before, the slow class, which needs Pillow, and the fast one stand in a pair.
            found = dict(zip(("pil", "torchvision"), found, strict=False))
        return {backend: name for backend, name in sorted(found.items()) if name}

    def _tokenizer(self, model_type: str) -> str | None:
        """Alone or, in 4.57 and before, the slow class and the fast one in a pair."""
        found = self.names["TOKENIZER_MAPPING_NAMES"].get(model_type)
        return next(filter(None, reversed(found)), None) if isinstance(found, tuple) else found

    def _video_processor(self, model_type: str) -> str | None:
        """By backend, of which there is only torchvision; alone in 5.0 and before."""
        found = self.names["VIDEO_PROCESSOR_MAPPING_NAMES"].get(model_type)
        return found.get("torchvision") if isinstance(found, dict) else found

    def _heads(self, model_type: str, modalities: tuple[str, ...]) -> Iterator[Head]:
        tasks: dict[str, list[str]] = {}
        for task, mapping in self.mappings.items():
            for name in mapping.get(model_type, ()):
                tasks.setdefault(name, []).append(task)
        for name, found in sorted(tasks.items(), key=lambda item: item[1][0] != "model"):
            served = tuple(
                pipeline
                for pipeline, wanted in self.pipelines.items()
                if self._serves(model_type, pipeline, wanted, found, modalities)
            )
            yield Head(name, tuple(found), served, self.sources.inherits(name, "GenerationMixin"))

    def _serves(
        self, model_type: str, pipeline: str, wanted: Sequence[str], tasks: Sequence[str], modalities: tuple[str, ...]
    ) -> bool:
        if tuple(wanted) != ("model",):
            return not set(wanted).isdisjoint(tasks)
        own = ZERO_SHOT_AUDIO.get(model_type) == pipeline or BARE_PIPELINES.get(pipeline) == modalities
        return own and "model" in tasks

    def _modalities(self, model_type: str) -> tuple[str, ...]:
        """By the parameters of the base model, without one of every class; where they say nothing, by declaration."""
        if "modalities" in self.corrections.get(model_type, {}):
            return tuple(self.corrections[model_type]["modalities"])
        classes = self.mappings["model"].get(model_type) or tuple(
            name for mapping in self.mappings.values() for name in mapping.get(model_type, ())
        )
        parameters = {name for cls in classes for name in self.sources.forward_parameters(cls)}
        found = {next((to for pattern, to in MODALITIES if re.search(pattern, name)), "") for name in parameters} - {""}
        if not found:
            found = {name for cls in classes for name in self.sources.input_modalities(cls)}
        if model_type in self.mappings.get("video_classification", {}) and "image" in found:
            found = (found - {"image"}) | {"video"}
        return tuple(modality for modality in ("text", "image", "video", "audio", "time_series") if modality in found)


def write_snapshot(catalog: Catalog, path: Path) -> None:
    """Write everything that `load_snapshot` needs to make the same catalog again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(snapshot_bytes(catalog))


def snapshot_bytes(catalog: Catalog) -> bytes:
    """The snapshot; the same catalog gives the same text in it."""
    common = sorted(set.intersection(*(set(item.fields) for item in catalog.configurations.values())))
    configurations = {
        item.name: [item.model_type, [name for name in item.fields if name not in common], dict(item.nested)]
        for item in catalog.configurations.values()
    }
    architectures = {
        item.model_type: {key: value for key, value in asdict(item).items() if value and key != "model_type"}
        for item in catalog.architectures.values()
    }
    data = {
        "version": catalog.version,
        "pipelines": catalog.pipelines,
        "common": common,
        "architectures": architectures,
        "configurations": configurations,
    }
    return _gzipped(json.dumps(data, separators=(",", ":")).encode())


def _gzipped(data: bytes) -> bytes:
    """As gzip writes it, without a time; `gzip.compress` puts another operating system in with each Python."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return b"\x1f\x8b\x08" + bytes(5) + b"\x02\xff" + packed + struct.pack("<LL", zlib.crc32(data), len(data))


def _catalog_from(data: Mapping[str, Any]) -> Catalog:
    common = data["common"]
    return Catalog(
        version=data["version"],
        architectures={
            model_type: Architecture(
                model_type=model_type,
                heads=tuple(
                    Head(head["name"], tuple(head["tasks"]), tuple(head["pipelines"]), head["generates"])
                    for head in item.pop("heads", ())
                ),
                modalities=tuple(item.pop("modalities", ())),
                **item,
            )
            for model_type, item in data["architectures"].items()
        },
        configurations={
            name: Configuration(name, model_type, tuple(sorted([*common, *fields])), nested)
            for name, (model_type, fields, nested) in data["configurations"].items()
        },
        pipelines={task: tuple(tasks) for task, tasks in data["pipelines"].items()},
    )


def pinned_facts(settings: Settings) -> Catalog:
    """The catalog that a configuration pins; raises UserError as `load_snapshot` does."""
    catalog = load_snapshot(settings.facts, [facts_folder(settings.root)])
    return replace(catalog, recipes=recipes_folder(settings.root))


def load_snapshot(version: str, folders: Sequence[Path] = ()) -> Catalog:
    """The catalog of a version: of the repository's own snapshots if one has it, else of the package's.

    Raises UserError for a version without a snapshot, and for a snapshot that is damaged.
    """
    return _load_snapshot(version, tuple(folders))


@cache
def _load_snapshot(version: str, folders: tuple[Path, ...]) -> Catalog:
    name = SNAPSHOT.format(version=version)
    for place in (*folders, importlib.resources.files("hfcodemod") / "data"):
        file = place / name
        if file.is_file():
            try:
                return _catalog_from(json.loads(gzip.decompress(file.read_bytes())))
            except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{file}: a damaged snapshot ({error}); make it again with `hfcodemod facts`"
                ) from error
    known = ", ".join(available_versions(folders))
    raise UserError(
        f"no facts of transformers {version} (there are: {known}); correct `facts` in [tool.hfcodemod], "
        "or read them with `hfcodemod facts --from PATH`"
    )


def available_versions(folders: Sequence[Path] = ()) -> list[str]:
    """The versions of which there is a snapshot, sorted."""
    prefix, suffix = SNAPSHOT.split("{version}")
    places = [place for place in (*folders, importlib.resources.files("hfcodemod") / "data") if place.is_dir()]
    names = [file.name for place in places for file in place.iterdir()]
    return sorted(
        {name[len(prefix) : -len(suffix)] for name in names if name.startswith(prefix) and name.endswith(suffix)}
    )


def _data(name: str) -> str:
    return (importlib.resources.files("hfcodemod") / "data" / name).read_text(encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Write the snapshot of a transformers folder to a file."""
    if len(arguments) != 2:
        raise UserError("usage: python -m hfcodemod.catalog TRANSFORMERS_FOLDER OUTPUT")
    write_snapshot(read_source(Path(arguments[0])), Path(arguments[1]))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(f"error: {error}")
