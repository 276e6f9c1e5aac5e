"""A video file in windows of some seconds, each as a run's model takes a whole video."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_loader.batch import Features, Frames
from data_loader.store.clip_frames import clip_frames
from data_loader.store.provenance import Sampling
from inference.video import VideoReader
from preprocess.video.clips import Clips
from preprocess.video.container import count_packets
from preprocess.video.decoders import DECODERS
from preprocess.video.error import StoppedEarly, VideoError
from preprocess.video.rate import samples, shown_times
from preprocess.video.resize import FrameTransform, InputSpec


@dataclass(frozen=True, kw_only=True)
class Window:
    """Some seconds of a video."""

    start: float  # s
    end: float  # s
    visual: Features | Frames  # V = 1


def read_windows(reader: VideoReader, video: str | Path, seconds: float) -> Iterator[Window]:
    """Cut a file into windows and read each, while the file is decoded once.

    Windows begin at 0, `seconds`, 2 `seconds`, ...; the last one takes what remains where that is
    less than half a window.  The clips of a window lie in it as those of a whole video do.  Windows
    without a frame are left out.  What is held is one window's clips.  All stores' clips are of the
    first one's decoder.  Raises VideoError if the file cannot be read or breaks off, once what was
    whole has been yielded.
    """
    path = Path(video)
    _, _, cut = count_packets(path)
    times, end = shown_times(path)
    if not len(times):
        raise VideoError(path, cut or "no frame of it decodes")
    spans = _spans(times, end, seconds)
    reading = next(iter(reader.reading.values()))
    decoded = DECODERS[reading.decoder].frames(path)
    number = 0  # of the next frame
    transforms = {r.picture: FrameTransform(r.picture) for r in reader.reading.values()}
    for i, (start, end, first, past) in enumerate(spans):
        last_one = i == len(spans) - 1
        index = {
            name: _clips(r.sampling, times[first:past] - times[first : first + 1])
            for name, r in reader.reading.items()
        }
        wanted = {
            spec: {n for name, r in reader.reading.items() if r.picture == spec
                   for n in index[name].ravel().tolist()}
            for spec in transforms
        }  # fmt: skip
        kept: dict[InputSpec, dict[int, np.ndarray]] = {spec: {} for spec in transforms}
        try:
            while number < past or last_one:
                convert = next(decoded, None)
                if convert is None:
                    break
                for spec, transform in transforms.items():
                    if number - first in wanted[spec]:
                        kept[spec][number - first] = transform(convert)
                number += 1
        except StoppedEarly as problem:
            raise VideoError(path, str(problem)) from problem
        if not all(kept.values()):  # fewer frames decode than there are packets
            break
        clips = {name: _kept(kept[r.picture], index[name]) for name, r in reader.reading.items()}
        yield Window(start=start, end=end, visual=reader.visual(clips))
    if cut or not number:
        raise VideoError(path, cut or "no frame of it decodes")


def _spans(times: np.ndarray, whole: float, seconds: float) -> list[tuple[float, float, int, int]]:
    """Start and end in s of each window with a frame, its first frame, the one after its last.

    `whole`: when the last frame ends, in s.
    """
    count = max(1, int(np.floor(whole / seconds + 0.5)))
    starts = np.arange(count) * seconds
    first = np.searchsorted(times, starts - 1e-6)
    ends = [*starts[1:].tolist(), max(whole, starts[-1] + 1e-3)]
    pasts = [*first[1:].tolist(), len(times)]
    every = zip(starts.tolist(), ends, first.tolist(), pasts, strict=True)
    return [span for span in every if span[2] < span[3]]


def _clips(sampling: Sampling, times: np.ndarray) -> np.ndarray:
    """The clips of frames that are shown at these times (T,) s: (N, F) int64, from 0."""
    if sampling.fps is not None:
        return samples(times, sampling.fps)[:, None]
    return clip_frames(
        len(times), clips=sampling.clips, frames=sampling.frames, stride=sampling.stride
    )


def _kept(frames: dict[int, np.ndarray], index: np.ndarray) -> Clips:
    """Clips of kept frames; in place of one that did not decode, the last before it."""
    there = sorted(frames)
    place = (np.searchsorted(there, index, side="right") - 1).clip(0)
    used = np.unique(place)
    return Clips(
        frames=np.stack([frames[there[i]] for i in used.tolist()]),
        index=np.searchsorted(used, place),
        frame_count=len(there),
    )
