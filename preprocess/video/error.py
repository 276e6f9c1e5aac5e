"""What decoders and their callers have in common, without any decoder."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from util.errors import UserError

# One decoded frame -> (H, W, 3) uint8 upright RGB of its own size.  Called before the next frame is
# drawn.  Of a decoder that scales, convert((height, width)) gives a picture of that size.
Convert = Callable[..., np.ndarray]


class VideoError(UserError):
    """A video that cannot be read, or not wholly.

    `reason` says why, without the file's name; `again`: another try may well read it.
    """

    def __init__(self, path: str | Path, reason: str, again: bool = False) -> None:
        super().__init__(f"{path}: {reason}")
        self.path, self.reason, self.again = path, reason, again

    def __reduce__(self) -> tuple:
        return VideoError, (self.path, self.reason, self.again)


class StoppedEarly(Exception):
    """Decoding ended before the video's end, or at its end some frames prove damaged."""
