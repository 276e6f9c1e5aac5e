"""A video file -> a Source: its rate (if that is constant), frames, timecode, sound; by PyAV."""

from contextlib import suppress
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError

from library.edit_list.cuts import Audio, Source
from library.edit_list.rate import RATES, Rate, nearest, read_timecode
from preprocess.video.container import open_video, video_stream
from preprocess.video.error import VideoError
from preprocess.video.rate import ROUNDING, frame_ticks
from util.files import sha256
from util.text import is_utf8, printable

# Containers whose index leads to any moment, checked frame by frame; in MPEG-TS a seek may land
# behind what was asked for.
INDEXED = ("mov,mp4", "matroska")


def read_source(path: str | Path, named: Rate | None = None) -> Source:
    """Read a file's packets, without decoding more than its first frame.

    named: the rate to place it on, if its own is variable or one that has no timecode; default for
    a variable one the nearest that has.  Raises VideoError for what is no video.
    """
    path = Path(path).absolute()
    if not is_utf8(str(path)):
        raise VideoError(printable(str(path)), "its name is not UTF-8; rename it")
    if not path.is_file():
        raise VideoError(path, "no such file")
    with open_video(path) as container:
        stream = video_stream(container, path)
        # A broken AVI says rates like 1/0 frames a second: PyAV gives None for them.
        rates = [stream.average_rate, stream.guessed_rate, stream.base_rate]
        number, label = stream.index, _timecode_label(container)
        sounds = container.streams.audio
        audio = Audio(sounds[0].channels, sounds[0].sample_rate) if sounds else None
        indexed = container.format.name.startswith(INDEXED)
        width, height, turned = shown_size(container, path)
    ticks, base = frame_ticks(path)
    if len(ticks) < 1:
        raise VideoError(path, "its video stream is empty")
    fps = constant_rate(ticks, base, [Fraction(rate) for rate in rates if rate])
    rate, frames, variable = _line_of_frames(ticks, base, fps, named)
    timecode = None
    with suppress(ValueError):  # a label that is none is as good as no label
        timecode, counted = read_timecode(label, rate.fps)
        rate = counted
    return Source(
        str(path), sha256(path), rate, frames, width, height, turned, variable, timecode,
        stream=number, first=int(ticks[0]) * base, indexed=indexed, audio=audio,
    )  # fmt: skip


def constant_rate(ticks: np.ndarray, base: Fraction, told: list[Fraction]) -> Fraction | None:
    """The rate at which frames come, if all do; ticks (T,) int64 of `base` s, ascending.

    Named rates are tried first, of them those `told` by the header, then the others, then the mean.
    A frame may be off its time by one tick (containers round), but by less than a quarter of a
    frame.  None: variable.
    """
    if len(ticks) == 1:
        return told[0] if told else Fraction(25)
    span = int(ticks[-1] - ticks[0]) * base
    if span <= 0:
        return None
    mean = (len(ticks) - 1) / span
    named = [rate.fps for rate in RATES.values()]
    first = [fps for fps in told if fps in named]  # a second of 24 and of 23.976 look alike
    fitting = [*first, *named, *told, mean.limit_denominator(1001)]
    for fps in dict.fromkeys(fitting):
        if abs(fps / mean - 1) < Fraction(1, 50) and _fits(ticks, base, fps):
            return fps
    return None


def _fits(ticks: np.ndarray, base: Fraction, fps: Fraction) -> bool:
    step = 1 / (fps * base)  # ticks a frame
    # In whole numbers: |tick - number * step| <= allowed, times the step's denominator.
    off = (ticks - ticks[0]) * step.denominator - np.arange(len(ticks)) * step.numerator
    allowed = min(Fraction(1), step / 4) * step.denominator
    return int(np.abs(off).max()) <= allowed


def _line_of_frames(
    ticks: np.ndarray, base: Fraction, fps: Fraction | None, named: Rate | None
) -> tuple[Rate, int, bool]:
    """The rate that frames are counted at, their number at it, whether it is not the file's own."""
    known = next((rate for rate in RATES.values() if rate.fps == fps), None)
    if known is not None:  # the list's way of labels, where the file has none of its own
        own = named if named is not None and named.fps == fps else known
        return own, len(ticks), False
    if fps is not None and named is None:
        return Rate(fps), len(ticks), False
    # As preprocess.video.rate has it: the last frame lasts as long as the others on average.
    count = len(ticks)
    end = int(ticks[-1] - ticks[0]) * base * Fraction(count, max(1, count - 1))
    rate = named or nearest(count / end if end else Fraction(25))
    return rate, max(1, ceil((end - Fraction(ROUNDING)) * rate.fps)), True


def _timecode_label(container: InputContainer) -> str:
    """The timecode of the first frame as the file tells it; "" if it does not."""
    places = [stream.metadata for stream in container.streams] + [container.metadata]
    return next((place["timecode"] for place in places if "timecode" in place), "")


def shown_size(container: InputContainer, path: Path) -> tuple[int, int, int]:
    """Width and height of the first frame when it stands upright, and its turn in degrees."""
    frame = None
    with suppress(FFmpegError):
        frame = next(container.decode(video_stream(container, path)), None)
    if frame is None:
        raise VideoError(path, "no frame of it decodes")
    turn = frame.rotation % 360
    size = (frame.height, frame.width) if turn % 180 else (frame.width, frame.height)
    return *size, turn
