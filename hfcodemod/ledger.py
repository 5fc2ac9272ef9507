"""The ledger: what was seen of each model class the last time that its module was run.

One line of JSON for each class of each module, below a line that says which format they have. Two branches that both
ran modules are merged line by line (git's union), so that a class may have several lines: the newest counts.

A seal over each record shows a careless edit, and a line that was copied under another name. It is no signature: who
wants to forge a record can seal it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from hfcodemod.errors import UserError
from hfcodemod.textfile import bytes_of
from hfcodemod.workspace import STATE

FORMAT = 1
HEADER = "hfcodemod ledger"
"""The key of the first line; its value is the format."""
PASSED = "passed"
OUTCOMES = (PASSED, "failed", "skipped", "mock only", "not seen", "crashed", "timed out", "out of memory")
EVIDENCE = ("forward", "backward", "save", "load", "generate")
SOURCES = ("module", "recipe", "skeleton")
VERSIONS = ("hfcodemod", "python", "torch", "transformers")
COUNTS = ("passed", "failed", "skipped")
TEXTS = ("skips", "versions", "sources")
"""The fields that map to strings."""
MARKERS = ("<<<<<<<", "|||||||", "=======", ">>>>>>>")

Key = tuple[str, str, str]
"""Skeleton, name and class: what a record is about."""


@dataclass(frozen=True)
class Record:
    """What was seen of one model class."""

    skeleton: str
    """That of the module: ``default`` is the shipped one, and a module that is not managed has none."""
    name: str
    """That of the module, as its stamp has it; its path, where it is not managed."""
    class_name: str
    """``class`` in the file; empty for a module in which no model class was to be seen."""
    model_type: str
    module: str
    """The path from the root."""
    outcome: str
    """One of `OUTCOMES`; where tests of the module failed, or it did not run to its end, that of the whole module."""
    reason: str
    """Empty where it passed."""
    evidence: tuple[str, ...]
    """Those of `EVIDENCE` that the class of transformers itself was seen doing, sorted."""
    parameters: int
    """Of the largest model of the class that was seen."""
    seconds: float
    """Of all tests of the module."""
    tests: Mapping[str, int]
    """How many tests of the module there are of each of `COUNTS`."""
    skips: Mapping[str, str]
    """The tests of the module that were skipped, each with the reason."""
    date: str
    """In UTC: ``2026-01-31T23:59:59Z``."""
    device: str
    """As ``transformers.testing_utils.torch_device`` names it; empty where that was not found out."""
    versions: Mapping[str, str]
    """Of each of `VERSIONS`."""
    sources: Mapping[str, str]
    """SHA-256 of each of `SOURCES`; empty where the module has none."""
    seal: str = ""

    @property
    def key(self) -> Key:
        """What the record is about."""
        return self.skeleton, self.name, self.class_name

    @property
    def is_sealed(self) -> bool:
        """Whether the seal is that of what the record says."""
        return self.seal == self._due_seal()

    def sealed(self) -> Record:
        """The record with its seal."""
        return replace(self, seal=self._due_seal())

    def as_json(self) -> dict[str, Any]:
        """The record as it stands in the file."""
        return {name: getattr(self, attribute) for name, attribute in NAMES.items()}

    def _due_seal(self) -> str:
        said = {name: value for name, value in self.as_json().items() if name != "seal"}
        return hashlib.sha256(_canonical(said).encode()).hexdigest()


KINDS: dict[str, type | tuple[type, ...]] = {
    "evidence": list,
    "parameters": int,
    "seconds": (int, float),
    **dict.fromkeys(("tests", "skips", "versions", "sources"), dict),
}
"""Of the fields that are no strings."""
NAMES = {"class" if field.name == "class_name" else field.name: field.name for field in fields(Record)}
"""Field in the file to attribute."""


def ledger_path(root: Path) -> Path:
    """Where a repository keeps its ledger."""
    return root / STATE / "ledger.jsonl"


def read_ledger(path: Path) -> dict[Key, Record]:
    """The newest record of each class, by key and sorted by it; none where there is no file.

    Seals are not looked at: what a broken one means is for the reader to say.

    Raises UserError for a file that cannot be read or has another format, and a line that is no record.
    """
    raw = bytes_of(path)
    if not raw:
        return {}
    try:
        lines = raw.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 ({error.reason}); {_anew(path)}") from error
    records: list[Record] = []
    headers = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        said = _parsed(line, f"{path}:{number}")
        if HEADER in said:
            headers += 1
            _check_format(said[HEADER], path)
        else:
            records.append(_record(said, f"{path}:{number}"))
    if not headers:
        raise UserError(f"{path}: does not say which format it has; {_anew(path)}")
    return _newest(records)


def ledger_text(records: Iterable[Record]) -> str:
    """The text of a ledger: the newest record of each class, sorted by key."""
    lines = [{HEADER: FORMAT}, *(record.as_json() for record in _newest(records).values())]
    return "".join(f"{_canonical(line)}\n" for line in lines)


def _newest(records: Iterable[Record]) -> dict[Key, Record]:
    newest: dict[Key, Record] = {}
    for record in records:
        known = newest.get(record.key)
        # Of two of the same second either will do, but always the same one.
        if known is None or (known.date, known.seal) < (record.date, record.seal):
            newest[record.key] = record
    return {key: newest[key] for key in sorted(newest)}


def _parsed(line: str, place: str) -> dict[str, Any]:
    if line.startswith(MARKERS):
        raise UserError(f"{place}: holds the conflict markers of git; delete those lines, and keep both sides")
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise _no_record(place)
    return said


def _record(said: Mapping[str, Any], place: str) -> Record:
    if said.keys() != NAMES.keys() or not all(isinstance(said[name], KINDS.get(name, str)) for name in NAMES):
        raise _no_record(place)
    record = Record(**{NAMES[name]: value for name, value in said.items()} | {"evidence": tuple(said["evidence"])})
    if not (
        record.outcome in OUTCOMES
        and all(seen in EVIDENCE for seen in record.evidence)
        and record.tests.keys() == set(COUNTS)
        and record.versions.keys() == set(VERSIONS)
        and record.sources.keys() == set(SOURCES)
        and all(isinstance(count, int) for count in record.tests.values())
        and all(isinstance(text, str) for each in TEXTS for text in getattr(record, each).values())
    ):
        raise _no_record(place)
    return record


def _no_record(place: str) -> UserError:
    return UserError(f"{place}: is no record of a run; delete the line, then `hfcodemod verify` makes it anew")


def _check_format(said: object, path: Path) -> None:
    if said != FORMAT:
        newer = isinstance(said, int) and said > FORMAT
        remedy = "pip install --upgrade hfcodemod" if newer else _anew(path)
        raise UserError(f"{path}: is a ledger of format {said}, and this hfcodemod has {FORMAT}; {remedy}")


def _anew(path: Path) -> str:
    return f"delete it (rm {path}), then `hfcodemod verify` makes it anew"


def _canonical(said: Mapping[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, separators=(",", ":"))
