"""Real three-way merges of Python files, read from the history of a git repository."""

from __future__ import annotations

import ast
import hashlib
import json
import lzma
import random
import subprocess
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

from hfcodemod.errors import UserError

REGULAR = ("100644", "100755")
TEXTS = {"base", "ours", "theirs", "human"}


@dataclass(frozen=True)
class Pair:
    """One file that both sides of a merge changed, and what the merge commit holds."""

    repo: str
    commit: str
    path: str
    kind: str
    base: str
    ours: str
    theirs: str
    human: str


def parsed(text: str) -> ast.Module | None:
    """The syntax tree, or None for what Python can't read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)
        try:
            # As bytes, so that a byte order mark and a coding line mean what they mean in a file.
            return ast.parse(text.encode())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def opened(path: Path, mode: str) -> IO[str]:
    """A text file of JSON lines, compressed if its name ends in ``.xz``."""
    if path.suffix == ".xz":
        return cast("IO[str]", lzma.open(path, mode, encoding="utf-8", newline="\n"))
    return open(path, mode, encoding="utf-8", newline="\n")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines. Raises UserError for anything else, OSError if there is none."""
    try:
        with opened(path, "rt") as lines:
            rows = [json.loads(line) for line in lines]
        if all(row.keys() >= TEXTS for row in rows):
            return rows
        raise ValueError("a line lacks a text")
    except (lzma.LZMAError, EOFError, ValueError, AttributeError) as error:
        raise UserError(f"{path}: holds no merges ({error}); name a file that this script wrote") from error


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a file that `write_pairs` wrote."""
    names = [field.name for field in fields(Pair)]
    return [Pair(**{name: row[name] for name in names}) for row in read_rows(path)]


def write_pairs(path: Path, pairs: Sequence[Pair]) -> None:
    """One JSON object a line."""
    with opened(path, "wt") as file:
        file.writelines(json.dumps(asdict(pair)) + "\n" for pair in pairs)


def kind_of(base: str, ours: str, theirs: str) -> str:
    """Whether git's line merge has a ``conflict`` or is ``clean``."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for path, text in zip(paths, (ours, base, theirs), strict=True):
            path.write_bytes(text.encode())
        done = subprocess.run(["git", "merge-file", "-p", "-q", *paths], capture_output=True, check=False)
    return "conflict" if done.returncode else "clean"


class Repository:
    """A repository, its objects read through one ``git cat-file --batch``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if subprocess.run(["git", "-C", folder, "rev-parse"], capture_output=True, check=False).returncode:
            raise UserError(f"{folder}: is no git repository; clone it with its whole history")
        self.name = folder.resolve().name.removesuffix(".git")

    def __enter__(self) -> Repository:
        command = ["git", "-C", str(self.folder), "cat-file", "--batch"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.communicate()

    def blob(self, name: str) -> bytes:
        """The bytes of an object. Raises UserError if the repository lacks it."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{name}\n".encode())
        self.process.stdin.flush()
        head = self.process.stdout.readline().split()
        if len(head) != 3:
            raise UserError(f"{self.folder}: lacks the object {name}; clone it with its whole history")
        size = int(head[2])
        return self.process.stdout.read(size + 1)[:size]

    def lines(self, *words: str) -> list[str]:
        """The lines that a git command prints. Raises UserError where it fails."""
        command = ["git", "-C", str(self.folder), "-c", "core.quotePath=false", *words]
        done = subprocess.run(command, capture_output=True, check=False)
        # merge-base exits with 1 when it finds none.
        if done.returncode > 1:
            reason = done.stderr.decode("utf-8", "replace").strip().replace("\n", "; ")
            raise UserError(f"{self.folder}: git {words[0]} failed ({reason}); clone it with its whole history")
        # Not splitlines, which would also split a path at other line ends of Unicode.
        return done.stdout.decode("utf-8", "replace").split("\n")[:-1]

    def merges(self) -> list[list[str]]:
        """Each merge commit of any branch, followed by its parents, the oldest first."""
        found = self.lines("rev-list", "--all", "--merges", "--parents", "--topo-order")
        return [line.split() for line in reversed(found)]

    def bases(self, ours: str, theirs: str) -> list[str]:
        """The best common ancestors: several after a criss-cross, none of unrelated histories."""
        return self.lines("merge-base", "--all", ours, theirs)

    def changes(self, base: str, commit: str) -> dict[str, tuple[str, str, str]]:
        """Each Python file that differs: its status, its object before and its object after."""
        # No detection of renames: a renamed file is one that is gone and one that is new.
        found = {}
        for line in self.lines("diff-tree", "-r", "--raw", "--no-renames", "--no-abbrev", base, commit, "--", "*.py"):
            about, path = line.split("\t", 1)
            before, after, old, new, status = about[1:].split()
            regular = before in REGULAR and after in REGULAR
            found[path] = (status if regular or status in "AD" else "T", old, new)
        return found


def extracted(
    repository: Repository, seen: set[bytes], tally: Counter[str], limit: int | None = None, seed: int = 0
) -> Iterator[Pair]:
    """The pairs of a repository, `limit` of them from merges in random order; what was left out is counted in `tally`.

    `seen` holds the digests of those found before, of this and of other repositories.
    """
    merges = repository.merges()
    if limit is not None:
        random.Random(seed).shuffle(merges)
    found = 0
    for commit, *parents in merges:
        for pair in of_merge(repository, commit, parents, tally):
            digest = hashlib.sha256(json.dumps([pair.base, pair.ours, pair.theirs, pair.human]).encode()).digest()
            if digest in seen:
                tally["seen before"] += 1
                continue
            if found == limit:
                return
            seen.add(digest)
            found += 1
            tally[pair.kind] += 1
            yield pair


def of_merge(repository: Repository, commit: str, parents: Sequence[str], tally: Counter[str]) -> Iterator[Pair]:
    """The pairs of one merge commit."""
    tally["merges"] += 1
    if len(parents) != 2:
        tally["more than two parents"] += 1
        return
    bases = repository.bases(*parents)
    if len(bases) != 1:
        tally["several bases" if bases else "no common base"] += 1
        return
    ours, theirs = (repository.changes(bases[0], side) for side in parents)
    shared = sorted(ours.keys() & theirs.keys())
    human = repository.changes(bases[0], commit) if shared else {}
    for path in shared:
        reason, texts = texts_of(repository, ours[path], theirs[path], human.get(path))
        if reason:
            tally[reason] += 1
            continue
        yield Pair(repository.name, commit, path, kind_of(*texts[:3]), *texts)


def texts_of(
    repository: Repository,
    ours: tuple[str, str, str],
    theirs: tuple[str, str, str],
    human: tuple[str, str, str] | None,
) -> tuple[str, list[str]]:
    """Base, ours, theirs and human of a file that both sides changed, or the reason why it is none of ours."""
    if {ours[0], theirs[0]} != {"M"}:
        return "added, deleted, renamed or no regular file on a side", []
    # A merge that takes the base again differs from both sides, and has no line in the comparison.
    status, _, merged = human or ("M", "", ours[1])
    if status != "M":
        return "deleted or renamed by the merge", []
    names = [ours[1], ours[2], theirs[2], merged]
    if ours[2] == theirs[2]:
        return "changed alike by both sides", []
    if merged in (ours[2], theirs[2]):
        return "merged to one side", []
    try:
        texts = [repository.blob(name).decode() for name in names]
    except UnicodeDecodeError:
        return "not UTF-8", []
    if None in map(parsed, texts):
        return "not parsed", []
    return "", texts
