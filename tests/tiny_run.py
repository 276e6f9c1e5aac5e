"""A data set of seconds: the features hold two colours, the question says which is asked."""

from pathlib import Path

import numpy as np
import torch

from data_loader.questions import QuestionSplit, save_questions
from data_loader.store.features import VideoFeatures, write_store
from data_loader.store.provenance import Normalisation, Provenance, Sampling, Weights
from data_loader.vocabulary import Vocabulary

WORDS = ("<NULL>", "<UNK>", "what", "who", "is", "shown", "moving")
ANSWERS = ("<UNK0>", "<UNK1>", "red", "green", "blue", "grey")
CLIPS, FRAMES, WIDTH, MOTION = 4, 3, 12, 9
VIDEOS = {"train": 24, "val": 8, "test": 8}


def provenance(backbone: str = "pixels", width: int = WIDTH) -> Provenance:
    return Provenance(
        backbone=backbone, kind="frame", width=width, weights=Weights("none", ""),
        resize="area", crop="none", size=(8, 8), normalisation=Normalisation("-1..1"),
        sampling=Sampling(CLIPS, FRAMES, "linspace"), decoder="pyav", has_backbone=True,
    )  # fmt: skip


def make(folder: Path) -> list[str]:
    """Write stores and questions; returns the flags that name them."""
    rng = np.random.default_rng(0)
    colour = {}
    appearance, motion = [], []
    ids = [f"v{i}" for i in range(sum(VIDEOS.values()))]
    for name in ids:
        colour[name] = rng.integers(4, size=2)  # what is shown, what is moving
        a = rng.normal(0, 0.1, (CLIPS, FRAMES, WIDTH))
        m = rng.normal(0, 0.1, (CLIPS, 1, MOTION))
        a[:, :, colour[name][0]] += 2
        m[:, :, colour[name][1]] += 2
        appearance.append(VideoFeatures(id=name, features=a.astype("f2"), frame_count=9))
        motion.append(VideoFeatures(id=name, features=m.astype("f2"), frame_count=9))
    write_store(folder / "appearance.h5", appearance, provenance())
    write_store(folder / "motion.h5", motion, provenance("pixel_motion", MOTION))
    splits, first = {}, 0
    for split, count in VIDEOS.items():
        asked = [(v, q) for v in ids[first : first + count] for q in (0, 1)]
        first += count
        splits[split] = QuestionSplit(
            name=split,
            words=torch.tensor([w for _, q in asked for w in ((2, 4, 5), (3, 4, 6))[q]]),
            length=torch.full((len(asked),), 3),
            longest=4,
            answer=torch.tensor([2 + colour[v][q] for v, q in asked]),
            videos=tuple(v for v, _ in asked),
            ids=tuple(range(1000 * first, 1000 * first + len(asked))),
            types=tuple(("what", "who")[q] for _, q in asked),
            texts=tuple(("what is shown?", "who is moving?")[q] for _, q in asked),
            answer_texts=tuple(ANSWERS[2 + colour[v][q]] for v, q in asked),
        )
    save_questions(
        folder / "questions.pt",
        dataset="tiny",
        vocabulary=Vocabulary(words=WORDS, answers=ANSWERS),
        word_vectors=torch.randn(len(WORDS), 8, generator=torch.Generator().manual_seed(0)),
        word_vectors_source="random",
        splits=splits,
    )
    return [
        "--questions", str(folder / "questions.pt"),
        "--appearance", str(folder / "appearance.h5"),
        "--motion", str(folder / "motion.h5"),
        "--width", "16", "--batch_size", "16", "--lr", "5e-3", "--device", "cpu",
    ]  # fmt: skip
