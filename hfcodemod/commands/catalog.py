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


def list_architectures(
    task: Annotated[
        str | None, typer.Option(help="Only those with a class for the task: causal_lm, fill-mask.")
    ] = None,
    modality: Annotated[str | None, typer.Option(help="Only those that take text, image, video, audio, ...")] = None,
    family: Annotated[str | None, typer.Option(help="Only those of a family: qwen, bert.")] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="Only those that `add` can make a module for.")] = False,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only those without a module, in the batches of `add --batch`.")
    ] = False,
    skeleton: Annotated[
        str | None, typer.Option(help="With --missing: the skeleton whose modules count.", show_default="default")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help="Instead, what came, went or has another name since a version of transformers, and what to type.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the architectures of transformers that have a model class."""
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.families import Families
    from hfcodemod.recipes import model_types_with_recipe, why_no_module
    from hfcodemod.report import print_json, print_table
    from hfcodemod.selection import chosen

    if skeleton is not None and not missing:
        raise UserError("--skeleton says whose modules are missing; give --missing too, or leave it out")
    given = {"--task": task, "--modality": modality, "--family": family, "--recipes": recipes, "--missing": missing}
    if since is not None:
        other = next((option for option, value in given.items() if value not in (None, False)), None)
        if other is not None:
            raise UserError(f"--since tells of all that changed; leave it out, or {other}")
        _print_since(since, as_json)
        return
    catalog = pinned_facts(here())
    ready = set(model_types_with_recipe(catalog.recipes))
    found = chosen(catalog, family=family, task=task, modality=modality)
    if recipes:
        found = [item for item in found if item.model_type in ready and not why_no_module(item, catalog.recipes)]
    if missing:
        _print_missing({item.model_type for item in found}, skeleton or "default", as_json)
        return
    families = Families(catalog.architectures)
    if as_json:
        print_json(
            [
                {**_facts_of(item), "family": families.of(item.model_type), "recipe": item.model_type in ready}
                for item in found
            ]
        )
        return
    print_table(
        ("model type", "family", "modality", "classes", "recipe", "checkpoint"),
        [
            (
                item.model_type,
                families.of(item.model_type),
                " ".join(item.modalities),
                str(len(item.heads)),
                "yes" if item.model_type in ready else "",
                item.checkpoint or "",
            )
            for item in found
        ],
    )


def _print_missing(among: set[str], skeleton: str, as_json: bool) -> None:
    from hfcodemod.api import missing
    from hfcodemod.commands.planning import print_missing

    found = [one for one in missing(skeleton=skeleton) if one.model_type in among]
    print_missing(found, skeleton, as_json)


def _print_since(version: str, as_json: bool) -> None:
    from hfcodemod.api import since
    from hfcodemod.commands.planning import print_steps

    print_steps(since(version), version, here().facts, as_json)


def show(
    name: Annotated[
        str, typer.Argument(help="A model type, a name in use, a checkpoint.", autocompletion=completed_names)
    ],
    as_json: AsJson = False,
) -> None:
    """Show what is known of the architecture that NAME stands for."""
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.families import Families
    from hfcodemod.names import resolve
    from hfcodemod.recipes import recipe_of
    from hfcodemod.report import print_facts, print_json

    settings = here()
    catalog = pinned_facts(settings)
    target = resolve(name, catalog, declared=settings.architectures)
    item = target.architecture
    recipe = recipe_of(item.model_type, catalog.recipes) is not None
    family = Families(catalog.architectures).of(item.model_type) if item.heads else None
    if as_json:
        said = {"name": target.name, "checkpoint": target.checkpoint, "family": family, "recipe": recipe}
        print_json({**_facts_of(item), **said})
        return
    facts = _facts_of(item)
    facts["family"] = family
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
