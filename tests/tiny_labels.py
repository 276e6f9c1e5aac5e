"""Labelled data sets of seconds: a class by what is shown, or by order; a value at each frame."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from data_loader.label.labels import WHOLE, LabelSplit, save_labels
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Sampling
from tests import tiny_run

CLASSES = ("red", "green", "rising", "falling")
ORDER_ONLY = CLASSES[2:]
FPS, WIDTH = 10.0, 6


def videos() -> list[str]:
    """All videos, in the order of the splits."""
    return [f"v{i}" for i in range(sum(tiny_run.VIDEOS.values()))]


def split(name: str, of: list[str], target: list[int], **series) -> LabelSplit:
    """A split whose groups are its videos."""
    names = tuple(of)
    return LabelSplit(
        name=name, ids=names, videos=names, groups=names, target=torch.tensor(target), **series
    )


def make(folder: Path, *, folds: int = 0) -> list[str]:
    """Write stores and labels (with `folds`, such a file); returns the flags that name them.

    Each clip of a video of the first two classes shows its colour; in the others a feature rises or
    falls from frame to frame, through the same numbers.
    """
    rng = np.random.default_rng(0)
    steps = tiny_run.CLIPS * tiny_run.FRAMES
    target = {v: i % len(CLASSES) for i, v in enumerate(videos())}
    appearance, motion = [], []
    for name, label in target.items():
        a = rng.normal(0, 0.1, (steps, tiny_run.WIDTH))
        m = rng.normal(0, 0.1, (tiny_run.CLIPS, 1, tiny_run.MOTION))
        ramp = np.linspace(-2, 2, steps)
        if label < 2:
            a[:, label] += 2
            a[:, 2] += rng.permutation(ramp)
            m[:, :, label] += 2
        else:
            a[:, 2] += ramp if label == 2 else ramp[::-1]
            m[:, :, label] += 2
        a = a.reshape(tiny_run.CLIPS, tiny_run.FRAMES, -1)
        appearance.append(VideoFeatures(name, a.astype("f2"), steps))
        motion.append(VideoFeatures(name, m.astype("f2"), steps))
    write_store(folder / "appearance.h5", appearance, tiny_run.provenance())
    write_store(folder / "motion.h5", motion, tiny_run.provenance("pixel_motion", tiny_run.MOTION))
    _save(folder, "class", target, folds)
    return [
        "classification",
        "--labels", str(folder / "labels.pt"),
        "--appearance", str(folder / "appearance.h5"),
        "--motion", str(folder / "motion.h5"),
        "--width", "16", "--batch_size", "12", "--lr", "1e-2", "--dropout", "0", "--device", "cpu",
    ]  # fmt: skip


def make_values(folder: Path) -> list[str]:
    """A store at a steady rate, videos of 9 to 17 steps, and series of values, as `make`.

    The value is the running mean of a feature, and known at other times than those of the steps.
    """
    rng = np.random.default_rng(0)
    stored, series = [], {}
    for name in videos():
        steps = int(rng.integers(9, 18))
        x = np.cumsum(rng.normal(size=steps))
        features = rng.normal(0, 0.1, (steps, 1, WIDTH))
        features[:, 0, 0] += x
        stored.append(VideoFeatures(name, features.astype("f2"), steps))
        value = np.cumsum(x) / np.arange(1, steps + 1)
        times = np.arange(steps) / FPS
        at = np.linspace(0, times[-1], 4 * steps)
        series[name] = (torch.from_numpy(at), torch.from_numpy(np.interp(at, times, value)))
    made = replace(tiny_run.provenance(width=WIDTH), sampling=Sampling(0, 1, "rate", FPS))
    write_store(folder / "appearance.h5", stored, made)
    _save(folder, "value", dict.fromkeys(series, 0), 0, series)
    return [
        "classification",
        "--labels", str(folder / "labels.pt"),
        "--appearance", str(folder / "appearance.h5"),
        "--width", "16", "--batch_size", "12", "--lr", "1e-2", "--dropout", "0", "--device", "cpu",
    ]  # fmt: skip


def _save(folder: Path, kind, target: dict[str, int], folds: int, series=None) -> None:
    counts = {WHOLE: len(target)} if folds else tiny_run.VIDEOS
    splits, begin, names = {}, 0, list(target)
    for name, count in counts.items():
        of = names[begin : begin + count]
        begin += count
        both = zip(*(series[v] for v in of), strict=True) if series else ((), ())
        times, values = both
        splits[name] = split(name, of, [target[v] for v in of], times=times, values=values)
    save_labels(
        folder / "labels.pt",
        dataset="tiny",
        version="",
        kind=kind,
        classes=CLASSES if kind == "class" else (),
        order_only=ORDER_ONLY if kind == "class" else (),
        alike=(ORDER_ONLY,) if kind == "class" else (),
        splits=splits,
        folds=[i // len(CLASSES) % folds for i in range(len(target))] if folds else None,
    )
