"""A folder with modules, and a ledger of runs that are only said to have been: what is judged is the judgement."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import hfcodemod
from hfcodemod.catalog import pinned_facts
from hfcodemod.config import settings_for
from hfcodemod.coverage import coverage_of, promised
from hfcodemod.coverage_cases import Case, Coverage
from hfcodemod.ledger import Record, ledger_path, ledger_text
from hfcodemod.managed import tree_of
from hfcodemod.verifying.subjects import managed_subject

VERSIONS = {"hfcodemod": "0.1.0", "python": "3.12.1", "torch": "2.13.0", "transformers": "5.23.0"}
DAY = "2026-01-31T23:59:59Z"
NAMES = ("codegen", "olmo", "vit")


@dataclass
class Suite:
    """Modules and what is said of their runs."""

    root: Path
    records: list[Record]

    def module(self, name: str) -> Path:
        """Where the module of a name is."""
        return self.root / f"tests/models/test_hf_{name}.py"

    def change(self, head: str, **changes: Any) -> None:
        """Let the record of a class say something else, under a seal of its own."""
        self.alter(head, lambda record: replace(record, **changes).sealed())

    def alter(self, head: str, change: Callable[[Record], Record]) -> None:
        """Put something else in the place of the record of a class."""
        assert any(record.class_name == head for record in self.records)
        self.records = [change(record) if record.class_name == head else record for record in self.records]

    def coverage(self) -> Coverage:
        """What is made of it now."""
        settings = settings_for(self.root)
        return coverage_of(settings, pinned_facts(settings), self.records)

    def case(self, head: str) -> Case:
        """How a class stands now."""
        (case,) = (case for case in self.coverage().cases if case.head == head)
        return case

    def written(self) -> Path:
        """The ledger as a file, in its place."""
        path = ledger_path(self.root)
        path.parent.mkdir(exist_ok=True)
        path.write_text(ledger_text(self.records))
        return path


def suite(root: Path, names: Iterable[str] = NAMES) -> Suite:
    """Modules of some names, each class of which is said to have passed as it is now."""
    hfcodemod.add(list(names), root=root)
    settings = settings_for(root)
    catalog = pinned_facts(settings)
    records = []
    for file in tree_of(settings).files:
        subject = managed_subject(file, settings, catalog)
        item = catalog.architectures[subject.model_type]
        for head in item.heads:
            record = Record(
                skeleton="default",
                name=file.stamp.name,
                class_name=head.name,
                model_type=item.model_type,
                module=file.path.relative_to(root).as_posix(),
                outcome="passed",
                reason="",
                evidence=tuple(sorted(promised(item, head, "default", settings))),
                parameters=123_456,
                seconds=1.25,
                tests={"passed": 20, "failed": 0, "skipped": 1},
                skips={"test_real_checkpoint": "test is slow"},
                date=DAY,
                device="cpu",
                versions=VERSIONS,
                sources=subject.sources,
            )
            records.append(record.sealed())
    return Suite(root, records)
