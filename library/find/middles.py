"""When the clips of a video are shown, and which of them are within a stretch of it.

A process that only decodes imports this: nothing here loads torch.
"""

from contextlib import suppress
from pathlib import Path

import numpy as np

from preprocess.video.error import VideoError
from preprocess.video.rate import shown_times


def middles_of(path: str, numbers: np.ndarray, fps: float | None) -> np.ndarray:
    """When the middle of each clip is shown: (N,) s after a video's first frame.

    numbers: (N, F), which frames the clips have.  fps: of clips at a steady rate.  NaN where the
    file does not say.  No frame is decoded: times are those of the packets.
    """
    if fps:
        return np.arange(len(numbers)) / fps
    with suppress(VideoError):
        times, _ = shown_times(Path(path))
        if len(times):
            return times[np.minimum(numbers, len(times) - 1)].mean(axis=1)
    return np.full(len(numbers), np.nan)


def clips_within(middles: np.ndarray, start: float, end: float) -> np.ndarray:
    """Which clips' middles (N,) are shown from `start` to before `end`: (K,).

    The nearest if none is; all if it is not known when they are shown.
    """
    if np.isnan(middles).any():
        return np.arange(len(middles))
    inside = np.flatnonzero((middles >= start) & (middles < end))
    if len(inside):
        return inside
    return np.array([np.abs(middles - (start + min(end, middles.max() + 1)) / 2).argmin()])
