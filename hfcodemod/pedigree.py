"""Whether a module is what its stamp says: a name can be edited there as anywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.architecture import Target
from hfcodemod.errors import UserError
from hfcodemod.names import bare

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog


def check_made_for(base: str, theirs: str, target: Target, catalog: Catalog, path: Path) -> None:
    """Raise UserError where the base was made for another architecture than the target.

    That is: today's render names the target, which the base does nowhere, and the base names another, which the render
    does nowhere.
    """
    if target.class_name in base or target.class_name not in theirs or bare(target.class_name) in bare(base):
        return
    others = {item.prefix: item.model_type for item in catalog.architectures.values() if len(item.prefix) > 2}
    found = [prefix for prefix in others if prefix in base and prefix not in theirs]
    if found:
        name = others[max(found, key=len)]
        raise UserError(
            f"{path}: its stamp says {target.original}, but it was made for {name}; write {name} there, or "
            f"`hfcodemod adopt {path} --as NAME` if it is another"
        )
