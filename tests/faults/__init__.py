"""The faults that generated tests must catch: what breaks, where it applies, how it enters transformers' classes.

A fault enters real classes while a whole generated module runs. Where it can't show, ``Fault.reason`` says why, from
the class, its configuration or a run of the real model; it never looks at the tests.
"""

from . import outputs, inputs, training, saving, generation, pipelines, calls  # isort: skip - the order of the list
from .control import CONTROL
from .fault import FAULTS, Fault

__all__ = ["CONTROL", "FAULTS", "Fault", "calls", "generation", "inputs", "outputs", "pipelines", "saving", "training"]
