"""The queue before the decoding processes, and what they have done."""

import itertools
import logging
import queue
import threading
from collections.abc import Callable
from typing import Any

from preprocess.extraction.worker import Worker

LOG = logging.getLogger("web")


class Taken:
    """A queue of tasks that says which one is taken; those that can wait come after the others."""

    def __init__(self, taken: Callable[[Any], None], late: Callable[[Any], bool]) -> None:
        """`taken`: called with each task as a process takes it up; `late`: whether one can wait."""
        self._queue: queue.PriorityQueue = queue.PriorityQueue()
        self._number = itertools.count()
        self._taken, self._late = taken, late

    def put(self, item: tuple[Any] | None) -> None:
        """(task,), or None: no more, which comes first."""
        place = -1 if item is None else int(self._late(item[0]))
        self._queue.put((place, next(self._number), item))

    def get(self) -> tuple[Any] | None:
        """The next one."""
        item = self._queue.get()[-1]
        if item is not None:
            self._taken(item[0])
        return item


class Decoders:
    """Processes that work on tasks, and a thread here that takes what they have done.

    A process that dies or is too slow costs its task; the next task finds a new one.
    """

    def __init__(
        self,
        function: Callable[[Any], Any],
        *,
        processes: int,
        seconds: float,
        taken: Callable[[Any], None],
        late: Callable[[Any], bool],
        done: Callable[[Any, Any], None],
    ) -> None:
        """`taken`, `late`: as of `Taken`.

        `done`: called, in one thread, with each task and its result, Failure or exception.
        """
        self._todo = Taken(taken, late)
        self._done: queue.SimpleQueue = queue.SimpleQueue()
        self._told = done
        self.finished = 0  # tasks
        todo: Any = self._todo
        self.workers = [Worker(function, seconds, todo, self._done) for _ in range(processes)]
        self._thread = threading.Thread(target=self._collect, name="decoded", daemon=True)
        self._thread.start()

    def put(self, task: Any) -> None:
        """Work on a task when its turn has come."""
        self._todo.put((task,))

    def close(self) -> None:
        """Kill the processes; what waits is given up."""
        for worker in self.workers:
            worker.close()
        for worker in self.workers:
            worker.thread.join()
        self._done.put(None)
        self._thread.join()

    def _collect(self) -> None:
        while (item := self._done.get()) is not None:
            try:
                self._told(*item)
            except Exception as error:  # one task's, not the end of all
                LOG.error("what was decoded was not taken", exc_info=error)
            self.finished += 1
