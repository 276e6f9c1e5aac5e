"""Facts of a video file: how long it is, its size, tags of its container, when its clips are."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np

from data_loader.store.features import FeatureStore
from data_loader.store.frames import frame_numbers
from library.edit_list.read_source import shown_size
from library.engine import TextFacts
from preprocess.video.container import frame_rate, open_video, video_stream
from preprocess.video.error import VideoError
from preprocess.video.rate import shown_times
from util.text import clipped

TAGS = ("title", "keywords", "genre", "artist", "album", "show", "location")  # of containers
LISTS = ("keywords", "genre")  # of words with commas between
LONGEST = 200  # characters of a tag


@dataclass(frozen=True)
class Described:
    """What a file's header and packets tell; None: they do not."""

    duration: float | None = None  # s
    rate: float | None = None  # frames a second
    width: int | None = None  # pixels, upright
    height: int | None = None
    tags: tuple[str, ...] = ()
    times: np.ndarray = field(default_factory=lambda: np.empty(0))  # (T,) s, of each frame


def describe(path: str) -> Described:
    """Read a file without decoding more than its first frame."""
    file = Path(path)
    known: dict[str, float | int | None] = {}
    tags: tuple[str, ...] = ()
    times = np.empty(0)
    with suppress(VideoError, OSError):
        known["rate"] = frame_rate(file)
    with suppress(VideoError, OSError):
        times, known["duration"] = shown_times(file)
    with suppress(VideoError, OSError), open_video(file) as container:
        stream = video_stream(container, file)
        tags = _tags({**stream.metadata, **container.metadata})
        known["width"], known["height"], _ = shown_size(container, file)
    return Described(tags=tags, times=times, **known)  # pyright: ignore[reportArgumentType]


def clip_spans(
    store: FeatureStore, video: str, count: int, described: Described
) -> list[tuple[float, float]]:
    """From when to when each of a video's `count` clips stands for it, in s.

    Clips at a steady rate last until the next.  Others are spread over a video, and between them
    are frames that no clip has: each is taken to stand for what is nearer to its middle than to
    that of others, so that the clips of a video are the whole of it.
    """
    sampling = store.provenance.sampling
    if sampling is not None and sampling.fps:
        return [(i / sampling.fps, (i + 1) / sampling.fps) for i in range(count)]
    duration = described.duration or (len(described.times) or count) / (described.rate or 25.0)
    numbers = frame_numbers(store, video)
    if numbers is None or len(numbers) != count or not len(described.times):
        middles = (np.arange(count) + 0.5) * duration / count
    else:
        last = len(described.times) - 1
        middles = described.times[np.minimum(numbers, last)].mean(axis=1)  # (N,)
    ends = np.concatenate([[0.0], (middles[1:] + middles[:-1]) / 2, [duration]])
    ends = np.maximum.accumulate(ends)
    # Of a video of fewer frames than clips some clips are the same frame: they last no time.
    return [
        (a, max(b, a + 1e-3)) for a, b in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
    ]


def own_texts(path: str, tags: Sequence[str]) -> list[TextFacts]:
    """What a file says of itself: its name, and tags."""
    return [TextFacts("name", PurePath(path).stem), *(TextFacts("tag", tag) for tag in tags)]


def _tags(metadata: dict[str, str]) -> tuple[str, ...]:
    """Words that people gave a file; data from outside, cut to a length."""
    found = []
    for name, value in metadata.items():
        if name.lower() in TAGS:
            parts = value.split(",") if name.lower() in LISTS else [value]
            found += [clipped(part.strip(), LONGEST) for part in parts if part.strip()]
    return tuple(dict.fromkeys(found))
