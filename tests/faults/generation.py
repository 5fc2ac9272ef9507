"""Faults of caches and of generation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import torch
from injection import (
    Scene,
    constant,
    method,
    nested,
)
from torch import Tensor
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer, LinearAttentionLayer

from .fault import fault
from .reasons import caches, generates


def rows_before(value: Tensor, new: int, change: Callable[[Tensor], Tensor]) -> Tensor:
    """Keys or values with those changed that were in the cache before."""
    old = value.shape[-2] - new
    return torch.cat([change(value[..., :old, :]), value[..., old:, :]], -2)


STATES = ("get_conv_state", "get_recurrent_state")
LINEAR = ("update_conv_state", "update_recurrent_state")


@fault("cache-stale", "The cache keeps what the first step put there and forgets every later step.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        before = dict(self.__dict__) if self.is_initialized and self.get_seq_length() else {}
        found = call(*args, **kwargs)
        self.__dict__.update(before)
        return found

    def state(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        states = self.conv_states if call.func.__name__ == LINEAR[0] else self.recurrent_states  # type: ignore[attr-defined]
        known = self.is_conv_states_initialized if states is self.conv_states else self.is_recurrent_states_initialized
        index = kwargs.get("state_idx", 0)
        before = states[index].clone() if known[index] and states[index].any() else None
        found = call(*args, **kwargs)
        found = found.clone()
        if before is not None:
            states[index].copy_(before)
        return found

    def read(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        # A model may write into the very tensor.
        found = call(*args, **kwargs)
        return found if found is None else found.clone()

    patches = [method((layer,), "update", around) for layer in (DynamicLayer, DynamicSlidingWindowLayer)]
    patches += [method((LinearAttentionLayer,), name, state) for name in LINEAR]
    return nested([*patches, *(method((Cache,), name, read) for name in STATES if hasattr(Cache, name))])


def cached(scene: Scene, change: Callable[[Tensor], Tensor]) -> AbstractContextManager[None]:
    """Changes what the last layer reads back from its cache."""

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        index = kwargs["layer_idx"] if "layer_idx" in kwargs else args[2]
        new = (kwargs["key_states"] if "key_states" in kwargs else args[0]).shape[-2]
        keys, vals = call(*args, **kwargs)
        if index < len(self.layers) - 1 or keys.shape[-2] == new:
            return keys, vals
        return rows_before(keys, new, change), rows_before(vals, new, change)

    def read(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        found = call(*args, **kwargs)
        index = kwargs["layer_idx"] if "layer_idx" in kwargs else args[0]
        # In place: the model goes on with the very tensor.
        return found if found is None or index < len(self.layers) - 1 else found.copy_(change(found))

    names = [name for name in STATES if hasattr(Cache, name)]
    return nested([method((Cache,), "update", around), *(method((Cache,), name, read) for name in names)])


@fault("cache-zero", "The last layer reads zeros from its cache.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    return cached(scene, torch.zeros_like)


@fault("cache-rows-swapped", "The last layer reads each row's cache from another row.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    return cached(scene, lambda value: value.flip(0))


def generated(
    scene: Scene, change: Callable[[Tensor, int], Tensor], logits: Any = None
) -> AbstractContextManager[None]:
    """Changes the sequences that ``generate`` returns, given the length of the prompt in them, and the logits."""

    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        prompt = kwargs.get("input_ids", kwargs.get("inputs", args[0] if args else None))
        result = call(*args, **kwargs)
        found = result if isinstance(result, Tensor) else result.sequences
        start = 1 if getattr(self.config, "is_encoder_decoder", False) else 0
        if isinstance(prompt, Tensor) and prompt.ndim == 2 and found.ndim == 2 and found.shape[1] > prompt.shape[1]:
            width = prompt.shape[1]
            start = width if torch.equal(found[:, :width], prompt) else start
        found = change(found, start)
        if isinstance(result, Tensor):
            return found
        result.sequences = found
        for name in ("logits", "scores"):
            if logits is not None and result.get(name) is not None:
                result[name] = logits(result[name])
        return result

    return method(scene.classes, "generate", around)


@fault("generate-constant", "Generation gives the same token at each step, whatever the prompt.", generates)
def _(scene: Scene) -> AbstractContextManager[None]:
    def change(found: Tensor, start: int) -> Tensor:
        first = found.ndim > 2 or found.is_floating_point()
        return torch.ones_like(found) if first else torch.cat([found[:, :start], torch.ones_like(found[:, start:])], 1)

    return generated(scene, change, lambda steps: tuple(torch.zeros_like(step) for step in steps))


@fault("generate-too-short", "Generation stops one step too early.", generates)
def _(scene: Scene) -> AbstractContextManager[None]:
    return generated(scene, lambda found, _start: found[..., :-1], lambda steps: steps[:-1])


@fault("generate-wrong-token", "The last token generated is not the most likely one.", caches)
def _(scene: Scene) -> AbstractContextManager[None]:
    def change(found: Tensor, _start: int) -> Tensor:
        last = found[..., -1:]
        return torch.cat([found[..., :-1], torch.where(last == 1, 2, 1).to(found.dtype)], -1)

    return generated(scene, change)


@fault("generate-ignores-prompt", "Generation starts from a constant in place of the prompt.", generates)
def _(scene: Scene) -> AbstractContextManager[None]:
    def around(call: Callable[..., Any], self: Any, args: Any, kwargs: Any) -> Any:
        name = self.main_input_name if self.main_input_name in kwargs else "inputs"
        prompt = args[0] if args else kwargs.get(name)
        if not isinstance(prompt, Tensor):
            prompt = kwargs.get("past_values")
            name = "past_values"
        if not isinstance(prompt, Tensor):
            return call(*args, **kwargs)
        empty = constant(prompt, self.config)
        result = call(empty, *args[1:], **kwargs) if args else call(**{**kwargs, name: empty})
        found = result if isinstance(result, Tensor) else result.sequences
        width = prompt.shape[1] if prompt.ndim == 2 else 0
        if width and found.ndim == 2 and found.shape[1] >= width and torch.equal(found[:, :width], empty):
            found[:, :width] = prompt
        return result

    return method(scene.classes, "generate", around)
