"""The model types that the rules for tiny configurations are tried on for the first time once they are written."""

import hashlib
import json
from pathlib import Path

from hfcodemod.catalog import load_snapshot
from hfcodemod.config import FACTS

HELD_OUT = Path(__file__).parent.parent / "fixtures" / "recipes" / "held-out.json"


def test_held_out_are_those_with_the_lowest_hashes() -> None:
    types = [name for name, item in load_snapshot(FACTS).architectures.items() if item.heads]
    lowest = sorted(types, key=lambda name: hashlib.sha256(name.encode()).hexdigest())[:60]
    assert json.loads(HELD_OUT.read_text(encoding="utf-8")) == sorted(lowest)
