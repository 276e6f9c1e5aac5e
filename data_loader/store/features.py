"""Feature stores: the only reader and writer of feature files.

One HDF5 file holds what one frozen backbone says of many videos:
  features (R, W)  float16 or float32, the rows of all videos one after another; a video of N clips
                   of F rows owns N * F consecutive rows, clip by clip
  ids (V,) text;  clips (V,) N of each video;  frames (V,) F;  frame_count (V,) decoded frames of
                   the video, 0 = unknown;  note (V,) "" or what is odd about it
  file_sha256 (V,) SHA-256 of the video file, "" = unknown;  checksum (V,) uint32, see
                   `VideoFeatures.compute_checksum`  (both from format 2 on)
  attributes       `format` and `provenance` (JSON: backbone, weights, sampling, ...)
Decoded clips have a store of their own (`data_loader.store.clips`).  `python -m data_loader.store
STORE` prints what a store of either kind is and whether it is whole (`data_loader.store.__main__`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from data_loader.store.checksum import checked, checksum, digest
from data_loader.store.clips import KIND, ClipStore, is_clip_store, open_clip_store
from data_loader.store.hdf5 import FAULTS, Hdf5File
from data_loader.store.provenance import Provenance
from util.errors import UserError
from util.files import whole_file

FORMAT = 2
READ_ROWS = 64 * 2**20  # bytes read in one go

Compression = Literal["none", "gzip", "lzf"]


@dataclass(frozen=True, eq=False)
class VideoFeatures:
    """Features of one video: (N, F, W); frame_count 0 = unknown.

    file_sha256: of the video file, "" = unknown; checksum: what the store that it was read from
    says, None if it is new or that store says nothing.  A video changed on the way from one store
    to another needs a checksum of None.
    """

    id: str
    features: np.ndarray
    frame_count: int
    note: str = ""
    file_sha256: str = ""
    checksum: int | None = None

    def compute_checksum(self) -> int:
        """`checksum` of [id, N, F, frame_count, note, file_sha256] and of the features."""
        n, f, _ = self.features.shape
        facts = (self.id, n, f, self.frame_count, self.note, self.file_sha256)
        return checksum(facts, self.features)


@dataclass(frozen=True, eq=False)
class FeatureStore:
    """What a store holds; the features stay on disk until `load`.

    ids, notes, file_sha256: V texts; clips, frames, frame_count (V,) int64; width W; checksum
    (V,) uint32, None in a store of format 1.
    """

    path: Path
    ids: tuple[str, ...]
    clips: np.ndarray
    frames: np.ndarray
    frame_count: np.ndarray
    notes: tuple[str, ...]
    file_sha256: tuple[str, ...]
    checksum: np.ndarray | None
    width: int
    provenance: Provenance

    def fingerprint(self) -> str:
        """Tells stores of other videos, or with other bytes of them, apart; reads none of them."""
        columns = (self.clips, self.frames, self.frame_count, self.checksum)
        lists = [None if column is None else column.tolist() for column in columns]
        return f"{len(self.ids)} videos {digest(self.ids, self.notes, self.file_sha256, *lists)}"

    def __contains__(self, video: str) -> bool:
        return video in self._row

    @cached_property
    def _row(self) -> dict[str, int]:
        return {video: row for row, video in enumerate(self.ids)}

    @cached_property
    def _start(self) -> np.ndarray:
        """First row of each video, and one past the last (V + 1,)."""
        return np.concatenate([[0], np.cumsum(self.clips * self.frames)])

    def load(self, videos: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Features of `videos`, in their order, and how many clips each has.

        -> features (V, N, F, W) as stored, zero-padded to the largest N and F; clips (V,) int64.
        The file is opened once and neighbouring rows are read together.  Raises UserError if a
        video is not in the store.
        """
        self._require(videos)
        rows = np.array([self._row[video] for video in videos], dtype=np.int64)
        clips, frames = self.clips[rows], self.frames[rows]
        with self.features() as stored:
            shape = (len(rows), clips.max(initial=0), frames.max(initial=0), self.width)
            out = np.zeros(shape, stored.dtype)
            for places in self._runs(rows, stored.dtype.itemsize * self.width):
                first, last = rows[places[0]], rows[places[-1]]
                block = self.read_rows(stored, int(self._start[first]), int(self._start[last + 1]))
                for place in places:
                    begin = self._start[rows[place]] - self._start[first]
                    n, f = clips[place], frames[place]
                    out[place, :n, :f] = block[begin : begin + n * f].reshape(n, f, self.width)
        return out, clips

    def _runs(self, rows: np.ndarray, row_bytes: int) -> Iterator[list[int]]:
        """Places in `rows` grouped so that each group is one stretch of the file."""
        run: list[int] = []
        for place in np.argsort(rows, kind="stable").tolist():
            if run:
                joins = rows[place] - rows[run[-1]] in (0, 1)
                length = (self._start[rows[place] + 1] - self._start[rows[run[0]]]) * row_bytes
                if not joins or length > READ_ROWS:
                    yield run
                    run = []
            run.append(place)
        if run:
            yield run

    @contextmanager
    def features(self) -> Iterator[Any]:
        """The data set of features (R, W), for `read_rows`."""
        with _open(self.path) as file:
            yield file.numbers("features", kinds="f", ndim=[2])

    def read_rows(self, stored: Any, begin: int, end: int) -> np.ndarray:
        """Rows of the data set of features; UserError where a compressed one is damaged."""
        try:
            rows = stored[begin:end]
        except FAULTS as error:
            raise UserError(
                f"{self.path}: features not readable ({error}); python -m data_loader.store "
                f"{self.path} names the damaged videos"
            ) from error
        if rows.shape != (end - begin, self.width):
            raise UserError(
                f"{self.path}: features has changed since it was opened; wait until it is whole, "
                "and start again"
            )
        return rows

    def _require(self, videos: Sequence[str]) -> None:
        """All of the videos must be in the store."""
        missing = [video for video in videos if video not in self]
        if missing:
            raise UserError(
                f"{self.path}: lacks {len(missing)} of {len(videos)} videos asked for "
                f"({', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}); add them with "
                "preprocess.videos, or keep to the videos that the store holds"
            )

    @contextmanager
    def opened(self) -> Iterator[Callable[[str], VideoFeatures]]:
        """`with store.opened() as read: read(video)`: videos one by one, the file opened once.

        `read` raises UserError if the video is not in the store, or not readable.
        """
        with self.features() as stored:

            def read(video: str) -> VideoFeatures:
                self._require([video])
                row = self._row[video]
                n, f = int(self.clips[row]), int(self.frames[row])
                begin = int(self._start[row])
                rows = self.read_rows(stored, begin, begin + n * f)
                return VideoFeatures(
                    id=video,
                    features=rows.reshape(n, f, self.width),
                    frame_count=int(self.frame_count[row]),
                    note=self.notes[row],
                    file_sha256=self.file_sha256[row],
                    checksum=None if self.checksum is None else int(self.checksum[row]),
                )

            yield read

    def video(self, video: str) -> VideoFeatures:
        """All about one video; raises UserError if it is not in the store."""
        with self.opened() as read:
            return read(video)

    def videos(self, videos: Sequence[str] | None = None) -> Iterator[VideoFeatures]:
        """All about `videos` (default: all), one by one in their order, the file opened once."""
        with self.opened() as read:
            for video in self.ids if videos is None else videos:
                yield read(video)


