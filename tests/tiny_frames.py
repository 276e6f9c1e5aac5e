"""A labelled data set of seconds for networks that see frames: clips of colours and moves."""

from pathlib import Path

import numpy as np

from data_loader.store.clips import VideoClips, write_clip_store
from tests import tiny_clips, tiny_labels


def make(folder: Path) -> list[str]:
    """Labels and clips: a backdrop of one of two colours, or a bar that moves right or left."""
    tiny_labels.make(folder)
    rng, videos = np.random.default_rng(0), []
    for i, name in enumerate(tiny_labels.videos()):
        label = i % len(tiny_labels.CLASSES)
        clips = tiny_clips.video(name, label if label < 2 else 3, label if label < 2 else 2, rng)
        frames = clips.frames[::-1].copy() if label == 3 else clips.frames
        videos.append(VideoClips(name, frames, clips.index, len(frames)))
    write_clip_store(folder / "clips.h5", videos, tiny_clips.provenance())
    return [
        "classification", "--labels", str(folder / "labels.pt"), "--clips",
        str(folder / "clips.h5"), "--width", "16", "--heads", "2", "--depth", "2", "--patch", "6",
        "--dropout", "0", "--batch_size", "12", "--lr", "3e-3", "--device", "cpu", "--epochs", "1",
        "--network", "vivit",
    ]  # fmt: skip
