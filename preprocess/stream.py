"""Features of a video that is still being decoded, or that never ends: clip by clip, as it comes.

    for clip in stream_features("talk.mp4", backbones={"appearance": backbone}, ...):
        clip.rows["appearance"]  # (F, W)

    python -m preprocess.stream talk.mp4 --backbone squeezenet1_1 --weights FILE

A clip here is F frames in a row, one every `stride` frames, from frame `first` on; no more of the
source is known.  Extraction to a store knows the number T of frames and spreads N clips over them
(`preprocess.video.clips.clip_frames`), with centres at multiples of T / (N + 1).  Where that is a
whole number, stride = T / (N + 1) and first = stride - F // 2 give the same clips, if it is not
less than F / 2 (else the store's first and last clips run over the ends and repeat frames; none
does here).
"""

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from options.parse import parse
from options.preprocess.stream import StreamOptions
from preprocess.feature.extractor import Backbone
from preprocess.feature.load import load_backbone
from preprocess.video.decoders import DECODERS, Convert, StoppedEarly, VideoError
from preprocess.video.resize import Picture, TakePicture
from util.errors import run_command

PROG = "python -m preprocess.stream"


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamedClip:
    """One clip's features.

    start, end: its frames are start .. end - 1 of the source; time: seconds of the source at its
    end, or, where the rate is not known, since the stream was opened; delay: seconds from when its
    last frame was there to when its features were; rows: by channel, (F, W), or (1, W) of a "clip"
    backbone.
    """

    start: int
    end: int
    time: float
    delay: float
    rows: dict[str, np.ndarray]


def stream_features(
    source: str | Path | Iterable[np.ndarray],
    *,
    backbones: Mapping[str, Backbone],
    frames: int,
    stride: int,
    first: int,
    group: int,
    rate: float,
) -> Iterator[StreamedClip]:
    """Yield each clip's features as soon as its last frame has come.

    `source`: a video file, decoded by PyAV as it goes, or decoded frames (H, W, 3) uint8 RGB, of
    any number.  `backbones`: by channel.  Each frame passes once through a "frame" network,
    together with at most `group` - 1 that came before it, however many clips share it; each clip
    passes once through a "clip" network.  `rate`: frames per second, 0 if not known.  What is kept
    is the last F frames' rows or pictures.  Frames given as arrays are scaled by torch, whatever
    scaler a backbone has.  The frames after the last whole clip give nothing.  Raises VideoError if
    the file cannot be read or breaks off, once what was whole has been yielded.
    """
    is_file = isinstance(source, str | Path)
    converts = _decoded(Path(source)) if isinstance(source, str | Path) else map(_given, source)
    lanes = {
        channel: _Lane(backbone, frames=frames, group=group, decodes=is_file)
        for channel, backbone in backbones.items()
    }
    takes = {lane.picture: TakePicture(lane.picture) for lane in lanes.values()}
    begin = time.perf_counter()
    for number, convert in enumerate(converts):
        arrived = time.perf_counter()
        since = number - first
        if since < 0 or since % stride >= frames:
            continue  # in no clip
        pictures = {picture: take(convert) for picture, take in takes.items()}
        for lane in lanes.values():
            lane.add(pictures[lane.picture])
        if since + 1 < frames or (since + 1 - frames) % stride:
            continue
        rows = {channel: lane.clip() for channel, lane in lanes.items()}
        yield StreamedClip(
            start=number + 1 - frames,
            end=number + 1,
            time=(number + 1) / rate if rate else arrived - begin,
            delay=time.perf_counter() - arrived,
            rows=rows,
        )


class _Lane:
    """The last F frames of a stream on their way through one backbone."""

    def __init__(self, backbone: Backbone, *, frames: int, group: int, decodes: bool) -> None:
        self.backbone, self.group = backbone, group
        self.picture: Picture = backbone.picture
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


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each clip as it comes."""
    about = "A video's features while it is decoded."
    (options,) = parse(PROG, about, [StreamOptions], argv, first="video")
    weights = options.weights or ["none"] * len(options.backbone)
    backbones = {
        name: load_backbone(
            name,
            weights=None if given == "none" else given,
            resize=options.resize,
            motion_norm=options.motion_norm if name == "resnext101" else "kinetics",
            device=options.device,
            scaler=options.scaler,
            frames=options.frames,
            precision=options.network_precision,
        )
        for name, given in zip(options.backbone, weights, strict=True)
    }
    begin, count, end, delays = time.perf_counter(), 0, 0, []
    for clip in stream_features(
        options.video,
        backbones=backbones,
        frames=options.frames,
        stride=options.stride,
        first=options.first,
        group=options.group,
        rate=options.rate,
    ):
        rows = ", ".join(f"{channel} {made.shape}" for channel, made in clip.rows.items())
        print(
            f"frames {clip.start}-{clip.end - 1}  at {clip.time:.2f} s  {rows}  "
            f"{1000 * clip.delay:.0f} ms after its last frame",
            flush=True,
        )
        count, end = count + 1, clip.end
        delays.append(clip.delay)
    seconds = time.perf_counter() - begin
    if not count:
        print(f"{options.video}: no whole clip of {options.frames} frames", file=sys.stderr)
        return 1
    print(
        f"{options.video}: {count} clips, {end} frames in {seconds:.1f} s, {end / seconds:.0f} "
        f"frames/s; delay {1000 * float(np.median(delays)):.0f} ms in the middle, "
        f"{1000 * max(delays):.0f} ms at most"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
