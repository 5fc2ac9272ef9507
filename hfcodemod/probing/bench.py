"""The functions of the skeleton that the tests run with: what is measured is what they will see."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# A type checker cannot follow `hfcodemod.skeleton`, which lies in a folder of another name.
module: Any = import_module("hfcodemod.skeleton.any_inputs")
