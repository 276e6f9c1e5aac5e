"""Feature files of HCRN / DualVGR -> two feature stores: what `preprocess.import_features` does.

Those files hold `resnet_features` (V, N, F, D) and `resnext_features` (V, N, D), each with `ids`;
the rows of the two are in different orders.  Their scripts filled videos that could not be read
with zeros: such rows are named and refused, or left out with `--drop_bad true`.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.hdf5 import Hdf5File
from data_loader.store.provenance import Normalisation, Provenance, Sampling, Weights
from options.preprocess.extract import ImportOptions
from util.errors import UserError
from util.files import check_output, sha256, whole_file
from util.lock import writer_lock
from util.text import printable

BLOCK = 64 * 2**20  # bytes of a file in memory at a time


@dataclass(frozen=True, eq=False)
class FeatureFile:
    """One opened file: features (V, N, F, D) or (V, N, D) on disk, ids (V,)."""

    file: Hdf5File
    features: Any
    ids: tuple[str, ...]

    @property
    def path(self) -> Path:
        """Where it is."""
        return self.file.path

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, (rows, N, F, D)) through the file, in its own order.

        float16 stays, other types become float32.  Raises UserError where the file is damaged.
        """
        dtype = np.float16 if self.features.dtype == np.float16 else np.float32
        row_bytes = self.features.dtype.itemsize * int(np.prod(self.features.shape[1:]))
        step = max(1, BLOCK // row_bytes)
        for begin in range(0, len(self.ids), step):
            block = self.file.read(self.features, begin, begin + step)
            with np.errstate(over="ignore"):  # float64 beyond float32 becomes infinite: looked at
                block = block.astype(dtype, copy=False)
            yield begin, block if block.ndim == 4 else block[:, :, None]


def import_features(options: ImportOptions) -> None:
    """Import the two files; prints a line for each store.

    Both stores appear, or neither.  Raises UserError for a file that is damaged or of another
    kind, and for outputs that cannot be written or are among the inputs.
    """
    assert options.appearance and options.motion  # else the options refuse it
    assert options.output_appearance and options.output_motion
    inputs = {"--appearance": options.appearance, "--motion": options.motion}
    first, second = options.output_appearance, options.output_motion
    check_output(first, "--output_appearance", inputs=inputs)
    check_output(second, "--output_motion", inputs={**inputs, "--output_appearance": first})
    with ExitStack() as opened:
        appearance = _features(opened.enter_context(_open(options.appearance)), "resnet_features")
        motion = _features(opened.enter_context(_open(options.motion)), "resnext_features")
        _require_same_ids(appearance, motion)
        files = ((appearance, "frame", first), (motion, "clip", second))
        for output in sorted((first, second)):
            opened.enter_context(writer_lock(output))
        bad = _bad_videos(appearance) | _bad_videos(motion)
        _require_good(appearance, motion, bad, drop=options.drop_bad)
        with ExitStack() as both:
            for file, kind, output in files:
                partial = both.enter_context(whole_file(output))
                write_store(partial, _videos(file, bad), _provenance(file, kind))
        for file, _, output in files:
            store = open_store(output)
            print(
                f"{output}: {len(store.ids)} videos, clips {store.clips[0]} x frames "
                f"{store.frames[0]}, width {store.width}, from {file.path}"
            )


def _open(path: str) -> Hdf5File:
    return Hdf5File(
        path,
        what="feature file",
        missing="check the name",
        cure="give a whole file of HCRN or DualVGR, made or copied again",
    )


def _features(file: Hdf5File, name: str) -> FeatureFile:
    """The two data sets of a file; raises UserError if they are not there or do not fit."""
    for needed in (name, "ids"):
        if needed not in file:
            raise UserError(
                f"{file.path}: has no {needed} (it holds {file.names()}); give the file with "
                f"{name} and ids"
            )
    features = file.data(name)
    if features.ndim not in (3, 4) or features.dtype.kind != "f":
        raise UserError(
            f"{file.path}: {name} is {features.dtype} {features.shape}, not numbers (floats) "
            "(V, N, D) or (V, N, F, D); give the file of the other channel, or make it again"
        )
    if 0 in features.shape:
        raise file.fault(f"{name} is {features.shape}, which is nothing to store")
    ids = _ids(file)
    if len(ids) != features.shape[0]:
        raise file.fault(f"{len(ids)} ids for {features.shape[0]} rows of {name}")
    if len(set(ids)) < len(ids):
        twice = sorted({video for video in ids if ids.count(video) > 1})
        raise file.fault(f"{len(twice)} ids come twice, the first is {printable(twice[0])}")
    return FeatureFile(file, features, ids)


def _ids(file: Hdf5File) -> tuple[str, ...]:
    """The ids as text: texts, whole numbers, or floats that are whole (1.0 is video 1)."""
    data = file.data("ids")
    if data.ndim not in (1, 2) or (data.ndim == 2 and data.shape[1] != 1):
        raise file.fault(f"ids is {data.dtype} {data.shape}, not one id a video (V,)")
    if h5py.check_string_dtype(data.dtype) is not None:
        ids = file.texts("ids", ndim=(1, 2))
        if "" in ids:
            raise file.fault(f"ids has no text in row {ids.index('')}")
        return ids
    if data.dtype.kind not in "iuf":
        raise file.fault(f"ids is {data.dtype}, neither texts nor whole numbers")
    numbers = file.read(data).reshape(-1).tolist()
    for number in numbers:
        if not float(number).is_integer():
            raise file.fault(f"ids has {number}, which is no whole number")
    return tuple(str(int(number)) for number in numbers)


def _require_same_ids(first: FeatureFile, second: FeatureFile) -> None:
    """Raise UserError, with counts and names, unless both files hold the same videos."""
    for one, other in ((first, second), (second, first)):
        missing = sorted(set(one.ids) - set(other.ids))
        if missing:
            raise UserError(
                f"{other.path} lacks {len(missing)} of the {len(one.ids)} videos of {one.path} "
                f"({printable(', '.join(missing[:5]))}{', ...' if len(missing) > 5 else ''}); give "
                "two files of the same videos"
            )


def _require_good(
    first: FeatureFile, second: FeatureFile, bad: dict[str, str], *, drop: bool
) -> None:
    """Raise UserError if there are bad videos that are not to be dropped, or only bad ones."""
    total = len(first.ids)
    if not bad or (drop and len(bad) < total):
        return
    named = ", ".join(f"{printable(video)} ({reason})" for video, reason in list(bad.items())[:5])
    cure = "" if len(bad) == total else ", or leave them out with --drop_bad true"
    raise UserError(
        f"{first.path}, {second.path}: {len(bad)} of {total} videos have rows that are no "
        f"features: {named}{', ...' if len(bad) > 5 else ''}; extract them again{cure}"
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
    """The videos of a file in its own order."""
    for begin, block in file.blocks():
        for row, features in enumerate(block):
            video = file.ids[begin + row]
            if video not in leave_out:
                yield VideoFeatures(video, features, frame_count=0)


def _provenance(file: FeatureFile, kind: str) -> Provenance:
    """What is known of imported features: the file.  No new video can be asked."""
    shape = file.features.shape
    unknown = "unknown"
    return Provenance(
        backbone="imported",
        kind=kind,
        width=int(shape[-1]),
        weights=Weights(unknown, ""),
        resize=unknown,
        crop=unknown,
        size=(),
        normalisation=Normalisation(unknown),
        sampling=Sampling(int(shape[1]), int(shape[2]) if len(shape) == 4 else 1, unknown),
        decoder=unknown,
        imported={"file": file.path.name, "sha256": sha256(file.path)},
        versions={"numpy": np.__version__, "h5py": h5py.__version__},
    )
