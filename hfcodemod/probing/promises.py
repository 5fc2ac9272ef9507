"""What a class promises beside its answer: saving without a loss, half precision, generation with a cache."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from hfcodemod.architecture import Head
from hfcodemod.probing.bench import module
from hfcodemod.probing.entries import FAILURES, Entry, Unsolved, bench, made, parts_of

STEPS = {"min_new_tokens": 4, "max_new_tokens": 4, "do_sample": False, "no_repeat_ngram_size": 1}
REPORT = {"output_logits": True, "output_scores": True, "return_dict_in_generate": True}


LOADING = "test_save_load"
"""The test that is left out where a class can't load what it has saved, and all that loads with it."""


def promised(cls: Any, head: Head, config: Any, entry: Entry, without: Mapping[str, str]) -> list[str]:
    """What the entry says of the class's promises is filled in; the answer is why one is missing, in sentences.

    ``without`` are the tests that are left out, each with the reason.
    """
    model = module.build(cls, config)
    missing: list[str] = []
    if LOADING in without:
        entry.half = None
        missing.append(f"It is not loaded in bfloat16: {without[LOADING]}.")
    else:
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            reloaded(cls, model, Path(folder), entry)
            missing += in_half(cls, model, Path(folder), entry)
    if head.generates:
        missing += generating(model, entry)
    return missing


def reloaded(cls: Any, model: Any, folder: Path, entry: Entry) -> None:
    """Raise Unsolved where a weight or the answer is another one after saving and loading."""
    loaded, report = cls.from_pretrained(folder, output_loading_info=True)
    lost = {name: sorted(map(str, keys))[:3] for name, keys in report.items() if keys}
    if lost:
        raise Unsolved(f"{cls.__name__}: saving loses something: {lost}")
    loaded = loaded.eval()
    weights = loaded.state_dict()
    if weights.keys() != model.state_dict().keys():
        raise Unsolved(
            f"{cls.__name__}: other weights after loading: {sorted(weights.keys() ^ model.state_dict().keys())[:3]}"
        )
    for name, weight in model.state_dict().items():
        if not torch.equal(weights[name], weight):
            raise Unsolved(f"{cls.__name__}: {name} is another one after loading")
    if [name for name, _ in loaded.named_parameters()] != [name for name, _ in model.named_parameters()]:
        raise Unsolved(f"{cls.__name__}: tied weights come apart when loaded")
    before, after = module.run(model, bench(entry)), module.run(loaded, bench(entry))
    for name, output in before.items():
        if not torch.allclose(output, after[name], atol=1e-5, rtol=1.3e-6):
            raise Unsolved(f"{cls.__name__}: {name} is another one after loading")


def in_half(cls: Any, model: Any, folder: Path, entry: Entry) -> list[str]:
    """What the class answers in, loaded in bfloat16; nothing where it does not run so, and why."""
    try:
        half = module.load(cls, folder, dtype=torch.bfloat16)
        for name, parameter in half.named_parameters():
            if parameter.dtype not in (torch.float32, torch.bfloat16):
                entry.half = None
                return [f"Loaded in bfloat16 it keeps a parameter in {parameter.dtype}: {name}."]
        kept = [name for name, parameter in half.named_parameters() if parameter.dtype == torch.float32]
        entry.single = parts_of(kept, [name for name, _ in half.named_parameters() if name not in kept])
        answers = module.run(half, bench(entry))
    except FAILURES as error:
        entry.half, entry.single = None, []
        return [f"It does not run in bfloat16: {first_line(error)}."]
    expected = module.run(model, bench(entry))
    far = [
        name
        for name, output in answers.items()
        if not (output - expected[name]).abs().mean() < 0.1 * expected[name].abs().mean()
    ]
    if far:
        entry.half, entry.single = None, []
        return [f"In bfloat16 its {', '.join(far)} are far from those in float32."]
    kinds = {str(output.dtype).removeprefix("torch.") for output in answers.values()}
    entry.half = "bfloat16" if "bfloat16" in kinds else min(kinds)
    return []


NOT_PROMPTS = ("decoder_input_ids", "decoder_attention_mask", "labels")


def generating(model: Any, entry: Entry) -> list[str]:
    """What generation starts from; nothing where it does not say with a cache what it says without, and why."""
    prompt = {name: item for name, item in entry.inputs.items() if name not in NOT_PROMPTS}
    generation = model.generation_config
    if (
        model.config.is_encoder_decoder
        and generation.decoder_start_token_id is None
        and generation.bos_token_id is None
    ):
        prompt["decoder_start_token_id"] = {"value": 0}
    try:
        cached = model.generate(**values(prompt, model), **STEPS, **REPORT)
        uncached = model.generate(**values(prompt, model), **STEPS, **REPORT, use_cache=False)
        said, again = torch.stack(cached.logits, dim=1), torch.stack(uncached.logits, dim=1)
    except FAILURES as error:
        return [f"Generation is left out: {first_line(error)}."]
    if said.shape[:2] != (2, 4):
        return [f"Generation is left out: its logits have the shape {tuple(said.shape)}."]
    if torch.equal(said[:, 0], said[:, -1]):
        return ["Generation is left out: every step says the same."]
    if not torch.allclose(said, again, atol=1e-4, rtol=1e-4) or not torch.equal(cached.sequences, uncached.sequences):
        return ["Generation is left out: with a cache it says something else than without."]
    if said.ndim == 3 and not torch.equal(cached.sequences[:, -4:], torch.stack(cached.scores, dim=1).argmax(-1)):
        return ["Generation is left out: it does not take the token that is the most likely."]
    entry.prompt = prompt
    return at_once(model, entry, cached.sequences, said)


def at_once(model: Any, entry: Entry, sequences: torch.Tensor, said: torch.Tensor) -> list[str]:
    """Nothing where one pass over prompt and answer says what generation said, and why not."""
    try:
        again = module.said_at_once(model, values(entry.prompt, model), sequences, said.shape[1])
    except FAILURES as error:
        entry.at_once = False
        return [f"What it generates is not compared with one pass over all: {first_line(error)}."]
    entry.at_once = again.shape == said.shape and torch.allclose(again[0], said[0], atol=1e-4, rtol=1e-4)
    return [] if entry.at_once else ["One pass over all of the text says something else than generation does."]


def values(prompt: Any, model: Any) -> Any:
    """A fresh copy of the prompt for a call that may change it."""
    torch.manual_seed(0)
    return copy.deepcopy(module.on_device({name: made(item) for name, item in prompt.items()}, model.dtype))


def first_line(error: BaseException) -> str:
    """The first line of an error, short enough for a comment."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].strip().rstrip('.')[:120]}" if lines else type(error).__name__
