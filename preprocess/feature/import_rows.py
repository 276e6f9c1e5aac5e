"""Feature rows of others, video by video -> one feature store: `import_features --features`.

The ETS code (PaddlePaddle) reads such files: for each video of ActivityNet the rows (T, 2048) of
its frames at 5 a second, one pickle a video or one pickle of all.
"""

import io
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import torch
from tqdm import tqdm

from data_loader.store.features import VideoFeatures, open_store, write_store
from data_loader.store.provenance import Normalisation, Provenance, Sampling, Weights
from options.preprocess.extract import ImportOptions
from preprocess.feature.array_pickle import NoArrays, load_arrays
from util.device import free_memory
from util.errors import UserError
from util.files import check_output, sha256, whole_file
from util.lock import writer_lock
from util.text import printable

PICKLES = (".pkl", ".pickle", "")
ENDINGS = (*PICKLES, ".npy")
NEED = 2.2  # bytes of memory for each of a pickle of all videos: its own, and those of its arrays


class Source(NamedTuple):
    """One video's rows before they are read."""

    video: str
    where: str  # for messages
    read: Callable[[], np.ndarray]  # raises NoArrays


def import_rows(options: ImportOptions) -> None:
    """Import a folder or a pickle; prints a line for the store, and one for each bad video.

    Raises UserError if there is nothing to import, there are bad videos and they are not to be
    dropped, and for an output that cannot be written or lies among the inputs.
    """
    assert options.features is not None and options.output is not None
    given, output = Path(options.features), options.output
    check_output(output, inputs={"--features": given})
    with writer_lock(output):
        sources, imported = _sources(given)
        bad: list[str] = []
        good = _good(sources, bad)
        first = next(good, None)
        if first is None:
            raise UserError(f"{given}: none of {len(sources)} videos has rows; first {bad[0]}")
        with whole_file(output) as partial:
            write_store(partial, chain([first], good), _provenance(options, first, imported))
            for line in bad:
                print(line, file=sys.stderr)
            if bad and not options.drop_bad:
                raise UserError(
                    f"{given}: {len(bad)} of {len(sources)} videos have no good rows, as said "
                    "above; make them again, or leave them out with --drop_bad true"
                )
    store = open_store(output)
    rate = f" at {options.fps:g} a second" if options.fps else ""
    left = f", {len(bad)} left out" if bad else ""
    print(
        f"{output}: {len(store.ids)} videos{left}, {store.clips.sum():,} rows{rate}, width "
        f"{store.width}, from {given}"
    )


def _sources(given: Path) -> tuple[list[Source], dict[str, str]]:
    """The videos of a folder of files or of a pickle; what provenance says of where they are from.

    Raises UserError if there is none.
    """
    if given.is_dir():
        files = sorted(path for path in given.iterdir() if not path.name.startswith("."))
        taken = [path for path in files if path.is_file() and path.suffix.lower() in ENDINGS]
        if left := len(files) - len(taken):
            print(f"{given}: {left} files that are no .pkl or .npy left out", file=sys.stderr)
        if not taken:
            raise UserError(f"{given}: no .pkl or .npy file in it; one for each video is needed")
        by_name: dict[str, Path] = {}
        for path in taken:
            if path.stem in by_name:
                raise UserError(
                    f"{path} and {by_name[path.stem].name}: two files of the video {path.stem}; "
                    "keep one"
                )
            by_name[path.stem] = path
        sources = [Source(path.stem, str(path), lambda p=path: _read(p)) for path in taken]
        return sources, {"file": given.name}
    if given.suffix.lower() not in PICKLES:
        raise UserError(f"{given}: give a folder, or one pickle (.pkl) of all videos")
    try:
        size = given.stat().st_size
        if NEED * size > (free := free_memory(torch.device("cpu"))):
            raise UserError(
                f"{given}: a pickle is read as a whole, which needs about "
                f"{NEED * size / 2**30:.0f} GiB of memory, and {free / 2**30:.1f} GiB are free; "
                "split it into one file a video, and give their folder"
            )
        found = load_arrays(given.read_bytes())
    except OSError as error:
        raise UserError(f"{given}: cannot be read ({error.strerror}); check the name") from error
    except NoArrays as error:
        raise UserError(f"{given}: holds {error}; give a pickle of {{video: rows}}") from error
    if not isinstance(found, dict) or not found:
        raise UserError(
            f"{given}: holds {'no video' if isinstance(found, dict) else 'one array'}; give a "
            "pickle of {video: rows}, or the folder of one file a video"
        )
    sources = [
        Source(video, f"{given}, video {printable(video)}", lambda a=array: a)
        for video, array in found.items()
    ]
    return sources, {"file": given.name, "sha256": sha256(given)}


def _read(path: Path) -> np.ndarray:
    """The array of one video's file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NoArrays(f"nothing that can be read ({error.strerror})") from error
    if path.suffix.lower() == ".npy":
        try:
            return np.load(io.BytesIO(content), allow_pickle=False)
        except Exception as error:  # whatever bytes can make it raise
            raise NoArrays(f"not a whole .npy file ({str(error)[:80]})") from error
    found = load_arrays(content)
    if isinstance(found, dict):
        raise NoArrays(f"a dict of {len(found)} arrays, not one video's array")
    return found


def _good(sources: list[Source], bad: list[str]) -> Iterator[VideoFeatures]:
    """The videos with good rows, as stored; a line for each other is added to `bad`."""
    kind: tuple[int, np.dtype] | None = None  # width and type of the first
    for source in tqdm(sources, unit="video", desc="import", disable=None):
        try:
            rows = source.read()
            if problem := _problem(rows):
                raise NoArrays(problem)
            dtype = np.float16 if rows.dtype == np.float16 else np.float32
            with np.errstate(over="ignore"):
                rows = rows.astype(dtype, copy=False)
            if not np.isfinite(rows).all():
                raise NoArrays("rows with NaN or infinite numbers")
            kind = kind or (rows.shape[1], rows.dtype)
            if (rows.shape[1], rows.dtype) != kind:
                raise NoArrays(
                    f"rows of width {rows.shape[1]} ({rows.dtype}), where the first video has "
                    f"{kind[0]} ({kind[1]})"
                )
        except NoArrays as error:
            bad.append(f"{source.where}: holds {error}")
            continue
        yield VideoFeatures(source.video, rows[:, None], frame_count=0)


def _problem(rows: np.ndarray) -> str:
    """What is wrong with an array; "" if it is rows of numbers."""
    if rows.dtype.kind != "f" or rows.ndim != 2:
        return f"{rows.dtype} {rows.shape}, not rows (T, D) of floats"
    if 0 in rows.shape:
        return f"an array of {rows.shape}, which is nothing to store"
    if (rows == 0).all(axis=1).any():
        return "a row of zeros"
    return ""


def _provenance(
    options: ImportOptions, first: VideoFeatures, imported: dict[str, str]
) -> Provenance:
    """What is known of imported rows.  No new video can be asked."""
    unknown = "unknown"
    return Provenance(
        backbone="imported",
        kind="frame",
        width=first.features.shape[-1],
        weights=Weights(unknown, ""),
        resize=unknown,
        crop=unknown,
        size=(),
        normalisation=Normalisation(unknown),
        sampling=Sampling(0, 1, unknown, options.fps) if options.fps else None,
        decoder=unknown,
        imported=imported,
        versions={"numpy": np.__version__, "h5py": h5py.__version__},
    )
