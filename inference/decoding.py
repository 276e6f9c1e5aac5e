"""What is decoded of a video for a run, without the run: a process that only decodes imports this.

Nothing here loads torch (but for a store whose frames torch scales).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_loader.store.provenance import Sampling
from preprocess.video.clips import Clips, read_resized
from preprocess.video.resize import InputSpec, Thumbnail

SHOWN = Thumbnail(height=320)  # of the picture: a clip is some 150 pixels wide there
SHOWN_AT_RATE = Thumbnail(height=120)  # where a video has hundreds


class Reading(NamedTuple):
    """What is decoded of a video for one store."""

    sampling: Sampling
    decoder: str
    picture: InputSpec


@dataclass(frozen=True, eq=False, kw_only=True)
class DecodedVideo:
    """One video, as frames of the size that a run's networks take."""

    clips: dict[str, Clips]  # by store, as in the readings
    thumbnails: Clips  # the middle frame of each clip, small: (N, 1)
    # (N, F) s from the first frame, when these are shown; None: not known
    seconds: np.ndarray | None


def decode_video(
    video: str | Path, readings: Mapping[str, Reading], *, keep_partial: bool = False
) -> DecodedVideo:
    """Decode a file as the stores of a run were, {store: reading}.

    `keep_partial` takes what decodes of a video that breaks off, which the clips' notes say.
    Raises VideoError if the file cannot be read.
    """
    decoded: dict[str, Clips] = {}
    thumbnails: list[Clips] = []
    for sampling, decoder in dict.fromkeys(r[:2] for r in readings.values()):
        alike = [name for name, r in readings.items() if r[:2] == (sampling, decoder)]
        *found, shown = read_resized(
            video,
            clips=sampling.clips,
            frames=sampling.frames,
            stride=sampling.stride,
            fps=sampling.fps,
            decoder=decoder,
            keep_partial=keep_partial,
            specs=[
                *(readings[name].picture for name in alike),
                SHOWN_AT_RATE if sampling.fps else SHOWN,
            ],
        )
        thumbnails.append(shown)
        decoded |= zip(alike, found, strict=True)
    first = next(iter(readings))
    return DecodedVideo(
        clips=decoded,
        thumbnails=thumbnails[0],
        seconds=_seconds(decoded[first], readings[first].sampling),
    )


def _seconds(clips: Clips, sampling: Sampling) -> np.ndarray | None:
    """When the frames of clips are shown (N, F), as `data_loader.store.frames.frame_seconds`."""
    if sampling.fps:
        return np.arange(len(clips.index))[:, None] / sampling.fps
    if clips.seconds <= 0:
        return None
    return clips.numbers[clips.index] * (clips.seconds / clips.frame_count)
