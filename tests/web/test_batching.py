"""What comes while the model works is one pass; what fails is told to those who asked."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future

import pytest

from web import batching
from web.batching import Batcher
from web.errors import WebError


class Work:
    """Work that waits for a word, and notes what it was given at once."""

    def __init__(self) -> None:
        self.passes: list[list[int]] = []
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.passes.append(list(items))
        self.begun.release()
        assert self.go.acquire(timeout=20)
        if 13 in items:
            raise ValueError("thirteen")
        return [10 * item for item in items]


def results(futures: Sequence[Future[int]]) -> list[int]:
    return [future.result(timeout=20) for future in futures]


def test_a_lone_request_does_not_wait_and_those_that_come_meanwhile_are_one_pass() -> None:
    work = Work()
    batcher = Batcher("test", work)
    futures = [batcher.submit(1)]
    assert work.begun.acquire(timeout=20)  # at once: nothing is gathered on purpose
    futures += [batcher.submit(item) for item in (2, 3, 4)]
    work.go.release(2)
    assert results(futures) == [10, 20, 30, 40]
    assert work.passes == [[1], [2, 3, 4]]
    assert (batcher.passes, batcher.requests) == (2, 4)
    batcher.close()


def test_a_pass_has_a_most(monkeypatch) -> None:
    monkeypatch.setattr(batching, "MOST", 2)
    work = Work()
    batcher = Batcher("test", work)
    futures = [batcher.submit(0)]
    assert work.begun.acquire(timeout=20)
    futures += [batcher.submit(item) for item in range(1, 6)]
    work.go.release(9)
    assert results(futures) == [0, 10, 20, 30, 40, 50]
    assert work.passes == [[0], [1, 2], [3, 4], [5]]
    batcher.close()


def test_a_failed_pass_is_told_and_the_next_one_works() -> None:
    work = Work()
    batcher = Batcher("test", work)
    failed = batcher.submit(13)
    work.go.release(2)
    with pytest.raises(ValueError, match="thirteen"):
        failed.result(timeout=20)
    assert results([batcher.submit(1)]) == [10]
    batcher.close()


def test_who_gave_up_is_not_worked_for() -> None:
    work = Work()
    batcher = Batcher("test", work)
    first = batcher.submit(1)
    assert work.begun.acquire(timeout=20)
    second, third = batcher.submit(2), batcher.submit(3)
    second.cancel()
    work.go.release(2)
    assert results([first, third]) == [10, 30] and work.passes == [[1], [3]]
    batcher.close()


def test_too_many_are_refused(monkeypatch) -> None:
    monkeypatch.setattr(batching, "WAITING", 2)
    work = Work()
    batcher = Batcher("test", work)
    futures = [batcher.submit(0)]
    assert work.begun.acquire(timeout=20)
    futures += [batcher.submit(item) for item in (1, 2)]
    with pytest.raises(WebError) as refused:
        batcher.submit(3)
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    work.go.release(9)
    assert results(futures) == [0, 10, 20]
    batcher.close()
