"""Pictures of the size that a network takes, straight from the decoder.

Worker processes import this: it does without torch, unless torch shall scale.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from preprocess.video.clips import Clips, Take, Thumbnail, take_clips
from preprocess.video.error import Convert


@dataclass(frozen=True, kw_only=True)
class Picture:
    """What a network takes of a frame: a square of `size` pixels.

    resize "squash": the whole frame; "crop": the centre square, after scaling the short side to
    `scaled` pixels, or the frame to `scaled` = (height, width); "area": averages of the frame's
    parts, as float32.  scaler "decoder": its own scales; "torch": bicubic with antialiasing.
    """

    size: int
    resize: str
    scaled: int | tuple[int, int]
    scaler: str

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a frame is scaled to, before the crop."""
        if self.resize != "crop":
            return self.size, self.size
        if isinstance(self.scaled, tuple):
            return self.scaled
        short = min(height, width)
        return round(height * self.scaled / short), round(width * self.scaled / short)

    def centre(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a scaled frame that the network sees."""
        top, left = (height - self.size) // 2, (width - self.size) // 2
        return slice(top, top + self.size), slice(left, left + self.size)


def read_pictures(
    path: str | Path,
    *,
    clips: int,
    frames: int,
    decoder: str,
    keep_partial: bool,
    pictures: Sequence[Picture | Thumbnail],
) -> list[Clips]:
    """`read_clips`, decoding once for several networks -> Clips for each of `pictures`.

    Their frames are (M, size, size, 3) uint8 (float32 for "area"); those of a Thumbnail are the
    middle frames, as clips of one frame.  Equal pictures share one Clips.  Raises VideoError as
    `read_clips`.
    """
    distinct = list(dict.fromkeys(pictures))
    takes = [
        Take(make=picture, middle_only=True)
        if isinstance(picture, Thumbnail)
        else Take(make=TakePicture(picture))
        for picture in distinct
    ]
    found = take_clips(
        path, clips=clips, frames=frames, decoder=decoder, keep_partial=keep_partial, takes=takes
    )
    by_picture = dict(zip(distinct, found, strict=True))
    return [by_picture[picture] for picture in pictures]


class TakePicture:
    """One frame as a picture; remembers the size that the decoder is asked for."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.target: tuple[int, int] | None = None

    def __call__(self, convert: Convert) -> np.ndarray:
        """The picture (size, size, 3) of one decoded frame."""
        picture = self.picture
        if picture.resize == "area":
            return average(convert()[None], picture.size)[0]
        if picture.scaler == "torch":
            from preprocess.video.resize_frames import (
                make_pictures,  # torch is not for workers without need
            )

            return make_pictures(convert()[None], picture)[0]
        if self.target is None:  # of the upright frame: known once one is converted
            needs_shape = picture.resize == "crop" and isinstance(picture.scaled, int)
            shape = convert().shape[:2] if needs_shape else (1, 1)
            self.target = picture.target(*shape)
        image = convert(self.target)
        # A copy: a view of the centre would keep the whole image in memory.
        return np.ascontiguousarray(image[picture.centre(*self.target)])


def average(frames: np.ndarray, size: int) -> np.ndarray:
    """Frames (M, H, W, 3) uint8 -> averages of size x size areas (M, size, size, 3), float32.

    torch's adaptive_avg_pool2d to the bit: the sums are whole numbers, exact below 2^24.
    """
    rows, columns = (_areas(length, size) for length in frames.shape[1:3])
    sums = np.stack([frames[:, a:b].sum(1, dtype=np.int32) for a, b in rows], axis=1)
    sums = np.stack([sums[:, :, a:b].sum(2) for a, b in columns], axis=2)
    height = np.array([b - a for a, b in rows], np.float32)[:, None, None]
    width = np.array([b - a for a, b in columns], np.float32)[:, None]
    return sums.astype(np.float32) / height / width


def _areas(length: int, size: int) -> list[tuple[int, int]]:
    """Begin and end of each area; neighbours share a row where they do not divide evenly."""
    return [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
