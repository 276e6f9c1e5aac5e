"""Clip stores: decoded clips on disk, for encoders that are trained.

One HDF5 file holds each distinct frame of each video once; both channels are cut from that copy:
  frames (R, H, W, 3)  uint8 upright RGB, the frames of all videos one after another; contiguous and
                       uncompressed, so that the file can be mapped into memory
  index (V, N, F)      int64, each clip's frames, counted from the video's own first
  first (V,)  count (V,)  first row of each video, and how many rows it has
  ids (V,) text;  frame_count (V,) decoded frames of the video, 0 = unknown;  note (V,) "" or what
                       is odd about it
  file_sha256 (V,)     SHA-256 of the video file, "" = unknown;  checksum (V,) uint32, see
                       `VideoClips.compute_checksum`  (both from format 2 on)
  attributes           `format`, `kind` "clips" and `provenance` (JSON: resize, size, sampling, ...)
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from data_loader.store.checksum import checked, checksum, digest
from data_loader.store.hdf5 import Hdf5File
from data_loader.store.provenance import Provenance
from util.errors import UserError
from util.files import whole_file

FORMAT = 2
KIND = "clips"
MAKE = "python -m preprocess.videos --backbone none"


@dataclass(frozen=True, eq=False)
class VideoClips:
    """The clips of one video.

    frames (M, H, W, 3) uint8 RGB, each distinct frame once; index (N, F) int64 into them;
    frame_count: frames that the whole video decodes to, 0 = unknown; note: "" or what is odd;
    file_sha256, checksum: as of VideoFeatures.
    """

    id: str
    frames: np.ndarray
    index: np.ndarray
    frame_count: int
    note: str = ""
    file_sha256: str = ""
    checksum: int | None = None

    def compute_checksum(self) -> int:
        """`checksum` of [id, M, frame_count, note, file_sha256], frames and index (int64)."""
        facts = (self.id, len(self.frames), self.frame_count, self.note, self.file_sha256)
        return checksum(facts, self.frames, self.index.astype(np.int64, copy=False))


@dataclass(frozen=True, eq=False)
class ClipStore:
    """What a clip store holds; frames are read from disk where they are asked for.

    ids, notes, file_sha256: V texts; index (V, N, F), first, count, frame_count (V,) int64;
    checksum (V,) uint32, None in a store of format 1; offset: where the frames begin in the file,
    in bytes; size (H, W) in pixels.
    """

    path: Path
    ids: tuple[str, ...]
    index: np.ndarray
    first: np.ndarray
    count: np.ndarray
    frame_count: np.ndarray
    notes: tuple[str, ...]
    file_sha256: tuple[str, ...]
    checksum: np.ndarray | None
    size: tuple[int, int]
    offset: int
    provenance: Provenance

    @property
    def clips(self) -> int:
        """N, clips of each video."""
        return self.index.shape[1]

    @property
    def frames_per_clip(self) -> int:
        """F."""
        return self.index.shape[2]

    def fingerprint(self) -> str:
        """Tells stores of other videos, or with other bytes of them, apart; reads none of them."""
        columns = (self.index, self.frame_count, self.checksum)
        lists = [None if column is None else column.tolist() for column in columns]
        return f"{len(self.ids)} videos {digest(self.ids, self.notes, self.file_sha256, *lists)}"

    def __contains__(self, video: str) -> bool:
        return video in self._row

    @cached_property
    def _row(self) -> dict[str, int]:
        return {video: row for row, video in enumerate(self.ids)}

    @cached_property
    def frames(self) -> np.ndarray:
        """The frames of all videos (R, H, W, 3) uint8, memory-mapped for reading."""
        return self._map()

    def _map(self) -> np.ndarray:
        shape = (int(self.count.sum()), *self.size, 3)
        return np.memmap(self.path, np.uint8, mode="r", offset=self.offset, shape=shape)

    def gather(self, videos: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Frames of `videos`, and which of them each clip has.

        -> frames (M, H, W, 3) uint8, those of the videos one after another, in the order of
        `videos`; index (V, N, F) int64 into them.  A video asked for twice has its frames there
        once.  Only frames asked for are read, each is copied once.  Raises UserError if a video is
        not in the store.
        """
        place: dict[int, int] = {}  # row of a video -> where its frames begin in the result
        total = 0
        rows = self._rows(videos)
        for row in rows:
            if row not in place:
                place[row] = total
                total += int(self.count[row])
        out = np.empty((total, *self.size, 3), np.uint8)
        for row, begin in place.items():
            first, count = self.first[row], self.count[row]
            out[begin : begin + count] = self.frames[first : first + count]
        begins = np.array([place[row] for row in rows], dtype=np.int64)
        index = self.index[rows] + begins[:, None, None]
        return torch.from_numpy(out), torch.from_numpy(index)

    def _rows(self, videos: Sequence[str]) -> list[int]:
        missing = [video for video in videos if video not in self]
        if missing:
            raise UserError(
                f"{self.path}: lacks {len(missing)} of {len(videos)} videos asked for "
                f"({', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}); add them with "
                f"{MAKE}, or keep to the videos that the store holds"
            )
        return [self._row[video] for video in videos]

    @contextmanager
    def opened(self) -> Iterator[Callable[[str], VideoClips]]:
        """`with store.opened() as read: read(video)`: videos one by one, the file mapped once.

        The frames are a view of the file; it is closed when they and the context are gone.  `read`
        raises UserError if the video is not in the store.
        """
        mapped = self._map()

        def read(video: str) -> VideoClips:
            (row,) = self._rows([video])
            first, count = self.first[row], self.count[row]
            return VideoClips(
                id=video,
                frames=mapped[first : first + count],
                index=self.index[row],
                frame_count=int(self.frame_count[row]),
                note=self.notes[row],
                file_sha256=self.file_sha256[row],
                checksum=None if self.checksum is None else int(self.checksum[row]),
            )

        yield read

    def video(self, video: str) -> VideoClips:
        """All about one video; raises UserError if it is not in the store.

        The frames are a view of the file, mapped for this video alone: going through many stores
        leaves no file open.
        """
        with self.opened() as read:
            return read(video)

    def videos(self, videos: Sequence[str] | None = None) -> Iterator[VideoClips]:
        """All about `videos` (default: all), one by one in their order, the file mapped once."""
        with self.opened() as read:
            for video in self.ids if videos is None else videos:
                yield read(video)


