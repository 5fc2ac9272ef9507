"""The release of a skeleton: which names disappeared and appeared since the last one, and what was renamed.

A release keeps copies of the parts, so that the next one can tell; an upgrade codemod for what was renamed; and a
number, the version.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hfcodemod.errors import UserError
from hfcodemod.skeleton_names import Definition, definitions
from hfcodemod.skeletons import MANIFEST, Skeleton, shipped_skeleton
from hfcodemod.textfile import encoded, read
from hfcodemod.upgrades import upgrades_in

ALIKE = 0.8
"""How much of two definitions must be the same for one to be likely the other under a new name."""

UPGRADE = '''"""Leads a module to version {version} of the skeleton, which names {words} anew."""

from {package}command import lazy_command
from {package}rename_definitions import DefinitionRenamer

VERSION = {version}
RENAMES = {{
{renames}
}}

__getattr__ = lazy_command(
    __name__,
    "{command}",
    "Lead a module to version {version} of the skeleton.",
    lambda arguments: DefinitionRenamer(RENAMES),
)
'''


@dataclass(frozen=True)
class Comparison:
    """A skeleton and its last release."""

    skeleton: Skeleton
    first: bool
    """Whether there is no release yet."""
    vanished: Mapping[str, Definition]
    appeared: Mapping[str, Definition]
    files: Mapping[Path, bytes | None]
    """The copies that a release writes; None for one of a part that is gone."""

    @property
    def version(self) -> int:
        """The version that the release has; the first has the one that the skeleton says."""
        return self.skeleton.version + (1 if self.files and not self.first else 0)

    def removed(self, renames: Mapping[str, str]) -> list[str]:
        """What disappeared and was not renamed."""
        return [str(item) for name, item in self.vanished.items() if name not in renames]

    def added(self, renames: Mapping[str, str]) -> list[str]:
        """What appeared under a name that is not a new one of something else."""
        return [str(item) for name, item in self.appeared.items() if name not in renames.values()]

    def likely_renames(self) -> dict[str, str]:
        """The names that disappeared, with the one that each most likely has now: alike, and unlike any other."""
        scores = {
            (old.name, new.name): score
            for old in self.vanished.values()
            for new in self.appeared.values()
            if (score := self._likeness(old, new)) >= ALIKE
        }
        return {
            old: new
            for (old, new), score in scores.items()
            if all(score > other for pair, other in scores.items() if pair != (old, new) and {old, new} & {*pair})
        }

    def checked(self, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
        """The renames that somebody typed.

        Raises UserError for an old name that did not disappear, a new one that did not appear, or one named twice.
        """
        renames: dict[str, str] = {}
        for old, new in pairs:
            _check_name(old, self.vanished, "did not disappear", "disappeared")
            _check_name(new, self.appeared, "did not appear", "appeared")
            if old in renames or new in renames.values():
                raise UserError(f"--rename {old}={new}: one of these is in another --rename; name each once")
            renames[old] = new
        return renames

    def _likeness(self, old: Definition, new: Definition) -> float:
        if (old.kind, bool(old.scope)) != (new.kind, bool(new.scope)):
            return 0.0
        # What else was renamed in them makes them no less alike.
        before, after = _masked(old.source, self.vanished), _masked(new.source, self.appeared)
        return difflib.SequenceMatcher(None, before, after, autojunk=False).ratio()


def compared(skeleton: Skeleton) -> Comparison:
    """The skeleton as its files are now, without a team's overlay, beside its last release.

    Raises UserError for a part that does not parse, and for a name that an earlier upgrade renamed away.
    """
    paths = [skeleton.canonical.path, *(part.path for part in skeleton.fragments.values())]
    now = {path.name: path for path in paths}
    then = {path.name: path for path in sorted(skeleton.released.glob("*.py"))}
    new, old = definitions(now.values()), definitions(then.values())
    _check_returned(skeleton, new)
    contents = {name: path.read_bytes() for name, path in now.items()}
    files: dict[Path, bytes | None] = {
        skeleton.released / name: contents.get(name)
        for name in sorted({*now, *then})
        if name not in then or then[name].read_bytes() != contents.get(name)
    }
    return Comparison(
        skeleton,
        first=not then,
        vanished={name: item for name, item in old.items() if name not in new},
        appeared={name: item for name, item in new.items() if name not in old} if then else {},
        files=files,
    )


def released(comparison: Comparison, renames: Mapping[str, str]) -> dict[Path, bytes | None]:
    """The files that the release writes: copies of the parts, the upgrade codemod, the manifest; none for no change."""
    if not comparison.files:
        return {}
    skeleton, version = comparison.skeleton, comparison.version
    files = dict(comparison.files)
    if renames:
        path, text = _upgrade(skeleton, version, renames)
        files[path] = text.encode()
    manifest = skeleton.folder / MANIFEST
    file = read(manifest)
    values: dict[str, Any] = json.loads(file.text) if file is not None else {}
    if values.get("version") != version:
        text = json.dumps({**values, "version": version}, indent=2, ensure_ascii=False) + "\n"
        files[manifest] = encoded(text, file)
    return files


def _upgrade(skeleton: Skeleton, version: int, renames: Mapping[str, str]) -> tuple[Path, str]:
    """The codemod, which LibCST's own tool runs alone too."""
    stem = f"to_{version}_rename_{next(iter(renames)).lower().strip('_')}"
    if len(renames) > 1:
        stem += f"_and_{len(renames) - 1}_more"
    ours = skeleton.upgrades == shipped_skeleton().upgrades
    text = UPGRADE.format(
        version=version,
        words="one thing" if len(renames) == 1 else f"{len(renames)} things",
        # In the folder of hfcodemod itself, a type checker follows relative imports only.
        package=".." if ours else "hfcodemod.codemods.",
        renames="\n".join(f'    "{old}": "{new}",' for old, new in renames.items()),
        command="".join(word.capitalize() for word in stem.split("_")),
    )
    return skeleton.upgrades / f"{stem}.py", text


def _masked(source: str, names: Collection[str]) -> list[str]:
    """The words and signs of a source, with some names made the same."""
    return ["_" if word in names else word for word in re.findall(r"\w+|[^\w\s]", source)]


def _check_name(name: str, known: Collection[str], wrong: str, right: str) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
        said = f"what {right}: {', '.join(near)}" if near else f"nothing {right}"
        raise UserError(f"--rename: {name} {wrong} since the last release; {said}")


def _check_returned(skeleton: Skeleton, names: Mapping[str, Definition]) -> None:
    """A rename would be done again to each module that has the name anew."""
    for upgrade in upgrades_in(skeleton.upgrades):
        for old in upgrade.renames:
            if old in names:
                place = f"{names[old].path}:{names[old].line}"
                raise UserError(f"{place}: {old} was renamed away in version {upgrade.version}; choose another name")
