"""The rule by which clips are cut out of a video; apart, so that decoding imports nothing else."""

import numpy as np


def clip_frames(frame_count: int, *, clips: int, frames: int, stride: int = 1) -> np.ndarray:
    """Frame numbers of the clips of a video of `frame_count` >= 1 frames -> (N, F) int64.

    Centres: linspace(0, T, N + 2)[1:-1], truncated; a clip is F frames, `stride` apart, of which
    the one at F//2 is the centre, clamped to the video, so that its first or last frame repeats
    (with a stride of 1 as in the HCRN and DualVGR scripts).
    """
    assert frame_count >= 1
    centres = np.linspace(0, frame_count, clips + 2)[1:-1].astype(np.int64)
    offsets = stride * (np.arange(frames) - frames // 2)
    return (centres[:, None] + offsets).clip(0, frame_count - 1)
