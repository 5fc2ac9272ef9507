"""Three-way merges out of real histories, and what a merge command makes of them: see docs/merge.md.

python tests/merge_histories.py extract REPOSITORY... --to merges.jsonl.xz
python tests/merge_histories.py measure merges.jsonl.xz --keep worse.jsonl -- hfcodemod merge {base} {ours} {theirs}
python tests/merge_histories.py sample worse.jsonl --show 20
"""

from __future__ import annotations

import argparse
import datetime
import difflib
import json
import math
import platform
import random
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from merge_extraction import Pair, Repository, extracted, opened, read_pairs, read_rows, write_pairs
from merge_verdict import DIFFERS, EQUAL, GIT_BYTES, NEVER, RESOLVED, TITLES, UNORDERED, Verdict, judged

from hfcodemod.errors import UserError

SIDES = ("base", "ours", "theirs")
PLACES = [f"{{{side}}}" for side in SIDES]
GIT = ["git", "merge-file", "-q", "{ours}", "{base}", "{theirs}"]
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def run(pair: Pair, command: Sequence[str], timeout: float) -> Verdict:
    """What a merge command makes of a pair, its three files lying in a folder each under the name they had."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {side: Path(folder, side, Path(pair.path).name) for side in SIDES}
        for side, path in paths.items():
            path.parent.mkdir()
            path.write_bytes(getattr(pair, side).encode())
        words = list(command)
        for place, path in zip(PLACES, paths.values(), strict=True):
            words = [word.replace(place, str(path)) for word in words]
        start = time.perf_counter()
        try:
            done = subprocess.run(words, capture_output=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)
            code, stderr = done.returncode, done.stderr
        except subprocess.TimeoutExpired:
            code, stderr = None, b""
        except OSError as error:
            raise UserError(f"{words[0]}: {error.strerror}; give a command after --") from error
        seconds = time.perf_counter() - start
        return judged(pair, paths["ours"].read_bytes(), code, stderr, seconds)


def both(pair: Pair, command: Sequence[str], timeout: float) -> tuple[Verdict, Verdict]:
    """The verdicts over git's line merge and over the command."""
    git, mine = run(pair, GIT, timeout), run(pair, command, timeout)
    if git.code == mine.code == 0 and git.result == mine.result:
        mine = replace(mine, marks=(*mine.marks, GIT_BYTES))
    return git, mine


