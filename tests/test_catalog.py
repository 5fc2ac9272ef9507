"""The catalog: its figures, the runtime mappings that it must equal, the snapshot, and what it refuses."""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import inspect
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any

import pytest

from hfcodemod.architecture import Architecture, Configuration, Head
from hfcodemod.catalog import (
    SNAPSHOT,
    Catalog,
    available_versions,
    load_snapshot,
    main,
    read_source,
    snapshot_bytes,
    write_snapshot,
)
from hfcodemod.config import FACTS
from hfcodemod.errors import UserError
from hfcodemod.sources import Sources

SNAPSHOT_FILE = Path(importlib.import_module("hfcodemod").__path__[0]) / "data" / SNAPSHOT.format(version=FACTS)

# Where the catalog and the running transformers differ, and why; everything else is equal.
GENERATES_WITHOUT_THE_MIXIN = {
    "DiffusionGemmaForBlockDiffusion": "has a generate() of its own that denoises blocks",
    "SpeechT5ForTextToSpeech": "has a generate() of its own that makes spectrograms",
}
NOT_IMPORTABLE = {
    "HiggsAudioV2TokenizerModel": "asks for torchaudio, which the tests do without",
    "VoxtralRealtimeTextModel": "its module does not export it",
}
NESTED_TYPE_UNKNOWN = {
    "RfDetrConfig.backbone_config": "names the model type rf_detr_vit, which is in no mapping: the class is open",
}
NESTED_TYPE_MISSPELT = {
    "NougatConfig.encoder": "names donut-swin as donut_swin, which AutoConfig does not find; the catalog does",
}
DIFFERENCES = {**GENERATES_WITHOUT_THE_MIXIN, **NOT_IMPORTABLE, **NESTED_TYPE_UNKNOWN, **NESTED_TYPE_MISSPELT}


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_snapshot(FACTS)


@pytest.fixture(scope="module")
def folder() -> Path:
    """The installed transformers, which must be the version of the facts."""
    transformers = pytest.importorskip("transformers")
    if transformers.__version__ != FACTS:
        pytest.skip(f"the facts are of {FACTS}, installed is {transformers.__version__}")
    return Path(transformers.__file__).parent


@pytest.fixture(scope="module")
def source(folder: Path) -> Catalog:
    return read_source(folder)


@pytest.fixture
def architectures(catalog: Catalog) -> Mapping[str, Architecture]:
    return catalog.architectures


def heads_of(catalog: Catalog) -> dict[str, Head]:
    return {head.name: head for item in catalog.architectures.values() for head in item.heads}


def auto(name: str) -> ModuleType:
    return importlib.import_module(f"transformers.models.auto.{name}")


def class_of(name: str, model_type: str) -> Any:
    """A class at run time: from the top, or from the module of its model type where the top does not export it."""
    import transformers

    module = auto("configuration_auto").model_type_to_module_name(model_type)
    found = getattr(transformers, name, None)
    return found or getattr(importlib.import_module(f"transformers.models.{module}"), name)


class TestFigures:
    """What is known of 5.23.0 from counting by other means."""

    def test_model_types(self, architectures: Mapping[str, Architecture]) -> None:
        assert len(architectures) == 804
        assert sum("-" in name for name in architectures) == 34
        assert [name for name in architectures if "." in name] == ["kosmos-2.5"]

    def test_configuration_classes(self, catalog: Catalog) -> None:
        named = {item.config for item in catalog.architectures.values()}
        assert len(named) == 801
        assert named <= set(catalog.configurations)

    def test_model_classes(self, catalog: Catalog) -> None:
        items = catalog.architectures.values()
        assert sum(bool(item.heads) for item in items) == 649
        assert sum(item.head("model") is not None for item in items) == 605
        assert len(heads_of(catalog)) == 1547

    def test_pipelines(self, catalog: Catalog) -> None:
        assert len(catalog.pipelines) == 25

    def test_configuration_names_that_are_not_the_titled_type(self, architectures: Mapping[str, Architecture]) -> None:
        def titled(name: str) -> str:
            return "".join(character for character in name.title() if character.isalnum()) + "Config"

        assert sum(item.config != titled(name) for name, item in architectures.items()) == 390

    def test_every_modality_is_a_known_one(self, architectures: Mapping[str, Architecture]) -> None:
        known = {"text", "image", "video", "audio", "time_series"}
        assert {modality for item in architectures.values() for modality in item.modalities} == known
        without = [name for name, item in architectures.items() if item.heads and not item.modalities]
        # States and actions; hidden states of a model around it.
        assert without == [
            "decision_transformer",
            "exaone4_5_vision",
            "muse_glimmer_assistant",
            "vibevoice_acoustic_tokenizer_decoder",
            "vibevoice_acoustic_tokenizer_encoder",
        ]


