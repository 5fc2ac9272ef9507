"""The commands about skeletons."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hfcodemod.commands.context import AsJson, Diff, here, shown
from hfcodemod.errors import UserError
from hfcodemod.report import say

if TYPE_CHECKING:
    from hfcodemod.config import Settings
    from hfcodemod.initial import Wish
    from hfcodemod.release import Comparison


def init(
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Start a module that is folded onto the skeleton.")
    ] = False,
    own_skeleton: Annotated[
        bool,
        typer.Option("--own-skeleton", help="Copy the shipped skeleton into the repository, to be changed at will."),
    ] = False,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="PATH", help="Make a test module of your own a skeleton.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Architecture that this module is for.")] = None,
    skeleton: Annotated[
        str | None, typer.Option(help="Name of the skeleton that it becomes.", show_default="by its file's name")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Where modules go.", metavar="PATTERN", show_default="tests/models/...")
    ] = None,
    format_command: Annotated[str | None, typer.Option(help="What formats modules.", metavar="COMMAND")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take what would be proposed, without questions.")] = False,
) -> None:
    """Write the configuration into pyproject.toml, and a start for what is to be your own.

    On a terminal and without options, it asks, and proposes what it finds: the folder of tests, the formatter, a test
    module of an architecture as the skeleton. Nothing that is there is overwritten.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.initial import Wish, is_new, start
    from hfcodemod.journal import write_files
    from hfcodemod.lock import writing

    if source is None and (reference or skeleton):
        raise UserError("--reference and --skeleton speak of a module; say which: --from PATH")
    if source is not None and reference is None:
        raise UserError(f"--from {source}: say which architecture it is for: --reference NAME")
    if source is not None and (overlay or own_skeleton):
        raise UserError("--from goes without --overlay and --own-skeleton; run the command again for these")
    wish = Wish(overlay, own_skeleton, source, reference or "", skeleton or "", target or "", format_command or "")
    if yes and wish != Wish():
        raise UserError("--yes takes what is proposed; leave it out, or the other options")
    settings = here()
    if yes or (wish == Wish() and is_new(settings) and sys.stdin.isatty()):
        wish = _proposed(settings, yes)
    with writing(settings.root):
        made = start(wish, settings, pinned_facts(settings))
        write_files(settings.root, made.files)
    for path in sorted(made.files):
        say(f"wrote {shown(path)}")
    for line in made.advice:
        say(line)


def _proposed(settings: Settings, yes: bool) -> Wish:
    """What was found and is wanted."""
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.initial import Wish
    from hfcodemod.proposals import proposal

    def wanted(question: str) -> bool:
        return yes or typer.confirm(question, default=True, err=True)

    found = proposal(settings, pinned_facts(settings))
    wish = Wish()
    suite, formatter = found.suite, found.formatter
    if suite is not None:
        count = "1 more is" if suite.others == 1 else f"{suite.others} more are"
        more = f", and {count} called like it" if suite.others else ""
        if wanted(f"{shown(suite.module)} tests {suite.reference}{more}: make modules from it?"):
            wish = Wish(skeleton=suite.module, reference=suite.reference)
    if wish.skeleton is None:
        target = found.target if yes else typer.prompt("Where do modules go?", default=found.target, err=True)
        wish = replace(wish, target=target)
    if formatter is not None and wanted(f"Format modules with {formatter.said}?"):
        wish = replace(wish, format_command=formatter.command)
    return wish


