"""Which frames of a source a run's stream looks at, and those as its network takes them.

A process that only decodes imports this: torch is loaded only where it scales.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from preprocess.video.error import Convert
from preprocess.video.live import LiveFrame, at_rate
from preprocess.video.resize import FrameTransform, InputSpec, resize_frames


class FrameScaling:
    """Frames of a decoder -> of the size of a network's input, as those of its training.

    Frames that already have this size are taken as they are.
    """

    def __init__(self, picture: InputSpec) -> None:
        """`picture`: what the network takes of a frame."""
        self.picture = picture
        self._transform = FrameTransform(picture)

    def decoded(self, convert: Convert) -> np.ndarray:
        """A frame of a decoder, (H, W, 3) uint8: scaled already where the decoder scales."""
        by_decoder = self.picture.resize != "area" and self.picture.scaler == "decoder"
        return self._transform(convert) if by_decoder else convert()

    def resized(self, frames: np.ndarray) -> np.ndarray:
        """Frames (M, H, W, 3) uint8 -> (M, size, size, 3); of area averages float32."""
        size = self.picture.size
        if self.picture.resize != "area" and frames.shape[1:3] == (size, size):
            return frames
        return resize_frames(frames, self.picture)


def looked_at(
    frames: Iterator[LiveFrame], fps: float | None, stride: int = 1
) -> Iterator[LiveFrame]:
    """Those frames of a source that are looked at: `fps` a second, or each `stride`-th."""
    return islice(frames, 0, None, stride) if fps is None else at_rate(frames, fps)
