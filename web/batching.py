"""Requests for one model, answered together: what comes while it works waits for its next pass."""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from web.errors import WebError

Item = TypeVar("Item")
Result = TypeVar("Result")
MOST = 64  # requests of a pass
WAITING = 512  # requests that may wait


class Batcher(Generic[Item, Result]):
    """One thread that works on all requests that wait, at once.

    A lone request is worked on immediately: nothing is gathered on purpose, so an idle server
    answers as fast as it can, and a busy one takes as many at once as have come meanwhile.
    """

    def __init__(self, name: str, work: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        """`work`: requests, at most `MOST`, to their results; what it raises, all of them get."""
        self._work = work
        self._waiting: queue.Queue[tuple[Item, Future[Result]] | None] = queue.Queue(WAITING)
        self.passes = self.requests = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, item: Item) -> "Future[Result]":
        """The result, some time.  Raises WebError where too many requests wait."""
        future: Future[Result] = Future()
        try:
            self._waiting.put_nowait((item, future))
        except queue.Full:
            raise WebError(
                429, "busy", "too many questions wait", "ask again in a second", retry_after=1
            ) from None
        return future

    def close(self) -> None:
        """End when what waits is done."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            some = [self._waiting.get()]
            while len(some) < MOST and some[-1] is not None:
                try:
                    some.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            ended = some[-1] is None
            given = [one for one in some if one is not None]
            given = [one for one in given if one[1].set_running_or_notify_cancel()]
            if given:
                self._pass(given)

    def _pass(self, given: "list[tuple[Item, Future[Result]]]") -> None:
        self.passes += 1
        self.requests += len(given)
        try:
            results = self._work([item for item, _ in given])
            assert len(results) == len(given)
        except BaseException as error:
            for _, future in given:
                future.set_exception(error)
            return
        for (_, future), result in zip(given, results, strict=True):
            future.set_result(result)
