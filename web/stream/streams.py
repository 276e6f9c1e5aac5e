"""Videos that runs follow frame by frame, as long as somebody asks for it.

    ask -> part decoded -> seen by the run -> part decoded -> ...  done
             ^                |
             +-- next ask --- rests, where nobody has asked for REST seconds

One process decodes the parts of all streams in turn; one thread here runs the networks on them, and
gives way to videos that wait to be seen.  Both are bounded: so many streams at a time, so many
frames of each.
"""

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from inference.stream.open import RunStream
from model.streaming.state import StreamState
from options.inference.web import WebOptions
from preprocess.extraction.worker import Failure
from util.text import clipped
from web.errors import WebError
from web.stream.parts import Following, Frames, Part, Settings, work
from web.video.decoders import Decoders
from web.video.shelf import MEGA, Shelf
from web.video.video import Video

LOG = logging.getLogger("web")
PART = 16  # frames that are decoded, and seen, at once
AT_ONCE = 4  # streams that are followed at a time
REST = 20.0  # s without a request after which a stream rests
MOST = 40_000  # frames of a stream
AGAIN = 1  # parts of a stream that are tried once more, where a process was killed
GIVES_WAY = 2.0  # s that a part waits for videos that are to be seen


@dataclass(eq=False)
class Stream:
    """A video as a run follows it.  Lists grow at their end alone, `seen` after all of them."""

    video: Video
    run: str
    of: RunStream
    state: StreamState
    times: list[float] = field(default_factory=list)  # s
    best: list[int] = field(default_factory=list)  # numbers of classes; none of values
    shares: list[float] = field(default_factory=list)  # their probabilities, or the values
    warm: list[bool] = field(default_factory=list)
    seen: int = 0  # frames, of which all of these are known
    seconds: float = 0.0  # that the networks took
    done: bool = False
    note: str = ""
    failures: int = 0
    working: bool = False  # whether a part is on its way
    asked: float = field(default_factory=time.monotonic)


class Streams:
    """All streams of a server."""

    def __init__(self, options: WebOptions, shelf: Shelf, runs: Mapping[str, RunStream]) -> None:
        """`runs`: those that follow streams, by name."""
        self.runs, self.shelf = dict(runs), shelf
        self.frames = dict.fromkeys(self.runs, 0)  # that were looked at
        self.lock = threading.Lock()
        self._working: dict[tuple[str, str], Stream] = {}
        self._closing = threading.Event()
        follows = {
            name: Following(one.encoder.picture, one.fps, one.stride)
            for name, one in self.runs.items()
        }
        settings = Settings(follows, options.most_seconds, options.decoder_memory * MEGA)
        self._decoders = Decoders(
            partial(work, settings),
            processes=min(1, len(self.runs)),  # one, which holds videos open
            seconds=options.decoder_seconds,
            taken=lambda _: None,
            late=lambda _: False,
            done=self._done,
        )
        for name in list(self.runs)[:1]:  # the process starts now, and not for the first client
            self._decoders.put(Part("", name, shelf.folder.path, 0, 0))

    @property
    def working(self) -> int:
        """How many streams are followed now."""
        return len(self._working)

    def follow(self, video: Video, run: str) -> Stream:
        """The stream of a video, which goes on by that.  Raises WebError where too many do."""
        with self.lock:
            stream = video.told.get(("stream", run))
            if stream is None or not (stream.done or stream.working):
                if len(self._working) >= AT_ONCE:
                    raise WebError(
                        429,
                        "busy",
                        f"{AT_ONCE} streams are followed already",
                        "ask again in some seconds",
                        retry_after=5,
                    )
                if stream is None:
                    of = self.runs[run]
                    stream = Stream(video, run, of, of.model.init_state(1))
                    video.told["stream", run] = stream
                stream.working = True
                self._working[video.id, run] = stream
                self._decoders.put(self._part(stream))
            stream.asked = time.monotonic()
            return stream

    def close(self) -> None:
        """Kill the process, end the thread."""
        self._closing.set()
        self._decoders.close()

    # In the thread that takes what was decoded

    def _done(self, part: Part, outcome: Any) -> None:
        """See a part; have the next one decoded meanwhile, if it is wanted."""
        with self.lock:
            stream = self._working.get((part.video, part.run))
        if stream is None or not part.number or self._closing.is_set():
            return
        try:
            self._take(stream, part, outcome)
        except Exception as error:
            LOG.error("a stream failed", exc_info=error)
            self._end(stream, "the server made a mistake")

    def _take(self, stream: Stream, part: Part, outcome: Any) -> None:
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Failure):
            stream.failures += 1
            if not outcome.again or stream.failures > AGAIN:
                return self._end(stream, outcome.reason)
            return self._rest(stream)
        assert isinstance(outcome, Frames)
        ended = outcome.ended or part.begin + part.number >= MOST
        goes_on = not ended and self._wanted(stream)
        if goes_on:
            self._decoders.put(self._part(stream, part.begin + len(outcome.times)))
        if outcome.times:
            self._see(stream, outcome)
        if ended:
            cut = "" if outcome.ended else f"the first {MOST:,} frames"
            return self._end(stream, outcome.problem or cut)
        return None if goes_on else self._rest(stream)

    def _wanted(self, stream: Stream) -> bool:
        """Whether somebody still asks for it."""
        there = self.shelf.videos.get(stream.video.id) is stream.video
        return there and time.monotonic() - stream.asked < REST

    @torch.inference_mode()
    def _see(self, stream: Stream, found: Frames) -> None:
        """Run the networks on frames."""
        late = time.monotonic() + GIVES_WAY
        while self.shelf.waiting() and time.monotonic() < late and not self._closing.wait(0.02):
            pass
        begin, of = time.perf_counter(), stream.of
        features = of.encoder.features(found.pictures)
        output, stream.state = of.model.forward_chunk(features[None], stream.state)
        scores = output.scores[0].double().cpu()
        if of.classes:
            share, best = (scores / of.temperature).softmax(1).max(1)
            stream.best += best.tolist()
        else:
            share = scores[:, 0]
        stream.shares += share.tolist()
        stream.warm += output.warm[0].tolist()
        stream.times += found.times
        stream.seconds += time.perf_counter() - begin
        stream.seen = len(stream.times)
        self.frames[stream.run] += len(found.times)

    def _rest(self, stream: Stream) -> None:
        """No more, until somebody asks; or go on, where somebody has meanwhile."""
        with self.lock:
            wanted = self._wanted(stream)
            if not wanted:
                self._leave(stream)
        self._decoders.put(self._part(stream, number=PART if wanted else 0))

    def _end(self, stream: Stream, note: str) -> None:
        """There is no more."""
        with self.lock:
            stream.note, stream.done = clipped(note, 300), True
            self._leave(stream)
        self._decoders.put(self._part(stream, number=0))

    def _leave(self, stream: Stream) -> None:
        stream.working = False
        self._working.pop((stream.video.id, stream.run), None)

    @staticmethod
    def _part(stream: Stream, begin: int | None = None, number: int = PART) -> Part:
        """The next part; of no frames: the file is let go."""
        video, at = stream.video, stream.seen if begin is None else begin
        return Part(video.id, stream.run, video.file, at, number)
