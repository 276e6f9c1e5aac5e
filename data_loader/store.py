"""Feature stores: the only reader and writer of feature files.

One HDF5 file holds what one frozen backbone says of many videos:
  features (R, W)  float16 or float32, the rows of all videos one after another; a video of N clips
                   of F rows owns N * F consecutive rows, clip by clip
  ids (V,) text;  clips (V,) N of each video;  frames (V,) F;  frame_count (V,) decoded frames of
                   the video, 0 = unknown;  note (V,) "" or what is odd about it
  attributes       `format` and `provenance` (JSON: backbone, weights, sampling, ...)
Decoded clips have a store of their own (`data_loader.clip_store`).  `python -m data_loader.store
STORE` prints what a store of either kind is.
"""

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from data_loader.clip_store import KIND, ClipStore, is_clip_store, open_clip_store
from util.errors import UserError, run_command
from util.files import whole_file

FORMAT = 1
READ_ROWS = 64 * 2**20  # bytes read in one go


@dataclass(frozen=True, eq=False)
class VideoFeatures:
    """Features of one video: (N, F, W); frame_count 0 = unknown."""

    id: str
    features: np.ndarray
    frame_count: int
    note: str = ""


@dataclass(frozen=True, eq=False)
class FeatureStore:
    """What a store holds; the features stay on disk until `load`.

    ids, notes: V texts; clips, frames, frame_count (V,) int64; width W.
    """

    path: Path
    ids: tuple[str, ...]
    clips: np.ndarray
    frames: np.ndarray
    frame_count: np.ndarray
    notes: tuple[str, ...]
    width: int
    provenance: dict[str, Any]

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
        missing = [video for video in videos if video not in self]
        if missing:
            raise UserError(
                f"{self.path}: lacks {len(missing)} of {len(videos)} videos asked for "
                f"({', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}); add them with "
                "preprocess.videos, or keep to the videos that the store holds"
            )
        rows = np.array([self._row[video] for video in videos], dtype=np.int64)
        clips, frames = self.clips[rows], self.frames[rows]
        with h5py.File(self.path, "r") as file:
            stored: Any = file["features"]
            shape = (len(rows), clips.max(initial=0), frames.max(initial=0), self.width)
            out = np.zeros(shape, stored.dtype)
            for places in self._runs(rows, stored.dtype.itemsize * self.width):
                first, last = rows[places[0]], rows[places[-1]]
                block = stored[self._start[first] : self._start[last + 1]]
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

    def video(self, video: str) -> VideoFeatures:
        """All about one video; raises UserError if it is not in the store."""
        features, _ = self.load([video])
        row = self._row[video]
        return VideoFeatures(video, features[0], int(self.frame_count[row]), self.notes[row])

    def holds(self) -> str:
        """What is in it, in one line of text."""
        clips, frames = _span(np.unique(self.clips)), _span(np.unique(self.frames))
        decoded = int(self.frame_count.sum())
        return (
            f"clips {clips} x frames {frames}, width {self.width}; decoded frames {decoded} in all"
        )


def open_any_store(path: str | Path) -> FeatureStore | ClipStore:
    """Read what a store of either kind holds; raises UserError as `open_store` does."""
    return open_clip_store(path) if is_clip_store(path) else open_store(path)


def open_store(path: str | Path) -> FeatureStore:
    """Read what a store holds, without its features.

    Raises UserError if the file is not there, not HDF5, not a store, or of another format.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such feature store; preprocess.videos makes one")
    try:
        with h5py.File(path, "r") as file:
            data: Any = file
            if data.attrs.get("kind") == KIND:
                raise UserError(
                    f"{path}: a clip store (--clips), not a feature store (--appearance or "
                    "--motion); preprocess.videos with a --backbone makes one, at another --output"
                )
            if "provenance" not in file.attrs or "features" not in file:
                raise UserError(
                    f"{path}: HDF5, but not a feature store (holds {', '.join(file) or 'nothing'})"
                    "; files of HCRN and DualVGR come in through preprocess.imported"
                )
            version = data.attrs.get("format")
            if version != FORMAT:
                raise UserError(
                    f"{path}: store of format {version}, this code reads {FORMAT}; make it again "
                    "with preprocess.videos"
                )
            store = FeatureStore(
                path=path,
                ids=tuple(data["ids"].asstr()[:].tolist()),
                clips=data["clips"][:].astype(np.int64),
                frames=data["frames"][:].astype(np.int64),
                frame_count=data["frame_count"][:].astype(np.int64),
                notes=tuple(data["note"].asstr()[:].tolist()),
                width=int(data["features"].shape[1]),
                provenance=json.loads(data.attrs["provenance"]),
            )
            rows = data["features"].shape[0]
    except (OSError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: not readable as a feature store ({error}); make it again"
        ) from error
    if rows != store._start[-1]:
        raise UserError(f"{path}: {rows} rows where its videos need {store._start[-1]}; damaged")
    return store


def write_store(
    path: str | Path, videos: Iterable[VideoFeatures], provenance: dict[str, Any]
) -> None:
    """Write a store, whole or not at all; the videos are taken one by one.

    Raises UserError if there is no video, an id comes twice, a feature is not a number, or the
    videos do not agree in F, W and type.
    """
    path = Path(path)
    taken: dict[str, tuple[int, int, int, str]] = {}
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
                )
                frames = f
            if (f, width, array.dtype) != (frames, features.shape[1], features.dtype):
                raise UserError(
                    f"{path}: video {video.id} has {f} frames of width {width} ({array.dtype}), "
                    f"those before it {frames} of {features.shape[1]} ({features.dtype}); one "
                    "store holds one kind"
                )
            end = features.shape[0]
            features.resize(end + n * f, axis=0)
            features[end:] = array.reshape(n * f, width)
            taken[video.id] = (n, f, video.frame_count, video.note)
        if not taken:
            raise UserError(f"{path}: no video to store")
        text = h5py.string_dtype()
        n, f, count, note = zip(*taken.values(), strict=True)
        file.create_dataset("ids", data=list(taken), dtype=text)
        file.create_dataset("note", data=list(note), dtype=text)
        for name, column in (("clips", n), ("frames", f), ("frame_count", count)):
            file.create_dataset(name, data=np.array(column, dtype=np.int64))
        file.attrs["format"] = FORMAT
        file.attrs["provenance"] = json.dumps(provenance, sort_keys=True)


def describe(store: FeatureStore | ClipStore) -> str:
    """A store in a few lines of text."""
    notes = [f"{v}: {note}" for v, note in zip(store.ids, store.notes, strict=True) if note]
    lines = [
        f"{store.path}: {len(store.ids)} videos, {store.path.stat().st_size / 2**20:.1f} MiB",
        store.holds(),
        f"ids {', '.join(store.ids[:5])}{', ...' if len(store.ids) > 5 else ''}",
        *(f"note {note}" for note in notes),
        "can be asked about new videos: " + ("yes" if store.provenance.get("askable") else "no"),
        "provenance " + json.dumps(store.provenance, indent=2, sort_keys=True),
    ]
    return "\n".join(lines)


def _span(values: np.ndarray) -> str:
    return str(values[0]) if len(values) == 1 else f"{values.min()} to {values.max()}"


def main(argv: Sequence[str] | None = None) -> int:
    """Print what the stores named on the command line are."""
    paths = list(sys.argv[1:] if argv is None else argv)
    if not paths or paths[0].startswith("-"):
        raise UserError("usage: python -m data_loader.store STORE.h5 ...")
    for path in paths:
        print(describe(open_any_store(path)))
    return 0


if __name__ == "__main__":
    run_command(main)
