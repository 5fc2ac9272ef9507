"""The tree of test modules: which file is whose."""

from __future__ import annotations

from pathlib import Path

from hfcodemod.stamp import digest, without_stamp

STATE = ".hfcodemod"


def facts_folder(root: Path) -> Path:
    """Where a repository keeps the facts of versions that the package does not have."""
    return root / STATE / "facts"


def bases_folder(root: Path) -> Path:
    """Where what was generated is kept."""
    return root / STATE / "base"


def base_files(root: Path, source: str) -> dict[Path, str]:
    """The files that keep what was generated: content-addressed, and marked as generated for reviewers.

    Beside them git ignores what belongs to one run or one machine.
    """
    folder = root / STATE
    return {
        folder / ".gitattributes": "base/* linguist-generated -text -merge\nconflicts/* linguist-generated\n",
        folder / ".gitignore": "lock\njournal.*\ncache.json\n",
        bases_folder(root) / digest(source): source,
    }


def is_edited(text: str) -> bool | None:
    """Whether a managed file differs from what was generated; None for a file without a stamp."""
    body, stamp = without_stamp(text)
    return None if stamp is None else digest(body) != stamp.base
