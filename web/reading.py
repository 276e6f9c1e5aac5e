"""Files of the library, read by a process with limits of memory and time, as uploads are."""

import itertools
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.batch import Features
from inference.decoding import DecodedVideo, Reading, decode_video
from library.find.answering import Answering, middles_of, steady_rate
from options.inference.web import WebOptions
from preprocess.extraction.worker import Failure
from preprocess.video.error import VideoError
from util.errors import UserError
from web.video.decoders import Decoders
from web.video.look import limit_memory
from web.video.playback import Playable, playable
from web.video.shelf import MEGA

SECONDS = 60.0  # in which a re-ranking's videos must have been read


@dataclass(frozen=True)
class Decode:
    """A video that a run is to see."""

    file: Path
    readings: Mapping[str, Reading]
    fps: float | None  # of the run's clips, at a steady rate


@dataclass(frozen=True)
class Probe:
    """A video of which it is to be known how browsers play it."""

    file: Path


@dataclass(frozen=True)
class Numbered:
    """A task, and which one it is."""

    number: int
    task: Decode | Probe


def work(memory: int, numbered: Numbered) -> tuple[DecodedVideo, np.ndarray] | Playable:
    """One task.  Raises VideoError for what cannot be read."""
    limit_memory(memory)
    task = numbered.task
    if isinstance(task, Probe):
        return playable(task.file)
    decoded = decode_video(task.file, task.readings)
    first = decoded.clips[next(iter(task.readings))]
    return decoded, middles_of(str(task.file), first.numbers[first.index], task.fps)


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

    def read(self, task: Decode | Probe) -> Any:
        """What comes of a task.  Raises VideoError where the file cannot be read."""
        future: Future[Any] = Future()
        with self._lock:
            numbered = Numbered(next(self._number), task)
            self._waiting[numbered.number] = future
        self._decoders.put(numbered)
        outcome = future.result()
        if isinstance(outcome, Failure):
            raise VideoError(task.file, outcome.reason, outcome.again)
        return outcome

    def close(self) -> None:
        """Kill the process; who waits is told."""
        self._decoders.close()
        with self._lock:
            for future in self._waiting.values():
                future.set_result(Failure("the server ends", again=True))
            self._waiting.clear()

    def _done(self, numbered: Numbered, outcome: Any) -> None:
        with self._lock:
            future = self._waiting.pop(numbered.number, None)
        if future is None:
            return
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


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
