"""The queue before the decoding processes, and what a video waits for in it."""

import queue
import threading
from collections.abc import Callable
from typing import Any

from preprocess.extraction.worker import Worker


class Taken:
    """A queue of tasks that says which one is taken, and how many are before one that waits."""

    def __init__(self, taken: Callable[[Any], None]) -> None:
        """`taken`: called with each task as a process takes it up."""
        self._queue: queue.SimpleQueue = queue.SimpleQueue()
        self._taken = taken

    def put(self, item: tuple[Any] | None) -> None:
        """(task,), or None: no more."""
        self._queue.put(item)

    def get(self) -> tuple[Any] | None:
        """The next one."""
        item = self._queue.get()
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
        done: Callable[[Any, Any], None],
    ) -> None:
        """`done`: called, in one thread, with each task and its result, Failure or exception."""
        self._todo = Taken(taken)
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
            self._told(*item)
            self.finished += 1
