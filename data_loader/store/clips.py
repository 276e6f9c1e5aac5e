"""Clip stores: decoded clips on disk, for encoders that are trained.

One HDF5 file holds each distinct frame of each video once; both channels are cut from that copy:
  frames (R, H, W, 3)  uint8 upright RGB, the frames of all videos one after another; contiguous and
                       uncompressed, so that the file can be mapped into memory
  index (V, N, F)      int64, each clip's frames, counted from the video's own first
  first (V,)  count (V,)  first row of each video, and how many rows it has
  attribute `kind`     "clips"
and what stores of both kinds have (`data_loader.store.columns`).
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

from data_loader.store.checksum import StoredVideo, checksum
from data_loader.store.columns import Columns, ColumnWriter, read_columns
from data_loader.store.hdf5 import Hdf5File
from data_loader.store.provenance import CLIPS, Provenance
from util.errors import UserError
from util.files import whole_file

MAKE = "python -m preprocess.videos --backbone none"


@dataclass(frozen=True, eq=False)
class VideoClips(StoredVideo):
    """The clips of one video."""

    id: str
    frames: np.ndarray  # (M, H, W, 3) uint8 RGB, each distinct frame once
    index: np.ndarray  # (N, F) int64 into frames
    frame_count: int
    note: str = ""
    file_sha256: str = ""
    checksum: int | None = None
    seconds: float = 0.0

    def compute_checksum(self) -> int:
        """`checksum` of [id, M, frame_count, note, file_sha256], frames and index (int64)."""
        facts = (self.id, len(self.frames), self.frame_count, self.note, self.file_sha256)
        return checksum(facts, self.frames, self.index.astype(np.int64, copy=False))


@dataclass(frozen=True, eq=False, kw_only=True)
class ClipStore(Columns[VideoClips]):
    """What a clip store holds; frames are read from disk where they are asked for."""

    MAKE = MAKE
    LAYOUT = ("index", "first", "count")

    index: np.ndarray  # (V, N, F) int64, each clip's frames, counted from the video's own first
    first: np.ndarray  # (V,) int64, first row of each video
    count: np.ndarray  # (V,) int64, rows of each video
    size: tuple[int, int]  # (H, W) in pixels
    offset: int  # where the frames begin in the file, in bytes

    @property
    def clips(self) -> int:
        """N, clips of each video."""
        return self.index.shape[1]

    @property
    def frames_per_clip(self) -> int:
        """F."""
        return self.index.shape[2]

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
        begin_of: dict[int, int] = {}  # video -> where its frames begin in the result
        total = 0
        indices = self.indices(videos).tolist()
        for video in indices:
            if video not in begin_of:
                begin_of[video] = total
                total += int(self.count[video])
        out = np.empty((total, *self.size, 3), np.uint8)
        for video, begin in begin_of.items():
            first, count = self.first[video], self.count[video]
            out[begin : begin + count] = self.frames[first : first + count]
        begins = np.array([begin_of[video] for video in indices], dtype=np.int64)
        index = self.index[indices] + begins[:, None, None]
        return torch.from_numpy(out), torch.from_numpy(index)

    @contextmanager
    def opened(self) -> Iterator[Callable[[str], VideoClips]]:
        """`with store.opened() as read: read(video)`: see `Columns`.

        The frames are a view of the file; it is closed when they and the context are gone.
        """
        mapped = self._map()

        def read(video: str) -> VideoClips:
            at = int(self.indices([video])[0])
            frames = mapped[self.first[at] : self.first[at] + self.count[at]]
            return VideoClips(video, frames, self.index[at], *self.known(at))

        yield read


def is_clip_store(path: str | Path) -> bool:
    """Whether a file says that it is a clip store (it may be damaged all the same)."""
    try:
        with _open(path) as file:
            return file.attribute("kind") == CLIPS
    except UserError:
        return False


def open_clip_store(path: str | Path) -> ClipStore:
    """Read what a clip store holds, without its frames.

    Raises UserError if the file is not there, not HDF5, not a clip store, of another format, or if
    what it says does not fit together.
    """
    path = Path(path)
    with _open(path) as file:
        if file.attribute("kind") != CLIPS:
            problem = f"HDF5, but not a clip store (holds {file.names()}); {MAKE} makes one"
            if "features" in file:
                problem = (
                    "a feature store (--appearance or --motion), not a clip store (--clips); "
                    f"{MAKE} makes one, at another --output"
                )
            raise UserError(f"{path}: {problem}")
        frames = file.numbers("frames", kinds="u", ndim=[4])
        store = ClipStore(
            **read_columns(file, MAKE),
            index=file.integers("index", ndim=3),
            first=file.integers("first"),
            count=file.integers("count"),
            size=tuple(frames.shape[1:3]),
            offset=frames.id.get_offset() or 0,
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


def _problem(store: ClipStore, frames: Any) -> str:
    """What does not fit together in a store; "" if all does.  frames: its HDF5 data set."""
    rows = len(frames)
    if frames.shape != (rows, *store.size, 3) or frames.dtype != np.uint8:
        return f"frames are {frames.shape} {frames.dtype}, not (R, H, W, 3) uint8"
    if not store.offset:
        return "frames are not in one contiguous piece"
    if problem := store.mismatch():
        return problem
    if 0 in store.index.shape or 0 in frames.shape:
        sizes = _sizes((*store.index.shape[1:], *store.size))
        return f"it holds {sizes} of {len(store.ids)} videos"
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
    counts: list[int] = []  # of each video's frames
    kind: tuple[int, ...] | None = None  # N, F, H, W
    for video in videos:
        assert video.frames.dtype == np.uint8 and video.frames.shape[3:] == (3,)
        assert video.index.min() >= 0 and video.index.max() < len(video.frames)
        this = (*video.index.shape, *video.frames.shape[1:3])
        kind = kind or this
        if this != kind:
            raise UserError(
                f"{path}: video {video.id} has {_sizes(this)}, those before it {_sizes(kind)}; "
                "one store holds one kind"
            )
        counts.append(len(video.frames))
    if kind is None:
        raise UserError(f"{path}: no video to store")
    n, f, *size = kind
    count = np.array(counts, dtype=np.int64)
    first = np.cumsum(count) - count
    columns = ColumnWriter(path)
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        frames = file.create_dataset("frames", (count.sum(), *size, 3), np.uint8)
        index = file.create_dataset("index", (len(count), n, f), np.int64)
        for row, video in enumerate(videos):
            frames[first[row] : first[row] + count[row]] = video.frames
            index[row] = video.index
            columns.add(video)
        columns.write(file, {"first": first, "count": count})
        file.attrs["kind"] = CLIPS
        file.attrs["provenance"] = provenance.to_json()


def _sizes(kind: tuple[int, ...]) -> str:
    n, f, height, width = kind
    return f"{n} clips of {f} frames of {height} x {width} pixels"
