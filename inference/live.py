"""A video that goes on: its last clips, in the form that a run's model takes of a video."""

from collections import deque

import numpy as np
import torch

from data_loader.batch import Features
from preprocess.feature.stream import StreamedClip


class LiveClips:
    """The last N clips of a stream.  One thread may add clips while another reads them."""

    def __init__(self, clips: int) -> None:
        """`clips`: N, as many as the run's stores have."""
        self._clips: deque[StreamedClip] = deque(maxlen=clips)

    def __len__(self) -> int:
        return len(self._clips)

    def add(self, clip: StreamedClip) -> None:
        """Append a clip with the channels appearance and motion; the oldest of N + 1 is dropped."""
        self._clips.append(clip)

    def span(self) -> tuple[int, int]:
        """First frame of the clips, and the one after their last."""
        clips = list(self._clips)
        return clips[0].start, clips[-1].end

    def visual(self) -> Features:
        """The clips, at least one, as one video: appearance (1, N', F, W), N' <= N."""
        clips = list(self._clips)
        appearance = np.stack([clip.rows["appearance"] for clip in clips])
        rows = "motion" if "motion" in clips[0].rows else "appearance"
        motion = np.stack([clip.rows[rows].mean(0) for clip in clips])
        if rows == "appearance":
            motion = motion[:, :0]  # the model makes it of the other
        return Features(
            appearance=torch.from_numpy(appearance).float()[None],
            motion=torch.from_numpy(motion).float()[None],
            clip_mask=torch.ones(1, len(clips), dtype=torch.bool),
        )
