"""Coverage at another time: what was added since a day or a revision, and what comes next."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.coverage import covered_by
from hfcodemod.coverage_cases import Case, Coverage, Earlier
from hfcodemod.errors import UserError
from hfcodemod.ledger import Record, read_ledger

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings

DAY = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ].*)?")


def compared(now: Coverage, when: str, ledger: Path, settings: Settings, catalog: Catalog) -> Coverage:
    """The coverage with that of a day (``2026-01-31``, its beginning in UTC) or a revision of git beside it.

    Raises UserError for what is neither, and a ledger of then that cannot be read.
    """
    if DAY.fullmatch(when):
        said, records, note = _of_day(when, ledger)
    else:
        said, records, note = when, _of_revision(_revision(when, ledger), when, ledger), ""
    covered = covered_by(records, settings, catalog)
    return replace(now, earlier=Earlier(said, _as_it_was(now, covered), note))


def _as_it_was(now: Coverage, covered: frozenset[tuple[str, str]]) -> Coverage:
    return Coverage(now.version, tuple(_case_as_it_was(case, covered) for case in now.cases))


def _case_as_it_was(case: Case, covered: frozenset[tuple[str, str]]) -> Case:
    if (case.model_type, case.head) in covered:
        return replace(case, state="covered", reason="", record=None)
    # A ledger does not say what was blocked: what is so now, and did not run, was so then.
    return replace(case, state="blocked" if case.state == "blocked" else "missing", reason="", record=None)


def _of_day(when: str, ledger: Path) -> tuple[str, Iterable[Record], str]:
    """The records as they were committed at that time; where git does not know the ledger, those of earlier runs."""
    try:
        day = datetime.fromisoformat(when.replace("Z", "+00:00"))
    except ValueError as error:
        raise UserError(f"--since {when}: no such day ({error}); write it like 2026-01-31") from error
    day = day.replace(tzinfo=day.tzinfo or timezone.utc)
    if _git(ledger, "ls-files", "--error-unmatch", "--", ledger.name) is None:
        stamp = day.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        older = [record for record in read_ledger(ledger).values() if record.date < stamp]
        return when, older, "Git does not know the ledger: what was verified again since then counts as added."
    revision = (_git(ledger, "rev-list", "-1", f"--before={day.isoformat()}", "HEAD") or "").strip()
    if not revision:
        return when, (), "Nothing was committed before."
    return f"{when} ({revision[:10]})", _of_revision(revision, when, ledger), ""


def _revision(when: str, ledger: Path) -> str:
    found = _git(ledger, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{when}^{{commit}}")
    if found is None:
        raise UserError(f"--since {when}: neither a day like 2026-01-31 nor a revision that git has in {ledger.parent}")
    return found.strip()


def _of_revision(revision: str, when: str, ledger: Path) -> Iterable[Record]:
    """The records of a revision; none where it had no ledger."""
    text = _git(ledger, "show", f"{revision}:./{ledger.name}")
    if text is None:
        return ()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, ledger.name)
        copy.write_text(text, encoding="utf-8")
        try:
            return read_ledger(copy).values()
        except UserError as error:
            said = str(error).partition("; ")[0].replace(str(copy), f"{ledger} of {when}")
            raise UserError(f"{said}; compare with a later revision") from error


def _git(ledger: Path, *arguments: str) -> str | None:
    """What git says, from the folder of the ledger; None where it refuses, or is not installed."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ledger.parent, capture_output=True, check=False)
    except OSError:
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
