"""The tree of test modules: which file is whose."""

from __future__ import annotations

from pathlib import Path

from hfcodemod.stamp import digest, without_stamp

STATE = ".hfcodemod"
ATTRIBUTES = """\
base/* linguist-generated -text
conflicts/* linguist-generated
ledger.jsonl linguist-generated merge=union
"""
"""What git and reviewers are to know of the files there."""


def facts_folder(root: Path) -> Path:
    """Where a repository keeps the facts of versions that the package does not have."""
    return root / STATE / "facts"


def recipes_folder(root: Path) -> Path:
    """Where a repository keeps recipes that the package does not have, or that it has otherwise."""
    return root / STATE / "recipes"


def bases_folder(root: Path) -> Path:
    """Where what was generated is kept."""
    return root / STATE / "base"


def base_files(root: Path, source: str) -> dict[Path, str]:
    """The files that keep what was generated: content-addressed, and marked as generated for reviewers.

    Beside them git ignores what belongs to one run or one machine.
    """
    folder = root / STATE
    return {
        folder / ".gitattributes": ATTRIBUTES,
        folder / ".gitignore": "lock\njournal.*\ncache.json\n",
        bases_folder(root) / digest(source): _as_kept(digest(source), source),
    }


def base_text(root: Path, name: str) -> str | None:
    """A base, or None where it is missing or not what its name says."""
    try:
        lines = (bases_folder(root) / name).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except (OSError, UnicodeDecodeError):
        return None
    text = "\n".join(line.removeprefix(f"{name}|") for line in lines)
    return text if digest(text) == name and all(line.startswith(f"{name}|") for line in lines) else None


def _as_kept(name: str, source: str) -> str:
    """The text of a base on disk: each line behind its id.

    Two bases have no line in common then, and git, which takes files that are alike for one that was renamed, has
    nothing to be in conflict about where two branches have migrated.
    """
    return "".join(f"{name}|{line}\n" for line in source.split("\n"))


def is_edited(text: str) -> bool | None:
    """Whether a managed file differs from what was generated; None for a file without a stamp."""
    body, stamp = without_stamp(text)
    return None if stamp is None else digest(body) != stamp.base