def summary(pairs: Sequence[Pair], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """The figures of one command."""
    seen = Counter(verdict.outcome for verdict in verdicts)
    seen.update(mark for verdict in verdicts for mark in verdict.marks)
    seconds = sorted(verdict.seconds for verdict in verdicts)
    return {
        "pairs": len(pairs),
        **{name: seen[name] for name in TITLES},
        "resolved_rate": rate(seen[RESOLVED], len(pairs)),
        "equal_rate": rate(seen[EQUAL] + seen[UNORDERED], seen[RESOLVED]),
        "codes": dict(sorted(Counter(str(verdict.code) for verdict in verdicts).items())),
        "seconds_median": round(statistics.median(seconds), 3),
        "seconds_p95": round(seconds[math.ceil(len(seconds) * 0.95) - 1], 3),
    }


def rate(part: int, whole: int) -> float | None:
    """A share with three digits, None of nothing."""
    return round(part / whole, 3) if whole else None


def table(report: dict[str, Any]) -> str:
    """The report as Markdown."""
    columns = [(kind, who) for kind in report["kinds"] for who in ("git", "command")]
    figures = [report["kinds"][kind][who] for kind, who in columns]
    repositories = ", ".join(f"{name} {count}" for name, count in report["repositories"].items())
    names = {"git": "git merge-file", "command": Path(shlex.split(report["command"])[0]).name}
    heads = [f"{kind}: {names[who]}" for kind, who in columns]

    def row(title: str, cells: Sequence[object]) -> str:
        return f"| {' | '.join([title, *map(str, cells)])} |"

    def share(value: float | None) -> str:
        return "" if value is None else f"{value:.1%}"

    return "\n".join(
        [
            f"`{report['command']}` on {report['pairs']} merges ({repositories}), {report['date']},",
            f"{report['versions']}.",
            "",
            row("", heads),
            row("---", ["--:"] * len(columns)),
            row("merges", [figure["pairs"] for figure in figures]),
            *(row(title, [figure[name] for figure in figures]) for name, title in TITLES.items()),
            row("resolved, of all", [share(figure["resolved_rate"]) for figure in figures]),
            row("as a human did, of those resolved", [share(figure["equal_rate"]) for figure in figures]),
            row("seconds, median", [figure["seconds_median"] for figure in figures]),
            row("seconds, 95 of 100 below", [figure["seconds_p95"] for figure in figures]),
            "",
        ]
    )


def extract(options: argparse.Namespace) -> int:
    """Writes the pairs of the repositories, and says what was left out."""
    pairs: list[Pair] = []
    seen: set[bytes] = set()
    for folder in options.repository:
        tally: Counter[str] = Counter()
        with Repository(folder) as repository:
            pairs += extracted(repository, seen, tally, options.limit, options.seed)
        counts = ", ".join(f"{count} {name}" for name, count in sorted(tally.items()))
        print(f"{repository.name}: {counts or 'no merges'}", file=sys.stderr)
    write_pairs(options.to, pairs)
    print(f"{options.to}: {len(pairs)} merges of files", file=sys.stderr)
    return 0


def measure(options: argparse.Namespace) -> int:
    """Prints the figures; 1 if the command did what must never happen."""
    pairs = [pair for pair in read_pairs(options.merges) if options.kind in ("all", pair.kind)]
    if options.limit is not None and options.limit < len(pairs):
        pairs = random.Random(options.seed).sample(pairs, options.limit)
    if not options.command:
        raise UserError("no command; give one after --, such as -- hfcodemod merge {base} {ours} {theirs}")
    if not pairs:
        raise UserError(f"{options.merges}: holds no merges of kind {options.kind}; try --kind all")
    written = options.write.read_text(encoding="utf-8") if options.write else None
    if written is not None and (BEGIN not in written or END not in written):
        raise UserError(f"{options.write}: has no place for the figures; add the lines {BEGIN} and {END}")
    with ProcessPoolExecutor(options.jobs) as pool:
        verdicts = list(pool.map(partial(both, command=options.command, timeout=options.timeout), pairs))
    report = reported(pairs, verdicts, options.command)
    if options.keep:
        kept = [(pair, mine) for pair, (_, mine) in zip(pairs, verdicts, strict=True) if worth_reading(mine)]
        with opened(options.keep, "wt") as file:
            file.writelines(json.dumps({**asdict(pair), "verdict": asdict(mine)}) + "\n" for pair, mine in kept)
    text = table(report)
    print(json.dumps(report, indent=2) if options.json else text)
    if written is not None:
        head, tail = written.split(BEGIN)[0], written.split(END)[1]
        options.write.write_text(f"{head}{BEGIN}\n{text}{END}{tail}", encoding="utf-8")
    return int(any({mine.outcome, *mine.marks} & set(NEVER) for _, mine in verdicts))


def reported(
    pairs: Sequence[Pair], verdicts: Sequence[tuple[Verdict, Verdict]], command: Sequence[str]
) -> dict[str, Any]:
    """The figures of git and of the command for each kind of merge."""
    kinds: dict[str, Any] = {}
    for kind in sorted({pair.kind for pair in pairs}, reverse=True):
        here = [(pair, *two) for pair, two in zip(pairs, verdicts, strict=True) if pair.kind == kind]
        chosen = [pair for pair, _, _ in here]
        kinds[kind] = {
            "git": summary(chosen, [git for _, git, _ in here]),
            "command": summary(chosen, [mine for _, _, mine in here]),
        }
    git = subprocess.run(["git", "version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "command": " ".join(word if word in PLACES else shlex.quote(word) for word in command),
        "date": str(datetime.date.today()),
        "versions": f"{git}, Python {platform.python_version()}",
        "pairs": len(pairs),
        "repositories": dict(sorted(Counter(pair.repo for pair in pairs).items())),
        "kinds": kinds,
    }


def worth_reading(verdict: Verdict) -> bool:
    """Whether a human should look: other code than was committed, or what must never happen."""
    return bool({verdict.outcome, *verdict.marks} & {DIFFERS, *NEVER})


def sample(options: argparse.Namespace) -> int:
    """Prints some of what ``measure --keep`` wrote, each as the way from the result to what a human committed."""
    rows = read_rows(options.kept)
    if not all("verdict" in row for row in rows):
        raise UserError(f"{options.kept}: holds no verdicts; name a file that measure --keep wrote")
    if options.mark:
        rows = [row for row in rows if options.mark in (row["verdict"]["outcome"], *row["verdict"]["marks"])]
    chosen = random.Random(options.seed).sample(rows, min(options.show, len(rows)))
    for row in chosen:
        verdict = row["verdict"]
        print(f"{'=' * 100}\n{row['repo']} {row['commit'][:12]} {row['path']}: {verdict['outcome']}, ", end="")
        print(", ".join(verdict["marks"]))
        for line in verdict["lost"]:
            print(f"lost: {line}")
        texts = verdict["result"].splitlines(), row["human"].splitlines()
        diff = "\n".join(difflib.unified_diff(*texts, "result", "human", lineterm=""))
        print(diff.encode("utf-8", "backslashreplace").decode())
    print(f"{len(chosen)} of {len(rows)}", file=sys.stderr)
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    whole = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = whole.add_subparsers(required=True)
    one = commands.add_parser("extract", help=extract.__doc__)
    one.add_argument("repository", nargs="+", type=Path, help="a clone with its history, bare or not")
    one.add_argument("--to", type=Path, required=True, help="JSON lines, compressed if the name ends in .xz")
    one.add_argument("--limit", type=int, help="at most so many of each repository, from merges in random order")
    one.add_argument("--seed", type=int, default=0, help="of that order")
    one.set_defaults(call=extract)
    usage = "%(prog)s MERGES [options] -- COMMAND WITH {base} {ours} {theirs}, its result in {ours}"
    two = commands.add_parser("measure", help=measure.__doc__, usage=usage)
    two.add_argument("merges", type=Path, help="what extract wrote")
    two.add_argument("--kind", choices=["conflict", "clean", "all"], default="all", help="as git merge-file sees it")
    two.add_argument("--limit", type=int, help="so many, chosen at random")
    two.add_argument("--seed", type=int, default=0, help="of that choice")
    two.add_argument("--timeout", type=float, default=120, help="seconds for a merge")
    two.add_argument("--keep", type=Path, help="write those to be read by a human, for sample")
    two.add_argument("--write", type=Path, help=f"put the table into a page, between {BEGIN} and {END}")
    two.add_argument("--json", action="store_true", help="the figures as JSON in place of a table")
    two.add_argument("-j", "--jobs", type=int, default=1, help="merges at once")
    two.set_defaults(call=measure)
    three = commands.add_parser("sample", help=sample.__doc__)
    three.add_argument("kept", type=Path, help="what measure --keep wrote")
    three.add_argument("--show", type=int, default=10, help="how many")
    three.add_argument("--seed", type=int, default=0, help="of the choice")
    three.add_argument("--mark", choices=[DIFFERS, *NEVER], help="only those")
    three.set_defaults(call=sample)
    return whole


def main(words: Sequence[str] | None = None) -> int:
    """Runs one of the commands. Errors that a user can mend are one line and exit code 2."""
    words = sys.argv[1:] if words is None else words
    split = words.index("--") if "--" in words else len(words)
    options = parser().parse_args(words[:split])
    options.command = words[split + 1 :]
    try:
        code: int = options.call(options)
        return code
    except OSError as error:
        print(f"error: {error.filename}: {error.strerror}", file=sys.stderr)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
