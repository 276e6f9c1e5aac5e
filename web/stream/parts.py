"""What the decoding process of streams does: the next frames of a video, part by part.

A video stays open from one part to the next.  Where the process was killed meanwhile, or has closed
it for others, it is opened anew, and what was looked at already is passed over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from inference.stream.frames import FrameScaling, looked_at
from preprocess.video.error import StoppedEarly, VideoError
from preprocess.video.live import live_frames
from preprocess.video.resize import InputSpec
from web.video.look import check, limit_memory

OPEN = 4  # videos that a process holds open


@dataclass(frozen=True)
class Following:
    """Which frames a run looks at, and as what."""

    picture: InputSpec
    fps: float | None
    stride: int


@dataclass(frozen=True)
class Settings:
    """How each run follows, by its name, and the limits."""

    runs: Mapping[str, Following]
    most_seconds: float
    memory: int  # bytes


@dataclass(frozen=True)
class Part:
    """The frames of a video that a run looks at next."""

    video: str
    run: str
    file: Path
    begin: int  # frames that it has looked at
    number: int  # of frames, at most; 0: it looks at no more of them


@dataclass(frozen=True, eq=False)
class Frames:
    """Frames as the run's network takes them."""

    times: list[float]  # s since the first frame
    pictures: np.ndarray  # (M, size, size, 3)
    ended: bool  # there are no more
    problem: str = ""  # why it ended before its end


class _Open:
    """A video that is open, and how many of its frames have been looked at."""

    def __init__(self, settings: Settings, part: Part) -> None:
        check(part.file, settings.most_seconds)
        how = settings.runs[part.run]
        self.frames = looked_at(live_frames(str(part.file)), how.fps, how.stride)
        self.scaling, self.at = FrameScaling(how.picture), 0

    def pass_over(self, count: int) -> None:
        """Leave out frames that were looked at by another."""
        for _ in islice(self.frames, count - self.at):
            self.at += 1

    def take(self, number: int) -> Frames:
        """The next frames; VideoError where the first of all does not decode."""
        times: list[float] = []
        pictures: list[np.ndarray] = []
        problem = ""
        try:
            for frame in islice(self.frames, number):
                image = self.scaling.decoded(frame.convert)
                pictures.append(self.scaling.resized(image[None])[0])
                times.append(frame.time)
        except (VideoError, StoppedEarly) as error:
            problem = error.reason if isinstance(error, VideoError) else str(error)
        self.at += len(times)
        ended = len(times) < number
        return Frames(times, np.stack(pictures) if pictures else _none(), ended, problem)


_opened: dict[tuple[str, str], _Open] = {}  # in this process; the last one used at the end


def work(settings: Settings, part: Part) -> Frames:
    """The next frames.  Raises VideoError for a file of which no frame decodes."""
    limit_memory(settings.memory)
    name = part.video, part.run
    one = _opened.pop(name, None)  # what is not put back is closed
    if not part.number:
        return Frames([], _none(), True)
    if one is None or one.at != part.begin:
        one = _Open(settings, part)
        one.pass_over(part.begin)
    found = one.take(part.number)
    if not found.times and not part.begin:
        raise VideoError(part.file, found.problem or "no frame of it decodes")
    if not found.ended:
        _opened[name] = one
        while len(_opened) > OPEN:
            _opened.pop(next(iter(_opened)))
    return found


def _none() -> np.ndarray:
    return np.zeros((0, 1, 1, 3), np.uint8)
