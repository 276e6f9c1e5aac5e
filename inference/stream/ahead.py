"""A source read by a thread of its own, so that who waits for it can be interrupted.

A decoder that waits for a camera or a pipe waits in C, where Python hears no Ctrl-C.
"""

import queue
import threading
from collections.abc import Iterator
from typing import TypeVar

Item = TypeVar("Item")
HELD = 4  # items that may lie ready
POLL = 0.2  # s, after which the thread looks whether it is still wanted


def ahead(source: Iterator[Item]) -> Iterator[Item]:
    """The items of `source`, whose exceptions too; it is read a few items ahead.

    Where this is closed while the source waits, the thread is left behind: it ends when the source
    gives something, or with the process.
    """
    ready: queue.Queue[tuple[Item] | BaseException | None] = queue.Queue(HELD)
    stopped = threading.Event()

    def put(what: tuple[Item] | BaseException | None) -> None:
        while not stopped.is_set():
            try:
                return ready.put(what, timeout=POLL)
            except queue.Full:
                pass

    def read() -> None:
        try:
            for item in source:
                put((item,))
                if stopped.is_set():
                    return
            put(None)
        except BaseException as problem:
            put(problem)

    thread = threading.Thread(target=read, name="source", daemon=True)
    thread.start()
    try:
        while (found := ready.get()) is not None:
            if isinstance(found, BaseException):
                raise found
            yield found[0]
    finally:
        stopped.set()
        thread.join(2 * POLL)
