"""Several workers, each of which takes the next module as soon as it has done one.

pytest-xdist does not serve: each of its processes imports every module before the first test, and again when it starts
anew (65 s for 649 modules), so that a module that ends the process while it is imported ends the run.
"""

from __future__ import annotations

import queue
import shutil
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hfcodemod.durable import blaming
from hfcodemod.verifying.subjects import Subject
from hfcodemod.verifying.workers import Ending, Job, Limits, Worker


@dataclass(frozen=True)
class Done:
    """A module that was run."""

    subject: Subject
    ending: Ending
    device: str
    junit: str
    """What pytest wrote; empty where the module did not end by itself."""


class Pool:
    """Runs modules; used as a context, at the end of which no process is left."""

    def __init__(self, root: Path, folder: Path, jobs: int, limits: Limits, copies: bool = True) -> None:
        self._root = root
        self._folder = folder
        self._jobs = jobs
        self._limits = limits
        self._copies = copies
        self._results: queue.Queue[Done | BaseException] = queue.Queue()
        self._threads: list[threading.Thread] = []
        self._workers: set[Worker] = set()
        self._lock = threading.Lock()
        self._ending = False
        self._started = 0

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ending = True
            for worker in self._workers:
                worker.kill()
        for thread in self._threads:
            thread.join()

    def run(self, subjects: Sequence[Subject]) -> Iterator[Done]:
        """Run all, and give each as soon as it is done.

        Raises UserError where no worker starts, and where the disk refuses.
        """
        waiting = deque(enumerate(subjects))
        for _ in range(min(self._jobs, len(waiting))):
            thread = threading.Thread(target=self._work, args=(waiting,))
            self._threads.append(thread)
            thread.start()
        for _ in subjects:
            done = self._next()
            if isinstance(done, BaseException):
                raise done
            yield done

    def _next(self) -> Done | BaseException:
        while True:
            # With a limit, since Windows lets nobody interrupt a wait without one.
            with suppress(queue.Empty):
                return self._results.get(timeout=1)

    def _work(self, waiting: deque[tuple[int, Subject]]) -> None:
        worker: Worker | None = None
        try:
            while not self._ending:
                try:
                    number, subject = waiting.popleft()
                except IndexError:
                    return
                with blaming(self._folder):
                    if worker is None or not worker.usable:
                        self._let_go(worker)
                        worker = self._new_worker()
                        worker.wait_until_ready()
                    self._results.put(self._done(worker, number, subject))
        except BaseException as error:
            # Whoever waits for results gets it.
            self._results.put(error)
        finally:
            self._let_go(worker)

    def _new_worker(self) -> Worker:
        with self._lock:
            self._started += 1
            worker = Worker(self._root, self._folder / f"worker-{self._started}", self._copies)
            self._workers.add(worker)
            if self._ending:
                worker.kill()
        return worker

    def _let_go(self, worker: Worker | None) -> None:
        if worker is not None:
            with self._lock:
                self._workers.discard(worker)
            worker.close()

    def _done(self, worker: Worker, number: int, subject: Subject) -> Done:
        temporary = self._folder / f"module-{number}"
        junit = self._folder / f"module-{number}.xml"
        temporary.mkdir()
        ending = worker.run(Job(subject.path, tuple(subject.required), junit, temporary), self._limits)
        # Tiny models are saved there, and hundreds of modules do so.
        shutil.rmtree(temporary, ignore_errors=True)
        text = ""
        with suppress(OSError):
            text = junit.read_text(encoding="utf-8")
            junit.unlink()
        return Done(subject, ending, worker.device, "" if ending.how else text)
