"""The command line: parse, call, report, exit. Heavy imports happen inside the command that needs them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfcodemod.errors import UserError

if TYPE_CHECKING:
    from hfcodemod.architecture import Architecture
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="One test module for every Hugging Face architecture, generated from one skeleton and kept in step with it.",
    epilog="Exit codes: 0 fine; 1 --diff found work; 2 wrong usage, configuration or file; 130 interrupted.",
)


def main() -> None:
    """Run the command line; every error that the user can mend is one line on stderr and exit code 2."""
    try:
        app()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        # Whoever reads stdout has seen enough; the interpreter would complain again when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _completed_names(incomplete: str) -> list[str]:
    """The known names that begin with what is typed."""
    from hfcodemod.names import known_names

    try:
        return [name for name in known_names(_catalog(_settings())) if name.startswith(incomplete)]
    except UserError:
        return []


def _settings() -> Settings:
    from hfcodemod.config import settings_for

    return settings_for(Path.cwd())


def _catalog(settings: Settings) -> Catalog:
    from hfcodemod.catalog import load_snapshot
    from hfcodemod.workspace import facts_folder

    return load_snapshot(settings.facts, [facts_folder(settings.root)])


Names = Annotated[
    list[str],
    typer.Argument(
        metavar="NAME",
        help="What to add: a model type (gemma3, XLM-RoBERTa), a name in use (llama-3), a checkpoint (org/model).",
        autocompletion=_completed_names,
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def add(
    names: Names,
    like: Annotated[
        str | None,
        typer.Option(help="Known name whose architecture an unknown NAME has.", autocompletion=_completed_names),
    ] = None,
    model_id: Annotated[str | None, typer.Option(help="Checkpoint that the module names.", metavar="ORG/MODEL")] = None,
    skeleton: Annotated[str, typer.Option(help="Skeleton to clone.")] = "default",
    diff: Annotated[bool, typer.Option("--diff", help="Print what would change and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that were edited by hand.")] = False,
) -> None:
    """Write a test module for each NAME.

    The module builds a tiny random-weight model of the real architecture and passes on CPU without network. It goes to
    tests/models/test_hf_NAME.py; `target` under tool.hfcodemod in pyproject.toml says otherwise.
    """
    from hfcodemod.add import Request, additions, files_of
    from hfcodemod.workspace import write_files

    if (like or model_id) and len(names) > 1:
        raise UserError("--like and --model-id speak of one NAME; add the names one by one")
    settings = _settings()
    requests = [Request(name, like, model_id, skeleton) for name in names]
    made = additions(requests, settings, _catalog(settings), force=force)
    if diff:
        for addition in made:
            sys.stdout.write(addition.diff(settings.root) if addition.status != "unchanged" else "")
        raise typer.Exit(code=int(any(addition.status != "unchanged" for addition in made)))
    write_files(files_of(made, settings.root))
    for addition in made:
        path = _shown(addition.path)
        print(f"{path}: already in step" if addition.status == "unchanged" else f"wrote {path}")
        for left in addition.leftovers:
            print(f"{path}:{left.line}: still says {left.text!r}", file=sys.stderr)
    print(f"run: pytest {' '.join(_shown(addition.path) for addition in made)}")


def _shown(path: Path) -> str:
    """The path from here, if it is below."""
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


@app.command("list")
def list_architectures(
    task: Annotated[
        str | None, typer.Option(help="Only those with a class for the task: causal_lm, fill-mask.")
    ] = None,
    modality: Annotated[str | None, typer.Option(help="Only those that take text, image, video, audio, ...")] = None,
    recipes: Annotated[bool, typer.Option("--recipes", help="Only those that `add` can make a module for.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the architectures of transformers that have a model class."""
    from hfcodemod.recipes import model_types_with_recipe
    from hfcodemod.report import print_json, print_table

    catalog = _catalog(_settings())
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


@app.command()
def show(
    name: Annotated[
        str, typer.Argument(help="A model type, a name in use, a checkpoint.", autocompletion=_completed_names)
    ],
    as_json: AsJson = False,
) -> None:
    """Show what is known of the architecture that NAME stands for."""
    from hfcodemod.names import resolve
    from hfcodemod.recipes import recipe_of
    from hfcodemod.report import print_facts, print_json

    settings = _settings()
    target = resolve(name, _catalog(settings), declared=settings.architectures)
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


@app.command()
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
    path = facts_folder(_settings().root) / SNAPSHOT.format(version=catalog.version)
    write_snapshot(catalog, path)
    print(f"wrote {_shown(path)} ({len(catalog.architectures)} model types)")
    print(f'to use it: facts = "{catalog.version}" under [tool.hfcodemod] in pyproject.toml')


def _installed_transformers() -> Path:
    from importlib.util import find_spec

    spec = find_spec("transformers")
    if spec is None or spec.origin is None:
        raise UserError("transformers is not installed here; say where it is: hfcodemod facts --from PATH")
    return Path(spec.origin).parent


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        print(f"hfcodemod {version('hfcodemod')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the whole program."""