class TestFacts:
    @pytest.mark.parametrize(
        ("model_type", "modalities"),
        [
            ("llama", "text"),
            ("gemma3", "text image"),
            ("gemma3_text", "text"),
            ("clip", "text image"),
            ("wav2vec2", "audio"),
            ("whisper", "audio"),
            ("vit", "image"),
            ("videomae", "video"),
            ("autoformer", "time_series"),
            ("t5", "text"),
            ("sam", "image"),
            ("bark", "text"),
            ("imagegpt", "image"),
            ("kosmos-2.5", "text image"),
            ("blip-2", "text image"),
            ("omdet-turbo", "text image"),
            ("qwen2_5_omni", "text image video audio"),
            ("sam2_video", "text video"),
        ],
    )
    def test_modalities(self, architectures: Mapping[str, Architecture], model_type: str, modalities: str) -> None:
        assert architectures[model_type].modalities == tuple(modalities.split())

    def test_base_model_first_then_in_the_order_of_the_mappings(
        self, architectures: Mapping[str, Architecture]
    ) -> None:
        names = [head.name for head in architectures["bert"].heads]
        assert names[:3] == ["BertModel", "BertForPreTraining", "BertLMHeadModel"]
        assert architectures["bert"].heads[1].tasks == ("pretraining",)

    def test_architecture_in_a_folder_of_another_name(self, architectures: Mapping[str, Architecture]) -> None:
        item = architectures["data2vec-audio"]
        assert (item.module, item.config, item.prefix) == ("data2vec", "Data2VecAudioConfig", "Data2VecAudio")

    @pytest.mark.parametrize(
        ("model_type", "prefix"),
        [("xlm-roberta", "XLMRoberta"), ("kosmos-2.5", "Kosmos2_5"), ("blip-2", "Blip2"), ("codegen", "CodeGen")],
    )
    def test_prefix(self, architectures: Mapping[str, Architecture], model_type: str, prefix: str) -> None:
        item = architectures[model_type]
        assert item.prefix == prefix
        assert all(head.name.startswith(prefix) for head in item.heads)

    def test_nested_configurations(self, architectures: Mapping[str, Architecture]) -> None:
        assert architectures["gemma3"].nested == {
            "text_config": "Gemma3TextConfig",
            "vision_config": "SiglipVisionConfig",
        }
        assert architectures["gemma3"].composite
        assert not architectures["llama"].composite

    def test_generating_through_a_mixin_of_its_own(self, architectures: Mapping[str, Architecture]) -> None:
        head = architectures["whisper"].head("speech_seq_2_seq")
        assert head is not None and head.generates
        assert architectures["whisper"].generates
        assert not architectures["vit"].generates

    def test_image_processors_by_backend(self, architectures: Mapping[str, Architecture]) -> None:
        assert architectures["vit"].image_processors == {
            "pil": "ViTImageProcessorPil",
            "torchvision": "ViTImageProcessor",
        }

    def test_tokenizer_that_needs_no_optional_package(self, architectures: Mapping[str, Architecture]) -> None:
        assert "MistralCommonBackend" not in {item.tokenizer for item in architectures.values()}
        assert architectures["mistral"].tokenizer == "TokenizersBackend"


class TestPipelines:
    def test_by_the_mapping(self, architectures: Mapping[str, Architecture]) -> None:
        head = architectures["llama"].head("causal_lm")
        assert head is not None and head.pipelines == ("text-generation",)

    @pytest.mark.parametrize(
        ("model_type", "pipelines"),
        [
            ("bert", ("feature-extraction",)),
            ("vit", ("image-feature-extraction",)),
            ("clap", ("zero-shot-audio-classification",)),
            ("clip", ("zero-shot-image-classification",)),
            ("gemma3", ()),
            ("wav2vec2", ()),
        ],
    )
    def test_of_a_bare_model(
        self, architectures: Mapping[str, Architecture], model_type: str, pipelines: tuple[str, ...]
    ) -> None:
        base = architectures[model_type].head("model")
        assert base is not None and base.pipelines == pipelines

    def test_decision_goes_by_its_own_mapping(self, catalog: Catalog) -> None:
        serving = [head for head in heads_of(catalog).values() if "decision" in head.pipelines]
        assert serving
        assert all("decision" in head.tasks for head in serving)

    def test_every_pipeline_has_a_class(self, catalog: Catalog) -> None:
        served = {task for head in heads_of(catalog).values() for task in head.pipelines}
        assert served == set(catalog.pipelines)


