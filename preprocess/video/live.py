"""Frames of a source that may never end, as they come: a file, a pipe, a camera, an address.

Nothing is known of what comes later, so no frame is counted first and none is sought.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import av
from av.container import InputContainer
from av.error import FFmpegError

from preprocess.video.container import error_words, video_stream
from preprocess.video.error import Convert, StoppedEarly, VideoError
from preprocess.video.pyav import timed_frames
from preprocess.video.rate import ROUNDING

STDIN = "-"


class LiveFrame(NamedTuple):
    """A frame of a source."""

    time: float  # s since the source's first frame
    convert: Convert  # it may be called later, too
    end: float | None = None  # s, until when it is shown, where the source says: a GIF


def live_frames(source: str) -> Iterator[LiveFrame]:
    """Frames of whatever PyAV opens, in order of showing.

    `source`: a file, a named pipe, a device, an address (rtsp://...), or - for the standard input.
    Times go on where those of the source jump back.  Raises VideoError if it cannot be opened or
    holds no video; at its end, if it breaks off or frames of it do not decode wholly.
    """
    name = "standard input" if source == STDIN else source
    with _open(source, name) as container:
        try:
            stream = video_stream(container, Path(name))
        except VideoError as error:
            raise VideoError(name, error.reason) from error
        rate = stream.average_rate or stream.guessed_rate
        step = 1 / float(rate) if rate else 0.0
        offset, last = None, -step
        try:
            for own, convert, shown in timed_frames(container, stream):
                if own is None:
                    if not step:
                        raise VideoError(name, "its frames have no times and it has no rate")
                    time = last + step
                else:
                    offset = own if offset is None else offset
                    time = own - offset
                    if time < last:  # it began anew: a camera that was reset, a list of files
                        offset, time = own - last - step, last + step
                last = time
                yield LiveFrame(time, convert, None if shown is None else time + shown)
        except StoppedEarly as problem:
            raise VideoError(name, str(problem)) from problem


def at_rate(frames: Iterator[LiveFrame], fps: float) -> Iterator[LiveFrame]:
    """What a source shows 0, 1/fps, 2/fps, ... seconds after its first frame.

    The same frames as `preprocess.video.rate.samples` of a file, each a frame later than it is
    shown: before the next has come nobody knows that it is the last one of its moment.
    """
    held, taken, count = None, 0, 0
    for frame in frames:
        while held is not None and taken / fps + ROUNDING < frame.time:
            yield LiveFrame(taken / fps, held.convert)
            taken += 1
        held, count = frame, count + 1
    if held is None:
        return
    # Without an end of its own, as long as the others are shown, on average.
    end = held.time * count / max(1, count - 1) if held.end is None else held.end
    while taken == 0 or taken < (end - ROUNDING) * fps:
        yield LiveFrame(taken / fps, held.convert)
        taken += 1


def _open(source: str, name: str) -> InputContainer:
    """Open a source; VideoError in one line."""
    if source == STDIN:
        address = "pipe:0"
    elif "://" in source:
        address = source
    else:
        path = Path(source)
        address = str(path.absolute())
        if not path.exists():
            raise VideoError(name, "no such file")
        if path.is_dir():
            raise VideoError(name, "is a folder; name a file in it")
    try:
        return av.open(address, metadata_errors="replace")
    except (FFmpegError, OSError, ValueError) as error:
        reason = error_words(error)
        raise VideoError(name, f"not a video, or not one to stream ({reason})") from error