def release_skeleton(
    name: Annotated[str, typer.Argument(help="Skeleton to release.")] = "default",
    rename: Annotated[
        list[str] | None, typer.Option(metavar="OLD=NEW", help="A name that is another now; may be given again.")
    ] = None,
    no_renames: Annotated[bool, typer.Option("--no-renames", help="Nothing that disappeared was renamed.")] = False,
    diff: Diff = False,
    as_json: AsJson = False,
) -> None:
    """Number the skeleton's next version, and write the codemod by which modules follow its renames.

    The names that disappeared since the last release are compared with those that appeared. On a terminal each likely
    rename is asked for; otherwise --rename or --no-renames says what is meant.
    """
    from hfcodemod.catalog import pinned_facts
    from hfcodemod.journal import write_files
    from hfcodemod.lock import writing
    from hfcodemod.release import compared, released
    from hfcodemod.skeletons import skeleton_for

    if rename and no_renames:
        raise UserError("--rename and --no-renames exclude each other; leave one out")
    settings = here()
    pairs = _pairs(rename or [])
    with nullcontext() if diff else writing(settings.root):
        skeleton, _ = skeleton_for(name, settings, pinned_facts(settings))
        if not skeleton.folder.is_relative_to(settings.root):
            raise UserError(
                f"{skeleton.folder}: comes with hfcodemod and is released with it; "
                "`hfcodemod init --own-skeleton` makes one of your own"
            )
        comparison = compared(skeleton)
        renames = comparison.checked(pairs)
        likely = {} if renames or no_renames else comparison.likely_renames()
        if likely and diff:
            renames, likely = likely, {}
        elif likely and sys.stdin.isatty() and not as_json:
            renames, likely = {old: new for old, new in likely.items() if _confirmed(comparison, old, new)}, {}
        files = {} if likely else released(comparison, renames)
        if not diff:
            write_files(settings.root, files)
    if diff:
        _print_diff(settings.root, files)
    elif as_json:
        _print_json(comparison, renames, likely, files)
    else:
        _print_release(comparison, renames, likely, files)
    if likely:
        _ask_for_options(name, likely)
    raise typer.Exit(code=int(bool(likely or (diff and files))))


def _pairs(options: Sequence[str]) -> list[tuple[str, str]]:
    pairs = []
    for option in options:
        old, _, new = option.partition("=")
        if not (old.isidentifier() and new.isidentifier()):
            raise UserError(f"--rename {option}: must be two names, like --rename inputs=batch")
        pairs.append((old, new))
    return pairs


def _confirmed(comparison: Comparison, old: str, new: str) -> bool:
    before, after = comparison.vanished[old], comparison.appeared[new]
    return typer.confirm(f"{before.kind} {before} is now {after}?", default=True, err=True)


def _print_diff(root: Path, files: Mapping[Path, bytes | None]) -> None:
    from hfcodemod.report import diff_of, print_diff
    from hfcodemod.textfile import read

    for path, content in files.items():
        old = read(path)
        before, after = None if old is None else old.text, None if content is None else content.decode()
        print_diff(diff_of(path.relative_to(root).as_posix(), before, after))


def _print_json(
    comparison: Comparison, renames: Mapping[str, str], likely: Mapping[str, str], files: Mapping[Path, bytes | None]
) -> None:
    from hfcodemod.report import print_json

    print_json(
        {
            "version": comparison.version if files else comparison.skeleton.version,
            "renames": renames,
            "likely": likely,
            "removed": comparison.removed({**renames, **likely}),
            "added": comparison.added({**renames, **likely}),
            "files": [shown(path) for path in files],
        }
    )


def _print_release(
    comparison: Comparison, renames: Mapping[str, str], likely: Mapping[str, str], files: Mapping[Path, bytes | None]
) -> None:
    for old, new in {**renames, **likely}.items():
        say(f"{'likely ' if likely else ''}renamed {comparison.vanished[old]} to {comparison.appeared[new]}")
    for name in comparison.removed({**renames, **likely}):
        say(f"removed {name}")
    for name in comparison.added({**renames, **likely}):
        say(f"added {name}")
    for path, content in files.items():
        say(f"{'removed' if content is None else 'wrote'} {shown(path)}")
    if files:
        say(f"released version {comparison.version}; run: hfcodemod migrate-all")
    elif not comparison.files:
        say(f"nothing changed since version {comparison.version}")


def _ask_for_options(name: str, likely: Mapping[str, str]) -> None:
    command = "hfcodemod release-skeleton" + ("" if name == "default" else f" {name}")
    options = " ".join(f"--rename {old}={new}" for old, new in likely.items())
    print("nothing was written, since some names may be renamed; say what is meant:", file=sys.stderr)
    print(f"  {command} {options}", file=sys.stderr)
    print(f"  {command} --no-renames", file=sys.stderr)
