"""The commands that keep modules in step: migrate, migrate-all, adopt."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfcodemod.commands.context import AsJson, here, known, shown, writing
from hfcodemod.commands.resolving import picture
from hfcodemod.errors import UserError

if TYPE_CHECKING:
    from hfcodemod.config import Settings
    from hfcodemod.managed import Tree
    from hfcodemod.migrate import Migration, Progress
    from hfcodemod.plan import Plan

Diff = Annotated[bool, typer.Option("--diff", help="Print what would change and write nothing.")]
Jobs = Annotated[int | None, typer.Option(help="Processes at most.", min=1, show_default="as many as processors")]
Markers = Annotated[bool, typer.Option("--markers", help="Write git's conflict markers into the modules.")]


def migrate_all(diff: Diff = False, jobs: Jobs = None, as_json: AsJson = False, markers: Markers = False) -> None:
    """Bring every managed module in step with its skeleton.

    What was edited by hand survives; what both changed in two ways is a conflict, which keeps the module's own text
    and waits for `hfcodemod resolve`.
    """
    _migrate(here(), None, diff, jobs, as_json, markers)


def migrate(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_PATH", help="Modules, by name or path.", show_default=False)
    ],
    diff: Diff = False,
    jobs: Jobs = None,
    as_json: AsJson = False,
    markers: Markers = False,
) -> None:
    """Bring some modules in step with their skeleton, like `migrate-all`."""
    from hfcodemod.managed import selected

    settings = here()
    _migrate(settings, lambda tree: selected(tree, names, settings), diff, jobs, as_json, markers)


def _migrate(
    settings: Settings,
    select: Callable[[Tree], Tree] | None,
    diff: bool,
    jobs: int | None,
    as_json: bool,
    markers: bool,
) -> None:
    from hfcodemod.migrate import files_of, migration

    def run() -> Migration:
        with _progress() as progress:
            return migration(
                settings, lambda: known(settings), select=select, markers=markers, jobs=jobs, progress=progress
            )

    if diff:
        found = run()
        if not as_json:
            _print_diff(found)
    else:
        with writing(settings.root):
            found = run()
            files, seen = files_of(found)
            if files:
                from hfcodemod.journal import write_files

                write_files(settings.root, files, seen)
    if as_json:
        from hfcodemod.report import print_json

        print_json(_as_json(found))
    elif not diff:
        _print_table(found)
    _tell(found)
    if found.refused:
        raise typer.Exit(code=2)
    if found.pending or (diff and found.changed):
        raise typer.Exit(code=1)


@contextmanager
def _progress() -> Iterator[Progress]:
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("modules", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_diff(run: Migration) -> None:
    from hfcodemod.report import diff_of

    for plan in run.changed:
        name = plan.path.relative_to(run.root).as_posix()
        sys.stdout.write(diff_of(name, plan.before.text if plan.before else None, plan.text))


def _print_table(run: Migration) -> None:
    from hfcodemod.report import print_table

    rows = [(plan.path, plan.action, plan.reason) for plan in run.plans if plan.action != "skip"]
    rows += [(trouble.path, "refuse", trouble.said) for trouble in run.tree.troubles]
    if rows:
        print_table(("module", "action", "why"), [(shown(path), *rest) for path, *rest in sorted(map(_short, rows))])
    counts = Counter(plan.action for plan in run.plans)
    steady = run.in_step + counts.pop("skip", 0)
    parts = [f"{count} {_past(action)}" for action, count in sorted(counts.items())]
    parts += [f"{len(run.tree.troubles)} refused"] if run.tree.troubles else []
    print(", ".join([*parts, f"{steady} in step"]))


def _short(row: tuple[Path, str, str]) -> tuple[Path, str, str]:
    """A row whose reason does not begin with the path that stands in it anyway."""
    path, action, reason = row
    said = reason.removeprefix(f"{path}:")
    return path, action, re.sub(r"^(\d+):", r"line \1:", said.lstrip())


def _past(action: str) -> str:
    return {
        "replace": "replaced",
        "merge": "merged",
        "conflict": "in conflict",
        "keep": "kept",
        "refuse": "refused",
    }[action]


def _tell(run: Migration) -> None:
    """What is worth knowing beside the answer: notes, refusals, conflicts that wait."""
    for plan in run.plans:
        for note in plan.notes:
            print(f"{shown(plan.path)}: {note}", file=sys.stderr)
        if plan.action in ("refuse", "keep"):
            print(_said(plan), file=sys.stderr)
    for trouble in run.tree.troubles:
        print(f"error: {trouble.said}", file=sys.stderr)
    for pending in run.pending:
        picture(pending, run.root)


def _said(plan: Plan) -> str:
    if plan.action == "refuse":
        return f"error: {plan.reason}"
    return f"kept: {shown(plan.path)}: {plan.reason}"


def _as_json(run: Migration) -> dict[str, Any]:
    def name(path: Path) -> str:
        return path.relative_to(run.root).as_posix()

    modules = [
        {
            "path": name(plan.path),
            "name": plan.name,
            "action": plan.action,
            "reason": plan.reason,
            "changed": plan.text is not None,
            "conflicts": [asdict(conflict) for conflict in plan.pending.conflicts] if plan.pending else [],
            "notes": list(plan.notes),
        }
        for plan in run.plans
    ]
    return {
        "modules": modules,
        "in_step": run.in_step,
        "troubles": [{"path": name(trouble.path), "reason": trouble.said} for trouble in run.tree.troubles],
        "pending": [pending.path for pending in run.pending],
    }


def adopt(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Test modules.", show_default=False)],
    name: Annotated[
        str | None, typer.Option("--as", metavar="NAME", help="What the module tests, where it is not clear.")
    ] = None,
    skeleton: Annotated[str | None, typer.Option(help="Skeleton that it is to follow.", show_default="by path")] = None,
    force: Annotated[bool, typer.Option("--force", help="Also with little in common with the skeleton.")] = False,
    diff: Diff = False,
) -> None:
    """Take test modules that exist under management, or mend their stamps and bases.

    Nothing but the stamp is added. Tests of the skeleton that a module does not have stay away; from then on the
    skeleton's changes reach what they have in common.
    """
    from hfcodemod.adopt import adoption, files_of
    from hfcodemod.journal import write_files
    from hfcodemod.managed import tree_of
    from hfcodemod.report import diff_of

    if name is not None and len(paths) > 1:
        raise UserError("--as speaks of one PATH; adopt the files one by one")
    settings = here()
    tree = tree_of(settings)
    catalog = known(settings)
    adopted = [
        adoption(path.absolute(), settings, catalog, tree, name=name, skeleton=skeleton, force=force) for path in paths
    ]
    if diff:
        for one in adopted:
            sys.stdout.write(diff_of(shown(one.path), one.before.text, one.text))
        raise typer.Exit(code=int(any(one.text != one.before.text for one in adopted)))
    with writing(settings.root):
        write_files(settings.root, dict(files_of(adopted, settings.root)), {one.path: one.before for one in adopted})
    for one in adopted:
        absent = f"; not here: {', '.join(one.missing)}" if one.missing else ""
        print(f"adopted {shown(one.path)} as {one.request.name}: {one.common} items in common{absent}")
