"""What a team's overlay and its left-out tests make of the parts of a skeleton."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfcodemod.skeletons import Part, Skeleton


@dataclass(frozen=True, eq=False)
class Fold:
    """The fold of one skeleton; each part is folded once, when it is asked for."""

    skeleton: Skeleton
    overlay: Path | None
    leave_out: tuple[str, ...]

    def folded(self, part: Part) -> str:
        """The text of a part with what the team changes about it."""
        raise NotImplementedError
