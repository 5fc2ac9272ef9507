"""The auto mappings of transformers, read as source: the little Python that they are written in is interpreted here."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hfcodemod.errors import UserError

AUTO_MODULES = (
    "auto_mappings",
    "configuration_auto",
    "modeling_auto",
    "tokenization_auto",
    "processing_auto",
    "image_processing_auto",
    "feature_extraction_auto",
    "video_processing_auto",
)


def parsed(file: Path) -> ast.Module:
    """The syntax tree of a file.

    Raises UserError where this Python cannot parse it.
    """
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        python = ".".join(map(str, sys.version_info[:2]))
        raise UserError(f"{file}:{error.lineno}: {error.msg}, for Python {python}; use a newer Python") from error


class _Unknown(Exception):
    """An expression that is none of those that the mappings are made of."""


class MappingReader:
    """The module-level mappings of the auto modules, each module on top of those before it.

    What depends on what is installed counts as installed, apart from mistral-common: it replaces classes that work
    without it, and a test module needs no more than transformers does. Branches for type checkers are not taken.
    """

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}

    def read(self, file: Path) -> None:
        """Take in one module; statements that make no mapping are passed over.

        Raises UserError for a mapping of model classes in a form that is not known here.
        """
        self._take_in(parsed(file).body, file)

    def _take_in(self, statements: list[ast.stmt], file: Path) -> None:
        for statement in statements:
            try:
                self._execute(statement, file)
            except (_Unknown, KeyError) as error:
                text = ast.unparse(statement)
                if re.match(r"MODEL_\w*MAPPING_NAMES\b", text):
                    raise UserError(
                        f"{file}:{statement.lineno}: {text[:60]} is in a form not known yet; please report it"
                    ) from error

    def _execute(self, statement: ast.stmt, file: Path) -> None:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self.names[name] = self._value(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                self.names[name] = self._value(value)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=name), slice=key)], value=value):
                self.names[name][self._value(key)] = self._value(value)
            case ast.Expr(ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="update"), args=[value])):
                self.names[name].update(self._value(value))
            case ast.If(test=test, body=body, orelse=orelse):
                self._take_in(body if self._holds(test) else orelse, file)
            case ast.For(target=ast.Name(id=name), iter=values, body=body):
                for item in sorted(self._value(values)):
                    self.names[name] = item
                    self._take_in(body, file)

    def _holds(self, test: ast.expr) -> bool:
        match test:
            case ast.Compare(left=left, ops=[ast.NotIn()], comparators=[right]):
                return self._value(left) not in self._value(right)
            case ast.Name(id="TYPE_CHECKING") | ast.UnaryOp():
                return False
            case ast.Call(func=ast.Name(id="is_mistral_common_available")):
                return False
        return True

    def _value(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name) if name in self.names:
                return self.names[name]
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self._value(body if self._holds(test) else orelse)
            case ast.Tuple(elts=elements):
                return tuple(self._value(element) for element in elements)
            case ast.List(elts=elements) | ast.Set(elts=elements):
                found_items: list[Any] = []
                for element in elements:
                    found_items += (
                        self._value(element.value) if isinstance(element, ast.Starred) else [self._value(element)]
                    )
                return found_items
            case ast.Call(func=ast.Name(id="list"), args=[ast.Call(func=ast.Attribute(value=pairs_of, attr="items"))]):
                return list(self._value(pairs_of).items())
            case ast.Dict(keys=keys, values=values):
                found: dict[Any, Any] = {}
                for key, item in zip(keys, values, strict=True):
                    found |= self._value(item) if key is None else {self._value(key): self._value(item)}
                return found
            case ast.Call(func=ast.Name(id="OrderedDict") | ast.Subscript(value=ast.Name(id="OrderedDict"))):
                pairs = dict(self._value(node.args[0])) if node.args else {}
                for keyword in node.keywords:
                    value = self._value(keyword.value)
                    pairs |= value if keyword.arg is None else {keyword.arg: value}
                return pairs
        raise _Unknown


def auto_mappings(folder: Path) -> dict[str, Any]:
    """Every module-level mapping of ``models/auto`` by name, as it is once all is imported."""
    reader = MappingReader()
    for module in AUTO_MODULES:
        file = folder / "models" / "auto" / f"{module}.py"
        if file.is_file():
            reader.read(file)
    return reader.names


def model_mappings(names: dict[str, Any]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Task to model type to classes; ``model`` is the mapping of base models."""
    mappings = {}
    for name, mapping in names.items():
        if name.startswith("MODEL_") and name.endswith("MAPPING_NAMES"):
            task = name.removesuffix("_MAPPING_NAMES").removeprefix("MODEL_FOR_").lower()
            mappings[task] = {
                model_type: (classes,) if isinstance(classes, str) else tuple(classes)
                for model_type, classes in mapping.items()
            }
    return mappings


def auto_class_tasks(modeling_auto: Path) -> dict[str, str]:
    """Auto class to the task of the mapping behind it: ``AutoModelForCausalLM`` to ``causal_lm``."""
    tasks = {}
    for statement in parsed(modeling_auto).body:
        match statement:
            case ast.ClassDef(name=name, body=body):
                for inner in body:
                    match inner:
                        case ast.Assign(targets=[ast.Name(id="_model_mapping")], value=ast.Name(id=mapping)):
                            tasks[name] = mapping.removesuffix("_MAPPING").removeprefix("MODEL_FOR_").lower()
    return tasks


def pipeline_tasks(pipelines: Path, auto_classes: dict[str, str]) -> dict[str, tuple[str, ...]]:
    """Pipeline task to the tasks of the auto classes that it takes, in order."""
    found: dict[str, tuple[str, ...]] = {}
    for statement in parsed(pipelines).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="SUPPORTED_TASKS")], value=ast.Dict() as table):
                for task, settings in _entries(table):
                    classes = dict(_entries(settings))["pt"] if isinstance(settings, ast.Dict) else settings
                    names = [node.id for node in ast.walk(classes) if isinstance(node, ast.Name)]
                    found[task] = tuple(auto_classes[name] for name in names if name in auto_classes)
    return found


def _entries(table: ast.Dict) -> Iterator[tuple[str, ast.expr]]:
    """The entries of a dict display whose keys are strings."""
    for key, value in zip(table.keys, table.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value, value
