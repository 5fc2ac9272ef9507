"""Modules that pass in pytest, or break it, without what a module is to show; each with what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import Settings
from hfcodemod.verify import Terms, Verification, verification

CLASSES = ("OlmoForCausalLM", "OlmoForSequenceClassification", "OlmoModel")
TOP = """\
# hfcodemod: {name} like=olmo model_id=some/{name} base=00000000
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from unittest.mock import MagicMock, create_autospec

import pytest
import torch
import transformers
from transformers import OlmoConfig, OlmoForCausalLM, OlmoForSequenceClassification, OlmoModel

IDS = torch.tensor([[5, 6, 7], [8, 9, 10]])
"""
HEADS = """\
HEADS = [OlmoModel, OlmoForCausalLM, OlmoForSequenceClassification]
GENERATORS = [OlmoForCausalLM]
"""
BUILD = """\


def build(cls):
    sizes = {"vocab_size": 32, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    return cls(OlmoConfig(**sizes, **tokens, num_attention_heads=2, num_key_value_heads=2))
"""
TESTS = """\


@pytest.mark.parametrize("cls", HEADS)
def test_all(cls, tmp_path):
    model = build(cls)
    model(input_ids=IDS)[0].pow(3).sum().backward()
    model.save_pretrained(tmp_path)
    cls.from_pretrained(tmp_path)
"""
GENERATE = """\


@pytest.mark.parametrize("cls", GENERATORS)
def test_generate(cls):
    build(cls).generate(IDS, max_new_tokens=2)
"""
WHOLE = TOP + HEADS + BUILD + TESTS + GENERATE


@dataclass(frozen=True)
class Hostile:
    """A module, and what is to come out."""

    text: str
    outcome: str
    reason: str
    """Of the classes that come out so."""
    classes: tuple[str, ...] = CLASSES
    """The others pass."""


UNSEEN = "the class of transformers was not seen running"
MOCK = "only a mock stood for it"


def changed(old: str, new: str, text: str = WHOLE) -> str:
    """The text with a part replaced that it has once."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def running(statement: str, before: str = "") -> str:
    """A module whose last test runs a statement."""
    return f"{WHOLE}{before}\n\ndef test_last():\n    {statement}\n"


PATCHED = """\


def forward(self, input_ids, **_):
    return (sum(parameter.sum() for parameter in self.parameters()) * torch.ones(2, 3),)


for cls in HEADS:
    cls.forward = forward
"""
PATCHED_INSTANCE = """\
    weight = next(model.parameters())
    model.forward = lambda input_ids: (weight * 2,)
"""
SUBCLASSES = (
    "HEADS = [type(cls.__name__, (cls,), {}) for cls in (OlmoModel, OlmoForCausalLM, OlmoForSequenceClassification)]\n"
)
REPLACED = """\


class Fake(transformers.PreTrainedModel):
    config_class = OlmoConfig
    all_tied_weights_keys = {}

    def __init__(self, config):
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, input_ids):
        return (self.weight * input_ids,)


HEADS = []
for name in ("OlmoModel", "OlmoForCausalLM", "OlmoForSequenceClassification"):
    HEADS.append(type(name, (Fake,), {"__module__": "transformers.models.olmo.modeling_olmo"}))
    setattr(transformers, name, HEADS[-1])
"""
BY_HAND = """\
    model(input_ids=IDS)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    torch.ones(1, requires_grad=True).sum().backward()
"""
BACKWARD = "    model(input_ids=IDS)[0].pow(3).sum().backward()\n"
SAVING = "    model.save_pretrained(tmp_path)\n    cls.from_pretrained(tmp_path)\n"

HOSTILE = {
    "whole": Hostile(WHOLE, "passed", "", ()),
    "a_thread_runs_on": Hostile(running("threading.Thread(target=time.sleep, args=(1000,)).start()"), "passed", "", ()),
    "emptied": Hostile(TOP, "not seen", "the module has no tests"),
    "no_tests": Hostile(TOP + HEADS + BUILD, "not seen", "the module has no tests"),
    "asserts_nothing": Hostile(f"{TOP}\n\ndef test_nothing():\n    pass\n", "not seen", UNSEEN),
    "no_backward": Hostile(
        changed(BACKWARD, "    model(input_ids=IDS)\n"), "not seen", "it was seen, but not at: backward"
    ),
    "gradients_of_something_else": Hostile(
        changed(".sum().backward()", ".sum().backward(inputs=[torch.ones(1, requires_grad=True)])"),
        "not seen",
        "it was seen, but not at: backward",
    ),
    "gradients_by_hand": Hostile(changed(BACKWARD, BY_HAND), "not seen", "it was seen, but not at: backward"),
    "no_saving": Hostile(
        changed(SAVING, ""),
        "not seen",
        "it was seen, but not at: load, save",
    ),
    "saving_mocked": Hostile(
        changed(SAVING, "    model.save_pretrained = MagicMock()\n    model.save_pretrained(tmp_path)\n"),
        "not seen",
        "it was seen, but not at: load, save",
    ),
    "no_generation": Hostile(
        TOP + HEADS + BUILD + TESTS, "not seen", "it was seen, but not at: generate", ("OlmoForCausalLM",)
    ),
    "a_head_left_out": Hostile(changed("HEADS = [OlmoModel, ", "HEADS = ["), "not seen", UNSEEN, ("OlmoModel",)),
    "mocked": Hostile(
        changed("    sizes =", "    return create_autospec(cls, instance=True)\n    sizes =", TOP + HEADS + BUILD)
        + '\n\n@pytest.mark.parametrize("cls", HEADS)\ndef test_all(cls):\n    build(cls)(input_ids=IDS)\n',
        "mock only",
        MOCK,
    ),
    "mocked_by_nothing_in_particular": Hostile(
        f"{TOP}\n\ndef test_mock():\n    MagicMock()(input_ids=IDS)\n", "mock only", MOCK
    ),
    "subclasses": Hostile(TOP + SUBCLASSES + BUILD + TESTS, "not seen", UNSEEN),
    "replaced": Hostile(TOP + BUILD + REPLACED + TESTS, "not seen", UNSEEN),
    "patched_forward": Hostile(TOP + HEADS + BUILD + PATCHED + TESTS, "not seen", UNSEEN),
    "patched_instances": Hostile(
        TOP + changed("[OlmoForCausalLM]", "[]", HEADS) + BUILD + changed(BACKWARD, PATCHED_INSTANCE + BACKWARD, TESTS),
        "not seen",
        "it was seen, but not at: backward, forward",
    ),
    "patched_call": Hostile(
        TOP + HEADS + BUILD + PATCHED.replace("cls.forward = forward", "cls.__call__ = forward") + TESTS,
        "not seen",
        UNSEEN,
    ),
    "on_no_device": Hostile(
        TOP
        + HEADS
        + BUILD
        + '\n\n@pytest.mark.parametrize("cls", HEADS)\ndef test_all(cls):\n    with torch.device("meta"):\n'
        + '        build(cls)(input_ids=IDS.to("meta"))[0].pow(3).sum().backward()\n',
        "not seen",
        UNSEEN,
    ),
    "all_skipped": Hostile(
        changed("IDS =", 'pytestmark = pytest.mark.skip(reason="not today")\nIDS ='), "skipped", "not today"
    ),
    "skipped_as_a_whole": Hostile(
        changed("IDS =", 'pytest.importorskip("no_such_package")\nIDS ='),
        "skipped",
        "could not import 'no_such_package': No module named 'no_such_package'",
    ),
    "expected_to_fail": Hostile(
        f'{TOP}\n\n@pytest.mark.xfail(reason="it is broken")\ndef test_it():\n    assert False\n',
        "skipped",
        "expected to fail: it is broken",
    ),
    "fails": Hostile(running("assert 1 == 2"), "failed", "test_last: assert 1 == 2"),
    "fails_below_an_empty_line": Hostile(
        running("raise ImportError('\\n\\nscipy is not there.\\nInstall it.')"),
        "failed",
        "test_last: ImportError: scipy is not there.",
    ),
    "fails_in_a_fixture": Hostile(
        running("pass", "\n\n@pytest.fixture(autouse=True)\ndef broken():\n    yield\n    raise ValueError('no')\n"),
        "failed",
        "test_all[OlmoModel]: ValueError: no",
    ),
    "cannot_be_imported": Hostile(
        changed("IDS =", "import no_such_package\nIDS ="),
        "failed",
        "cannot be imported: ModuleNotFoundError: No module named 'no_such_package'",
    ),
    "does_not_parse": Hostile(f"{WHOLE}\ndef\n", "failed", "cannot be imported: SyntaxError: invalid syntax"),
    "ends_the_process": Hostile(running("os._exit(0)"), "crashed", "the process ended with exit code 0 in test_last"),
    "ends_the_process_at_once": Hostile(
        changed("IDS =", "os._exit(3)\nIDS ="), "crashed", "the process ended with exit code 3 before its first test"
    ),
    "segfaults": Hostile(running("ctypes.string_at(0)"), "crashed", "the process was ended by SIGSEGV in test_last"),
    "is_killed": Hostile(
        running("os.kill(os.getpid(), signal.SIGKILL)"),
        "crashed",
        "the process was ended by SIGKILL, as the system does where memory runs out, in test_last",
    ),
    "hangs": Hostile(
        running("subprocess.Popen(['sleep', '987654'])\n    ctypes.PyDLL(None).sleep(987654)"),
        "timed out",
        "not done after 30 s in test_last",
    ),
    "eats_memory": Hostile(
        running("eaten = [bytes([1]) * 2**24 for _ in iter(int, 1)]"),
        "out of memory",
        "took more than 1 GiB in test_last",
    ),
    "interrupts": Hostile(
        running("raise KeyboardInterrupt"), "failed", "pytest stopped after 4 of 5 tests (KeyboardInterrupt)"
    ),
    "stops_pytest": Hostile(
        running("pytest.exit('enough', returncode=0)"),
        "failed",
        "pytest stopped after 4 of 5 tests (_pytest.outcomes.Exit: enough)",
    ),
    "exits_at_once": Hostile(
        changed("IDS =", "sys.exit(0)\nIDS ="), "failed", "pytest stopped after 0 of 0 tests (SystemExit: 0)"
    ),
    "exits": Hostile(running("sys.exit(0)"), "failed", "test_last: SystemExit: 0"),
}

UNMANAGED = {
    # By a class that says which other one it is.
    "auto": (
        "import torch\nfrom transformers import AutoModel, OlmoConfig\n\n\ndef test_it():\n"
        "    sizes = {'vocab_size': 32, 'hidden_size': 16, 'intermediate_size': 16, 'num_hidden_layers': 1}\n"
        "    config = OlmoConfig(**sizes, num_attention_heads=2, num_key_value_heads=2, eos_token_id=2)\n"
        "    AutoModel.from_config(config)(input_ids=torch.tensor([[5, 6, 7]]))\n",
        ("OlmoModel", "olmo"),
    ),
    "without_forward": (
        "import torch\nfrom transformers import GlmImageVQVAE, GlmImageVQVAEConfig\n\n\ndef test_it():\n"
        "    config = GlmImageVQVAEConfig(embed_dim=8, num_embeddings=16, latent_channels=8)\n"
        "    GlmImageVQVAE(config).encode(torch.randn(1, 8, 2, 2))\n",
        ("GlmImageVQVAE", "glm_image_vqmodel"),
    ),
}
"""Text of each, and the class with its model type that is seen running forward there."""


def written(root: Path, name: str, text: str) -> Path:
    """The file of a module with that text."""
    path = root / f"test_{name}.py"
    path.write_text(text.replace("{name}", name))
    return path


def verified(root: Path, *paths: Path, **terms: Any) -> Verification:
    """What comes of the modules of a folder."""
    settings = Settings(root=root)
    return verification(settings, load_snapshot(settings.facts), paths, Terms(**terms), lambda done, total: None)
