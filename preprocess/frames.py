"""Cut the clips of a video.

A clip is F frames around one of N centres spread evenly over the video (`clip_frames`).  The rule
needs the true number of frames, and headers lie, so packets are counted first; then the video is
decoded once, and only the frames that some clip needs are converted to RGB and kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocess.video_error import Convert, StoppedEarly, VideoError

Take = Callable[[Convert], np.ndarray]  # a decoded frame -> what is kept of it


@dataclass(frozen=True, eq=False)
class Clips:
    """The clips of one video.

    frames (M, H, W, 3) uint8 upright RGB, each distinct frame once, in time order; index (N, F)
    int64 into frames; frame_count: frames that the whole video decodes to; note: "" or what is odd
    about the video ("partial: 28 of 50 frames").
    """

    frames: np.ndarray
    index: np.ndarray
    frame_count: int
    note: str = ""


def clip_frames(frame_count: int, *, clips: int, frames: int) -> np.ndarray:
    """Frame numbers of the clips of a video of `frame_count` >= 1 frames -> (N, F) int64.

    Centres: linspace(0, T, N + 2)[1:-1], truncated; a clip is [c - F//2, c - F//2 + F), clamped to
    the video, so that its first or last frame repeats (as in the HCRN and DualVGR scripts).
    """
    assert frame_count >= 1
    centres = np.linspace(0, frame_count, clips + 2)[1:-1].astype(np.int64)
    offsets = np.arange(frames) - frames // 2
    return (centres[:, None] + offsets).clip(0, frame_count - 1)


def read_clips(
    path: str | Path, *, clips: int, frames: int, decoder: str = "pyav", keep_partial: bool = False
) -> Clips:
    """Decode one video and keep the frames that its N = `clips` clips of F = `frames` need.

    `keep_partial` takes what decodes of a video that breaks off, and says so in the note.  Raises
    VideoError (a UserError) with the reason if the video is missing, empty, cut off, no video, or
    has no frame that decodes.
    """
    (only,) = take_clips(
        path, clips=clips, frames=frames, decoder=decoder, keep_partial=keep_partial, takes=[_whole]
    )
    return only


def take_clips(
    path: str | Path,
    *,
    clips: int,
    frames: int,
    decoder: str,
    keep_partial: bool,
    takes: Sequence[Take],
) -> list[Clips]:
    """`read_clips` with several forms of each frame, in one decoding -> Clips for each of `takes`.

    What a take gives of a frame stands in place of the frame.
    """
    # PyAV: not for networks without files
    from preprocess.container import count_packets, lost_beginning

    path = Path(path)
    packets, whole, cut = count_packets(path)
    total, note = max(packets, 1), ""
    for _ in range(3):  # once as a rule; again when the packets did not tell the number of frames
        expected = total
        index = clip_frames(expected, clips=clips, frames=frames)
        kept, total, stopped = _decode(path, set(index.ravel().tolist()), decoder, takes)
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
        index = clip_frames(total, clips=clips, frames=frames)
        needed = np.unique(index)
        if total == expected or set(needed.tolist()) <= kept.keys():
            break
    else:
        raise VideoError(path, "decodes to another number of frames each time")
    index = np.searchsorted(needed, index)
    return [
        Clips(np.stack([kept[i][form] for i in needed.tolist()]), index, total, note)
        for form in range(len(takes))
    ]


def _decode(
    path: Path, wanted: set[int], decoder: str, takes: Sequence[Take]
) -> tuple[dict[int, list[np.ndarray]], int, str]:
    """Decode all, keep what is wanted -> ({number: its forms}, frames decoded, "" or problem)."""
    from preprocess.decoders import DECODERS

    kept: dict[int, list[np.ndarray]] = {}
    total = 0
    try:
        for convert in DECODERS[decoder].frames(path):
            if total in wanted:
                kept[total] = [take(convert) for take in takes]
            total += 1
    except StoppedEarly as problem:
        return kept, total, str(problem)
    return kept, total, ""


def _whole(convert: Convert) -> np.ndarray:
    return convert()
