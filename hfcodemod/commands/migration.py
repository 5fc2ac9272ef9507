"""The commands that keep modules in step: migrate, migrate-all."""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hfcodemod import report
from hfcodemod.commands.context import AsJson, Diff, shown
from hfcodemod.commands.resolving import picture
from hfcodemod.report import fail, note

if TYPE_CHECKING:
    from hfcodemod.migrate import Migration, Progress
    from hfcodemod.plan import Plan

FEW = 5
"""Up to so many files are named one by one in a command to type."""
Jobs = Annotated[int | None, typer.Option(help="Processes at most.", min=1, show_default="as many as processors")]
Changed = Annotated[
    bool, typer.Option("--changed", help="The paths are files that changed, managed or not; exit 1 if one is written.")
]
Markers = Annotated[bool, typer.Option("--markers", help="Write git's conflict markers into the modules.")]


def migrate_all(diff: Diff = False, jobs: Jobs = None, as_json: AsJson = False, markers: Markers = False) -> None:
    """Bring every managed module in step with its skeleton.

    What was edited by hand survives; what both changed in two ways is a conflict, which keeps the module's own text
    and waits for `hfcodemod resolve`.
    """
    _migrate(None, diff, jobs, as_json, markers)


def migrate(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME_OR_PATH", help="Modules, by name or path.", show_default=False)
    ],
    diff: Diff = False,
    jobs: Jobs = None,
    as_json: AsJson = False,
    markers: Markers = False,
    changed: Changed = False,
) -> None:
    """Bring some modules in step with their skeleton, like `migrate-all`.

    With --changed, as a hook: a file that modules are made from stands for all of them, and what is not managed is
    passed over.
    """
    _migrate(names, diff, jobs, as_json, markers, changed)


def _advice(run: Migration) -> str:
    """What to type so that what was written is committed."""
    from hfcodemod.workspace import STATE

    paths = [plan.path for plan in run.changed]
    if len(paths) > FEW:
        paths = list(dict.fromkeys(path.parent for path in paths))
    words = [shown(run.root / STATE), *map(shown, paths)]
    return f"{len(run.changed)} brought in step; to commit them, type: git add {shlex.join(words)}"


def _migrate(
    names: Sequence[str] | None, diff: bool, jobs: int | None, as_json: bool, markers: bool, hook: bool = False
) -> None:
    """``hook``: a module that was written is worth an exit code, and a conflict elsewhere is not."""
    from hfcodemod.api import migrate

    with progress_bar() as progress:
        found = migrate(names, changed=hook, markers=markers, jobs=jobs, write=not diff, progress=progress)
    if diff and not as_json:
        _print_diff(found)
    if hook and not found.whole:
        found = replace(found, pending=tuple(plan.pending for plan in found.plans if plan.pending))
    if as_json:
        from hfcodemod.report import print_json

        print_json(_as_json(found))
    elif not (diff or report.look.quiet):
        _print_table(found)
    _tell(found)
    if hook and found.changed and not diff:
        note(_advice(found))
    if found.refused:
        raise typer.Exit(code=2)
    if found.pending or ((diff or hook) and found.changed):
        raise typer.Exit(code=1)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """What is called with how much is done, and shows it on a terminal."""
    if report.look.quiet or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.progress import Progress as Bar

    with Bar(console=report.console_of(sys.stderr), transient=True) as bar:
        task = bar.add_task("modules", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_diff(run: Migration) -> None:
    from hfcodemod.report import diff_of, print_diff

    for plan in run.changed:
        name = plan.path.relative_to(run.root).as_posix()
        assert plan.outcome is not None
        texts = plan.outcome.texts()
        print_diff(diff_of(name, texts.before.text, texts.after))


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
        for said in plan.notes:
            note(f"{shown(plan.path)}: {said}")
        if plan.action in ("refuse", "keep"):
            print(_said(plan), file=sys.stderr)
    for trouble in run.tree.troubles:
        fail(trouble.said)
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
            "changed": plan.outcome is not None and plan.outcome.changes,
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
