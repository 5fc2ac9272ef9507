"""The fault matrix as a page of tables, from its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

HEAD = """# Faults that the generated tests catch

Each fault below is injected into the real classes of transformers while a whole generated module runs; a fault that
makes no test fail is a hole in the tests. Written by `python tests/fault_matrix.py --write docs/faults.md`; the numbers
are in [faults.json](faults.json), and `tests/test_faults.py` refuses a result older than the faults or the modules.

{versions}, {date}. {faults} faults, {architectures} architectures: {killed} cells killed, {survived} survived, \
{inapplicable} not applicable.
"""

SAMPLE_HEAD = """# Faults in a sample of all architectures

The faults of [faults.md](faults.md) in modules whose recipes were found by rules, not written by hand: a sample of
{architectures} of them, of each family as many as its share, drawn by hash. Such modules lack some tests that the
golden ones have (those of pipelines of images and sound first of all), and what survives is shown. Written by
`python tests/fault_matrix.py --sample {architectures}{quick} --write docs/faults-sample.md`; the numbers are in
[faults-sample.json](faults-sample.json).

{versions}, {date}. {faults} faults: {killed} cells killed, {survived} survived, {inapplicable} not applicable: \
**{rate} are caught**.

The source distribution of transformers 5.23.0 ships no tests, so its own are not shown beside these.
"""


QUICK = (
    "A run stopped at its first failing test (`--quick`): under each fault, that is the one that is counted below.\n"
)


def sample_page(result: dict[str, Any]) -> str:
    """The result of a sample as Markdown: the share of faults that is caught, and what survives."""
    parts = [_head(SAMPLE_HEAD, result), *by_family(result), *by_survivor(result)]
    parts += [QUICK] if result["quick"] else []
    return "\n".join([*parts, *by_test(result), *by_reason(result), *not_run(result)]) + "\n"


def by_family(result: dict[str, Any]) -> list[str]:
    """The share of faults that is caught, by family."""
    members: dict[str, list[str]] = {}
    for architecture, family in result["families"].items():
        members.setdefault(family, []).append(architecture)
    lines = ["## By family", "", "| family | architectures | killed | of | share |", "|---|---|--:|--:|--:|"]
    for family, names in sorted(members.items()):
        killed, of = rate(entry for name in names for entry in result["cells"][name].values())
        lines.append(f"| {family} | {', '.join(names)} | {killed} | {of} | {share(killed, of)} |")
    return [*lines, ""]


def by_survivor(result: dict[str, Any]) -> list[str]:
    """Where each fault survives."""
    lines = ["## What survives", "", "| fault | what breaks | survives in |", "|---|---|---|"]
    for name, breaks in result["faults"].items():
        left = [place for place, found in result["cells"].items() if survives(found[name])]
        lines += [f"| {name} | {breaks} | {', '.join(left)} |"] if left else []
    return [*lines, ""]


def survives(entry: dict[str, Any]) -> bool:
    """Whether no test failed under a fault; a run that broke down shows nothing."""
    return "survived" in entry or "crashed" in entry


def rate(entries: Iterable[dict[str, Any]]) -> tuple[int, int]:
    """How many faults are caught, and of how many that apply."""
    applicable = [entry for entry in entries if "reasons" not in entry]
    return sum("killed" in entry for entry in applicable), len(applicable)


def share(part: int, whole: int) -> str:
    """A share in per cent."""
    return f"{100 * part / whole:.1f} %" if whole else "none apply"


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    parts = [_head(HEAD, result), *by_test(result), *by_architecture(result), *by_reason(result), *not_run(result)]
    return "\n".join(parts) + "\n"


def _head(text: str, result: dict[str, Any]) -> str:
    cells = [entry for found in result["cells"].values() for entry in found.values()]
    return text.format(
        versions=", ".join(f"{name} {version}" for name, version in result["versions"].items()),
        date=result["date"],
        faults=len(result["faults"]),
        architectures=len(result["cells"]),
        killed=sum("killed" in entry for entry in cells),
        survived=sum(map(survives, cells)),
        inapplicable=sum("reasons" in entry for entry in cells),
        rate=share(*rate(cells)),
        quick=" --quick" if result.get("quick") else "",
    )


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
        if survives(entry)
    ]


def unproven_tests(result: dict[str, Any]) -> list[str]:
    """The tests that ran and that no fault kills in any architecture."""
    cells = [entry for found in result["cells"].values() for entry in found.values()]
    killing = {test for entry in cells for test in entry.get("killed", {})}
    return sorted({test for tests in result["tests"].values() for test in tests} - killing)
