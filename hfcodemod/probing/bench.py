"""The functions of the skeleton that the tests run with: what is measured is what they will see."""

from __future__ import annotations

import builtins
from importlib import import_module
from types import FunctionType, ModuleType
from typing import Any

# A type checker cannot follow `hfcodemod.skeleton`, which lies in a folder of another name.
PARTS = ("hfcodemod.skeleton.canonical", "hfcodemod.skeleton.any_inputs", "hfcodemod.skeleton.video_session")


def lifted() -> ModuleType:
    """The skeleton with the fragments in it, as in a module: each function calls those of the later part."""
    module = ModuleType("bench")
    vars(module)["__builtins__"] = builtins  # torch looks for them when it warns
    for part in map(import_module, PARTS):
        vars(module).update((name, value) for name, value in vars(part).items() if not name.startswith("__"))
    for name, value in list(vars(module).items()):
        if isinstance(value, FunctionType) and value.__module__ in PARTS:
            function = FunctionType(value.__code__, vars(module), name, value.__defaults__, value.__closure__)
            function.__kwdefaults__ = value.__kwdefaults__
            setattr(module, name, function)
    return module


module: Any = lifted()
