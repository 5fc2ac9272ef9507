"""Files that a command writes where it is told to, anywhere: each is whole, whatever happens."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hfcodemod.durable import blaming, move, write_new
from hfcodemod.errors import UserError


def write_outputs(contents: Mapping[Path, bytes]) -> None:
    """Write each file beside its place, then let all take their places; links are followed, modes kept.

    Raises UserError where a folder or file refuses; then none was touched, unless it refuses as the last step.
    """
    staged: dict[Path, Path] = {}
    try:
        for path, content in contents.items():
            target = path.resolve()
            with blaming(path):
                if target.is_dir():
                    raise UserError(f"{path}: is a folder where a file belongs; give another name")
                staged[target] = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
                write_new(staged[target], content)
                if target.exists():
                    shutil.copymode(target, staged[target])
        for target in list(staged):
            with blaming(target):
                move(staged[target], target)
            del staged[target]
    finally:
        for left in staged.values():
            with suppress(OSError):
                os.unlink(left)
