"""A source followed frame by frame: what is said of it, line by line."""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from inference.stream.ahead import ahead
from inference.stream.frames import looked_at
from inference.stream.open import RunStream
from inference.stream.state_file import Mark
from model.streaming.state import StreamOutput, StreamState
from preprocess.video.live import LiveFrame, live_frames
from preprocess.video.rate import ROUNDING
from util.text import clipped

RECENT = 10_000  # frames whose durations are kept


class Follower:
    """Where a stream is, and how long its frames took.

    `left` is replaced as a whole after each frame: whoever is interrupted finds a state and the
    mark that belongs to it.
    """

    def __init__(
        self, stream: RunStream, source: str, *, left: tuple[StreamState, Mark] | None
    ) -> None:
        """`left`: where the stream was left.

        Of the same file, the frames that were looked at are passed over; any other source, and one
        that is no file, goes on with what comes.
        """
        self.stream, self.source = stream, source
        state, mark = left or (stream.model.init_state(1), Mark())
        self.skipped = mark.frames if mark.source == source and Path(source).is_file() else 0
        if not self.skipped:
            mark = replace(mark, frames=0, due=0.0)
        self.left: tuple[StreamState, Mark] = state, replace(mark, source=source)
        self.durations: deque[float] = deque(maxlen=RECENT)  # s, decoding apart
        self.looked = 0

    def lines(self, every: float | None) -> Iterator[tuple[float, str]]:
        """Follow the source to its end: the time of each frame in s, and a line, or "".

        There is a line each `every` seconds; without, when the class changes, and for each value.
        Raises VideoError if the source cannot be read, or breaks off.
        """
        for number, frame in enumerate(self._frames()):
            if number >= self.skipped:
                yield frame.time, self._look(frame, every)

    def _frames(self) -> Iterator[LiveFrame]:
        frames = ahead(live_frames(self.source))
        return looked_at(frames, self.stream.fps, self.stream.stride)

    def _look(self, frame: LiveFrame, every: float | None) -> str:
        """Take one frame; what is to be said of it, or ""."""
        picture = torch.from_numpy(self.stream.encoder.decoded(frame.convert))
        began = time.perf_counter()
        state, mark = self.left
        output, state = self.stream.model.step(picture[None], state)
        self.durations.append(time.perf_counter() - began)
        self.looked += 1
        name, said = self._told(output)
        line = not name or name != mark.shown if every is None else frame.time > mark.due - ROUNDING
        due = mark.due
        if every is not None and line:
            due = every * (1 + (frame.time + ROUNDING) // every)
        shown = name if line else mark.shown
        self.left = state, replace(mark, frames=mark.frames + 1, shown=shown, due=due)
        return f"{frame.time:9.2f} s  {said}" if line else ""

    def _told(self, output: StreamOutput) -> tuple[str, str]:
        """Name of the likeliest class, "" of values; and what is printed."""
        scores, name = output.scores[0].float(), ""
        if self.stream.classes:
            chance, best = (scores.double() / self.stream.temperature).softmax(0).max(0)
            name = self.stream.classes[int(best)]
            said = f"{clipped(name, 200)}  {100 * float(chance):5.1f} %"
        else:
            said = f"{float(scores[0]):.6g}"
        if not output.warm[0]:
            said += f"  (frame {int(output.seen[0])} of {self.stream.model.warm_up})"
        return name, said

    def summary(self) -> str:
        """How many frames were looked at, and how fast."""
        if not self.durations:
            return "no frame was looked at"
        of = np.array(self.durations)
        return (
            f"{self.looked:,} frames looked at, {len(of) / of.sum():,.1f} frames/s without "
            f"decoding, {1000 * np.percentile(of, 99):.1f} ms at the 99th percentile"
        )
