"""Files of the library, read by a process with limits of memory and time, as uploads are."""

import itertools
import threading
import time
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.batch import Features
from library.find.answering import Answering, steady_rate
from options.inference.web import WebOptions
from preprocess.extraction.worker import Failure
from preprocess.video.error import VideoError
from util.errors import UserError
from web.video.decoders import Decoders
from web.video.file_task import Decode, Numbered, Probe, work
from web.video.shelf import MEGA

SECONDS = 60.0  # in which a re-ranking's videos must have been read


class FileReader:
    """The process, for threads that wait for what it gives."""

    def __init__(self, options: WebOptions) -> None:
        """`options`: the limits."""
        self._waiting: dict[int, Future[Any]] = {}
        self._number = itertools.count()
        self._lock = threading.Lock()
        self._decoders = Decoders(
            partial(work, options.decoder_memory * MEGA),
            processes=1,
            seconds=options.decoder_seconds,
            taken=lambda _: None,
            late=lambda numbered: isinstance(numbered.task, Decode),  # a player waits less
            done=self._done,
        )
        self.submit(Probe(Path())).cancel()  # the process starts now, and not for the first client

    def submit(self, task: Decode | Probe) -> "Future[Any]":
        """What comes of a task, or Failure, in its turn."""
        future: Future[Any] = Future()
        with self._lock:
            numbered = Numbered(next(self._number), task)
            self._waiting[numbered.number] = future
        self._decoders.put(numbered)
        return future

    def read(self, task: Decode | Probe) -> Any:
        """The same, waited for.  Raises VideoError where the file cannot be read."""
        return given(task, self.submit(task).result())

    def close(self) -> None:
        """Kill the process; who waits is told."""
        self._decoders.close()
        with self._lock:
            for future in self._waiting.values():
                if future.set_running_or_notify_cancel():
                    future.set_result(Failure("the server ends", again=True))
            self._waiting.clear()

    def _done(self, numbered: Numbered, outcome: Any) -> None:
        with self._lock:
            future = self._waiting.pop(numbered.number, None)
        if future is None or not future.set_running_or_notify_cancel():
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def given(task: Decode | Probe, outcome: Any) -> Any:
    """What came of a task.  Raises VideoError for a Failure."""
    if isinstance(outcome, Failure):
        raise VideoError(task.file, outcome.reason, outcome.again)
    return outcome


class BoundedAnswering(Answering):
    """Answers about moments whose videos are decoded by that process."""

    def __init__(self, run: Path | None, *, device: str, reader: FileReader) -> None:
        super().__init__(run, device=device)
        self._files, self._late = reader, float("inf")

    def begin(self) -> None:
        """Have the time of a re-ranking run."""
        self._late = time.monotonic() + SECONDS

    def read(self, path: str) -> tuple[Features, np.ndarray]:
        """A video's features, and when its clips' middles are shown (N,).

        Raises VideoError where it cannot be read, or the time is over.
        """
        if time.monotonic() > self._late:
            raise VideoError(path, f"not read: {SECONDS:g} s are over; re-rank again", again=True)
        rate = steady_rate(self.evidence.run.stores)
        task = Decode(Path(path), self.reader.reading, rate)
        decoded, middles = self._files.read(task)
        visual = self.reader.seen(decoded).visual
        if not isinstance(visual, Features):
            raise UserError(f"--run {self.path}: has encoders of its own; name one on features")
        return visual, middles
