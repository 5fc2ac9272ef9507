"""Labels with which the loss of a class reaches its parameters and falls."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch

from hfcodemod.architecture import Head
from hfcodemod.probing.bench import module
from hfcodemod.probing.entries import FAILURES, Entry, Unsolved, bench, parts_of
from hfcodemod.probing.labelling import label_candidates
from hfcodemod.probing.overrides import Override
from hfcodemod.probing.sessions import in_session
from hfcodemod.probing.sizes import Sizes, parameters_of


def train(cls: Any, head: Head, config: Any, entry: Entry, override: Override) -> None:
    """Labels with which the loss reaches the parameters and falls."""
    if in_session(entry.inputs) and not differentiable(cls, config, entry):
        entry.rate = 0
        return
    parameters = parameters_of(cls)
    sizes = Sizes(config)
    shapes = {name: tuple(shape) for name, shape in entry.outputs.items()}
    options = list(label_candidates(head, parameters, shapes, 2, sizes.image))
    said = override.of(override.labels, cls.__name__)
    if said:
        options = [{name: item for name, item in said.items() if item is not None}]
    problems: list[str] = []
    for labels in [*options, *([] if said else [{}])]:
        entry.labels = dict(labels)
        entry.untrained = []
        try:
            problem = trained(cls, config, entry)
        except FAILURES as error:
            problem = f"{type(error).__name__}: {str(error)[:150]}"
        if problem is None:
            entry.loss = loss_of_what(cls, config, entry)
            return
        problems.append(f"{sorted(labels)}: {problem}")
    raise Unsolved(f"{cls.__name__}: does not train: {'; '.join(problems)[:600]}")


def differentiable(cls: Any, config: Any, entry: Entry) -> bool:
    """Whether the answer of the class has gradients: some answer in inference mode whatever is asked of them."""
    seen = bench(entry)
    model = module.build(cls, config)
    answers = module.compared(module.answer(model, module.on_device(seen.inputs, model.dtype)), seen)
    return any(output.requires_grad for output in answers.values())


def trained(cls: Any, config: Any, entry: Entry) -> str | None:
    """None when a training step does what it must; what does not, otherwise."""
    seen = bench(entry)
    for rate in (1e-3, 1e-4, 1e-2, 1e-1, 1e-5, 1e-6, 1e-7):
        model = module.build(cls, config).train()
        loss = module.loss_of(model, seen, seen.labels)
        if loss is None or not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            return "no loss"
        torch.autograd.backward(loss)
        grads = {name: parameter.grad for name, parameter in model.named_parameters()}
        if any(grad is not None and not grad.isfinite().all() for grad in grads.values()):
            return "gradients are not finite"
        idle = [name for name, grad in grads.items() if grad is None or not grad.abs().sum() > 0]
        if len(idle) == len(grads):
            return "no gradient at all"
        for name, value in seen.labels.items():
            if isinstance(value, torch.Tensor | list):
                other = module.loss_of(model, seen, {**seen.labels, name: module.exchanged(value)})
                if other == loss:
                    return f"{name} makes no difference"
        torch.optim.SGD(model.parameters(), lr=rate).step()
        after = module.loss_of(model, seen, seen.labels)
        if after < loss:
            entry.rate = rate
            entry.untrained = parts_of(idle, [name for name in grads if name not in idle])
            return None
    return "the loss does not fall"


def loss_of_what(cls: Any, config: Any, entry: Entry) -> str:
    """What the loss is the mean cross-entropy of, ``next token`` or ``classes``; empty where of neither."""
    model = module.build(cls, config)
    for kind in ("next token", "classes") if entry.labels else ():
        seen = replace(bench(entry), loss=kind)
        with torch.no_grad(), suppress(*FAILURES):
            expected = module.cross_entropy(model, seen)
            if torch.allclose(module.loss_of(model, seen, seen.labels), expected, atol=1e-4, rtol=1e-4):
                return kind
    return ""