def is_clip_store(path: str | Path) -> bool:
    """Whether a file says that it is a clip store (it may be damaged all the same)."""
    try:
        with _open(path) as file:
            return file.attribute("kind") == KIND
    except UserError:
        return False


def open_clip_store(path: str | Path) -> ClipStore:
    """Read what a clip store holds, without its frames.

    Raises UserError if the file is not there, not HDF5, not a clip store, of another format, or if
    what it says does not fit together.
    """
    path = Path(path)
    with _open(path) as file:
        version = _require_clip_store(file)
        frames = file.numbers("frames", kinds="u", ndim=[4])
        ids = file.texts("ids")
        store = ClipStore(
            path=path,
            ids=ids,
            index=file.integers("index", ndim=3),
            first=file.integers("first"),
            count=file.integers("count"),
            frame_count=file.integers("frame_count"),
            notes=file.texts("note"),
            file_sha256=file.texts("file_sha256") if version > 1 else ("",) * len(ids),
            checksum=file.integers("checksum").astype(np.uint32) if version > 1 else None,
            size=tuple(frames.shape[1:3]),
            offset=frames.id.get_offset() or 0,
            provenance=file.provenance(),
        )
        if problem := _problem(store, frames):
            raise file.fault(problem)
    return store


def _open(path: str | Path) -> Hdf5File:
    return Hdf5File(
        path,
        what="clip store",
        missing=f"{MAKE} makes one",
        cure=f"delete it, and make it again with {MAKE}",
    )


def _require_clip_store(file: Hdf5File) -> int:
    """The version of its format; UserError, saying what the file is, if it is something else."""
    if file.attribute("kind") != KIND:
        if "features" in file:
            raise UserError(
                f"{file.path}: a feature store (--appearance or --motion), not a clip store "
                f"(--clips); {MAKE} makes one, at another --output"
            )
        raise UserError(
            f"{file.path}: HDF5, but not a clip store (holds {file.names()}); {MAKE} makes one"
        )
    version = file.attribute("format")
    if version not in (1, FORMAT):
        raise UserError(
            f"{file.path}: clip store of format {version}, this code reads 1 to {FORMAT}; make it "
            f"again with {MAKE}"
        )
    return version


