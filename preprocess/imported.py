"""`python -m preprocess.imported`: feature files of HCRN / DualVGR -> two feature stores.

Those files hold `resnet_features` (V, N, F, D) and `resnext_features` (V, N, D), each with `ids`;
the rows of the two are in different orders.  Their scripts filled videos that could not be read
with zeros: such rows are named and refused, or left out with `--drop_bad true`.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from data_loader.store import VideoFeatures, open_store, write_store
from options.parse import parse
from options.video import ImportOptions
from util.errors import UserError, run_command
from util.files import sha256

PROG = "python -m preprocess.imported"
BLOCK = 64 * 2**20  # bytes of a file in memory at a time


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """One opened file: features (V, N, F, D) or (V, N, D) on disk, ids (V,)."""

    path: Path
    features: Any
    ids: tuple[str, ...]

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, (rows, N, F, D)) through the file, in its own order."""
        row_bytes = self.features.dtype.itemsize * int(np.prod(self.features.shape[1:]))
        step = max(1, BLOCK // max(1, row_bytes))
        for begin in range(0, len(self.ids), step):
            block = self.features[begin : begin + step]
            yield begin, block if block.ndim == 4 else block[:, :, None]


def main(argv: Sequence[str] | None = None) -> int:
    """Import the two files; prints a line for each store."""
    (options,) = parse(
        PROG, "HCRN / DualVGR feature files -> feature stores.", [ImportOptions], argv
    )
    with (
        closing(_open_hdf5(options.appearance)) as first,
        closing(_open_hdf5(options.motion)) as second,
    ):
        appearance = _features(first, Path(options.appearance), "resnet_features")
        motion = _features(second, Path(options.motion), "resnext_features")
        _require_same_ids(appearance, motion)
        bad = _bad_videos(appearance) | _bad_videos(motion)
        if bad and not options.drop_bad:
            named = ", ".join(f"{video} ({reason})" for video, reason in list(bad.items())[:5])
            raise UserError(
                f"{appearance.path}, {motion.path}: {len(bad)} of {len(appearance.ids)} "
                f"videos have rows that are no features: {named}{', ...' if len(bad) > 5 else ''}"
                "; extract them again, or leave them out with --drop_bad true"
            )
        for file, kind, output in (
            (appearance, "frame", options.output_appearance),
            (motion, "clip", options.output_motion),
        ):
            write_store(output, _videos(file, bad), _provenance(file, kind))
            store = open_store(output)
            print(
                f"{output}: {len(store.ids)} videos, clips {store.clips[0]} x frames "
                f"{store.frames[0]}, width {store.width}, from {file.path}"
            )
    return 0


def _open_hdf5(path: str) -> h5py.File:
    try:
        return h5py.File(path, "r")
    except OSError as error:
        raise UserError(f"{path}: not readable as HDF5 ({error}); name a feature file") from error


def _features(file: h5py.File, path: Path, name: str) -> FeatureFile:
    """The two data sets of a file; raises UserError if they are not there or do not fit."""
    for needed in (name, "ids"):
        if needed not in file:
            raise UserError(
                f"{path}: has no {needed} (it holds {', '.join(file) or 'nothing'}); give the file "
                f"with {name} and ids"
            )
    features: Any = file[name]
    raw: Any = file["ids"]
    if features.ndim not in (3, 4) or features.dtype.kind != "f":
        raise UserError(
            f"{path}: {name} is {features.dtype} {features.shape}, not numbers (V, N, D) or "
            "(V, N, F, D)"
        )
    ids = tuple(i.decode() if isinstance(i, bytes) else str(i) for i in raw[:].reshape(-1).tolist())
    if len(ids) != features.shape[0]:
        raise UserError(f"{path}: {len(ids)} ids for {features.shape[0]} rows of {name}; damaged")
    twice = {video for video in ids if ids.count(video) > 1} if len(set(ids)) < len(ids) else set()
    if twice:
        raise UserError(
            f"{path}: {len(twice)} ids come twice, the first is {min(twice)}; make it again"
        )
    return FeatureFile(path, features, ids)


def _require_same_ids(first: FeatureFile, second: FeatureFile) -> None:
    """Raise UserError, with counts and names, unless both files hold the same videos."""
    for one, other in ((first, second), (second, first)):
        lacking = sorted(set(one.ids) - set(other.ids))
        if lacking:
            raise UserError(
                f"{other.path} lacks {len(lacking)} of the {len(one.ids)} videos of {one.path} "
                f"({', '.join(lacking[:5])}{', ...' if len(lacking) > 5 else ''}); give two files "
                "of the same videos"
            )


def _bad_videos(file: FeatureFile) -> dict[str, str]:
    """{video: reason} of the videos with a row of zeros or with a value that is no number."""
    bad: dict[str, str] = {}
    for begin, block in file.blocks():
        for video, rows in zip(file.ids[begin:], block, strict=False):
            if not np.isfinite(rows).all():
                bad[video] = "NaN or infinite"
            elif (rows == 0).all(axis=-1).any():
                bad[video] = "a row of zeros"
    return bad


def _videos(file: FeatureFile, leave_out: dict[str, str]) -> Iterator[VideoFeatures]:
    """The videos of a file in its own order; float16 stays, other types become float32."""
    dtype = np.float16 if file.features.dtype == np.float16 else np.float32
    for begin, block in file.blocks():
        for row, features in enumerate(block):
            video = file.ids[begin + row]
            if video not in leave_out:
                yield VideoFeatures(video, features.astype(dtype), frame_count=0)


def _provenance(file: FeatureFile, kind: str) -> dict[str, Any]:
    """What is known of imported features: the file.  No new video can be asked."""
    shape = file.features.shape
    unknown = "unknown"
    return {
        "backbone": "imported",
        "kind": kind,
        "width": int(shape[-1]),
        "askable": False,
        "imported": {"file": file.path.name, "sha256": sha256(file.path)},
        "weights": {"source": unknown, "sha256": ""},
        "resize": unknown,
        "crop": unknown,
        "size": [],
        "normalisation": {"name": unknown},
        "sampling": {
            "clips": int(shape[1]),
            "frames": int(shape[2]) if len(shape) == 4 else 1,
            "rule": unknown,
        },
        "decoder": unknown,
        "versions": {"numpy": np.__version__, "h5py": h5py.__version__},
    }


if __name__ == "__main__":
    run_command(main)
