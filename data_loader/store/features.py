"""Feature stores: the only reader and writer of feature files.

One HDF5 file holds what one frozen backbone says of many videos:
  features (R, W)  float16 or float32, the rows of all videos one after another; a video of N clips
                   of F rows owns N * F consecutive rows, clip by clip
  clips (V,)       N of each video;  frames (V,) F
and what stores of both kinds have (`data_loader.store.columns`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from data_loader.store.checksum import StoredVideo, checksum
from data_loader.store.columns import Columns, ColumnWriter, read_columns
from data_loader.store.hdf5 import FAULTS, Hdf5File
from data_loader.store.provenance import CLIPS, Provenance
from util.errors import UserError
from util.files import whole_file

READ_ROWS = 64 * 2**20  # bytes read in one go

Compression = Literal["none", "gzip", "lzf"]


@dataclass(frozen=True, eq=False)
class VideoFeatures(StoredVideo):
    """Features of one video.

    One that is changed on the way from one store to another needs a checksum of None.
    """

    id: str
    features: np.ndarray  # (N, F, W)
    frame_count: int
    note: str = ""
    file_sha256: str = ""
    checksum: int | None = None
    seconds: float = 0.0

    def compute_checksum(self) -> int:
        """`checksum` of [id, N, F, frame_count, note, file_sha256] and of the features."""
        n, f, _ = self.features.shape
        facts = (self.id, n, f, self.frame_count, self.note, self.file_sha256)
        return checksum(facts, self.features)


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureStore(Columns[VideoFeatures]):
    """What a feature store holds; the features stay on disk until `load`."""

    MAKE = "preprocess.videos"
    LAYOUT = ("clips", "frames")

    clips: np.ndarray  # (V,) int64, N of each video
    frames: np.ndarray  # (V,) int64, F
    width: int  # W

    @cached_property
    def start(self) -> np.ndarray:
        """First row of each video, and one past the last (V + 1,)."""
        return np.concatenate([[0], np.cumsum(self.clips * self.frames)])

    def load(self, videos: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Features of `videos`, in their order, and how many clips each has.

        -> features (V, N, F, W) as stored, zero-padded to the largest N and F; clips (V,) int64.
        The file is opened once and neighbouring rows are read together.  Raises UserError if a
        video is not in the store.
        """
        wanted = self.indices(videos)
        clips, frames = self.clips[wanted], self.frames[wanted]
        with self.features() as stored:
            shape = (len(wanted), clips.max(initial=0), frames.max(initial=0), self.width)
            out = np.zeros(shape, stored.dtype)
            for run in self._runs(wanted, stored.dtype.itemsize * self.width):
                first, last = wanted[run[0]], wanted[run[-1]]
                block = self.read_rows(stored, int(self.start[first]), int(self.start[last + 1]))
                for position in run:
                    begin = self.start[wanted[position]] - self.start[first]
                    n, f = clips[position], frames[position]
                    out[position, :n, :f] = block[begin : begin + n * f].reshape(n, f, self.width)
        return out, clips

    def _runs(self, wanted: np.ndarray, row_bytes: int) -> Iterator[list[int]]:
        """Positions in `wanted`, indices of videos, grouped so that each is one piece of file."""
        run: list[int] = []
        for position in np.argsort(wanted, kind="stable").tolist():
            if run:
                joins = wanted[position] - wanted[run[-1]] in (0, 1)
                length = self.start[wanted[position] + 1] - self.start[wanted[run[0]]]
                if not joins or length * row_bytes > READ_ROWS:
                    yield run
                    run = []
            run.append(position)
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

    @contextmanager
    def opened(self) -> Iterator[Callable[[str], VideoFeatures]]:
        """`with store.opened() as read: read(video)`: see `Columns`."""
        with self.features() as stored:

            def read(video: str) -> VideoFeatures:
                index = int(self.indices([video])[0])
                n, f = int(self.clips[index]), int(self.frames[index])
                begin = int(self.start[index])
                rows = self.read_rows(stored, begin, begin + n * f)
                return VideoFeatures(video, rows.reshape(n, f, self.width), *self.known(index))

            yield read


def open_store(path: str | Path) -> FeatureStore:
    """Read what a store holds, without its features.

    Raises UserError if the file is not there, not HDF5, not a store, or of another format.
    """
    path = Path(path)
    with _open(path) as file:
        if file.attribute("kind") == CLIPS:
            raise UserError(
                f"{path}: a clip store (--clips), not a feature store (--appearance or "
                "--motion); preprocess.videos with a --backbone makes one, at another --output"
            )
        if file.attribute("provenance") is None or "features" not in file:
            raise UserError(
                f"{path}: HDF5, but not a feature store (holds {file.names()}); files of HCRN and "
                "DualVGR come in through preprocess.import_features"
            )
        rows, width = file.numbers("features", kinds="f", ndim=[2]).shape
        store = FeatureStore(
            **read_columns(file, FeatureStore.MAKE),
            clips=file.integers("clips"),
            frames=file.integers("frames"),
            width=width,
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
    if problem := store.mismatch():
        return problem
    if not store.ids or not store.width:
        return f"it holds {len(store.ids)} videos of width {store.width}"
    if min(store.clips.min(), store.frames.min()) < 1:
        return "clips or frames has a number below 1"
    if rows != store.start[-1]:
        return f"features has {rows} rows where its videos need {store.start[-1]}"
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
    columns = ColumnWriter(path)
    layout: dict[str, list[int]] = {"clips": [], "frames": []}
    features: Any = None
    with whole_file(path) as partial, h5py.File(partial, "w") as file:
        for video in videos:
            array = video.features
            n, f, width = array.shape
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
            columns.add(video)
            layout["clips"].append(n)
            layout["frames"].append(f)
            end = features.shape[0]
            features.resize(end + n * f, axis=0)
            features[end:] = array.reshape(n * f, width)
        columns.write(file, layout)
        file.attrs["provenance"] = provenance.to_json()
