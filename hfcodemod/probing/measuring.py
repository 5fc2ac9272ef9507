"""What a class does with its inputs: which run, which count, what trains, what is promised."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError

from hfcodemod.architecture import Head
from hfcodemod.probing import apart
from hfcodemod.probing.bench import module
from hfcodemod.probing.companions import COMPANIONS, companions
from hfcodemod.probing.feeding import OPTIONAL, Sizes, candidates, parameters_of
from hfcodemod.probing.labelling import label_candidates
from hfcodemod.probing.overrides import Override
from hfcodemod.probing.patches import GRIDS, PARAMETERS, PLACED, areas, kind_of, token_counts

FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    NotImplementedError,
    OSError,
    RuntimeError,
    StrictDataclassError,
    TypeError,
    ValueError,
)
"""What a model raises that does not fit its configuration or its inputs."""


MODAL = re.compile(
    r"(.+_)?(input_ids|pixel_values\w*|input_features|input_values|past_values|bbox|flattened_patches)"
    r"|visual_feats|query_embeds"
)

MISPLACED = re.compile(
    r"tokens?\b.* (not|mis)[- ]?(match|equal)|(not|mis)[- ]?(match|equal).*\btokens?\b", re.IGNORECASE
)
"""What is said where a text has not as many placeholders as there is to place."""


EITHER = re.compile(r"cannot specify both (\w+) and (\w+)")
"""What an error says of two inputs of which one alone may be given."""

WIDTH = re.compile(
    r"cannot be multiplied \(\d+x\d+ and (\d+)x|must match the size of tensor b \((\d+)\)|to have (\d+) channels"
    r"|multiple of (\d+)"
)
"""What an error says of the width of an input."""


VISUAL = ("pixel_values", "pixel_values_videos")
"""Inputs of one form: what is cut into patches is so for images and videos alike."""

MOST_PLACES = 160
"""Placeholders in a row at most."""


class Unsolved(ValueError):
    """No inputs, or no configuration, were found with which a class does what it must."""


@dataclass
class Entry:
    """What is found out about a head."""

    inputs: dict[str, Any]
    outputs: dict[str, list[int]] = field(default_factory=dict)
    instead: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    prompt: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    half: str | None = "bfloat16"
    single: list[str] = field(default_factory=list)
    inert: list[str] = field(default_factory=list)
    untrained: list[str] = field(default_factory=list)
    joint: list[str] = field(default_factory=list)
    rate: float = 1e-3

    def recipe(self) -> dict[str, Any]:
        """As a recipe holds it: what is as usual is not said."""
        usual = Entry({})
        return {
            name: value
            for name, value in vars(self).items()
            if name in ("inputs", "outputs") or value != getattr(usual, name)
        }


def made(described: Mapping[str, Any]) -> Any:
    """The value of a description."""
    kinds = {"tokens": module.tokens, "mask": module.mask, "noise": module.noise}
    kinds |= {name: getattr(module, name) for name in ("integers", "boxes", "kinds", "places")}
    options = {name: value for name, value in described.items() if name not in ("method", *kinds)}
    for kind, function in kinds.items():
        if kind in described:
            value = function(*described[kind], **options)
            return getattr(value, described["method"])() if "method" in described else value
    if "tensor" in described:
        return torch.tensor(described["tensor"])
    if "list" in described:
        return [{name: made(item) for name, item in row.items()} for row in described["list"]]
    return described["value"]


def measured(cls: Any, head: Head, config: Any, override: Override) -> Entry:
    """Everything about a class that its recipe says; raises Unsolved."""
    model = module.build(cls, config)
    inputs, outputs = running(cls, head, model, config, override)
    entry = Entry(inputs)
    names = comparable(outputs)
    if not names:
        raise Unsolved(f"{cls.__name__}: no output tells the rows apart")
    entry.outputs = {name: list(shape) for name, shape in names.items()}
    try:
        weigh(cls, model, entry)
        if apart.both(parameters_of(cls)) and not apart.both(entry.inputs):
            raise Unsolved(f"{cls.__name__}: images and videos do not go in together")
    except Unsolved:
        if apart.both(parameters_of(cls)) and (found := each_alone(cls, head, model, config, override)):
            train(cls, head, config, found, override)
            return found
        # Some classes answer with no more of what they say than its loss.
        if not with_loss(cls, head, model, entry, override):
            raise
        weigh(cls, model, entry)
    train(cls, head, config, entry, override)
    return entry


def each_alone(cls: Any, head: Head, model: Any, config: Any, override: Override) -> Entry | None:
    """What goes in with images, and what in their place with videos; None where these don't count either."""
    found: list[Entry] = []
    for modality in ("video", "image"):
        try:
            inputs, outputs = running(cls, head, model, config, override, modality)
            entry = Entry(inputs, {name: list(shape) for name, shape in comparable(outputs).items()})
            weigh(cls, model, entry)
        except Unsolved:
            return None
        found.append(entry)
    images, videos = found
    return replace(images, instead=apart.exchange(images.inputs, videos.inputs))


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


