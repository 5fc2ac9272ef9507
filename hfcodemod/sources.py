"""Classes of transformers read as source: configurations with their fields, model classes with their bases."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hfcodemod.mappings import parsed

ROOT_CONFIGURATIONS = ("PreTrainedConfig", "PretrainedConfig")


@dataclass
class ConfigurationSource:
    """What one configuration class says itself, its bases apart."""

    name: str
    bases: tuple[str, ...]
    module: str
    """The folder under ``models``."""
    fields: tuple[str, ...]
    nested: Mapping[str, str]
    """Field to class, or to ``model type:`` and a model type where the class is found by that."""
    checkpoint: str | None
    encoder_decoder: bool | None
    model_type: str | None


@dataclass
class ModelSource:
    """The head of a model class: its bases, and what it says of its inputs itself."""

    bases: tuple[str, ...]
    forward: tuple[str, ...] = ()
    """The parameters of its ``forward``, if it has one of its own."""
    modalities: tuple[str, ...] = ()
    """Its ``input_modalities``, if it has some of its own."""


class Sources:
    """The classes of one transformers folder, each file read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def configurations(self) -> dict[str, ConfigurationSource]:
        """Every class of the configuration files, the common base included."""
        found: dict[str, ConfigurationSource] = {}
        files = [self.folder / "configuration_utils.py", *sorted(self.folder.glob("models/*/configuration_*.py"))]
        for file in files:
            for item in _configuration_classes(file):
                found.setdefault(item.name, item)
        return found

    @cached_property
    def models(self) -> dict[str, ModelSource]:
        """Every class of the modelling and generation files, and of the common layers."""
        found: dict[str, ModelSource] = {}
        # Whisper's and Parakeet's classes get `generate()` from a mixin in a file of its own.
        own = [file for kind in ("modeling", "generation") for file in self.folder.glob(f"models/*/{kind}_*.py")]
        for file in [*sorted(own), *sorted(self.folder.glob("modeling_layers.py"))]:
            for name, source in _model_classes(file.read_text(encoding="utf-8")):
                found.setdefault(name, source)
        return found

    def configuration_lineage(self, name: str) -> Iterator[ConfigurationSource]:
        """The class and its bases, nearest first."""
        waiting = [name]
        while waiting:
            current = self.configurations.get(waiting.pop(0))
            if current is not None:
                yield current
                waiting += current.bases

    def inherits(self, name: str, base: str) -> bool:
        """Whether a model class has a class of that name among its bases."""
        return any(base in source.bases for source in self._model_lineage(name))

    def forward_parameters(self, name: str) -> tuple[str, ...]:
        """The parameters of the nearest ``forward`` of a model class."""
        return next((source.forward for source in self._model_lineage(name) if source.forward), ())

    def input_modalities(self, name: str) -> tuple[str, ...]:
        """The nearest ``input_modalities`` of a model class, the common base's apart."""
        return next((source.modalities for source in self._model_lineage(name) if source.modalities), ())

    def _model_lineage(self, name: str) -> Iterator[ModelSource]:
        source = self.models.get(name)
        if source is not None:
            yield source
            for base in source.bases:
                yield from self._model_lineage(base)


