"""Writes the golden modules anew: ``python tests/golden.py``."""

from __future__ import annotations

from pathlib import Path

from hfcodemod.add import Addition, additions
from hfcodemod.catalog import load_snapshot
from hfcodemod.config import Settings
from hfcodemod.requests import Request

GOLDEN = Path(__file__).parents[1] / "fixtures" / "golden"
NAMES = (
    "codegen command-r gemma2 gemma3 llama-3 mamba nemotron olmo olmoe bert xlm-roberta t5 bart vit convnext clip "
    "blip-2 wav2vec2 whisper llava autoformer kosmos-2.5"
)
REQUESTS = [
    *(Request(name) for name in NAMES.split()),
    Request("mistral-next", like="mistral", model_id="mistralai/Mistral-7B-v0.3"),
]


def rendered(root: Path) -> list[Addition]:
    """The golden modules as additions to an empty folder."""
    settings = Settings(root=root, target="test_hf_{name}.py")
    return additions(REQUESTS, settings, load_snapshot(settings.facts), force=True)


def main() -> None:
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for addition in rendered(GOLDEN):
        addition.path.write_text(addition.text, encoding="utf-8")


if __name__ == "__main__":
    main()
