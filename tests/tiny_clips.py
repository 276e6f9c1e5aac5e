"""A data set of seconds for runs that train their encoders: clips that show two colours."""

from pathlib import Path

import numpy as np

from data_loader.questions import load_questions
from data_loader.store.clips import VideoClips, write_clip_store
from data_loader.store.provenance import Provenance, Sampling
from tests import tiny_run

CLIPS, FRAMES, SIDE = 2, 4, 18
RGB = np.array([(230, 40, 40), (40, 220, 60), (50, 60, 230), (150, 150, 150)], np.uint8)


def provenance(size: int = SIDE) -> Provenance:
    return Provenance(
        backbone="none", kind="clips", resize="squash", size=(size, size), decoder="pyav",
        sampling=Sampling(CLIPS, FRAMES, "linspace"), has_backbone=True,
    )  # fmt: skip


def video(name: str, shown: int, moving: int, rng: np.random.Generator, size: int = SIDE):
    """A backdrop of one colour, over which a bar of another moves."""
    frames = np.empty((FRAMES + 1, size, size, 3), np.uint8)
    frames[:] = RGB[shown] // 2
    for i, frame in enumerate(frames):
        place = 3 * i % (size - 4)
        frame[:, place : place + 4] = RGB[moving]
    frames += rng.integers(0, 8, frames.shape, dtype=np.uint8)
    index = np.stack([np.arange(FRAMES), np.arange(1, FRAMES + 1)])
    return VideoClips(name, frames, index, FRAMES + 1)


def make(folder: Path) -> list[str]:
    """Write a clip store and questions about it; returns the flags that name them.

    The first question of a video asks for what is shown, the second for what moves.
    """
    tiny_run.make(folder)
    rng = np.random.default_rng(1)
    asked = load_questions(folder / "questions.pt")
    colour: dict[str, dict[str, int]] = {}
    for split in asked.splits.values():
        for name, kind, answer in zip(split.videos, split.types, split.answer_texts, strict=True):
            colour.setdefault(name, {})[kind] = tiny_run.ANSWERS.index(answer) - 2
    videos = [video(name, c["what"], c["who"], rng) for name, c in colour.items()]
    write_clip_store(folder / "clips.h5", videos, provenance())
    return [
        "--questions", str(folder / "questions.pt"), "--clips", str(folder / "clips.h5"),
        "--appearance_encoder", "resnet_narrow", "--motion_encoder", "resnext_narrow",
        "--width", "16", "--lr", "3e-3", "--device", "cpu",
    ]  # fmt: skip


RANDOM = ["--appearance_weights", "random", "--motion_weights", "random"]
