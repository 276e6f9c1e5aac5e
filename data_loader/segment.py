"""Segments: videos, or parts of them from a start to an end in seconds, and the clips they have."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data_loader.sampling import derangement
from data_loader.store.features import FeatureStore
from util.errors import UserError


class Segment(NamedTuple):
    """A whole video, or a part of one."""

    video: str
    start: float = 0.0  # s
    end: float | None = None  # s; None: the whole video


def segments_of(videos: Sequence[str], times: np.ndarray | None) -> list[Segment]:
    """The segments of S videos; times (S, 2) start and end in s, None: whole videos."""
    if times is None:
        return [Segment(video) for video in videos]
    return [Segment(video, *of) for video, of in zip(videos, times.tolist(), strict=True)]


def segment_rows(store: FeatureStore, videos: Sequence[str], times: np.ndarray) -> np.ndarray:
    """Which clips of its video each of S segments has.

    videos (S,), times (S, 2) start and end in s -> (S, 2) int64: first clip, number of clips.
    Those are int(fps start) to int(fps end + 0.5), the last not included (as the ETS code cuts its
    features), as far as the video has them.  A segment with none is empty: it begins after the
    video's last clip, or ends before its own first; callers leave it out, and say so.  Raises
    UserError if the store's features come at no steady rate, or it lacks a video.
    """
    sampling = store.provenance.sampling
    if sampling is None or sampling.fps is None:
        raise UserError(
            f"{store.path}: its clips come at no steady rate, so which of them lie from one second "
            "to another is not known; extract them with preprocess.videos --fps 5"
        )
    clips = store.clips[store.indices(videos)]
    begin = np.trunc(sampling.fps * times[:, 0]).clip(0, clips)
    end = np.trunc(sampling.fps * times[:, 1] + 0.5).clip(begin, clips)
    return np.stack([begin, end - begin], axis=1).astype(np.int64)


def spans_of(store: FeatureStore, segments: Sequence[Segment]) -> np.ndarray | None:
    """`segment_rows` of parts of videos; None: all are whole videos."""
    if not segments or segments[0].end is None:
        return None
    times = np.array([(segment.start, segment.end) for segment in segments])
    return segment_rows(store, [segment.video for segment in segments], times)


def of_other_videos(segments: Sequence[Segment], seed: int) -> list[Segment]:
    """For each segment one of another video, as `rows_of_other_videos` has them."""
    rows = rows_of_other_videos([segment.video for segment in segments], seed)
    return [segments[row] for row in rows]


def rows_of_other_videos(videos: Sequence[str], seed: int) -> list[int]:
    """For each of S segments, whose videos are given, the place of one of another video.

    The k-th of that for the k-th of its own; a video with fewer of them begins again with its
    first.  Segments of a video are next to each other, and there are two videos at least.
    """
    of: dict[str, list[int]] = {}
    for row, video in enumerate(videos):
        of.setdefault(video, []).append(row)
    groups = list(of.values())
    order = derangement(seed=seed, total=len(groups))
    return [
        groups[i][k % len(groups[i])]
        for own, i in zip(groups, order, strict=True)
        for k in range(len(own))
    ]
