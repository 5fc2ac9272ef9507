"""A write is whole or not at all: killed, refused or out of space at any point."""

from __future__ import annotations

import errno
import os
import random
import resource
import shutil
import signal
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from killing import DONE, KILLED, points, run

from hfcodemod.cli import app
from hfcodemod.errors import UserError
from hfcodemod.journal import recover, write_files
from hfcodemod.lock import locked
from hfcodemod.textfile import read

Tree = dict[str, tuple[int, bytes | str | None]]
NOBODY = 65534


def tree(root: Path) -> Tree:
    """Every file, link and folder below a folder, with its mode and what it holds."""
    found: Tree = {}
    for path in sorted(root.rglob("*")):
        info = path.lstat()
        holds = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        found[path.relative_to(root).as_posix()] = (stat.S_IMODE(info.st_mode), holds)
    return found


def lay_out(root: Path) -> dict[Path, bytes | None]:
    """A tree, and a write of thirty files of all kinds: replaced, new in new folders, removed, through a link."""
    models = root / "tests" / "models"
    base = root / ".hfcodemod" / "base"
    for folder in (models, base):
        folder.mkdir(parents=True)
    contents: dict[Path, bytes | None] = {}
    for number in range(14):
        (models / f"test_{number}.py").write_bytes(b"old %d\n" % number)
        contents[models / f"test_{number}.py"] = b"new %d\n" % number * 40
    (models / "test_3.py").chmod(0o755)
    (root / "elsewhere.py").write_bytes(b"old\r\n")
    (models / "link.py").symlink_to("../../elsewhere.py")
    contents[models / "link.py"] = b"new\r\n"
    for number in range(5):
        (base / f"old{number}").write_bytes(b"base %d\n" % number)
        contents[base / f"old{number}"] = None
    for number in range(5):
        contents[base / f"new{number}"] = b"base %d\n" % number
    for number in range(5):
        contents[root / "more" / "models" / f"test_{number}.py"] = b"x = %d\n" % number
    (root / "untouched.py").write_bytes(b"same\n")
    return contents


def work_in(root: Path) -> Callable[[], None]:
    """What a command does."""
    contents = lay_out(root)

    def work() -> None:
        with locked(root):
            recover(root)
            write_files(root, contents)

    return work


def recovery_of(root: Path) -> str | None:
    with locked(root):
        return recover(root)


