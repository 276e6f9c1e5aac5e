"""What stores of both kinds have in common, in the HDF5 file and opened:

  ids (V,) text;  frame_count (V,) decoded frames of the video, 0 = unknown;  note (V,) "" or what
                   is odd about it
  seconds (V,)     float64, how long the video is shown, 0 = unknown; left out where it is of all
  file_sha256 (V,) SHA-256 of the video file, "" = unknown;  checksum (V,) uint32, see
                   `StoredVideo.compute_checksum`  (both from format 2 on)
  attributes       `format` and `provenance` (JSON, see `Provenance`)
`python -m data_loader.store STORE` prints what a store is and whether it is whole.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import h5py
import numpy as np
from numpy.typing import ArrayLike

from data_loader.store.checksum import StoredVideo, checked, digest
from data_loader.store.hdf5 import Hdf5File
from data_loader.store.provenance import Provenance
from util.errors import UserError

FORMAT = 2  # written; 1 has neither hashes of files nor checksums


V = TypeVar("V", bound=StoredVideo)


@dataclass(frozen=True, eq=False, kw_only=True)
class Columns(Generic[V]):
    """An opened store without its large array, which stays on disk.  V videos."""

    MAKE: ClassVar[str]  # the command that makes such a store
    LAYOUT: ClassVar[tuple[str, ...]]  # the columns that say where a video's rows lie

    path: Path
    ids: tuple[str, ...]
    frame_count: np.ndarray  # (V,) int64
    notes: tuple[str, ...]
    file_sha256: tuple[str, ...]
    checksum: np.ndarray | None  # (V,) uint32; None in a store of format 1
    seconds: np.ndarray  # (V,) float64
    provenance: Provenance

    def opened(self) -> AbstractContextManager[Callable[[str], V]]:
        """`with store.opened() as read: read(video)`: videos one by one, the file opened once.

        `read` raises UserError if the video is not in the store, or not readable.
        """
        raise NotImplementedError

    def fingerprint(self) -> str:
        """Tells stores of other videos, or with other bytes of them, apart; reads none of them."""
        columns = [getattr(self, name) for name in (*self.LAYOUT, "frame_count", "checksum")]
        lists = [None if column is None else column.tolist() for column in columns]
        return f"{len(self.ids)} videos {digest(self.ids, self.notes, self.file_sha256, *lists)}"

    def __contains__(self, video: str) -> bool:
        return video in self._index

    @cached_property
    def _index(self) -> dict[str, int]:
        return {video: index for index, video in enumerate(self.ids)}

    def indices(self, videos: Sequence[str]) -> np.ndarray:
        """Where the videos are in the columns (V',) int64; UserError if one is not there."""
        missing = [video for video in videos if video not in self]
        if missing:
            raise UserError(
                f"{self.path}: lacks {len(missing)} of {len(videos)} videos asked for "
                f"({', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}); add them with "
                f"{self.MAKE}, or keep to the videos that the store holds"
            )
        return np.array([self._index[video] for video in videos], dtype=np.int64)

    def known(self, index: int) -> tuple[int, str, str, int | None, float]:
        """frame_count, note, file_sha256, checksum and seconds of one video."""
        checksum = None if self.checksum is None else int(self.checksum[index])
        count = int(self.frame_count[index])
        seconds = float(self.seconds[index])
        return count, self.notes[index], self.file_sha256[index], checksum, seconds

    def video(self, video: str) -> V:
        """All about one video; raises UserError if it is not in the store."""
        with self.opened() as read:
            return read(video)

    def videos(self, videos: Sequence[str] | None = None) -> Iterator[V]:
        """All about `videos` (default: all), one by one in their order, the file opened once."""
        with self.opened() as read:
            for video in self.ids if videos is None else videos:
                yield read(video)

    def mismatch(self) -> str:
        """Which columns do not fit together; "" if all do."""
        names = (*self.LAYOUT, "frame_count", "notes", "file_sha256", "seconds")
        columns = [getattr(self, name) for name in names]
        columns += [self.ids if self.checksum is None else self.checksum]
        videos, distinct = len(self.ids), len(set(self.ids))
        if any(len(column) != videos for column in columns):
            return f"its columns are not all of {videos} videos"
        return f"{videos - distinct} of its ids come twice" if distinct < videos else ""


def read_columns(file: Hdf5File, make: str) -> dict[str, Any]:
    """The fields of `Columns`; UserError for a format that is not known, or damage."""
    version = file.attribute("format")
    if version not in (1, FORMAT):
        raise UserError(
            f"{file.path}: {file.what} of format {version}, this code reads 1 to {FORMAT}; make it "
            f"again with {make}"
        )
    ids = file.texts("ids")
    try:
        provenance = Provenance.from_dict(file.json("provenance"))
    except ValueError as error:
        raise file.fault(f"attribute provenance {error}") from error
    return {
        "path": file.path,
        "ids": ids,
        "frame_count": file.integers("frame_count"),
        "notes": file.texts("note"),
        "file_sha256": file.texts("file_sha256") if version > 1 else ("",) * len(ids),
        "checksum": file.integers("checksum").astype(np.uint32) if version > 1 else None,
        "seconds": _seconds(file, len(ids)),
        "provenance": provenance,
    }


def _seconds(file: Hdf5File, videos: int) -> np.ndarray:
    """The column (V,) float64, zeros where there is none; UserError for what cannot be."""
    if "seconds" not in file:
        return np.zeros(videos)
    seconds = file.read(file.numbers("seconds", kinds="f", ndim=[1])).astype(np.float64)
    if not np.isfinite(seconds).all() or (seconds < 0).any():
        raise file.fault("seconds has numbers that are no durations")
    return seconds


class ColumnWriter:
    """The columns of a store that is being written, video by video."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, tuple[str, str, int, float, int]] = {}

    def add(self, video: StoredVideo) -> None:
        """Take one video; UserError if its id comes twice, or it was damaged where it is from."""
        if video.id in self.rows:
            raise UserError(f"{self.path}: video {video.id} comes twice; each id is stored once")
        facts = video.note, video.file_sha256, video.frame_count, video.seconds
        self.rows[video.id] = (*facts, checked(video, self.path))

    def write(self, file: h5py.File, layout: Mapping[str, ArrayLike]) -> None:
        """Write the columns and the format; UserError if there is no video."""
        if not self.rows:
            raise UserError(f"{self.path}: no video to store")
        notes, sha256, frame_count, seconds, checksums = zip(*self.rows.values(), strict=True)
        for name, column in (("ids", self.rows), ("note", notes), ("file_sha256", sha256)):
            file.create_dataset(name, data=list(column), dtype=h5py.string_dtype())
        for name, column in {**layout, "frame_count": frame_count}.items():
            file.create_dataset(name, data=np.array(column, dtype=np.int64))
        if any(seconds):
            file.create_dataset("seconds", data=np.array(seconds, dtype=np.float64))
        file.create_dataset("checksum", data=np.array(checksums, dtype=np.uint32))
        file.attrs["format"] = FORMAT
