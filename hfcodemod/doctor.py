"""What state a repository is in, and what to do about it; nothing is written.

Each part is examined on its own, so that one that is broken does not hide the next. What the modules are like is
told by ``check``: here their findings are only counted.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from hfcodemod.catalog import pinned_facts
from hfcodemod.config import Settings, settings_for
from hfcodemod.errors import UserError
from hfcodemod.workspace import STATE

if TYPE_CHECKING:
    from hfcodemod.findings import Finding

Level = Literal["fine", "note", "todo", "broken"]
LEVELS: tuple[Level, ...] = ("fine", "note", "todo", "broken")
"""From good to bad; a note is worth knowing, and asks for nothing."""
ENGINE, MODELS = ("libcst", "rich", "typer"), ("transformers", "torch", "pytest")
HOOKS = ".pre-commit-config.yaml"
HOOK = re.compile(r"^\s*-\s+id:\s*[\"']?hfcodemod-(?:check|migrate)\b", re.MULTILINE)


@dataclass(frozen=True)
class Remark:
    """What is said of one part."""

    subject: str
    level: Level
    said: str
    """One line, which begins with ``path:line`` where it speaks of a file."""
    remedy: str = ""
    """What to type or to write."""


def examined(folder: Path) -> list[Remark]:
    """The state of the repository that a folder belongs to."""
    remarks = list(_installed())
    try:
        settings = settings_for(folder)
    except UserError as error:
        # All else depends on it.
        return [*remarks, *_git(folder), _broken("configuration", error)]
    remarks += _configuration(settings)
    parts: list[tuple[str, Callable[[Settings], Iterator[Remark]]]] = [
        ("git", lambda settings: _git(settings.root)),
        ("folder", _folder),
        ("write", _write),
        ("lock", _lock),
        ("cache", _cache),
        ("facts", _facts),
    ]
    parts += [(f"skeleton {name}", partial(_skeleton, name)) for name in _skeletons(settings)]
    for subject, part in [*parts, ("modules", _modules), ("hook", _hook)]:
        remarks += _examined(subject, part, settings)
    return remarks


def worst(remarks: list[Remark]) -> Level:
    """The worst level of all."""
    return max((remark.level for remark in remarks), key=LEVELS.index)


def _examined(subject: str, part: Callable[[Settings], Iterator[Remark]], settings: Settings) -> list[Remark]:
    """What one part says, up to where it breaks."""
    said: list[Remark] = []
    try:
        said.extend(part(settings))
    except UserError as error:
        said.append(_broken(subject, error))
    return said


def _broken(subject: str, error: UserError) -> Remark:
    said, _, remedy = str(error).partition("; ")
    return Remark(subject, "broken", said, remedy)


def _installed() -> Iterator[Remark]:
    versions = {name: _version(name) for name in ("hfcodemod", *ENGINE, *MODELS)}
    there = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    yield Remark("installed", "fine", f"{there}, Python {platform.python_version()}")
    missing = [name for name in MODELS if versions[name] is None]
    if missing:
        said = f"{', '.join(missing)} not installed: modules can be made and migrated here, and not be run"
        yield Remark("installed", "note", said, "to run them: pip install 'hfcodemod[models]'")


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _configuration(settings: Settings) -> Iterator[Remark]:
    file = settings.root / "pyproject.toml"
    if file.is_file():
        yield Remark("configuration", "fine", f"{file}: modules go to {settings.target}")
    else:
        said = f"{settings.root}: has no pyproject.toml, nor has a folder above"
        yield Remark("configuration", "note", said, "`hfcodemod init` writes one; without it the defaults hold")


def _git(folder: Path) -> Iterator[Remark]:
    if shutil.which("git") is None:
        yield Remark(
            "git", "broken", "git is not found: modules that both sides changed cannot be merged", "install git"
        )
        return
    if _asked(folder, "rev-parse", "--is-inside-work-tree") != "true":
        yield Remark("git", "note", f"{folder}: is in no working tree of git", "`git init` makes one")
        return
    yield Remark("git", "fine", _asked(folder, "--version"))
    bases = f"{STATE}/base/00000000"
    ignored = _asked(folder, "check-ignore", "-v", bases)
    if ignored:
        rule = ignored.split("\t")[0]
        said = f"{rule}: lets git ignore {STATE}/base, so that nobody else can migrate modules edited by hand"
        yield Remark("git", "broken", said, "take the line away, and commit the folder")
    if (folder / STATE / "base").is_dir() and not ignored and _asked(folder, "ls-files", "-o", f"{STATE}/base"):
        said = f"{STATE}/base has files that are not committed; with them others can migrate"
        yield Remark("git", "todo", said, f"git add {STATE}")


def _asked(folder: Path, *words: str) -> str:
    """What git says, or nothing where it fails."""
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _folder(settings: Settings) -> Iterator[Remark]:
    state = settings.root / STATE
    if state.exists() and not state.is_dir():
        yield Remark("folder", "broken", f"{state}: is a file where a folder belongs", "move it away")
        return
    for folder in (settings.root, state, state / "base", state / "conflicts"):
        if folder.exists() and not os.access(folder, os.W_OK | os.X_OK):
            yield Remark("folder", "broken", f"{folder}: cannot be written to", f"chmod u+wx {folder}")


def _write(settings: Settings) -> Iterator[Remark]:
    from hfcodemod.journal import unfinished

    found = unfinished(settings.root)
    if found is not None:
        journal, write = found
        count = "1 file" if len(write.changes) == 1 else f"{len(write.changes)} files"
        said = f"{journal}: a write of {count} was cut short"
        yield Remark("write", "todo", said, "`hfcodemod migrate-all` mends it first, as does any command that writes")


def _lock(settings: Settings) -> Iterator[Remark]:
    from hfcodemod.lock import holder

    pid = holder(settings.root)
    if pid is not None:
        yield Remark("lock", "todo", f"another hfcodemod is at work here (pid {pid})", "wait for it")


def _cache(settings: Settings) -> Iterator[Remark]:
    from hfcodemod.cache import cache_path

    path = cache_path(settings.root)
    if not path.exists():
        return
    try:
        json.loads(path.read_bytes())
    except (OSError, ValueError):
        said = f"{path}: cannot be read, so every module is rendered anew"
        yield Remark("cache", "todo", said, f"delete it: rm {path}")


def _facts(settings: Settings) -> Iterator[Remark]:
    catalog = pinned_facts(settings)
    said = f"of transformers {catalog.version}, {len(catalog.architectures)} model types"
    yield Remark("facts", "fine", said)
    installed = _version("transformers")
    if installed is not None and installed != catalog.version:
        said = f"transformers {installed} is installed, the facts are of {catalog.version}"
        yield Remark("facts", "note", said, "`hfcodemod facts` reads those of the installed one")


def _skeletons(settings: Settings) -> Iterator[str]:
    from hfcodemod.skeletons import SHIPPED

    yield SHIPPED
    yield from settings.skeletons


def _skeleton(name: str, settings: Settings) -> Iterator[Remark]:
    """Loads it as a whole, and makes the module of its reference: overlay, own codemods and formatter are tried."""
    from hfcodemod.formatter import Formatter
    from hfcodemod.own import started
    from hfcodemod.release import compared
    from hfcodemod.requests import Request, made, ordered
    from hfcodemod.skeletons import skeleton_for

    catalog = pinned_facts(settings)
    skeleton, _ = skeleton_for(name, settings, catalog)
    for part in (skeleton.canonical, *skeleton.fragments.values()):
        _ = part.module
    order = ordered(Request(skeleton.canonical.reference, skeleton=name), settings, catalog)
    Formatter(skeleton.format_command, settings.root).formatted(started(made(order).source), order.path)
    subject = f"skeleton {name}"
    yield Remark(subject, "fine", f"{skeleton.canonical.path}: version {skeleton.version}")
    if skeleton.folder.is_relative_to(settings.root):
        comparison = compared(skeleton)
        if comparison.files and not comparison.first:
            said = f"{skeleton.canonical.path}: differs from version {skeleton.version} as released"
            word = "" if name == next(_skeletons(settings)) else f" {name}"
            yield Remark(subject, "todo", said, f"hfcodemod release-skeleton{word}")


def _modules(settings: Settings) -> Iterator[Remark]:
    from hfcodemod.check import checked
    from hfcodemod.managed import tree_of
    from hfcodemod.ruleset import Selection

    tree = tree_of(settings)
    count = len(tree.files)
    if count or not tree.troubles:
        said = "1 is managed" if count == 1 else f"{count} are managed"
        yield Remark("modules", "fine" if count else "note", said, "" if count else "hfcodemod add NAME")
    found = checked(settings, lambda: pinned_facts(settings), Selection.of(["HF1"], [])).findings
    yield from _counted(found)
    if tree.unused:
        one = len(tree.unused) == 1
        unused = "1 file" if one else f"{len(tree.unused)} files"
        said = f"{unused} in {STATE}/base {'belongs' if one else 'belong'} to no module"
        yield Remark("modules", "note", said, f"`hfcodemod migrate-all` removes {'it' if one else 'them'}")


def _counted(found: tuple[Finding, ...]) -> Iterator[Remark]:
    """One remark for each code, with the first place."""
    from hfcodemod.findings import OUT_OF_STEP, PENDING_CONFLICT, UNFILLED
    from hfcodemod.ruleset import known_codes

    for code, count in sorted(Counter(finding.code for finding in found).items()):
        first = next(finding for finding in found if finding.code == code)
        more = f", and {count - 1} more like it" if count > 1 else ""
        said = f"{first.path}:{first.line}: {code} {known_codes()[code].name}: {first.message}{more}"
        level: Level = "todo" if code in (OUT_OF_STEP, PENDING_CONFLICT, UNFILLED) else "broken"
        yield Remark("modules", level, said, first.remedy)


def _hook(settings: Settings) -> Iterator[Remark]:
    """Whether git asks hfcodemod before a commit, by way of pre-commit."""
    root = Path(_asked(settings.root, "rev-parse", "--show-toplevel") or settings.root) if shutil.which("git") else None
    if root is None:
        return
    file = root / HOOKS
    if not (file.is_file() and HOOK.search(file.read_text(encoding="utf-8", errors="replace"))):
        yield Remark("hook", "note", "pre-commit does not run hfcodemod here", f"add hfcodemod-check to {HOOKS}")
        return
    script = _asked(root, "rev-parse", "--git-path", "hooks/pre-commit")
    if script and (root / script).is_file():
        yield Remark("hook", "fine", f"{file}: runs before each commit")
    else:
        yield Remark("hook", "todo", f"{file}: names hfcodemod, and git does not run it yet", "pre-commit install")
