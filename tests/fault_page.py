"""The fault matrix as a page of tables, from its result."""

from __future__ import annotations

from collections import Counter
from typing import Any

HEAD = """# Faults that the generated tests catch

Each fault below is injected into the real classes of transformers while a whole generated module runs; a fault that
makes no test fail is a hole in the tests. Written by `python tests/fault_matrix.py --write docs/faults.md`; the numbers
are in [faults.json](faults.json), and `tests/test_faults.py` refuses a result older than the faults or the modules.

{versions}, {date}. {faults} faults, {architectures} architectures: {killed} cells killed, {survived} survived, \
{inapplicable} not applicable.
"""


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    cells = [entry for found in result["cells"].values() for entry in found.values()]
    head = HEAD.format(
        versions=", ".join(f"{name} {version}" for name, version in result["versions"].items()),
        date=result["date"],
        faults=len(result["faults"]),
        architectures=len(result["cells"]),
        killed=sum("killed" in entry for entry in cells),
        survived=sum("survived" in entry or "crashed" in entry for entry in cells),
        inapplicable=sum("reasons" in entry for entry in cells),
    )
    parts = [head, *by_test(result), *by_architecture(result), *by_reason(result), *not_run(result)]
    return "\n".join(parts) + "\n"


def by_test(result: dict[str, Any]) -> list[str]:
    """Fault x test: in how many architectures each test fails."""
    lines = ["## Which test catches what", "", "In how many architectures a test fails under a fault.", ""]
    lines += ["| fault | what breaks | killed | tests |", "|---|---|---|---|"]
    for name, breaks in result["faults"].items():
        entries = [found[name] for found in result["cells"].values()]
        applicable = [entry for entry in entries if "reasons" not in entry]
        counts = Counter(test for entry in applicable for test in entry.get("killed", {}))
        tests = ", ".join(f"`{test}` {count}" for test, count in counts.most_common())
        killed = sum("killed" in entry for entry in applicable)
        lines.append(f"| {name} | {breaks} | {killed} of {len(applicable)} | {tests or '**none**'} |")
    return [*lines, ""]


def by_architecture(result: dict[str, Any]) -> list[str]:
    """Fault x architecture: the number of one test that fails, of the one that fewest faults kill."""
    cells = [entry for found in result["cells"].values() for entry in found.values()]
    counts = Counter(test for entry in cells for test in entry.get("killed", {}))
    numbers = {test: index for index, test in enumerate(sorted(counts), 1)}
    names = list(result["cells"])
    lines = ["## A killing test for each architecture", ""]
    lines += [", ".join(f"{number} `{test}`" for test, number in numbers.items()) + ".", ""]
    lines += ["An empty cell: the fault does not apply there, for a reason given below.", ""]
    lines += [f"| fault | {' | '.join(name.replace('_', ' ') for name in names)} |", "|---" * (len(names) + 1) + "|"]
    for name in result["faults"]:
        row = []
        for architecture in names:
            entry = result["cells"][architecture][name]
            tests = entry.get("killed")
            mark = "" if "reasons" in entry else "**survived**"
            row.append(str(numbers[min(tests, key=lambda test: (counts[test], test))]) if tests else mark)
        lines.append(f"| {name} | {' | '.join(row)} |")
    return [*lines, ""]


def by_reason(result: dict[str, Any]) -> list[str]:
    """The reasons why a fault doesn't apply to an architecture, each found by code in the real classes."""
    lines = ["## Not applicable", "", "| fault | architectures | reason |", "|---|---|---|"]
    for name in result["faults"]:
        where: dict[str, list[str]] = {}
        for architecture, found in result["cells"].items():
            if "reasons" in found[name]:
                where.setdefault("; ".join(found[name]["reasons"]), []).append(architecture)
        lines += [f"| {name} | {', '.join(places)} | {reason} |" for reason, places in where.items()]
    return [*lines, ""]


def not_run(result: dict[str, Any]) -> list[str]:
    """The tests that were skipped, and that nothing is shown about."""
    where: dict[tuple[str, str], list[str]] = {}
    for architecture, skips in result["skipped"].items():
        for test, why in skips.items():
            where.setdefault((test, why), []).append(architecture)
    lines = [f"- `{test}` ({why}): {', '.join(places)}" for (test, why), places in where.items()]
    return ["## Skipped, so nothing is shown about them", "", *(lines or ["None."])]


def open_cells(result: dict[str, Any]) -> list[str]:
    """The cells that are neither killed nor not applicable."""
    return [
        f"{architecture} {name}: {entry}"
        for architecture, found in result["cells"].items()
        for name, entry in found.items()
        if "survived" in entry or "crashed" in entry
    ]


def unproven_tests(result: dict[str, Any]) -> list[str]:
    """The tests that ran and that no fault kills in any architecture."""
    cells = [entry for found in result["cells"].values() for entry in found.values()]
    killing = {test for entry in cells for test in entry.get("killed", {})}
    return sorted({test for tests in result["tests"].values() for test in tests} - killing)
