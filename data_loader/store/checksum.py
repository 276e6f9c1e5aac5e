"""Checksums: is what a store holds of a video still what was written?

A flipped bit is an error of reading only where it hits HDF5's own tables or a compressed chunk.
"""

import hashlib
import json
import zlib
from collections.abc import Sequence

import numpy as np

from util.errors import UserError


class StoredVideo:
    """What a store holds of one video, or is to hold."""

    id: str
    frame_count: int  # decoded frames of the whole video, 0 = unknown
    note: str  # "" or what is odd about it
    file_sha256: str  # of the video file, "" = unknown
    checksum: int | None  # what the store that it was read from says; None: nothing, or it is new
    seconds: float  # how long the video is shown, 0 = unknown; not part of the checksum

    def compute_checksum(self) -> int:
        """What it is."""
        raise NotImplementedError


def checksum(facts: Sequence[str | int], *arrays: np.ndarray) -> int:
    """CRC-32 of the facts, as a JSON list in ASCII, then of the arrays' bytes, little-endian.

    It finds accidents (a flipped bit, rows under another video's id), not forgery; at some GiB/s
    it costs less than reading.
    """
    value = zlib.crc32(json.dumps(facts).encode())
    for array in arrays:
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        value = zlib.crc32(np.ascontiguousarray(little).data, value)
    return value


def digest(*facts: object) -> str:
    """12 hexadecimal digits of the SHA-256 of plain values; an array is given as a list."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:12]


def is_whole(video: StoredVideo) -> bool:
    """Whether a video fits what its store says; one without a checksum does."""
    return video.checksum is None or video.checksum == video.compute_checksum()


def checked(video: StoredVideo, path: object) -> int:
    """The checksum to write into the store `path`; UserError if the video came here damaged."""
    value = video.compute_checksum()
    if video.checksum not in (None, value):
        raise UserError(
            f"{path}: not written, video {video.id} was read from a store that is damaged there; "
            "python -m data_loader.store STORE tells which one: delete it, and make it again"
        )
    return value
