"""Which frames of a video its clips are, and when they are shown."""

import numpy as np

from data_loader.store.clip_frames import clip_frames
from data_loader.store.open import Store


def frame_numbers(store: Store, video: str) -> np.ndarray | None:
    """Which of a video's frames, from 0, each clip of a store has -> (N, F) int64.

    None where the store does not know: it was imported, or its frames are at a steady rate,
    whatever the video's own.  Raises UserError if the store lacks the video.
    """
    index, sampling = int(store.indices([video])[0]), store.provenance.sampling
    total = int(store.frame_count[index])
    if sampling is None or sampling.rule != "linspace" or total < 1:
        return None
    return clip_frames(total, clips=sampling.clips, frames=sampling.frames, stride=sampling.stride)


def frame_seconds(store: Store, video: str) -> np.ndarray | None:
    """When each clip's frames are shown, in s from the video's first -> (N, F) float64.

    Of a store at a steady rate the moments that were asked for.  Else those of a video whose rate
    is steady; None where the store does not know.  Raises UserError if it lacks the video.
    """
    index, sampling = int(store.indices([video])[0]), store.provenance.sampling
    if sampling is not None and sampling.fps:
        clips = store.clips if isinstance(store.clips, int) else int(store.clips[index])
        return np.arange(clips)[:, None] / sampling.fps
    total, seconds = int(store.frame_count[index]), float(store.seconds[index])
    numbers = frame_numbers(store, video)
    return None if numbers is None or seconds <= 0 else numbers * (seconds / total)
