"""Features of a video that is still being decoded, or that never ends: clip by clip, as it comes.

    for clip in stream_features("talk.mp4", backbones={"appearance": backbone}, ...):
        clip.rows["appearance"]  # (F, W)

A clip here is F frames, `spacing` apart, one clip every `stride` frames, from frame `first` on; no
more of the source is known.  Extraction to a store knows the number T of frames and spreads N clips
over them (`data_loader.store.clip_frames`), with centres at multiples of T / (N + 1).  Where
that is a whole number, stride = T / (N + 1) and first = stride - spacing * (F // 2), with the
store's stride as spacing, give the same clips, if all of a clip's frames lie in the video (else the
store's first and last clips run over the ends and repeat frames; none does here).
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from preprocess.feature.extractor import FeatureExtractor
from preprocess.video.decoders import DECODERS
from preprocess.video.error import Convert, StoppedEarly, VideoError
from preprocess.video.resize import FrameTransform, InputSpec


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedClip:
    """One clip's features."""

    start: int  # its first frame, counted from the source's first
    end: int  # the frame after its last
    time: float  # s of the source at its end; where the rate is not known, since it was opened
    delay: float  # s from when its last frame was there to when its features were
    rows: dict[str, np.ndarray]  # by channel: (F, W), or (1, W) of a "clip" network


def stream_features(
    source: str | Path | Iterable[np.ndarray],
    *,
    backbones: Mapping[str, FeatureExtractor],
    frames: int,
    stride: int,
    first: int,
    group: int,
    rate: float,
    spacing: int = 1,
) -> Iterator[StreamedClip]:
    """Yield each clip's features as soon as its last frame has come.

    `source`: a video file, decoded by PyAV as it goes, or decoded frames (H, W, 3) uint8 RGB, of
    any number.  `backbones`: by channel.  Each frame passes once through a "frame" network,
    together with at most `group` - 1 that came before it, however many clips share it; each clip
    passes once through a "clip" network.  `rate`: frames per second, 0 if not known.  What is kept
    is the last F frames' rows or pictures.  Frames given as arrays are scaled by torch, whatever
    scaler a backbone has.  `spacing` divides `stride`: a clip begins `stride` frames after the one
    before it, and its own frames are `spacing` apart.  The frames after the last whole clip give
    nothing.  Raises VideoError if the file cannot be read or breaks off, once what was whole has
    been yielded.
    """
    assert stride % spacing == 0, "clips would be of different frames, each with its own pass"
    hop = stride // spacing  # in frames that are looked at
    is_file = isinstance(source, str | Path)
    converts = _decoded(Path(source)) if isinstance(source, str | Path) else map(_given, source)
    lanes = {
        channel: _Lane(backbone, frames=frames, group=group, decodes=is_file)
        for channel, backbone in backbones.items()
    }
    takes = {lane.picture: FrameTransform(lane.picture) for lane in lanes.values()}
    begin = time.perf_counter()
    for number, convert in enumerate(converts):
        arrived = time.perf_counter()
        place, off = divmod(number - first, spacing)  # among the frames that are looked at
        if place < 0 or off or place % hop >= frames:
            continue  # before the first clip, or between frames or clips
        pictures = {picture: take(convert) for picture, take in takes.items()}
        for lane in lanes.values():
            lane.add(pictures[lane.picture])
        begin_place = place + 1 - frames  # of the clip that would end here
        if begin_place < 0 or begin_place % hop:
            continue
        rows = {channel: lane.clip() for channel, lane in lanes.items()}
        yield StreamedClip(
            start=first + begin_place * spacing,
            end=number + 1,
            time=(number + 1) / rate if rate else arrived - begin,
            delay=time.perf_counter() - arrived,
            rows=rows,
        )


class _Lane:
    """The last F frames of a stream on their way through one backbone."""

    def __init__(
        self, backbone: FeatureExtractor, *, frames: int, group: int, decodes: bool
    ) -> None:
        self.backbone, self.group = backbone, group
        self.picture: InputSpec = backbone.picture
        if not decodes:
            self.picture = replace(backbone.picture, scaler="torch")
        self.waiting: list[Tensor] = []
        self.ring: deque[Tensor | np.ndarray] = deque(maxlen=frames)

    def add(self, picture: np.ndarray) -> None:
        """Take one frame's picture (size, size, 3)."""
        prepared = self.backbone.input(picture[None])
        if self.backbone.kind == "clip":
            self.ring.append(prepared)
            return
        self.waiting.append(prepared)
        if len(self.waiting) == self.group:
            self._pass()

    def clip(self) -> np.ndarray:
        """The last F frames' features: (F, W), or (1, W)."""
        if self.backbone.kind == "frame":
            self._pass()
            return np.stack([np.asarray(row) for row in self.ring])
        prepared = torch.cat([torch.as_tensor(one) for one in self.ring])
        return self.backbone.rows(prepared, np.arange(len(prepared))[None])[0]

    def _pass(self) -> None:
        """Run the network over the frames that wait."""
        if self.waiting:
            index = np.arange(len(self.waiting))[None]
            self.ring.extend(self.backbone.rows(torch.cat(self.waiting), index)[0])
            self.waiting.clear()


def _decoded(path: Path) -> Iterator[Convert]:
    """Frames of a file, not yet converted; a file that breaks off raises VideoError at its end."""
    try:
        yield from DECODERS["pyav"].frames(path)
    except StoppedEarly as problem:
        raise VideoError(path, str(problem)) from problem


def _given(frame: np.ndarray) -> Convert:
    return lambda size=None: frame
