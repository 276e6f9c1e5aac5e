"""Runs of seconds that follow streams: of classes (light or dark), and of values over time."""

from pathlib import Path

import numpy as np
import pytest
import torch

import train
from data_loader.label.labels import Kind, save_labels
from preprocess import videos
from tests.tiny_labels import split
from tests.video_files import moving_images, write_video

NAMES, FPS, FRAMES = [f"v{i}" for i in range(8)], 10, 40
CLASSES = ("light", "dark")


def images(frames: int, *, dark: bool, seed: int = 0) -> np.ndarray:
    """Waves, light ones or dark ones: (T, 32, 48, 3) uint8."""
    return moving_images(frames, (32, 48), seed) // (4 if dark else 1)


def changing(path: Path, frames: int = 60) -> Path:
    """A video that is light, then dark, then light."""
    third = frames // 3
    parts = [images(third, dark=dark) for dark in (False, True, False)]
    return write_video(path, images=np.concatenate(parts))


def make_runs(folder: Path) -> dict[str, Path]:
    """Two runs, `classes` and `values`, in folder/results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("d").mkdir()
        for i, name in enumerate(NAMES):
            write_video(Path(f"d/{name}.mkv"), images=images(FRAMES, dark=i % 2 == 1, seed=i))
        steady = ["--videos", "d", "--fps", str(FPS), "--output", "f.h5"]
        videos.main([*steady, "--backbone", "pixels", "--precision", "float32"])
        times = torch.arange(FRAMES * FPS // 25).double() / FPS
        kinds: tuple[tuple[Kind, tuple[str, ...]], ...] = (("class", CLASSES), ("value", ()))
        for kind, classes in kinds:
            splits = {}
            for part, of in (("train", NAMES[:-2]), ("val", NAMES[-2:])):
                series = {"times": (times,) * len(of), "values": (times / 3,) * len(of)}
                target = [i % 2 if classes else 0 for i in range(len(of))]
                splits[part] = split(part, of, target, **({} if classes else series))
            save_labels(
                Path(f"{kind}.pt"), dataset="tiny", version="", kind=kind, classes=classes,
                order_only=(), alike=(), splits=splits, folds=None,
            )  # fmt: skip
        common = ["classification", "--network", "rnn", "--width", "8", "--batch_size", "6"]
        common += ["--device", "cpu", "--appearance", "f.h5", "--labels"]
        longer = ["--epochs", "12", "--lr", "3e-2"]
        train.main([*common, "class.pt", "--run", "classes", *longer])
        train.main([*common, "value.pt", "--run", "values", "--epochs", "1", "--carry", "0.5"])
    return {name: (folder / "results" / name).absolute() for name in ("classes", "values")}
