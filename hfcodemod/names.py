"""What people type, resolved: model types however spelt, names in use, checkpoints, and new names like a known one."""

from __future__ import annotations

import difflib
import importlib.resources
import json
import keyword
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from hfcodemod.architecture import Architecture, Target
from hfcodemod.errors import UserError

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import DeclaredArchitecture

CHECKPOINT = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
NEW_NAME = re.compile(r"[A-Za-z][\w.-]*", re.ASCII)
# In the rest of a repository's name: another kind of model than one of text alone, or experts (``30B-A3B``).
OTHER_KIND = re.compile(
    r"[-_.](vision|vl|vlm|audio|speech|asr|tts|omni|moe|multimodal|mm|image|video|ocr|a\d+(\.\d+)?b)(?![^-_.])",
    re.IGNORECASE,
)


def resolve(
    typed: str,
    catalog: Catalog,
    *,
    like: str | None = None,
    model_id: str | None = None,
    declared: Mapping[str, DeclaredArchitecture] | None = None,
) -> Target:
    """The target that a name stands for.

    Raises UserError for a name that is not known, with the nearest ones and the command for a new one; and for a
    ``like`` that a name of another architecture does not need.
    """
    if model_id is not None:
        _check_checkpoint(model_id)
    if like is not None:
        return _new(typed, resolve(like, catalog, declared=declared), model_id, catalog)
    target = _declared(typed, declared or {}) or _known(typed, catalog) or _by_checkpoint(typed, catalog)
    if target is None:
        raise UserError(_unknown(typed, model_id, catalog))
    return target if model_id is None else replace(target, checkpoint=model_id)


def known_names(catalog: Catalog) -> list[str]:
    """Everything that `resolve` knows by name: model types with a model class, and names in use; sorted."""
    return sorted([*(item.model_type for item in catalog.architectures.values() if item.heads), *aliases()])


def bare(text: str) -> str:
    """The text in lower case without separators."""
    return re.sub(r"[-_. ]", "", text).lower()


def identifier(original: str) -> str:
    """The name as a part of file and function names: ``kosmos-2.5`` is ``kosmos_2_5``."""
    return _no_keyword(re.sub(r"\W", "_", original).lower())


def pascal(original: str) -> str:
    """The name as a part of class names: ``llama-3.1`` is ``Llama3_1``."""
    words = re.split(r"[^\w.]|_", original)
    joined = "".join(
        word[:1].upper() + word[1:] for word in ("_" + word if word[:1].isdigit() else word for word in words)
    )
    # The underscore is kept only between digits: Llama3, Gemma3_1b.
    return _no_keyword(re.sub(r"(?<!\d)_(?=\d)", "", joined.replace(".", "_")))


def _no_keyword(name: str) -> str:
    return f"{name}_" if keyword.iskeyword(name) else name


@cache
def aliases() -> dict[str, tuple[str, str]]:
    """Names in use that are no model type: name to model type and checkpoint."""
    text = (importlib.resources.files("hfcodemod") / "data" / "aliases.json").read_text(encoding="utf-8")
    return {name: (model_type, checkpoint) for name, (model_type, checkpoint) in json.loads(text).items()}


def _check_checkpoint(model_id: str) -> None:
    if not CHECKPOINT.fullmatch(model_id):
        raise UserError(f"{model_id!r} is no checkpoint: it must be ORG/MODEL, with one slash")


def _check_new_name(typed: str) -> None:
    if not NEW_NAME.fullmatch(typed):
        raise UserError(
            f"{typed!r} cannot name a module: letters, digits, hyphens, dots and underscores, a letter first"
        )


def _new(typed: str, like: Target, model_id: str | None, catalog: Catalog) -> Target:
    """A new name for the architecture of another one."""
    _check_new_name(typed)
    known = _known(typed, catalog)
    if known is not None and known.architecture != like.architecture:
        raise UserError(
            f"{typed!r} is known: it is {known.architecture.model_type!r}, not {like.architecture.model_type!r}; "
            "leave --like out, or choose another name"
        )
    return Target(identifier(typed), typed, like.architecture, model_id or like.checkpoint, pascal(typed))


