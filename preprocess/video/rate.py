"""Frames at a steady rate: what a video shows 0, 1/fps, 2/fps, ... seconds after its first frame.

At each of these times the last frame counts that is shown by then; a rate above the video's repeats
frames.  The last frame is taken to be shown as long as the others are on average, so T frames at a
constant rate r are T / r seconds, and give T fps / r samples, rounded up.  A GIF says how long its
last frame is shown (`preprocess.video.gif`).
"""

from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.stream import VideoStream

from preprocess.video.container import open_video, video_stream
from preprocess.video.error import VideoError
from preprocess.video.gif import hundredths, is_gif

ROUNDING = 1e-6  # s: a frame that is shown so much later than a sample is still of it
MOST = 2**20  # samples of a video: damaged times can make centuries of it


def frames_at_rate(path: Path, total: int, fps: float) -> np.ndarray:
    """Which of the `total` frames that a file decodes to are its samples -> (N,) int64, ascending.

    Times are those of the packets, so nothing is decoded, unless there are more or fewer of them
    than frames.  Raises VideoError where there are no times, or they cannot be.
    """
    times, end = shown_times(path)
    if len(times) != total:
        times, end = shown_times(path, decoded=True)
    if len(times) < total:
        raise VideoError(path, "decodes to another number of frames each time")
    if len(times) > total:  # another decoder may have stopped earlier
        times, end = times[:total], end_time(times[:total])
    if not end * fps < MOST:
        raise VideoError(
            path,
            f"lasts {end:.0f} s by its times, which is more than {MOST:,} samples at --fps {fps:g}",
        )
    return samples(times, fps, end)


def samples(times: np.ndarray, fps: float, end: float | None = None) -> np.ndarray:
    """Frame numbers (N,) int64 of the samples; times (T,) of the frames in s, ascending from 0.

    `end`: until when the last one is shown, in s; None: `end_time`.
    """
    end = end_time(times) if end is None else end
    count = max(1, int(np.ceil((end - ROUNDING) * fps)))
    moments = np.arange(count) / fps + ROUNDING
    return np.searchsorted(times, moments, side="right").astype(np.int64) - 1


def shown_times(path: Path, *, decoded: bool = False) -> tuple[np.ndarray, float]:
    """When each frame is shown, (T,) s from 0, and when the last one ends, in s.

    By its packet's time, or its own if `decoded`.  A container without such times, as some AVI, has
    a constant rate.  Raises VideoError if it does not say which.
    """
    ticks, base, end = _ticks(path, decoded)
    times = (ticks - ticks[:1]) * float(base)
    return times, end_time(times) if end is None and len(times) else (end or 0) * float(base)


def frame_ticks(path: Path, *, decoded: bool = False) -> tuple[np.ndarray, Fraction]:
    """The same in the stream's own units -> (T,) int64, ascending; s of a unit, exactly."""
    return _ticks(path, decoded)[:2]


def _ticks(path: Path, decoded: bool) -> tuple[np.ndarray, Fraction, int | None]:
    """`frame_ticks`, and when the last frame ends, where the file says, in the same units."""
    shown: list[int | None] = []
    durations: list[int | None] = []
    with open_video(path) as container:
        stream = video_stream(container, path)
        with suppress(FFmpegError):  # what comes before is good: callers know how much that is
            for time, duration in _shown(container, stream, decoded):
                shown.append(time)
                durations.append(duration)
        base, rate = stream.time_base, stream.average_rate or stream.guessed_rate
        gif = is_gif(container)
    if gif:
        ends = np.cumsum([0, *map(hundredths, durations)], dtype=np.int64)
        return ends[:-1], Fraction(1, 100), int(ends[-1])
    if base is None or None in shown:
        if not rate:
            raise VideoError(
                path, "its frames have no times and it has no rate; --clips needs none"
            )
        return np.arange(len(shown), dtype=np.int64), 1 / Fraction(rate), None
    return np.sort(np.array(shown, dtype=np.int64)), base, None


def _shown(
    container: InputContainer, stream: VideoStream, decoded: bool
) -> Iterator[tuple[int | None, int | None]]:
    """Time and duration of each packet that is shown, or of each frame, in the stream's units."""
    if decoded:
        stream.codec_context.thread_count = 1  # as `preprocess.video.pyav`: the same frames
        for frame in container.decode(stream):
            yield frame.pts, frame.duration
    else:
        for packet in container.demux(stream):
            if packet.size and not packet.is_discard:
                yield packet.pts, packet.duration


def end_time(times: np.ndarray) -> float:
    """When the last frame ends, in s."""
    return float(times[-1]) * len(times) / max(1, len(times) - 1)