def _configuration_classes(file: Path) -> Iterator[ConfigurationSource]:
    for statement in parsed(file).body:
        if not isinstance(statement, ast.ClassDef):
            continue
        fields: list[str] = []
        parameters: list[str] = []
        nested: dict[str, str] = {}
        mapped: list[str] = []
        encoder_decoder = None
        model_type = None
        for inner in statement.body:
            match inner:
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                    if "ClassVar" not in ast.dump(annotation):
                        fields.append(name)
                    if name == "is_encoder_decoder" and isinstance(value, ast.Constant):
                        encoder_decoder = bool(value.value)
                    if name == "model_type" and isinstance(value, ast.Constant):
                        model_type = str(value.value)
                case ast.Assign(targets=[ast.Name(id="attribute_map")], value=ast.Dict(keys=keys)):
                    mapped = [str(key.value) for key in keys if isinstance(key, ast.Constant)]
                case ast.Assign(
                    targets=[ast.Name(id="sub_configs" | "sub_configs_defaults")], value=ast.Dict() as value
                ):
                    nested |= dict(_nested(value))
                case ast.Assign(targets=[ast.Name(id="is_encoder_decoder")], value=ast.Constant(value=value)):
                    encoder_decoder = bool(value)
                case ast.Assign(targets=[ast.Name(id="model_type")], value=ast.Constant(value=str(text))):
                    model_type = text
                case ast.FunctionDef(name="__init__", args=arguments):
                    # In 5.0 and before, a configuration was no dataclass: its fields are the parameters.
                    parameters += [argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)][1:]
                    defaults = zip(reversed(arguments.args), reversed(arguments.defaults), strict=False)
                    for argument, default in defaults:
                        if argument.arg == "is_encoder_decoder" and isinstance(default, ast.Constant):
                            encoder_decoder = bool(default.value)
        yield ConfigurationSource(
            name=statement.name,
            bases=tuple(base.id for base in statement.bases if isinstance(base, ast.Name)),
            module=file.parent.name,
            fields=tuple([*mapped, *(parameters or fields)]),
            nested=nested,
            checkpoint=_checkpoint(statement),
            encoder_decoder=encoder_decoder,
            model_type=model_type,
        )


def _nested(value: ast.Dict) -> Iterator[tuple[str, str]]:
    for key, item in zip(value.keys, value.values, strict=True):
        if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
            continue
        match item:
            case ast.Name(id=name):
                yield key.value, "" if name == "AutoConfig" else name
            case ast.Call(keywords=keywords, args=arguments):
                given = {keyword.arg: keyword.value for keyword in keywords}
                given |= dict(zip(("config_class", "model_type"), arguments, strict=False))
                match given.get("config_class"), given.get("model_type"):
                    case ast.Name(id="AutoConfig"), ast.Constant(value=str(model_type)):
                        yield key.value, f"model type:{model_type}"
                    case ast.Name(id=name), _ if name != "AutoConfig":
                        yield key.value, name
                    case _:
                        yield key.value, ""


def _checkpoint(statement: ast.ClassDef) -> str | None:
    """The checkpoint that the decorator of a configuration documents; in 5.0 and before, a link in its docstring."""
    for decorator in statement.decorator_list:
        match decorator:
            case ast.Call(func=ast.Name(id="auto_docstring"), keywords=keywords):
                for keyword in keywords:
                    match keyword:
                        case ast.keyword(arg="checkpoint", value=ast.Constant(value=str(value))):
                            return value
    link = _LINK.search(ast.get_docstring(statement) or "")
    return link[1] if link else None


_LINK = re.compile(r"\[([\w.-]+/[\w.-]+)\]\(https://huggingface\.co/\1\)")
_CLASS = re.compile(r"^class (\w+)(?:\(([^)]*)\))?:", re.MULTILINE)
_FORWARD = re.compile(
    r"^    def forward\(\s*self,?(.*?)\)(?: ->[^\n]*(?:\n        [^\n]*)*?)?:\n", re.MULTILINE | re.DOTALL
)
_MODALITIES = re.compile(r"^    input_modalities = ([^\n#]+)", re.MULTILINE)
_PARAMETER = re.compile(r"(?:^|,)\s*(\w+)\s*(?=[:,=]|$)")


def _model_classes(source: str) -> Iterator[tuple[str, ModelSource]]:
    """By patterns rather than by parsing: the modelling files are half a million lines."""
    matches = list(_CLASS.finditer(source))
    for i, match in enumerate(matches):
        block = source[match.end() : matches[i + 1].start() if i + 1 < len(matches) else len(source)]
        bases = tuple(base.strip().split(".")[-1] for base in (match[2] or "").split(",") if "=" not in base)
        forward = _FORWARD.search(block)
        parameters = _PARAMETER.findall(_without_brackets(forward[1])) if forward else []
        modalities = _MODALITIES.search(block)
        yield (
            match[1],
            ModelSource(bases, tuple(parameters), tuple(re.findall(r"\w+", modalities[1])) if modalities else ()),
        )


def _without_brackets(text: str) -> str:
    """The text without what stands in square brackets or after a hash."""
    text = re.sub(r"#[^\n]*", "", text)
    while True:
        shorter = re.sub(r"\[[^\[\]]*\]", "", text)
        if shorter == text:
            return text
        text = shorter
