"""Cut the clips of a video.

A clip is F frames around one of N centres spread evenly over the video (`clip_frames`), or one
frame each 1/fps s (`preprocess.video.rate`).  The rules need the true number of frames, and headers
lie, so packets are counted first; then the video is decoded once, and only the frames that some
clip needs are converted to RGB and kept.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from data_loader.store.clip_frames import clip_frames
from preprocess.video.error import Convert, StoppedEarly, VideoError
from preprocess.video.resize import FrameTransform, InputSpec, Thumbnail

Transform = Callable[[Convert], np.ndarray]  # a decoded frame -> what is kept of it


@dataclass(frozen=True, eq=False)
class Clips:
    """The clips of one video."""

    frames: np.ndarray  # (M, H, W, 3) uint8 upright RGB, each distinct frame once, in time order
    index: np.ndarray  # (N, F) int64 into frames
    frame_count: int  # that the whole video decodes to
    note: str = ""  # what is odd about the video ("partial: 28 of 50 frames")
    # (M,) int64, which of the video's each frame is, from 0; empty: not known
    numbers: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    seconds: float = 0.0  # how long those frames are shown; 0: not known


def read_clips(
    path: str | Path,
    *,
    clips: int,
    frames: int,
    stride: int = 1,
    decoder: str = "pyav",
    keep_partial: bool = False,
) -> Clips:
    """Decode one video and keep the frames that its N = `clips` clips of F = `frames` need.

    Those of a clip are `stride` apart.

    `keep_partial` takes what decodes of a video that breaks off, and says so in the note.  Raises
    VideoError (a UserError) with the reason if the video is missing, empty, cut off, no video, or
    has no frame that decodes.
    """
    (only,) = read_resized(
        path,
        clips=clips,
        frames=frames,
        stride=stride,
        decoder=decoder,
        keep_partial=keep_partial,
        specs=[None],
    )
    return only


def read_resized(
    path: str | Path,
    *,
    clips: int,
    frames: int,
    decoder: str,
    keep_partial: bool,
    specs: Sequence[InputSpec | Thumbnail | None],
    fps: float | None = None,
    stride: int = 1,
) -> list[Clips]:
    """`read_clips`, decoding once for several networks -> Clips for each of `specs`.

    With `fps` the clips are single frames at this rate, whatever `clips` and `frames` say.  Their
    frames are (M, size, size, 3) uint8 (float32 for "area"); those of a Thumbnail are the middle
    frames, as clips of one frame; of None, frames as they are.  Equal specs share one Clips.
    Raises VideoError as `read_clips`.
    """
    # PyAV: not for networks without files
    from preprocess.video.container import count_packets, lost_beginning

    path = Path(path)
    packets, whole, cut = count_packets(path)
    total, note = max(packets, 1), ""
    transforms = {spec: _transform(spec) for spec in specs}
    lengths = [1 if isinstance(spec, Thumbnail) else frames for spec in transforms]

    def choose(total: int) -> list[np.ndarray]:
        if fps is None:
            return [
                clip_frames(total, clips=clips, frames=length, stride=stride) for length in lengths
            ]
        from preprocess.video.rate import frames_at_rate

        return [frames_at_rate(path, total, fps)[:, None]] * len(lengths)

    for _ in range(3):  # once as a rule; again when the packets did not tell the number of frames
        indices = choose(total)
        wanted = [set(index.ravel().tolist()) for index in indices]
        kept, total, stopped = _decode(path, wanted, decoder, [*transforms.values()])
        if total == 0:
            raise VideoError(path, stopped or "no frame of it decodes")
        problem = cut or stopped
        if not problem and total < packets and (lost := lost_beginning(path)):
            problem = f"begins in the middle: {lost} packets before the first picture give none"
            whole = total + lost
        if problem and not keep_partial:
            raise VideoError(path, f"{problem}; {total} of {whole} frames decode")
        # All frames may be there and some of them filled in by the decoder.
        lost = f"{total} of {whole} frames" if total < whole else problem
        note = f"partial: {lost}" if problem else ""
        indices = choose(total)
        needed = [np.unique(index) for index in indices]
        if all(set(n.tolist()) <= k.keys() for n, k in zip(needed, kept, strict=True)):
            break
    else:
        raise VideoError(path, "decodes to another number of frames each time")
    # Kept with a stride alone: stores without one stay as they were, and their packets unread.
    seconds = _seconds(path, total) if stride > 1 else 0.0
    found = {
        spec: Clips(
            np.stack([k[i] for i in n.tolist()]), np.searchsorted(n, index), total, note, n, seconds
        )
        for spec, k, n, index in zip(transforms, kept, needed, indices, strict=True)
    }
    return [found[spec] for spec in specs]


def _seconds(path: Path, total: int) -> float:
    """How long the first `total` frames of a file are shown, by its packets; 0: not known."""
    from preprocess.video.rate import end_time, shown_times  # PyAV, as above

    try:
        times, seconds = shown_times(path)
    except VideoError:
        return 0.0
    if total != len(times):
        seconds = end_time(times[:total]) if 0 < total < len(times) else 0.0
    return seconds if 0 < seconds < math.inf else 0.0


def _transform(spec: InputSpec | Thumbnail | None) -> Transform:
    """What is kept of a decoded frame."""
    if spec is None:
        return lambda convert: convert()
    return FrameTransform(spec) if isinstance(spec, InputSpec) else spec


def _decode(
    path: Path, wanted: Sequence[set[int]], decoder: str, transforms: Sequence[Transform]
) -> tuple[list[dict[int, np.ndarray]], int, str]:
    """Decode all, keep the wanted frames -> ({number: array} of each, frames, "" or problem)."""
    from preprocess.video.decoders import DECODERS

    kept: list[dict[int, np.ndarray]] = [{} for _ in transforms]
    total = 0
    try:
        for convert in DECODERS[decoder].frames(path):
            for transform, numbers, found in zip(transforms, wanted, kept, strict=True):
                if total in numbers:
                    found[total] = transform(convert)
            total += 1
    except StoppedEarly as problem:
        return kept, total, str(problem)
    return kept, total, ""
