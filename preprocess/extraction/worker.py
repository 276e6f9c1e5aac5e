"""Work on videos in processes of their own: a file that crashes or hangs its decoder costs itself.

Decoders are C code that reads what strangers made.  A worker shares nothing with its siblings: one
thread here feeds one process over one pipe, so that a process which dies, even while it sends,
breaks nothing else.  (concurrent.futures gives up all work when one process dies; pebble's pool
shares one locked pipe, and broke in trials when processes died right after taking a task.
Processes of multiprocessing import the command that started them again, and all that it imports.)
"""

import multiprocessing
import os
import pickle
import queue
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from preprocess.video.error import VideoError

T = TypeVar("T")
R = TypeVar("R")

SHORTAGE = "this machine has not enough memory to decode it"


@dataclass(frozen=True)
class Failure:
    """Why a task has no result."""

    reason: str
    again: bool = False  # not the file's fault: the same command tries it again


def run_in_workers(
    function: Callable[[T], R],
    tasks: Iterable[T],
    *,
    workers: int,
    time_limit: float,
    ahead: int,
) -> Generator[tuple[T, R | Failure], None, None]:
    """Run `function` on each task in `workers` processes; yield (task, result) as they are done.

    `function`, tasks and results are pickled: what they are made of is defined in modules that a
    worker can import, not in the script that was started.  At most `ahead` tasks are in work, or
    done and not yet taken, so memory stays flat.  A task that raises VideoError or MemoryError,
    takes longer than `time_limit` seconds, or whose process dies, gives a Failure; any other
    exception is raised here.  Closing the iterator kills the workers.  workers = 0: in this
    process, where nothing can be killed, for debugging.
    """
    if workers == 0:
        for task in tasks:
            yield task, _result(_attempt(function, task))
        return
    assert function.__module__ != "__main__", f"{function} is to be defined in an imported module"
    waiting = iter(tasks)
    todo: queue.SimpleQueue = queue.SimpleQueue()  # (task,), or None: no more
    done: queue.SimpleQueue = queue.SimpleQueue()  # (task, result, Failure or exception)
    pool = [Worker(function, time_limit, todo, done) for _ in range(workers)]
    try:
        running = 0
        for task in islice(waiting, max(ahead, 1)):
            todo.put((task,))
            running += 1
        while running:
            task, outcome = done.get()
            running -= 1
            for following in islice(waiting, 1):
                todo.put((following,))
                running += 1
            yield task, _result(outcome)
    finally:
        for worker in pool:
            worker.close()
        for worker in pool:
            worker.thread.join()