class TestCheckpoints:
    def test_every_documented_one_is_an_id(self, architectures: Mapping[str, Architecture]) -> None:
        found = [item.checkpoint for item in architectures.values() if item.checkpoint is not None]
        assert [text for text in found if text.count("/") != 1 or " " in text] == []

    def test_wrong_ones_are_corrected(self, architectures: Mapping[str, Architecture]) -> None:
        assert architectures["gemma2"].checkpoint == "google/gemma-2-9b"
        assert architectures["mamba"].checkpoint == "state-spaces/mamba-2.8b-hf"

    def test_a_placeholder_is_none(self, architectures: Mapping[str, Architecture]) -> None:
        assert [name for name, item in architectures.items() if item.heads and not item.checkpoint] == [
            "pp_lcnet_v3",
            "pp_lcnet_v4",
        ]

    def test_each_correction_changes_something_and_has_a_reason(self, folder: Path, source: Catalog) -> None:
        corrections = json.loads((SNAPSHOT_FILE.parent / "corrections.json").read_text(encoding="utf-8"))
        sources = Sources(folder)
        for model_type, correction in corrections.items():
            assert correction["reason"]
            lineage = sources.configuration_lineage(source.architectures[model_type].config)
            documented = next((item.checkpoint for item in lineage if item.checkpoint), None)
            assert correction.get("checkpoint", "") != documented, model_type