Store = FeatureStore | ClipStore


def open_any_store(path: str | Path) -> Store:
    """Read what a store of either kind holds; raises UserError as `open_store` does."""
    return open_clip_store(path) if is_clip_store(path) else open_store(path)


def open_store(path: str | Path) -> FeatureStore:
    """Read what a store holds, without its features.

    Raises UserError if the file is not there, not HDF5, not a store, or of another format.
    """
    path = Path(path)
    with _open(path) as file:
        if file.attribute("kind") == KIND:
            raise UserError(
                f"{path}: a clip store (--clips), not a feature store (--appearance or "
                "--motion); preprocess.videos with a --backbone makes one, at another --output"
            )
        if file.attribute("provenance") is None or "features" not in file:
            raise UserError(
                f"{path}: HDF5, but not a feature store (holds {file.names()}); files of HCRN and "
                "DualVGR come in through preprocess.import_features"
            )
        version = file.attribute("format")
        if version not in (1, FORMAT):
            raise UserError(
                f"{path}: store of format {version}, this code reads 1 to {FORMAT}; make it "
                "again with preprocess.videos"
            )
        rows, width = file.numbers("features", kinds="f", ndim=[2]).shape
        ids = file.texts("ids")
        store = FeatureStore(
            path=path,
            ids=ids,
            clips=file.integers("clips"),
            frames=file.integers("frames"),
            frame_count=file.integers("frame_count"),
            notes=file.texts("note"),
            file_sha256=file.texts("file_sha256") if version > 1 else ("",) * len(ids),
            checksum=file.integers("checksum").astype(np.uint32) if version > 1 else None,
            width=width,
            provenance=file.provenance(),
        )
        if problem := _problem(store, rows):
            raise file.fault(problem)
    return store


