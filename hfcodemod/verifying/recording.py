"""Records brought into the ledger of a repository, where others may do so at the same time."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from pathlib import Path

from hfcodemod.ledger import Record, ledger_path, ledger_text, read_ledger
from hfcodemod.lock import Held, writing
from hfcodemod.workspace import ATTRIBUTES, STATE

PATIENCE = 60.0
"""Seconds that are waited for another hfcodemod at work."""
PAUSE = 0.1


def record(
    root: Path,
    records: Iterable[Record],
    known: Collection[tuple[str, str]] | None = None,
    patience: float | None = None,
) -> bool:
    """Write the records into the ledger, in place of all that it says of their modules; False if it is in use.

    Modules that are not ``known`` are taken out, if that is given: skeleton and name of each.

    Raises UserError for a ledger that cannot be read, and where the disk refuses.
    """
    from hfcodemod.journal import write_files

    new = list(records)
    end = time.monotonic() + (PATIENCE if patience is None else patience)
    while True:
        try:
            with writing(root):
                path = ledger_path(root)
                over = {(one.skeleton, one.name) for one in new}
                kept = [
                    one
                    for key, one in read_ledger(path).items()
                    if key[:2] not in over and (known is None or key[:2] in known)
                ]
                attributes = root / STATE / ".gitattributes"
                write_files(root, {path: ledger_text([*kept, *new]).encode(), attributes: ATTRIBUTES.encode()})
            return True
        except Held:
            if time.monotonic() > end:
                return False
            time.sleep(PAUSE)