def bench(entry: Entry) -> Any:
    """The entry as the tests of a module see it."""
    return module.Head(
        inputs={name: made(item) for name, item in entry.inputs.items()},
        outputs={name: tuple(shape) for name, shape in entry.outputs.items()},
        instead={name: made(item) for name, item in entry.instead.items()},
        labels={name: made(item) for name, item in entry.labels.items()},
        inert=tuple(entry.inert),
        untrained=tuple(entry.untrained),
        joint=tuple(entry.joint),
        rate=entry.rate,
    )


def answered(model: Any, inputs: Mapping[str, Any]) -> Any:
    """What the model answers, without gradients."""
    torch.manual_seed(0)
    with torch.no_grad():
        return model(**module.on_device({name: made(item) for name, item in inputs.items()}, model.dtype))


def running(
    cls: Any, head: Head, model: Any, config: Any, override: Override, without: str = ""
) -> tuple[dict[str, Any], Any]:
    """Inputs with which the class runs, and what it answers; raises Unsolved with the first and the last error."""
    errors: list[str] = []
    tried: set[str] = set()
    # A class that is a part of an architecture has the configuration of that part.
    known = list(sizes_of(cls, getattr(model, "config", config), override))
    if without:
        known = list(apart.without(without, known))
    # Every size with all inputs, before any with fewer.
    waiting = [(sizes, fewer) for fewer in (False, True) for sizes in known]
    while waiting:
        sizes, fewer = waiting.pop(0)
        for inputs in feeds(cls, head, sizes, override, fewer):
            key = repr(inputs)
            if key in tried or len(tried) > 80:
                continue
            tried.add(key)
            try:
                outputs = answered(model, inputs)
                if comparable(outputs):
                    return inputs, outputs
                errors.append("no output tells the rows apart")
            except FAILURES as error:
                errors.append(f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}")
                if MISPLACED.search(str(error)) or EITHER.search(str(error)):
                    # All else fits: the same again at once, with other numbers of placeholders, or one input less.
                    waiting[:0] = [(found, fewer) for found in [*corrected(sizes, str(error)), sizes]]
                    break
                if len(tried) < 12:
                    waiting += [(found, fewer) for found in corrected(sizes, str(error)) for fewer in (False, True)]
    if not without and apart.both(parameters_of(cls)):
        return running(cls, head, model, config, override, "video")
    raise Unsolved(
        f"{cls.__name__}: no inputs fit: {errors[0] if errors else 'none known'} | {errors[-1] if errors else ''}"
    )


def sizes_of(cls: Any, config: Any, override: Override) -> Iterator[Sizes]:
    """What inputs may have to agree on: the placeholders, where the text has some."""
    parameters = parameters_of(cls)
    plain = Sizes(config)
    placeholders: dict[str, list[int]] = {}
    if "input_ids" in parameters:
        for modality, given in (
            ("image", ("pixel_values", "image_grid_thw", "flattened_patches")),
            ("video", ("pixel_values_videos",)),
            ("audio", ("input_features", "input_values", "audio_values", "audio_input_ids")),
        ):
            token = plain.find(f"{modality}_token_id", f"{modality}_token_index", f"{modality}_token")
            if isinstance(token, int) and token >= 0 and any(name in parameters for name in given):
                placeholders[modality] = [token]
    if override.placeholders:
        yield Sizes(config, dict(override.placeholders))
        return
    if "image_position_ids" in parameters or "pixel_position_ids" in parameters:
        for area in areas(plain.find):
            counts = token_counts(plain.find, PLACED, area)
            named = {name: tokens * counts.get(name, 4) for name, tokens in placeholders.items()}
            yield Sizes(config, named, PLACED, placed=True)
        return
    if any(name in parameters for name in PARAMETERS):
        for area in areas(plain.find):
            for grids in GRIDS:
                counts = token_counts(plain.find, grids, area)
                named = {name: tokens * counts.get(name, 4) for name, tokens in placeholders.items()}
                yield Sizes(config, named, grids)
        return
    if placeholders:
        for count in (4, 1, 16):
            yield Sizes(config, {name: tokens * count for name, tokens in placeholders.items()})
    yield plain
    end = plain.find("eos_token_id")
    if "decoder_input_ids" in parameters and isinstance(end, int):
        # Some read a whole row off the place of its last token.
        yield Sizes(config, {"end": [end]})