class TestAgainstTheRunningTransformers:
    """Equal in every mapping; the differences stand at the top of this module."""

    def test_at_most_ten_differences(self) -> None:
        assert len(DIFFERENCES) <= 10

    def test_model_types_and_configuration_classes(self, source: Catalog) -> None:
        expected = dict(auto("configuration_auto").CONFIG_MAPPING_NAMES)
        assert {name: item.config for name, item in source.architectures.items()} == expected
        assert list(source.architectures) == list(expected)

    def test_module_folders(self, source: Catalog) -> None:
        folder_of = auto("configuration_auto").model_type_to_module_name
        items = source.architectures
        assert {name: item.module for name, item in items.items()} == {name: folder_of(name) for name in items}

    def test_model_classes_by_task(self, source: Catalog) -> None:
        mappings = {
            name: mapping
            for name, mapping in vars(auto("modeling_auto")).items()
            if name.startswith("MODEL_") and name.endswith("MAPPING_NAMES")
        }
        assert len(mappings) > 30
        seen = set()
        for name, mapping in mappings.items():
            task = name.removesuffix("_MAPPING_NAMES").removeprefix("MODEL_FOR_").lower()
            seen.add(task)
            expected = {
                model_type: {classes} if isinstance(classes, str) else set(classes)
                for model_type, classes in mapping.items()
            }
            found = {
                model_type: {head.name for head in item.heads if task in head.tasks}
                for model_type, item in source.architectures.items()
            }
            assert {model_type: names for model_type, names in found.items() if names} == expected, task
        assert seen == {task for head in heads_of(source).values() for task in head.tasks}

    @pytest.mark.parametrize(
        ("fact", "module", "mapping"),
        [
            ("processor", "processing_auto", "PROCESSOR_MAPPING_NAMES"),
            ("feature_extractor", "feature_extraction_auto", "FEATURE_EXTRACTOR_MAPPING_NAMES"),
        ],
    )
    def test_processors(self, source: Catalog, fact: str, module: str, mapping: str) -> None:
        expected = getattr(auto(module), mapping)
        assert set(expected) <= set(source.architectures)
        for name, item in source.architectures.items():
            assert getattr(item, fact) == expected.get(name), name

    def test_image_processors(self, source: Catalog) -> None:
        expected = auto("image_processing_auto").IMAGE_PROCESSOR_MAPPING_NAMES
        assert set(expected) <= set(source.architectures)
        for name, item in source.architectures.items():
            assert item.image_processors == {key: cls for key, cls in expected.get(name, {}).items() if cls}, name

    def test_tokenizers(self, source: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = as_installed("tokenization_auto", monkeypatch).TOKENIZER_MAPPING_NAMES
        for name, item in source.architectures.items():
            assert item.tokenizer == expected.get(name), name

    def test_video_processors(self, source: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = as_installed("video_processing_auto", monkeypatch).VIDEO_PROCESSOR_MAPPING_NAMES
        assert set(expected) <= set(source.architectures)
        for name, item in source.architectures.items():
            assert item.video_processor == (expected.get(name) or {}).get("torchvision"), name

    def test_pipeline_tasks(self, source: Catalog) -> None:
        from transformers.pipelines import SUPPORTED_TASKS

        modeling = auto("modeling_auto")
        names = {id(value): name for name, value in vars(modeling).items() if name.endswith("_MAPPING")}
        supported: dict[str, Any] = SUPPORTED_TASKS
        expected = {
            pipeline: tuple(
                names[id(cls._model_mapping)].removesuffix("_MAPPING").removeprefix("MODEL_FOR_").lower()
                for cls in settings["pt"]
            )
            for pipeline, settings in supported.items()
        }
        # It takes any generative model as a last resort, which says nothing of the model.
        assert expected["decision"][0] == "decision"
        expected["decision"] = ("decision",)
        assert source.pipelines == expected

    def test_what_generates(self, source: Catalog) -> None:
        from transformers.generation.utils import GenerationMixin

        for head, cls in model_classes(source).items():
            assert head.generates == issubclass(cls, GenerationMixin), head.name
            assert cls.can_generate() == (head.generates or head.name in GENERATES_WITHOUT_THE_MIXIN), head.name

    def test_parameters_of_forward(self, folder: Path, source: Catalog) -> None:
        sources = Sources(folder)
        wrong = []
        for head, cls in model_classes(source).items():
            signature = inspect.signature(cls.forward).parameters.values()
            expected = {item.name for item in signature if item.kind is not inspect.Parameter.VAR_KEYWORD} - {"self"}
            starred = any(item.kind is inspect.Parameter.VAR_POSITIONAL for item in signature)
            found = set(sources.forward_parameters(head.name))
            if not starred and not expected <= found:
                wrong.append(head.name)
        assert wrong == []

    def test_encoder_decoders(self, source: Catalog) -> None:
        for name, item in source.architectures.items():
            assert item.encoder_decoder == bool(class_of(item.config, name).is_encoder_decoder), name

    def test_fields_of_configurations(self, source: Catalog) -> None:
        for cls in configuration_classes(source):
            expected = {item.name for item in fields(cls)} | set(cls.attribute_map)
            expected |= {
                item.name
                for item in inspect.signature(cls.__init__).parameters.values()
                if item.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
            } - {"self"}
            configuration = source.configurations[cls.__name__]
            assert set(configuration.fields) == expected, cls.__name__
            assert configuration.model_type == cls.model_type, cls.__name__

    def test_nested_configurations(self, source: Catalog) -> None:
        known = auto("configuration_auto").CONFIG_MAPPING_NAMES
        for cls in configuration_classes(source):
            specifications = getattr(cls, "sub_configs_defaults", {})
            found = source.configurations[cls.__name__].nested
            assert set(found) == set(cls.sub_configs), cls.__name__
            for field, nested in cls.sub_configs.items():
                place = f"{cls.__name__}.{field}"
                expected = nested.__name__
                if expected == "AutoConfig":
                    expected = known.get(specifications[field].model_type, "")
                    assert (expected == "") == (place in NESTED_TYPE_UNKNOWN or place in NESTED_TYPE_MISSPELT), place
                if place not in NESTED_TYPE_MISSPELT:
                    assert found[field] == expected, place
        assert source.configurations["NougatConfig"].nested["encoder"] == "DonutSwinConfig"


def model_classes(catalog: Catalog) -> dict[Head, Any]:
    """Every head with its class at run time."""
    found = {}
    for item in catalog.architectures.values():
        for head in item.heads:
            if head.name not in NOT_IMPORTABLE:
                found[head] = class_of(head.name, item.model_type)
    return found


def configuration_classes(catalog: Catalog) -> Iterator[Any]:
    for name in {item.config: name for name, item in catalog.architectures.items()}.values():
        yield class_of(catalog.architectures[name].config, name)


def as_installed(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A second copy of an auto module, made as if every optional package were there, mistral-common apart."""
    auto(name)
    for package in ("sentencepiece", "torchvision", "g2p_en", "mistral_common"):
        there = package != "mistral_common"
        for module in ("transformers.utils", "transformers.utils.import_utils"):
            monkeypatch.setattr(f"{module}.is_{package}_available", lambda there=there: there, raising=False)
    # The first copy took out of the common tables what is not installed.
    monkeypatch.setitem(sys.modules, "transformers.models.auto.auto_mappings", second_copy("auto_mappings"))
    return second_copy(name)


def second_copy(name: str) -> ModuleType:
    specification = importlib.util.find_spec(f"transformers.models.auto.{name}")
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class TestSnapshot:
    def test_holds_what_the_source_gives(self, catalog: Catalog, source: Catalog) -> None:
        assert catalog == source
        assert list(catalog.architectures) == list(source.architectures)
        assert list(catalog.configurations) == list(source.configurations)

    def test_same_bytes(self, source: Catalog) -> None:
        shipped, made = SNAPSHOT_FILE.read_bytes(), snapshot_bytes(source)
        assert gzip.decompress(shipped) == gzip.decompress(made)
        # zlib-ng, which some builds of Python have, compresses the same text to other bytes.
        if "ng" not in zlib.ZLIB_RUNTIME_VERSION:
            assert shipped == made

    def test_no_time_in_it(self, catalog: Catalog) -> None:
        assert snapshot_bytes(catalog)[4:8] == bytes(4)

    def test_read_once(self) -> None:
        assert load_snapshot(FACTS) is load_snapshot(FACTS)

    def test_the_repository_comes_first(self, tmp_path: Path, catalog: Catalog) -> None:
        write_snapshot(replace(catalog, pipelines={"mine": ("model",)}), tmp_path / SNAPSHOT.format(version=FACTS))
        assert load_snapshot(FACTS, [tmp_path]).pipelines == {"mine": ("model",)}
        assert load_snapshot(FACTS, [tmp_path / "absent"]) == catalog

    def test_available_versions(self, tmp_path: Path, catalog: Catalog) -> None:
        write_snapshot(catalog, tmp_path / "facts" / SNAPSHOT.format(version="1.2.3"))
        (tmp_path / "facts" / "notes.txt").touch()
        shipped = ["4.57.6", "5.0.0", "5.13.0", FACTS]
        assert available_versions() == shipped
        assert available_versions([tmp_path / "facts", tmp_path / "absent"]) == ["1.2.3", *shipped]

    def test_unknown_version(self) -> None:
        with pytest.raises(UserError, match=f"no facts of transformers 0.0.1 .*{FACTS}.*hfcodemod facts --from PATH"):
            load_snapshot("0.0.1")

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"text", id="not-compressed"),
            pytest.param(SNAPSHOT_FILE.read_bytes()[:1000], id="cut-short"),
            pytest.param(SNAPSHOT_FILE.read_bytes()[:10] + bytes(range(255)), id="garbled"),
            pytest.param(gzip.compress(b"{}"), id="something-else"),
        ],
    )
    def test_damaged(self, tmp_path: Path, data: bytes) -> None:
        file = tmp_path / SNAPSHOT.format(version="1.2.3")
        file.write_bytes(data)
        with pytest.raises(UserError, match=r"a damaged snapshot .* make it again with `hfcodemod facts`"):
            load_snapshot("1.2.3", [tmp_path])

    def test_quick_and_light(self) -> None:
        """In a process of its own: nothing heavy is imported, and all is there in a tenth of a second."""
        program = (
            "import sys, time\n"
            "start = time.perf_counter()\n"
            "from hfcodemod.catalog import load_snapshot\n"
            f"load_snapshot({FACTS!r})\n"
            "print(time.perf_counter() - start)\n"
            "print(sorted({'torch', 'transformers', 'libcst', 'typer', 'rich'} & set(sys.modules)))\n"
        )
        runs = [
            subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split(
                "\n"
            )
            for _ in range(3)
        ]
        assert {run[1] for run in runs} == {"[]"}
        assert min(float(run[0]) for run in runs) < 0.1

    def test_reading_the_source_imports_nothing_of_it(self, folder: Path) -> None:
        program = (
            "import sys, time\n"
            "from pathlib import Path\n"
            "from hfcodemod.catalog import read_source\n"
            "start = time.perf_counter()\n"
            "read_source(Path(sys.argv[1]))\n"
            "print(time.perf_counter() - start)\n"
            "print(sorted({'torch', 'transformers', 'libcst'} & set(sys.modules)))\n"
        )
        run = subprocess.run(
            [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=True
        ).stdout.split("\n")
        assert run[1] == "[]"
        assert float(run[0]) < 8


AUTO = {
    "configuration_auto": """
        from collections import OrderedDict
        CONFIG_MAPPING_NAMES = OrderedDict([("toy", "ToyConfig")])
        CONFIG_MAPPING_NAMES["toy-talk"] = "ToyTalkConfig"
        SPECIAL_MODEL_TYPE_TO_MODULE_NAME = OrderedDict({"toy-talk": "toy"})
    """,
    "modeling_auto": """
        MODEL_MAPPING_NAMES = OrderedDict([("toy", ("ToyModel", "ToyOtherModel"))])
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES: dict = {"toy": "ToyForCausalLM"}
        MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.update({"toy-talk": "ToyTalkForCausalLM"})
        MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING_NAMES = OrderedDict(**{"toy-talk": "ToyTalkForVideo"})
        MODEL_FOR_EMPTY_MAPPING_NAMES = OrderedDict()
        MODEL_FOR_CAUSAL_LM_MAPPING = _LazyAutoMapping(CONFIG_MAPPING_NAMES, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
        class AutoModel:
            _model_mapping = MODEL_MAPPING
        class AutoModelForCausalLM:
            _model_mapping = MODEL_FOR_CAUSAL_LM_MAPPING
    """,
    "tokenization_auto": """
        if TYPE_CHECKING:
            TOKENIZER_MAPPING_NAMES = {}
        else:
            TOKENIZER_MAPPING_NAMES = OrderedDict(
                [("toy", ("ToyTokenizer", "ToyTokenizerFast" if is_tokenizers_available() else None))]
            )
    """,
    "processing_auto": "PROCESSOR_MAPPING_NAMES = {}",
    "image_processing_auto": "IMAGE_PROCESSOR_MAPPING_NAMES = {'toy': ('ToyImageProcessor', None)}",
    "feature_extraction_auto": "FEATURE_EXTRACTOR_MAPPING_NAMES = {}",
    "video_processing_auto": "VIDEO_PROCESSOR_MAPPING_NAMES = {'toy-talk': 'ToyVideoProcessor'}",
}
PIPELINES = """
    SUPPORTED_TASKS = {
        "text-generation": {"pt": (AutoModelForCausalLM,) if is_torch_available() else ()},
        "feature-extraction": {"pt": (AutoModel,)},
    }
"""
CONFIGURATIONS = """
    class ToyConfig(PreTrainedConfig):
        r'''The toy, like [toys/toy-1b](https://huggingface.co/toys/toy-1b).'''

        model_type = "toy"
        attribute_map = {"width": "hidden_size"}
        sub_configs = {"text_config": AutoConfig, "other": SubConfigSpec(AutoConfig, "toy_talk"), **more}

        def __init__(self, hidden_size=1, is_encoder_decoder=True, *, depth=2, **kwargs):
            self.extra = kwargs.pop("extra", 1)

    @auto_docstring(checkpoint="toys/talk")
    class ToyTalkConfig(PreTrainedConfig):
        model_type: ClassVar[str] = "toy-talk"
        words: int = 3
        is_encoder_decoder = False
        sub_configs = {"first": SubConfigSpec(ToyConfig), "second": SubConfigSpec(some.Class)}
"""
MODELS = """
    class ToyModel(PreTrainedModel):
        input_modalities = ("image", "text")
        def forward(self, *inputs):
            pass

    class ToyForCausalLM(ToyModel, ToyGenerationMixin):
        pass

    class ToyTalkForCausalLM(generic.GenericForCausalLM, PreTrainedModel):
        pass

    class ToyTalkForVideo(PreTrainedModel):
        def forward(
            self,
            pixel_values: Annotated[Tensor, (1, 2)],  # (batch, frames)
            labels=None,
        ) -> Output:
            pass
"""


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A folder with two model types in the forms of several versions of transformers."""
    files = {
        "__init__.py": '__version__ = "4.0.0"',
        "configuration_utils.py": "class PreTrainedConfig:\n    name_or_path: str = ''\n",
        "modeling_layers.py": "class GenericForCausalLM:\n    def forward(self, input_ids):\n        pass\n",
        "pipelines/__init__.py": PIPELINES,
        "models/toy/configuration_toy.py": CONFIGURATIONS,
        "models/toy/modeling_toy.py": MODELS,
        "models/toy/generation_toy.py": "class ToyGenerationMixin(GenerationMixin):\n    pass\n",
        **{f"models/auto/{name}.py": text for name, text in AUTO.items()},
    }
    for name, text in files.items():
        file = tmp_path / "transformers" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text), encoding="utf-8")
    return tmp_path / "transformers"


class TestOtherVersions:
    def test_architecture_in_old_forms(self, toy: Path) -> None:
        catalog = read_source(toy)
        assert catalog.version == "4.0.0"
        assert catalog.pipelines == {
            "text-generation": ("causal_lm",),
            "feature-extraction": ("model",),
            "decision": ("decision",),
        }
        assert catalog.architectures["toy"] == Architecture(
            model_type="toy",
            module="toy",
            config="ToyConfig",
            prefix="Toy",
            heads=(
                Head("ToyModel", ("model",)),
                Head("ToyOtherModel", ("model",)),
                Head("ToyForCausalLM", ("causal_lm",), ("text-generation",), generates=True),
            ),
            tokenizer="ToyTokenizerFast",
            image_processors={"pil": "ToyImageProcessor"},
            checkpoint="toys/toy-1b",
            modalities=("text", "image"),
            encoder_decoder=True,
            nested={"text_config": "", "other": "ToyTalkConfig"},
        )
        assert catalog.configurations["ToyConfig"].fields == (
            "depth",
            "hidden_size",
            "is_encoder_decoder",
            "name_or_path",
            "width",
        )

    def test_architecture_without_a_base_model(self, toy: Path) -> None:
        catalog = read_source(toy)
        item = catalog.architectures["toy-talk"]
        assert (item.module, item.checkpoint, item.video_processor) == ("toy", "toys/talk", "ToyVideoProcessor")
        assert item.modalities == ("text", "video")
        assert not item.encoder_decoder
        assert catalog.configurations["ToyTalkConfig"] == Configuration(
            "ToyTalkConfig",
            "toy-talk",
            ("name_or_path", "words"),
            {"first": "ToyConfig", "second": ""},
        )

    def test_snapshot_of_it(self, toy: Path, tmp_path: Path) -> None:
        main([str(toy), str(tmp_path / "new" / SNAPSHOT.format(version="4.0.0"))])
        assert load_snapshot("4.0.0", [tmp_path / "new"]) == read_source(toy)

    def test_a_mapping_in_an_unknown_form_is_refused(self, toy: Path) -> None:
        file = toy / "models" / "auto" / "modeling_auto.py"
        file.write_text("MODEL_MAPPING_NAMES = made_by(a_function)\n")
        with pytest.raises(UserError, match=r"modeling_auto.py:1: MODEL_MAPPING_NAMES = made_by.* form not known"):
            read_source(toy)

    def test_source_that_this_python_cannot_parse(self, toy: Path) -> None:
        (toy / "models" / "toy" / "configuration_toy.py").write_text("class ToyConfig[\n")
        with pytest.raises(UserError, match=r"configuration_toy.py:1: .*Python"):
            read_source(toy)

    @pytest.mark.parametrize("absent", ["__init__.py", "models/auto/modeling_auto.py", "pipelines/__init__.py"])
    def test_no_transformers_there(self, toy: Path, absent: str) -> None:
        (toy / absent).unlink()
        with pytest.raises(UserError, match="holds no transformers; name the folder with models/auto"):
            read_source(toy)

    def test_a_part_of_transformers(self, toy: Path) -> None:
        for file in (toy / "models" / "auto").glob("*_auto.py"):
            file.write_text("")
        with pytest.raises(UserError, match="holds no CONFIG_MAPPING_NAMES; name the folder of a whole transformers"):
            read_source(toy)

    def test_a_folder_that_is_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(UserError, match="holds no transformers"):
            read_source(tmp_path / "file")

    def test_arguments(self) -> None:
        with pytest.raises(UserError, match=r"usage: python -m hfcodemod.catalog"):
            main(["one"])

    def test_usage(self) -> None:
        run = subprocess.run([sys.executable, "-m", "hfcodemod.catalog"], capture_output=True, text=True)
        assert run.returncode == 1
        assert run.stderr == "error: usage: python -m hfcodemod.catalog TRANSFORMERS_FOLDER OUTPUT\n"
