"""Many modules planned by several processes, where that is faster."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfcodemod.managed import Managed
    from hfcodemod.plan import Plan, Planner

FEW = 12
"""Up to so many modules are planned sooner by one process than others are started."""
RARELY = (100_000, 20, 20)
"""For the collector of garbage."""


def planned(planner: Planner, files: Sequence[Managed], jobs: int | None) -> Iterator[Plan]:
    """The plans of the files, in their order, made by at most so many processes."""
    workers = min(jobs or os.cpu_count() or 1, (len(files) + FEW - 1) // FEW)
    if workers <= 1:
        with _rare_collection():
            yield from map(planner.plan, files)
        return
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    ways = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("fork" if "fork" in ways else None)
    with ProcessPoolExecutor(workers, context, _begin, (planner,)) as pool:
        yield from pool.map(_plan, files, chunksize=max(1, min(FEW, len(files) // (workers * 4))))


@contextmanager
def _rare_collection() -> Iterator[None]:
    """Look for garbage in cycles less often: trees of syntax are large and hold none, and the search takes a third."""
    usual = gc.get_threshold()
    gc.set_threshold(*RARELY)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


_planner: Planner | None = None


def _begin(planner: Planner) -> None:
    import threading

    global _planner
    _planner = planner
    gc.set_threshold(*RARELY)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Nobody tells a process that the one that waits for its work was killed: it would wait for ever."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _plan(file: Managed) -> Plan:
    assert _planner is not None
    return _planner.plan(file)