def corrected(sizes: Sizes, message: str) -> list[Sizes]:
    """Other numbers of placeholders, by the numbers that an error tells."""
    said = [int(number) for number in re.findall(r"\d+", message)]
    # Some tell the numbers of a feature times that of the features.
    width = sizes.find("hidden_size", within="text")
    if isinstance(width, int):
        said = [number // width if number > 4 * width and number % width == 0 else number for number in said]
    numbers = sorted({number for number in said if 1 <= number <= MOST_PLACES})
    found = []
    if (either := EITHER.search(message)) and not sizes.excluded:
        found += [replace(sizes, excluded=frozenset({str(name)})) for name in reversed(either.groups())]
    if (wide := WIDTH.search(message)) and not sizes.told:
        # Frames of sound are stacked, or made wider, before they come into some encoders.
        found.append(replace(sizes, told=int(next(number for number in wide.groups() if number))))
    named = [modality for modality in sizes.placeholders if modality in message.lower()]
    for modality, tokens in sizes.placeholders.items():
        if named and modality not in named:
            continue
        # Of two numbers the first is most often that of the placeholders, the second what it should be.
        share = [said[1] * len(tokens) // said[0]] if len(said) > 1 and said[0] else []
        share = [number for number in share if 1 <= number <= MOST_PLACES]
        for number in [*share, *numbers, *(number // 2 for number in numbers if number % 2 == 0)]:
            if number != len(tokens):
                found.append(replace(sizes, placeholders={**sizes.placeholders, modality: tokens[:1] * number}))
    return found


def feeds(cls: Any, head: Head, sizes: Sizes, override: Override, fewer: bool) -> Iterator[dict[str, Any]]:
    """Inputs to try: every parameter that a maker knows, or ``fewer`` of those that need not be given."""
    parameters = parameters_of(cls)
    options: dict[str, list[Any]] = {}
    for name, required in parameters.items():
        if sizes.without and kind_of(name) == sizes.without:
            continue
        # The times of a future that is not given would stand for nothing.
        if required or name not in OPTIONAL or (name == "future_values" and "future_time_features" in parameters):
            found = candidates(name, sizes)
            if found:
                options[name] = list(found)
    said = override.of(override.inputs, cls.__name__)
    options = {name: items for name, items in options.items() if name not in said and name not in sizes.excluded}
    options |= {name: [item] for name, item in said.items() if item is not None and name in parameters}
    if "input_ids" not in options and "attention_mask" not in said:
        options.pop("attention_mask", None)  # the mask is over something else: see `companions`
    needed = [name for name in options if parameters[name] or name in said]
    spare = [name for name in options if name not in needed and not MODAL.fullmatch(name)]
    if "multiple_choice" in head.tasks:
        options = {
            name: items if name in said else [of_choices(item) for item in items] for name, items in options.items()
        }
    # Where the text that a decoder reads is not given, it reads the encoder's.
    decoder = tuple(name for name in options if name.startswith("decoder_") and name not in needed)
    lacking: list[tuple[str, ...]] = [*((name,) for name in spare), tuple(spare), decoder] if fewer else [()]
    for dropped in lacking:
        kept = {name: items for name, items in options.items() if name not in dropped}
        if any(name not in kept for name in needed):
            continue
        alike = VISUAL if sizes.grids and all(name in kept and name not in said for name in VISUAL) else ()
        for inputs in itertools.islice(combined(kept, alike), 16):
            yield from accompanied(inputs, [name for name in parameters if name not in said], parameters, sizes)


def combined(options: Mapping[str, Sequence[Any]], alike: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One of the options of each, all combinations; those that are ``alike`` take the same place of theirs."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for name, items in options.items():
        if name in alike:
            together = zip(*(options[other] for other in alike), strict=False)
            groups[alike[0]] = [dict(zip(alike, chosen, strict=True)) for chosen in together]
        else:
            groups[name] = [{name: item} for item in items]
    for parts in itertools.product(*groups.values()):
        found = {name: item for part in parts for name, item in part.items()}
        yield {name: found[name] for name in options}


def accompanied(
    inputs: dict[str, Any], names: Sequence[str], parameters: Mapping[str, bool], sizes: Sizes
) -> Iterator[dict[str, Any]]:
    """The inputs with what goes with them, and without that of it which need not be given."""
    found = {name: companions(name, inputs, sizes) for name in names if name in COMPANIONS and name not in inputs}
    options = {name: [*items, *([] if parameters[name] else [None])] for name, items in found.items() if items}
    for chosen in itertools.islice(itertools.product(*options.values()), 6):
        yield {**inputs, **{name: item for name, item in zip(options, chosen, strict=True) if item is not None}}


def of_choices(described: Mapping[str, Any]) -> dict[str, Any]:
    """The same for three choices a row."""
    if "tensor" in described:
        return {**described, "tensor": [[row] * 3 for row in described["tensor"]]}
    kind = next(kind for kind in ("tokens", "mask", "integers", "boxes", "noise") if kind in described)
    rows, *rest = described[kind]
    if kind == "tokens":
        return {"integers": [rows, 3, *rest], "below": 60}
    return {**described, kind: [rows, 3, *rest]}


def comparable(outputs: Any) -> dict[str, tuple[int, ...]]:
    """The outputs that the tests compare; those of its parts where the class answers with nothing of its own."""
    return comparables(outputs) or comparables(module.flat(outputs))


def comparables(outputs: Any) -> dict[str, tuple[int, ...]]:
    """Numbers, finite, that differ from row to row; no caches or inner layers."""
    if isinstance(outputs, torch.Tensor):
        outputs = {"output": outputs}
    elif not isinstance(outputs, dict):
        outputs = {str(place): output for place, output in enumerate(outputs)} if isinstance(outputs, tuple) else {}
    found: dict[str, tuple[int, ...]] = {}
    for name, value in outputs.items():
        if re.search(r"loss|past_key_values|hidden_states|attentions|cache|state$|^mems$", name) and name.split(".")[
            -1
        ] not in (
            "last_hidden_state",
            "encoder_last_hidden_state",
            "image_hidden_states",
        ):
            continue
        if isinstance(value, tuple) and value and all(isinstance(item, torch.Tensor) for item in value):
            value = value[-1]
        if not isinstance(value, torch.Tensor) or not value.is_floating_point() or value.ndim < 1 or not value.numel():
            continue
        if value.isneginf().any() and not value.isnan().any() and not value.isposinf().any():
            continue  # a score for places that are masked out
        if not value.isfinite().all():
            raise Unsolved(f"{name} is not finite")
        if len(value) > 1 and torch.equal(value[0], value[-1]):
            continue
        found[name] = tuple(value.shape)
    return found


def weigh(cls: Any, model: Any, entry: Entry) -> None:
    """Which inputs count, and in which outputs rows meet; what does not count and need not be given is dropped."""
    parameters = parameters_of(cls)
    expected = module.run(model, bench(entry))
    for name in list(entry.inputs):
        value = made(entry.inputs[name])
        if not isinstance(value, torch.Tensor):
            continue
        try:
            outputs = module.run(model, bench(entry), **{name: module.varied(value)})
            change = max((outputs[key] - expected[key]).abs().max().item() for key in expected)
        except FAILURES:
            change = 0.0
        if change > 1e-6:
            continue
        encoded = getattr(model.config, "is_encoder_decoder", False) or not name.startswith("decoder_")
        if MODAL.fullmatch(name) and encoded:
            raise Unsolved(f"{cls.__name__}: {name} makes no difference")
        rest = {key: item for key, item in entry.inputs.items() if key != name}
        if not parameters[name]:
            try:
                again = module.compared(answered(model, rest), bench(entry))
                if all(again[key].shape == expected[key].shape for key in expected):
                    entry.inputs = rest
                    expected = again
                    continue
            except FAILURES:
                pass
        entry.inert.append(name)
    batch = expected
    for row in range(2):
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


def train(cls: Any, head: Head, config: Any, entry: Entry, override: Override) -> None:
    """Labels with which the loss reaches the parameters and falls."""
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
            return
        problems.append(f"{sorted(labels)}: {problem}")
    raise Unsolved(f"{cls.__name__}: does not train: {'; '.join(problems)[:600]}")


def trained(cls: Any, config: Any, entry: Entry) -> str | None:
    """None when a training step does what it must; what does not, otherwise."""
    seen = bench(entry)
    for rate in (1e-3, 1e-4, 1e-2, 1e-1, 1e-5, 1e-6, 1e-7):
        model = module.build(cls, config).train()
        loss = module.loss_of(model, seen, seen.labels)
        if loss is None or not isinstance(loss, torch.Tensor) or loss.numel() != 1:
            return "no loss"
        torch.autograd.backward(loss)
        grads = {name: parameter.grad for name, parameter in model.named_parameters() if parameter.requires_grad}
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


def parts_of(names: Sequence[str], others: Sequence[str]) -> list[str]:
    """Few parts of names that are in all of ``names`` and in none of ``others``."""
    found: list[str] = []
    waiting = sorted(names)
    while waiting:
        name = waiting[0]
        pieces = name.split(".")
        options = [".".join(pieces[start:end]) for end in range(1, len(pieces) + 1) for start in range(end)]
        best, reach = name, 0
        for option in sorted(options, key=lambda option: (option.count("."), len(option))):
            if option.isdigit() or re.fullmatch(r"(layers?|blocks?|model|weight|bias|encoder|decoder)(\.\d+)?", option):
                continue
            if any(option in other for other in others):
                continue
            covered = sum(option in other for other in waiting)
            if covered > reach:
                best, reach = option, covered
        found.append(best)
        waiting = [other for other in waiting if best not in other]
    return found