def _problem(store: ClipStore, frames: Any) -> str:
    """What does not fit together in a store; "" if all does.  frames: its HDF5 data set."""
    videos, rows = len(store.ids), len(frames)
    columns = [store.index, store.first, store.count, store.frame_count, store.notes]
    columns += [store.file_sha256, store.ids if store.checksum is None else store.checksum]
    if frames.shape != (rows, *store.size, 3) or frames.dtype != np.uint8:
        return f"frames are {frames.shape} {frames.dtype}, not (R, H, W, 3) uint8"
    if not store.offset:
        return "frames are not in one contiguous piece"
    if any(len(column) != videos for column in columns):
        return f"its columns are not all of {videos} videos"
    if 0 in store.index.shape or 0 in frames.shape:
        return f"it holds {_told((*store.index.shape[1:], *store.size))} of {videos} videos"
    if len(set(store.ids)) < videos:
        return f"{videos - len(set(store.ids))} of its ids come twice"
    if rows != store.count.sum():
        return f"{rows} rows where its videos need {store.count.sum()}"
    if (store.first != np.cumsum(store.count) - store.count).any():
        return "its videos do not lie one after another"
    if (store.index < 0).any() or (store.index >= store.count[:, None, None]).any():
        return "clips point outside the frames of their video"
    return ""


def write_clip_store(
    path: str | Path, videos: Iterable[VideoClips], provenance: Provenance
) -> None:
    """Write a clip store, whole or not at all.

    The videos are gone through twice, first for their sizes (the contiguous frames need their
    number beforehand), and held one at a time; only an iterator, which can be gone through once, is
    taken into memory.  Raises UserError if there is no video, an id comes twice, the videos do not
    agree in N, F, H and W, or one was damaged in the store that it comes from.
    """
    path = Path(path)
    videos = list(videos) if isinstance(videos, Iterator) else videos
    ids: dict[str, int] = {}  # id -> number of its frames
    kind: tuple[int, ...] | None = None  # N, F, H, W
    for video in videos:
        assert video.frames.dtype == np.uint8 and video.frames.shape[3:] == (3,)
        assert video.index.min() >= 0 and video.index.max() < len(video.frames)
        if video.id in ids:
            raise UserError(f"{path}: video {video.id} comes twice; each id is stored once")
        this = (*video.index.shape, *video.frames.shape[1:3])
        kind = kind or this
        if this != kind:
            raise UserError(
                f"{path}: video {video.id} has {_told(this)}, those before it {_told(kind)}; one "
                "store holds one kind"
            )
        ids[video.id] = len(video.frames)
    if kind is None:
        raise UserError(f"{path}: no video to store")
    n, f, *size = kind
    count = np.array(list(ids.values()), dtype=np.int64)
    first = np.cumsum(count) - count
    text = h5py.string_dtype()
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        frames = file.create_dataset("frames", (count.sum(), *size, 3), np.uint8)
        index = file.create_dataset("index", (len(ids), n, f), np.int64)
        frame_count, notes, sha256, sums = [], [], [], []
        for row, video in enumerate(videos):
            frames[first[row] : first[row] + count[row]] = video.frames
            index[row] = video.index
            frame_count.append(video.frame_count)
            notes.append(video.note)
            sha256.append(video.file_sha256)
            sums.append(checked(video, path))
        for name, column in (("ids", list(ids)), ("note", notes), ("file_sha256", sha256)):
            file.create_dataset(name, data=column, dtype=text)
        columns = {"first": first, "count": count, "frame_count": frame_count}
        for name, column in columns.items():
            file.create_dataset(name, data=np.array(column, dtype=np.int64))
        file.create_dataset("checksum", data=np.array(sums, dtype=np.uint32))
        file.attrs["format"] = FORMAT
        file.attrs["kind"] = KIND
        file.attrs["provenance"] = provenance.to_json()


def _told(kind: tuple[int, ...]) -> str:
    n, f, height, width = kind
    return f"{n} clips of {f} frames of {height} x {width} pixels"
