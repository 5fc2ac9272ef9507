"""From names to recipes: each is written as soon as it is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from hfcodemod.errors import UserError
from hfcodemod.journal import write_files
from hfcodemod.lock import writing
from hfcodemod.names import resolve
from hfcodemod.probing.text import json_text
from hfcodemod.recipes import recipe_of

if TYPE_CHECKING:
    from hfcodemod.catalog import Catalog
    from hfcodemod.config import Settings
    from hfcodemod.probing.probe import Probed


def recipes_found(
    names: Sequence[str] | None,
    folder: Path,
    settings: Settings,
    catalog: Catalog,
    *,
    jobs: int | None,
    progress: Callable[[int, int], None],
) -> list[Probed]:
    """What came of each architecture, in the order of ``names``; without them, of all whose recipe no hand wrote.

    Raises UserError for a name that is not known, and where torch or transformers is not installed.
    """
    if find_spec("torch") is None or find_spec("transformers") is None:
        raise UserError("torch or transformers is not installed; pip install 'hfcodemod[models]'")
    from hfcodemod.probing import probe

    known = catalog.architectures
    if names is None:
        wanted = [name for name, item in known.items() if item.heads and not probe.by_hand(name)]
    else:
        declared = settings.architectures
        wanted = [resolve(name, catalog, declared=declared).architecture.model_type for name in names]
    wanted = list(dict.fromkeys(wanted))
    found: dict[str, Probed] = {}
    with writing(settings.root):
        for one in probe.probed_all([known[name] for name in wanted], jobs):
            lacking = _lost_for_a_package(one, folder)
            found[one.model_type] = replace(one, failures={**one.failures, **lacking})
            progress(len(found), len(wanted))
            if one.recipe is not None and not lacking:
                text = json_text(one.recipe) + "\n"
                write_files(settings.root, {folder / f"{one.model_type}.json": text.encode()})
    return [found[name] for name in wanted if name in found]


def _lost_for_a_package(one: Probed, folder: Path) -> dict[str, str]:
    """The classes that the recipe there is has, and that were not found again for want of a package, with the reason.

    Such a recipe stays: where the package is installed, it is right.
    """
    blocked = (one.recipe or {}).get("blocked", {})
    lacking = {name: why["name"] for name, why in blocked.items() if why["kind"] == "package"}
    try:
        known = recipe_of(one.model_type, folder)
    except UserError:
        return {}
    kept = known.heads if known is not None else {}
    return {
        name: f"it needs {package}, which is not installed; its recipe stays as it is"
        for name, package in lacking.items()
        if name in kept
    }
