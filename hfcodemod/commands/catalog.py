"""The commands that tell what is known of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfcodemod.commands.context import AsJson, completed_names, here, shown
from hfcodemod.errors import UserError
from hfcodemod.report import say

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture
    from hfcodemod.catalog import Catalog


def list_architectures(
    task: Annotated[
        str | None, typer.Option(help="Only those with a class for the task: causal_lm, fill-mask.")
    ] = None,
    modality: Annotated[str | None, typer.Option(help="Only those that take text, image, video, audio, ...")] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="Only those that `add` can make a module for.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the architectures of transformers that have a model class."""
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.recipes import model_types_with_recipe
    from hfcodemod.report import print_json, print_table

    catalog = pinned_facts(here())
    _check_choice("task", task, _tasks(catalog))
    _check_choice("modality", modality, {name for item in catalog.architectures.values() for name in item.modalities})
    ready = set(model_types_with_recipe())
    found = [
        item
        for item in catalog.architectures.values()
        if item.heads
        and (task is None or any(task in (*head.tasks, *head.pipelines) for head in item.heads))
        and (modality is None or modality in item.modalities)
        and (not recipes or item.model_type in ready)
    ]
    if as_json:
        print_json([{**_facts_of(item), "recipe": item.model_type in ready} for item in found])
        return
    print_table(
        ("model type", "modality", "classes", "recipe", "checkpoint"),
        [
            (
                item.model_type,
                " ".join(item.modalities),
                str(len(item.heads)),
                "yes" if item.model_type in ready else "",
                item.checkpoint or "",
            )
            for item in found
        ],
    )


def _tasks(catalog: Catalog) -> set[str]:
    heads = [head for item in catalog.architectures.values() for head in item.heads]
    return {task for head in heads for task in (*head.tasks, *head.pipelines)}


def _check_choice(option: str, value: str | None, known: set[str]) -> None:
    import difflib

    if value is not None and value not in known:
        near = ", ".join(difflib.get_close_matches(value, known, n=3, cutoff=0.0))
        raise UserError(f"no {option} {value!r}; the nearest: {near}")


def show(
    name: Annotated[
        str, typer.Argument(help="A model type, a name in use, a checkpoint.", autocompletion=completed_names)
    ],
    as_json: AsJson = False,
) -> None:
    """Show what is known of the architecture that NAME stands for."""
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.names import resolve
    from hfcodemod.recipes import recipe_of
    from hfcodemod.report import print_facts, print_json

    settings = here()
    target = resolve(name, pinned_facts(settings), declared=settings.architectures)
    item = target.architecture
    recipe = recipe_of(item.model_type) is not None
    if as_json:
        print_json({**_facts_of(item), "name": target.name, "checkpoint": target.checkpoint, "recipe": recipe})
        return
    facts = _facts_of(item)
    facts["checkpoint"] = target.checkpoint
    facts["module"] = settings.target.replace("{name}", target.name)
    facts["recipe"] = "yes" if recipe else "not yet"
    for head in facts.pop("heads"):
        facts[head["name"]] = ", ".join([*head["tasks"], *head["pipelines"]])
    print_facts({key: _text(value) for key, value in facts.items()})


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _facts_of(item: Architecture) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(item), "generates": item.generates, "composite": item.composite}


def facts(
    source: Annotated[
        Path | None, typer.Option("--from", help="Folder of a transformers; the installed one if not given.")
    ] = None,
) -> None:
    """Read the facts of another version of transformers into this repository.

    The source is read as text; nothing of it is imported. `facts = "VERSION"` under tool.hfcodemod in pyproject.toml
    then pins them.
    """
    from hfcodemod.catalog import SNAPSHOT, read_source, write_snapshot
    from hfcodemod.workspace import facts_folder

    catalog = read_source(source if source is not None else _installed_transformers())
    path = facts_folder(here().root) / SNAPSHOT.format(version=catalog.version)
    write_snapshot(catalog, path)
    say(f"wrote {shown(path)} ({len(catalog.architectures)} model types)")
    say(f'to use it: facts = "{catalog.version}" under [tool.hfcodemod] in pyproject.toml')


def _installed_transformers() -> Path:
    from importlib.util import find_spec

    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        raise UserError("transformers is not installed here; say where it is: hfcodemod facts --from PATH")
    return Path(spec.origin).parent
