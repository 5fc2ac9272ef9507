"""What a class does with its inputs: which count, in which outputs rows meet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from hfcodemod.architecture import Head
from hfcodemod.probing import apart
from hfcodemod.probing.bench import module
from hfcodemod.probing.entries import FAILURES, Entry, Unsolved, answered, bench, comparable, made
from hfcodemod.probing.inputs import MODAL, running
from hfcodemod.probing.labelling import label_candidates
from hfcodemod.probing.overrides import Override
from hfcodemod.probing.sessions import in_session
from hfcodemod.probing.sizes import Sizes, parameters_of
from hfcodemod.probing.training import train


def measured(cls: Any, head: Head, config: Any, override: Override) -> Entry:
    """Everything about a class that its recipe says; raises Unsolved."""
    model = module.build(cls, config)
    inputs, outputs = running(cls, head, model, config, override)
    entry = Entry(inputs)
    names = comparable(outputs)
    if not names:
        raise Unsolved(f"{cls.__name__}: no output tells the rows apart")
    entry.outputs = {name: list(shape) for name, shape in names.items()}
    taken = override.taken(cls.__name__, parameters_of(cls))
    try:
        weigh(cls, model, entry, override)
        if apart.both(taken) and not apart.both(entry.inputs):
            raise Unsolved(f"{cls.__name__}: images and videos do not go in together")
    except Unsolved:
        if apart.both(taken) and (found := each_alone(cls, head, model, config, override)):
            train(cls, head, config, found, override)
            return found
        # Some classes answer with no more of what they say than its loss.
        if not with_loss(cls, head, model, entry, override):
            raise
        weigh(cls, model, entry, override)
    if override.of(override.instead, cls.__name__):
        entry.instead = said_instead(cls, model, entry, override)
    train(cls, head, config, entry, override)
    return entry


def said_instead(cls: Any, model: Any, entry: Entry, override: Override) -> dict[str, Any]:
    """What an override says goes in in place of other inputs; raises Unsolved where one of it does not count."""
    said = override.of(override.instead, cls.__name__)
    others = {name: item for name, item in {**entry.inputs, **said}.items() if item is not None}
    found = replace(entry, inputs=others, inert=[], joint=[])
    try:
        weigh(cls, model, found, override)
    except FAILURES as error:
        raise Unsolved(f"{cls.__name__}: in place of others does not go in: {error}") from error
    if found.inputs != others or found.inert != entry.inert or found.joint != entry.joint:
        raise Unsolved(f"{cls.__name__}: what goes in in place of others does not count as they do")
    return apart.exchange(entry.inputs, others)


def each_alone(cls: Any, head: Head, model: Any, config: Any, override: Override) -> Entry | None:
    """What goes in with images, and what in their place with videos; None where these don't count either."""
    found: list[Entry] = []
    for modality in ("video", "image"):
        try:
            inputs, outputs = running(cls, head, model, config, override, modality)
            entry = Entry(inputs, {name: list(shape) for name, shape in comparable(outputs).items()})
            weigh(cls, model, entry, override)
        except Unsolved:
            return None
        found.append(entry)
    images, videos = found
    inert = [*images.inert, *(name for name in videos.inert if name not in images.inputs)]
    return replace(images, instead=apart.exchange(images.inputs, videos.inputs), inert=inert)


def with_loss(cls: Any, head: Head, model: Any, entry: Entry, override: Override) -> bool:
    """Whether labels were found with which the class answers with a loss; they become inputs, and it an output."""
    parameters = parameters_of(cls)
    shapes = {name: tuple(shape) for name, shape in entry.outputs.items()}
    said = override.of(override.labels, cls.__name__)
    for labels in [said] if said else label_candidates(head, parameters, shapes, 2, Sizes(model.config).image):
        try:
            loss = answered(model, {**entry.inputs, **labels})["loss"]
        except FAILURES:
            continue
        if isinstance(loss, torch.Tensor) and not loss.ndim and loss.isfinite():
            entry.inputs = {**entry.inputs, **labels}
            entry.outputs = {**entry.outputs, "loss": []}
            return True
    return False


ALONE = "test_padding_changes_nothing"
"""The test with one row alone: what is numbered over a whole batch, or lies in one row for all of it, has no halves."""


def weigh(cls: Any, model: Any, entry: Entry, override: Override) -> None:
    """Which inputs count, and in which outputs rows meet; what does not count and need not be given is dropped."""
    parameters = parameters_of(cls)
    expected = module.run(model, bench(entry))
    for name in list(entry.inputs):
        value = made(entry.inputs[name])
        if not isinstance(value, torch.Tensor):
            continue
        failed: BaseException | None = None
        try:
            outputs = module.run(model, bench(entry), **{name: module.varied(value)})
            change = max((outputs[key] - expected[key]).abs().max().item() for key in expected)
        except FAILURES as error:
            change, failed = 0.0, error
        if change > 1e-6:
            continue
        encoded = getattr(model.config, "is_encoder_decoder", False) or not name.startswith("decoder_")
        if (MODAL.fullmatch(name) and encoded) or in_session(entry.inputs):
            raise Unsolved(f"{cls.__name__}: {name} makes no difference")
        rest = {key: item for key, item in entry.inputs.items() if key != name}
        if not parameters.get(name):
            try:
                again = module.compared(answered(model, rest), bench(entry))
                if all(again[key].shape == expected[key].shape for key in expected):
                    entry.inputs = rest
                    expected = again
                    continue
            except FAILURES:
                pass
        if failed is not None:
            raise Unsolved(f"{cls.__name__}: other values of {name} do not go in: {failed}")
        entry.inert.append(name)
    batch = expected
    for row in range(2) if ALONE not in override.without else ():
        seen = bench(entry)
        try:
            alone = module.run(model, seen, **{key: module.row_of(value, row) for key, value in seen.inputs.items()})
        except FAILURES as error:
            raise Unsolved(f"{cls.__name__}: a row alone does not run: {error}") from error
        for name, output in alone.items():
            half = module.row_of(batch[name], row)
            if (
                output.shape != half.shape or not torch.allclose(output, half, atol=1e-4, rtol=1e-4)
            ) and name not in entry.joint:
                entry.joint.append(name)