@pytest.fixture(scope="module")
def fresh() -> Iterator[Callable[[], Path]]:
    """Makes one folder after another, each gone when the next comes; in memory, where thousands are made fast."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        root = Path(folder).resolve() / "root"

        def make() -> Path:
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            return root

        yield make


@pytest.fixture(scope="module")
def before(fresh: Callable[[], Path]) -> Tree:
    root = fresh()
    lay_out(root)
    return tree(root)


@pytest.fixture(scope="module")
def after(fresh: Callable[[], Path]) -> Tree:
    root = fresh()
    work_in(root)()
    return tree(root)


@pytest.fixture(scope="module")
def passed(fresh: Callable[[], Path]) -> list[str]:
    """The points of the write."""
    root = fresh()
    return points(work_in(root), root)


UNDONE = "undid a write of 30 files that was cut short"
FINISHED = "finished a write of 30 files that was cut short"


def test_a_write_does_what_it_says(before: Tree, after: Tree) -> None:
    expected = dict(before)
    for number in range(14):
        expected[f"tests/models/test_{number}.py"] = (0o644, b"new %d\n" % number * 40)
    expected["tests/models/test_3.py"] = (0o755, b"new 3\n" * 40)
    expected["elsewhere.py"] = (0o644, b"new\r\n")
    expected |= {"more": (0o755, None), "more/models": (0o755, None)}
    for number in range(5):
        del expected[f".hfcodemod/base/old{number}"]
        expected[f".hfcodemod/base/new{number}"] = (0o644, b"base %d\n" % number)
        expected[f"more/models/test_{number}.py"] = (0o644, b"x = %d\n" % number)
    assert after == expected
    assert before["tests/models/link.py"][1] == "../../elsewhere.py"


def test_killed_at_every_point(fresh: Callable[[], Path], before: Tree, after: Tree, passed: list[str]) -> None:
    drafted, committed = passed.index("os.rename journal.draft"), passed.index("os.rename journal.json")
    ended = passed.index("os.remove journal.json")
    assert len(passed) > 200
    for number, point in enumerate(passed):
        root = fresh()
        assert run(work_in(root), root, kill=number) == KILLED, point
        # The point is not reached any more where the program is killed at it.
        said = None if number <= drafted or number > ended else UNDONE if number <= committed else FINISHED
        assert recovery_of(root) == said, point
        assert tree(root) == (before if number <= committed else after), point
        assert recovery_of(root) is None


def test_killed_while_it_recovers(fresh: Callable[[], Path], before: Tree, after: Tree, passed: list[str]) -> None:
    committed = passed.index("os.rename journal.json")
    for kill in (committed - 40, committed + 1, len(passed) - 20):
        number, ending = 0, KILLED
        while ending == KILLED:
            root = fresh()
            assert run(work_in(root), root, kill=kill) == KILLED
            ending = run(partial(recovery_of, root), root, kill=number)
            recovery_of(root)
            assert tree(root) == (before if kill <= committed else after), (kill, number)
            number += 1
        assert ending == DONE
        assert number > 40


def test_killed_while_it_undoes(fresh: Callable[[], Path], before: Tree, after: Tree, passed: list[str]) -> None:
    fail = passed.index("os.rename journal.json") + 20
    number, ending = fail + 1, KILLED
    while ending == KILLED:
        root = fresh()
        ending = run(work_in(root), root, fail=fail, kill=number)
        recovery_of(root)
        # Killed before its first step, an undoing has not begun, and the write is finished.
        assert tree(root) == (after if number == fail + 1 else before), number
        number += 1
    assert ending.endswith(
        "cannot be written (No space left on device); check the disk and the space on it, then run the command again"
    )
    assert number - fail > 60


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "from then on"])
def test_no_space_at_every_point(
    fresh: Callable[[], Path], before: Tree, after: Tree, passed: list[str], lasting: bool
) -> None:
    # The last of what is needed; what follows removes temporary files.
    last = max(number for number, point in enumerate(passed) if point == "os.fsync")
    for number, point in enumerate(passed):
        root = fresh()
        ending = run(work_in(root), root, fail=number, lasting=lasting)
        if number <= last:
            assert ending.endswith(
                "(No space left on device); check the disk and the space on it, then run the command again"
            ), point
            assert tree(root) == before, point
        else:
            recovery_of(root)
            assert tree(root) == after, point


def test_killed_by_another_process_at_any_moment(fresh: Callable[[], Path], before: Tree, after: Tree) -> None:
    root = fresh()
    start = time.perf_counter()
    work_in(root)()
    lasts = time.perf_counter() - start
    chance = random.Random(4)
    for _ in range(20):
        root = fresh()
        work = work_in(root)
        pid = os.fork()
        if pid == 0:
            work()
            os._exit(0)
        time.sleep(chance.random() * lasts)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        recovery_of(root)
        assert tree(root) in (before, after)


def as_nobody(root: Path, work: Callable[[], object]) -> Callable[[], None]:
    """The work of somebody whom permissions bind, where the tests run as one whom they don't."""

    def bound() -> None:
        if os.geteuid() == 0:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
        work()

    if os.geteuid() == 0:
        for path in (root.parent, root, *root.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    return bound


def test_a_read_only_file_half_way(fresh: Callable[[], Path], before: Tree) -> None:
    root = fresh()
    work = work_in(root)
    (root / "tests" / "models" / "test_9.py").chmod(0o444)
    expected = tree(root)
    assert run(as_nobody(root, work), root) == (
        f"{root}/tests/models/test_9.py: is read-only; nothing was written; make it writable and run the command again"
    )
    assert tree(root) == expected


def test_a_read_only_folder_half_way(fresh: Callable[[], Path]) -> None:
    root = fresh()
    work = work_in(root)
    bound = as_nobody(root, work)
    (root / ".hfcodemod" / "base").chmod(0o555)
    expected = tree(root)
    assert run(bound, root) == (
        f"{root}/.hfcodemod/base/new0: cannot be written (Permission denied); "
        "check the permissions there, then run the command again"
    )
    assert tree(root) == expected
    (root / ".hfcodemod" / "base").chmod(0o755)


def test_a_file_that_the_system_refuses_for_its_size(fresh: Callable[[], Path]) -> None:
    root = fresh()
    contents = lay_out(root)
    contents[root / "more" / "big.py"] = b"x" * 100_000
    expected = tree(root)

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        with locked(root):
            write_files(root, contents)

    assert run(limited, root) == (
        f"{root}/more/big.py: cannot be written (File too large); "
        "check the disk and the space on it, then run the command again"
    )
    assert tree(root) == expected


@pytest.mark.parametrize("at", [0, 1, 10])
def test_interrupted_by_the_user(
    fresh: Callable[[], Path], before: Tree, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    root = fresh()
    contents = lay_out(root)
    real, calls = os.replace, iter(range(100))

    def interrupted(path: Path, to: Path) -> None:
        if next(calls) == at:
            raise KeyboardInterrupt
        real(path, to)

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(root, contents)
    assert tree(root) == before


def test_where_links_cannot_be_made_copies_serve(
    fresh: Callable[[], Path], before: Tree, after: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on FAT, and on network drives; no such file system is at hand."""

    def refused(path: Path, to: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(path))

    monkeypatch.setattr(os, "link", refused)
    root = fresh()
    commands = points(work_in(root), root)
    root = fresh()
    work_in(root)()
    assert tree(root) == after
    root = fresh()
    assert "No space" in run(work_in(root), root, fail=commands.index("os.rename journal.json") + 30)
    assert tree(root) == before


def test_what_has_its_content_already_is_not_touched(fresh: Callable[[], Path]) -> None:
    root = fresh()
    file = root / "x.py"
    file.write_bytes(b"x = 1\n")
    inode = file.stat().st_ino
    assert points(lambda: write_files(root, {file: b"x = 1\n", root / "none.py": None}), root) == []
    write_files(root, {file: b"x = 1\n"})
    write_files(root, {file: b"x = 1\n", root / "y.py": b"y = 1\n"})
    assert file.stat().st_ino == inode
    assert tree(root) == {"x.py": (0o644, b"x = 1\n"), "y.py": (0o644, b"y = 1\n")}


def test_new_files_get_the_mode_that_the_user_wants(fresh: Callable[[], Path]) -> None:
    root = fresh()

    def careful() -> None:
        os.umask(0o077)
        write_files(root, {root / "x.py": b""})

    assert run(careful, root) == DONE
    assert tree(root) == {"x.py": (0o600, b"")}


def refusal(root: Path, contents: dict[Path, bytes | None]) -> str:
    expected = tree(root)
    with pytest.raises(UserError) as caught:
        write_files(root, contents)
    assert tree(root) == expected
    return str(caught.value)


def test_what_is_in_the_way_of_a_file(fresh: Callable[[], Path]) -> None:
    root = fresh()
    (root / "folder.py").mkdir()
    (root / "file").write_bytes(b"")
    (root / "gone.py").symlink_to("missing.py")
    new: dict[Path, bytes | None] = {root / "a.py": b"a"}
    assert refusal(root, new | {root / "folder.py": b""}) == (
        f"{root}/folder.py: is a folder where a file belongs; move it away"
    )
    assert refusal(root, new | {root / "gone.py": b""}) == (
        f"{root}/gone.py: links to missing.py, which is missing; mend or remove the link"
    )
    assert refusal(root, new | {root / "file" / "x.py": b""}) == (
        f"{root}/file/x.py: cannot be read (Not a directory); check what it is and its permissions"
    )


def test_one_file_under_two_names(fresh: Callable[[], Path]) -> None:
    root = fresh()
    (root / "x.py").write_bytes(b"")
    (root / "y.py").symlink_to("x.py")
    assert refusal(root, {root / "x.py": b"x", root / "y.py": b"y"}) == (
        f"{root}/y.py: is the same file as {root}/x.py; remove one of them"
    )


def test_an_edit_while_the_content_was_made(fresh: Callable[[], Path]) -> None:
    root = fresh()
    file = root / "x.py"
    file.write_bytes(b"x = 1\r\n")
    seen = {file: read(file), root / "y.py": read(root / "y.py")}
    write_files(root, {file: b"x = 2\r\n", root / "y.py": b""}, seen)
    assert tree(root) == {"x.py": (0o644, b"x = 2\r\n"), "y.py": (0o644, b"")}
    with pytest.raises(UserError, match=r"/x.py: was edited meanwhile; nothing was written; run the command again"):
        write_files(root, {file: b"x = 3\r\n"}, seen)
    assert file.read_bytes() == b"x = 2\r\n"


def test_an_edit_while_it_is_written(fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    root = fresh()
    contents = lay_out(root)
    real = os.replace

    def replace(path: Path, to: Path) -> None:
        real(path, to)
        if to.name == "journal.json":
            (root / "tests" / "models" / "test_9.py").write_bytes(b"edited\n")

    expected = tree(root) | {"tests/models/test_9.py": (0o644, b"edited\n")}
    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(UserError, match=r"/test_9.py: was edited meanwhile; nothing was written; run the command"):
        write_files(root, contents)
    assert tree(root) == expected


def test_what_others_changed_since_it_was_killed_is_kept(
    fresh: Callable[[], Path], after: Tree, passed: list[str]
) -> None:
    root = fresh()
    assert run(work_in(root), root, kill=passed.index("os.rename journal.json") + 2) == KILLED
    models = root / "tests" / "models"
    (models / "test_2.py").write_bytes(b"edited\n")
    (models / "test_3.py").unlink()
    shutil.rmtree(root / "more")
    assert recovery_of(root) == (
        f"{FINISHED}; changed by others since, so left as found: "
        + ", ".join(str(models / f"test_{number}.py") for number in (2, 3))
        + "".join(f", {root}/more/models/test_{number}.py" for number in range(5))
    )
    expected = {name: value for name, value in after.items() if not name.startswith("more")}
    expected["tests/models/test_2.py"] = (0o644, b"edited\n")
    del expected["tests/models/test_3.py"]
    # What was edited may still need a base that was to go.
    expected |= {f".hfcodemod/base/old{number}": (0o644, b"base %d\n" % number) for number in range(5)}
    assert tree(root) == expected


def test_what_others_changed_since_it_was_killed_undoing_is_kept(
    fresh: Callable[[], Path], before: Tree, passed: list[str]
) -> None:
    root = fresh()
    fail = passed.index("os.rename journal.json") + 20
    assert run(work_in(root), root, fail=fail, kill=fail + 3) == KILLED
    model = root / "tests" / "models" / "test_2.py"
    model.write_bytes(b"edited\n")
    assert recovery_of(root) == f"{UNDONE}; changed by others since, so left as found: {model}"
    assert tree(root) == before | {"tests/models/test_2.py": (0o644, b"edited\n")}


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"{}", b"\xff", b'{"token": "x", "folders": [], "files": [["x.py"]]}', b'{"files": 3}']
)
@pytest.mark.parametrize("name", ["journal.draft", "journal.json", "journal.undo"])
def test_a_journal_that_cannot_be_read(fresh: Callable[[], Path], name: str, raw: bytes) -> None:
    root = fresh()
    (root / ".hfcodemod").mkdir()
    (root / ".hfcodemod" / name).write_bytes(raw)
    expected = tree(root)
    with pytest.raises(UserError) as caught:
        recover(root)
    assert str(caught.value) == (
        f"{root}/.hfcodemod/{name}: cannot be read, so a write that was cut short stays so; put the tree right with "
        "git, remove .hfcodemod-*.new and .hfcodemod-*.old, then this file"
    )
    assert tree(root) == expected


def test_a_tree_that_moved_since_it_was_killed(fresh: Callable[[], Path], after: Tree, passed: list[str]) -> None:
    root = fresh()
    assert run(work_in(root), root, kill=passed.index("os.rename journal.json") + 9) == KILLED
    moved = root.parent / "moved"
    root.rename(moved)
    try:
        assert recovery_of(moved) == FINISHED
        assert tree(moved) == after
    finally:
        shutil.rmtree(moved)


def test_a_command_that_is_killed_at_any_point_is_mended_by_the_next(
    fresh: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def start() -> Path:
        root = fresh()
        (root / "pyproject.toml").write_text("")
        monkeypatch.chdir(root)
        return root

    def add() -> None:
        app(["add", "olmo"], standalone_mode=False)

    root = start()
    add()
    added, nothing = tree(root), ["pyproject.toml"]
    number, ending = 0, KILLED
    while ending == KILLED:
        root = start()
        ending = run(add, root, kill=number)
        capfd.readouterr()
        with pytest.raises(UserError, match="no skeleton 'none'"):
            app(["add", "olmo", "--skeleton", "none"], standalone_mode=False)
        told = capfd.readouterr().err
        whole = tree(root) == added
        assert whole or list(tree(root)) == nothing
        mended = f"{'finished' if whole else 'undid'} a write of 4 files that was cut short\n"
        assert told in ("", mended)
        add()
        assert tree(root) == added
        number += 1
    assert ending == DONE
    assert number > 40