def _open(path: str | Path) -> Hdf5File:
    return Hdf5File(
        path,
        what="feature store",
        missing="preprocess.videos makes one",
        cure="delete it, and make it again with preprocess.videos",
    )


def _problem(store: FeatureStore, rows: int) -> str:
    """What does not fit together in a store; "" if all does.  rows: R of its features."""
    videos = len(store.ids)
    columns = [store.clips, store.frames, store.frame_count, store.notes, store.file_sha256]
    columns += [store.ids if store.checksum is None else store.checksum]
    if any(len(column) != videos for column in columns):
        return f"its columns are not all of {videos} videos"
    if not videos or not store.width:
        return f"it holds {videos} videos of width {store.width}"
    if len(set(store.ids)) < videos:
        return f"{videos - len(set(store.ids))} of its ids come twice"
    if min(store.clips.min(), store.frames.min()) < 1:
        return "clips or frames has a number below 1"
    if rows != store._start[-1]:
        return f"features has {rows} rows where its videos need {store._start[-1]}"
    return ""


def write_store(
    path: str | Path,
    videos: Iterable[VideoFeatures],
    provenance: Provenance,
    *,
    compression: Compression = "none",
) -> None:
    """Write a store, whole or not at all; the videos are taken one by one.

    Raises UserError if there is no video, an id comes twice, a feature is not a number, the videos
    do not agree in F, W and type, or one was damaged in the store that it comes from.
    """
    path = Path(path)
    taken: dict[str, tuple[int, int, int, str, str, int]] = {}
    features: Any = None
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        for video in videos:
            array = video.features
            n, f, width = array.shape
            if video.id in taken:
                raise UserError(f"{path}: video {video.id} comes twice; each id is stored once")
            if not np.isfinite(array).all():
                raise UserError(
                    f"{path}: features of video {video.id} are not finite in {array.dtype}; "
                    "use --precision float32, or check the weights"
                )
            if features is None:
                chunk = max(1, min(n * f, 2**20 // max(1, array.dtype.itemsize * width)))
                features = file.create_dataset(
                    "features",
                    (0, width),
                    array.dtype,
                    maxshape=(None, width),
                    chunks=(chunk, width),
                    compression=None if compression == "none" else compression,
                    shuffle=compression != "none",  # bytes of equal place together: far smaller
                )
                frames = f
            if (f, width, array.dtype) != (frames, features.shape[1], features.dtype):
                raise UserError(
                    f"{path}: video {video.id} has {f} frames of width {width} ({array.dtype}), "
                    f"those before it {frames} of {features.shape[1]} ({features.dtype}); one "
                    "store holds one kind"
                )
            facts = (n, f, video.frame_count, video.note, video.file_sha256)
            taken[video.id] = (*facts, checked(video, path))
            end = features.shape[0]
            features.resize(end + n * f, axis=0)
            features[end:] = array.reshape(n * f, width)
        if not taken:
            raise UserError(f"{path}: no video to store")
        text = h5py.string_dtype()
        n, f, count, note, sha256, sums = zip(*taken.values(), strict=True)
        for name, column in (("ids", taken), ("note", note), ("file_sha256", sha256)):
            file.create_dataset(name, data=list(column), dtype=text)
        for name, column in (("clips", n), ("frames", f), ("frame_count", count)):
            file.create_dataset(name, data=np.array(column, dtype=np.int64))
        file.create_dataset("checksum", data=np.array(sums, dtype=np.uint32))
        file.attrs["format"] = FORMAT
        file.attrs["provenance"] = provenance.to_json()
