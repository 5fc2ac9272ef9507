"""Many modules worked on by several processes, where that is faster."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from hfcodemod.managed import Managed
    from hfcodemod.plan import Plan, Planner

Given = TypeVar("Given")
Found = TypeVar("Found")

FEW = 12
"""Up to so many modules are done sooner by one process than others are started."""
RARELY = (100_000, 20, 20)
"""For the collector of garbage."""


def planned(planner: Planner, files: Sequence[Managed], jobs: int | None) -> Iterator[Plan]:
    """The plans of the files, in their order, made by at most so many processes."""
    return worked(planner.plan, files, jobs)


def worked(work: Callable[[Given], Found], items: Sequence[Given], jobs: int | None) -> Iterator[Found]:
    """What ``work`` makes of each item, in their order, by at most so many processes."""
    workers = min(jobs or os.cpu_count() or 1, (len(items) + FEW - 1) // FEW)
    if workers <= 1:
        with _rare_collection():
            yield from map(work, items)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    ways = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in ways else None)
    with ProcessPoolExecutor(workers, context, _begin, (work,)) as pool:
        yield from pool.map(_work_on, items, chunksize=max(1, min(FEW, len(items) // (workers * 4))))


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Look for garbage in cycles less often: trees of syntax are large and hold none, and the search takes a third."""
    usual = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


_work: Callable[[Any], Any] | None = None


def _begin(work: Callable[[Any], Any]) -> None:
    import threading

    global _work
    _work = work
    gc.set_threshold(*RARELY)
    # A terminal interrupts all of its processes. The one that waits for them ends them; each would say so on its own.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Nobody tells a process that the one that waits for its work was killed: it would wait for ever."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _work_on(item: Any) -> Any:
    assert _work is not None
    return _work(item)
