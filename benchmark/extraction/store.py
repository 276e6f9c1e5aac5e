"""Feature stores, what float16 loses, and what compression costs:  python -m benchmark store

The features are those of a float32 store, or made up.  They are written as float16 and float32,
uncompressed and compressed, checked to come back as they were, and read in turn: all at once in
their order, as training does, and a shuffled half.  The files are in the page cache: the speed is
that of the code, not of the disk, which would favour small files.  In the JSON sizes and speeds are
against float16 uncompressed.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np

from benchmark.measure import interleaved, spread
from data_loader.store.features import (
    Compression,
    FeatureStore,
    VideoFeatures,
    open_store,
    write_store,
)
from data_loader.store.provenance import Provenance

MIB = 2**20
NORMAL = float(np.finfo(np.float16).smallest_normal)  # below it float16 has fewer digits


def made_up(videos: int, *, clips: int, frames: int, width: int) -> list[VideoFeatures]:
    """Features as a ReLU network's last pooling gives: never negative, few zeros, a long tail."""
    rng = np.random.default_rng(0)
    scale = rng.lognormal(-1, 0.5, width)
    shape = (clips, frames, width)
    return [
        VideoFeatures(
            f"video{i}", (np.maximum(rng.normal(0, scale, (3, *shape)), 0).mean(0)).astype("f4"), 0
        )
        for i in range(videos)
    ]


def precision(videos: Sequence[VideoFeatures]) -> dict[str, float]:
    """The error of storing float32 features as float16."""
    exact = np.concatenate([v.features.reshape(-1, v.features.shape[-1]) for v in videos])
    error = np.abs(exact.astype(np.float16).astype(np.float32) - exact)
    size = np.abs(exact)
    normal = size >= NORMAL
    rows = np.linalg.norm(error, axis=1) / np.maximum(np.linalg.norm(exact, axis=1), NORMAL)
    found = {
        "float16_max_absolute": float(error.max()),
        "float16_mean_absolute": float(error.mean()),
        "float16_max_relative": float((error[normal] / size[normal]).max(initial=0)),
        "float16_mean_relative": float((error[normal] / size[normal]).mean()),
        "float16_max_row": float(rows.max()),
    }
    print(
        f"float16 against float32 ({exact.min():.4g} to {exact.max():.4g}, {len(exact):,} rows): "
        f"error at most {found['float16_max_absolute']:.2g}, mean "
        f"{found['float16_mean_absolute']:.2g}; of a value at most "
        f"{found['float16_max_relative']:.2g}, mean {found['float16_mean_relative']:.2g}; of a "
        f"row's length at most {found['float16_max_row']:.2g}; {(~normal & (size > 0)).mean():.2%} "
        f"of the values lie below {NORMAL:.2g}, where float16 has fewer digits"
    )
    return found


def reading(videos: Sequence[VideoFeatures], folder: Path, *, rounds: int) -> dict[str, float]:
    """Size and speed of stores of float16 and float32, compressed and not."""
    ids = [video.id for video in videos]
    half = np.random.default_rng(0).permutation(ids)[: max(1, len(ids) // 2)].tolist()
    stores: dict[tuple[str, str], FeatureStore] = {}
    written: dict[tuple[str, str], float] = {}
    works: dict[str, Any] = {}
    for dtype in ("float16", "float32"):
        typed = [replace(v, features=v.features.astype(dtype), checksum=None) for v in videos]
        for how in get_args(Compression):
            path = folder / f"{dtype}_{how}.h5"
            begin = time.perf_counter()
            write_store(path, typed, Provenance(), compression=how)
            written[dtype, how] = time.perf_counter() - begin
            store = stores[dtype, how] = open_store(path)
            came_back = all(
                np.array_equal(a.features, b.features)
                for a, b in zip(store.videos(), typed, strict=True)
            )
            assert came_back, f"{path.name}: not what was written; nothing was timed"
            works[f"all {dtype} {how}"] = partial(store.load, ids)
            works[f"half {dtype} {how}"] = partial(store.load, half)
    plain = stores["float16", "none"]
    works["one by one"] = lambda: [plain.video(i) for i in ids]
    works["opened once"] = lambda: list(plain.videos())
    seconds = interleaved(works, rounds=rounds)

    values = sum(video.features.size for video in videos)
    part = sum(video.features.size for video in videos if video.id in set(half)) / values
    sizes = {key: store.path.stat().st_size for key, store in stores.items()}
    print(f"{'stored as':16} {'MiB':>8} {'write MiB/s':>12}  read MiB/s: all, shuffled half")
    for (dtype, how), size in sizes.items():
        raw = values * np.dtype(dtype).itemsize / MIB
        whole = spread([raw / s for s in seconds[f"all {dtype} {how}"]])
        shuffled = spread([raw * part / s for s in seconds[f"half {dtype} {how}"]])
        print(
            f"{dtype + ' ' + how:16} {size / MIB:8.1f} {raw / written[dtype, how]:12.0f}  "
            f"{whole}, {shuffled}"
        )
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    print(
        f"a video of float16: {middle['one by one'] / len(ids) * 1e3:.2f} ms when the file is "
        f"opened for it, {middle['opened once'] / len(ids) * 1e3:.2f} ms when it is opened once"
    )
    found = {
        "read_mib_per_second": values * 2 / MIB / middle["all float16 none"],
        "opened_once_ratio": middle["one by one"] / middle["opened once"],
    }
    for how in ("gzip", "lzf"):
        found[f"{how}_size"] = sizes["float16", how] / sizes["float16", "none"]
        found[f"{how}_read"] = middle["all float16 none"] / middle[f"all float16 {how}"]
    return found


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure and print."""
    if options.store is None:
        shape = {"clips": options.clips, "frames": options.frames, "width": options.width}
        videos = made_up(options.videos, **shape)
    else:
        store = open_store(options.store)
        videos = list(store.videos(store.ids[: options.videos]))
    found: dict[str, float] = {}
    if videos[0].features.dtype == np.float32:
        found = precision(videos)
    else:
        print(f"{options.store} is float16 already: what that lost cannot be told from it")
    with tempfile.TemporaryDirectory() as folder:
        found |= reading(videos, Path(folder), rounds=options.rounds)
    return {key: float(f"{value:.3g}") for key, value in found.items()}