class Worker:
    """One process, and the thread here that feeds it and starts it anew when it dies.

    It takes (task,) from `todo`, until None comes, and puts (task, outcome) into `done`: what
    `function` returned, a Failure, or an exception of ours.  A process that dies or is too slow
    costs its task alone.  Several may share the two queues.

        no process --_start--> idle --send--> busy --result--> idle --> ...
            ^                    |             |
            +-------_end---------+-------------+   dead, too slow, or nothing more to do

    Only the thread starts and ends the process, and waits for it.  `close`, of another thread,
    kills it in any state, which the thread sees as a death, and has it end.
    """

    def __init__(
        self,
        function: Callable,
        time_limit: float,
        todo: queue.SimpleQueue,
        done: queue.SimpleQueue,
    ) -> None:
        self.function, self.time_limit, self.todo, self.done = function, time_limit, todo, done
        self.process: subprocess.Popen | None = None
        self.pipe: Any = None
        self.closed = False
        self.lock = threading.Lock()  # of `process` and `closed`
        self.thread = threading.Thread(target=self._feed, daemon=True)
        self.thread.start()

    def close(self) -> None:
        """Kill the process; the thread ends."""
        with self.lock:
            self.closed = True
            if self.process is not None:
                _kill(self.process)
        self.todo.put(None)

    def _feed(self) -> None:
        while (item := self.todo.get()) is not None and not self.closed:
            try:
                outcome = self._run(item[0])
            except Exception as error:  # of ours: the caller shall see it
                outcome = error
            self.done.put((item[0], outcome))
        if self.process is not None:
            self._end()

    def _run(self, task: Any) -> Any:
        """The outcome of one task in the process."""
        if self.process is None:
            self._start()
        try:
            self.pipe.send(task)
            if not self.pipe.poll(self.time_limit):
                self._end()
                return Failure(f"not decoded after {self.time_limit:g} s")
            return self.pipe.recv()
        except (EOFError, ConnectionError):
            code = self._end()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        killed = code == -signal.SIGKILL  # by the kernel, as a rule
        return Failure(f"the decoder crashed ({how}{', out of memory?' if killed else ''})", killed)

    def _start(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        end = theirs.fileno()
        with self.lock:
            if self.closed:
                raise RuntimeError("closed")
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-c",
                    f"from {__name__} import serve; serve({end})",
                ],
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "OMP_NUM_THREADS": "1",  # torch's, too: a worker is one thread's work
                },
                stdin=subprocess.DEVNULL,
                pass_fds=[end],
                process_group=0,  # Ctrl-C goes to this process alone, which kills the group
            )
        theirs.close()
        try:
            self.pipe.send(self.function)
            error = self.pipe.recv()  # None, ready: what takes long from here on is the task
        except (EOFError, ConnectionError):
            self._end()
            raise RuntimeError("a worker process did not start; its message is above") from None
        if error is not None:
            self._end()
            raise RuntimeError("a worker process cannot import its work") from error

    def _end(self) -> int:
        """Kill the process -> its exit code, negative if by a signal."""
        with self.lock:  # `close` shall not kill what was waited for: the number may be another's
            process, self.process = self.process, None
        assert process is not None
        _kill(process)
        code = process.wait()
        self.pipe.close()
        return code


def _kill(process: subprocess.Popen) -> None:
    """Kill a worker and what it started (scikit-video runs ffmpeg)."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def serve(end: int) -> None:
    """A worker's life, at its end of the pipe: take the function, then task after task."""
    threading.Thread(target=_end_with_parent, args=[end], daemon=True).start()
    with Connection(end) as pipe, suppress(EOFError, ConnectionError):
        try:
            function = pipe.recv()
        except (ImportError, AttributeError) as error:  # sent: we are killed before we print it
            pipe.send_bytes(_pickled(error))
            return
        pipe.send(None)
        while True:
            outcome = _attempt(function, pipe.recv())
            try:
                message = _pickled(outcome)
            except Exception as error:
                message = _pickled(error)
            pipe.send_bytes(message)


def _end_with_parent(end: int) -> None:
    """Kill this process group when the other end of the pipe closes, whatever runs here."""
    watch = select.poll()
    watch.register(end, 0)  # hanging up only
    watch.poll()
    os.killpg(0, signal.SIGKILL)


def _pickled(outcome: Any) -> bytes:
    """What is sent; an exception keeps the worker's traceback as a note, or becomes one."""
    if not isinstance(outcome, Exception):
        return pickle.dumps(outcome, pickle.HIGHEST_PROTOCOL)
    words = "".join(traceback.format_exception(outcome))
    outcome.add_note(f"In a worker process:\n{words}")
    try:
        message = pickle.dumps(outcome)
        pickle.loads(message)  # some can be sent, but not received
    except Exception:
        return pickle.dumps(RuntimeError(f"in a worker process:\n{words}"))
    return message


def _attempt(function: Callable, task: Any) -> Any:
    """`function(task)`; Failure for what is the file's fault; other exceptions are returned."""
    try:
        return function(task)
    except VideoError as error:
        return Failure(error.reason, error.again)
    except MemoryError:
        return Failure(f"{SHORTAGE}; the same command tries again", again=True)
    except Exception as error:
        return error


def _result(outcome: Any) -> Any:
    if isinstance(outcome, Exception):
        raise outcome
    return outcome