def _declared(typed: str, declared: Mapping[str, DeclaredArchitecture]) -> Target | None:
    item = declared.get(typed)
    if item is None:
        return None
    _check_new_name(typed)
    prefix = pascal(re.sub(r"\s+", "-", item.title))
    if not prefix.isidentifier():
        raise UserError(f"the title {item.title!r} of {typed!r} cannot name a class; begin it with a letter, in words")
    architecture = Architecture(typed, "", "", prefix, checkpoint=item.checkpoint or None)
    return Target(identifier(typed), typed, architecture, item.checkpoint, prefix)


def _known(typed: str, catalog: Catalog) -> Target | None:
    """By model type or alias, with any separators and case."""
    if typed in catalog.architectures:
        return _of_model_type(typed, catalog)
    names = _by_bare_name(catalog)
    name = names.get(bare(typed))
    if name is None or "/" in typed:
        return None
    return _of_model_type(name, catalog) if name in catalog.architectures else _of_alias(name, catalog)


@lru_cache(maxsize=4)
def _by_bare_name_of(model_types: tuple[str, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    for name in (*model_types, *aliases()):
        names.setdefault(bare(name), name)
    return names


def _by_bare_name(catalog: Catalog) -> dict[str, str]:
    return _by_bare_name_of(tuple(catalog.architectures))


def _of_model_type(model_type: str, catalog: Catalog) -> Target:
    architecture = catalog.architectures[model_type]
    shared = Counter(item.prefix for item in catalog.architectures.values())[architecture.prefix] > 1
    own = not shared or bare(model_type) == bare(architecture.prefix)
    class_name = architecture.prefix if own else pascal(model_type)
    return Target(identifier(model_type), model_type, architecture, architecture.checkpoint or "", class_name)


def _of_alias(name: str, catalog: Catalog) -> Target:
    model_type, checkpoint = aliases()[name]
    if model_type not in catalog.architectures:
        raise UserError(f"{name!r} stands for {model_type!r}, which transformers {catalog.version} does not have")
    return Target(identifier(name), name, catalog.architectures[model_type], checkpoint, pascal(name))


def _by_checkpoint(typed: str, catalog: Catalog) -> Target | None:
    """By a checkpoint's id: the documented one, else the longest name that its own name begins with."""
    if "/" not in typed:
        return None
    _check_checkpoint(typed)
    documented = [item.model_type for item in catalog.architectures.values() if item.checkpoint == typed and item.heads]
    named = [name for name, (_, checkpoint) in aliases().items() if checkpoint == typed]
    for found in (documented, named):
        if len(found) == 1:
            return _with_checkpoint(found[0], typed, catalog)
    names = _by_bare_name(catalog)
    for beginning, rest in _beginnings(typed.rpartition("/")[2]):
        if bare(beginning) in names:
            target = _with_checkpoint(names[bare(beginning)], typed, catalog)
            # GLM-4.5 is no GLM-4, and Phi-3-vision no Phi-3: a wrong answer is worse than none.
            other = target.architecture.modalities == ("text",) and OTHER_KIND.search(rest)
            return None if other or re.match(r"\.\d", rest) else target
    return None


def _with_checkpoint(name: str, checkpoint: str, catalog: Catalog) -> Target:
    target = _of_model_type(name, catalog) if name in catalog.architectures else _of_alias(name, catalog)
    return replace(target, checkpoint=checkpoint)


def _beginnings(repository: str) -> Iterator[tuple[str, str]]:
    """What a repository's name begins with, whole words only, the longest first, and the rest."""
    for match in reversed(list(re.finditer(r"(?<=[^-_.])(?=[-_.]|$)", repository))):
        yield repository[: match.start()], repository[match.start() :]


def _unknown(typed: str, model_id: str | None, catalog: Catalog) -> str:
    """What to say of a name that is not known: the nearest names, and the command for a new one."""
    names = {bare(name): name for name in known_names(catalog)}
    name = typed.rpartition("/")[2]
    short = bare(name)
    begun = sorted((known for known in names if short.startswith(known) and len(known) > 2), key=len, reverse=True)
    close = difflib.get_close_matches(short, names, n=3, cutoff=0.0)
    near = [names[known] for known in dict.fromkeys([*begun, *close])][:3]
    checkpoint = model_id or (typed if "/" in typed else "ORG/MODEL")
    name = name if NEW_NAME.fullmatch(name) else "NAME"
    return (
        f"no architecture {typed!r}; the nearest: {', '.join(near)}; for a new one that is like a known one: "
        f"hfcodemod add {name} --like {near[0]} --model-id {checkpoint}"
    )
