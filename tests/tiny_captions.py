"""A captioned data set of seconds: the features hold two colours, and so does every caption."""

from pathlib import Path

import numpy as np
import torch

from data_loader.caption.captions import CaptionSplit, save_captions
from data_loader.vocabulary import SPECIAL, CaptionVocabulary
from tests import tiny_run

COLOURS = ("red", "green", "blue", "grey")
WORDS = (*SPECIAL, "a", "is", "shown", "moving", "and", *COLOURS)


def sentences(shown: str, moving: str) -> tuple[str, str]:
    """The two true captions of a video."""
    return f"{shown} is shown and {moving} is moving", f"a moving {moving} and a {shown}"


def make(folder: Path, *, vectors: bool = False, first: bool = False) -> list[str]:
    """Write stores and captions; returns the flags that name them.

    `vectors`: the file has word vectors; `first`: a video has only its first true caption.
    """
    tiny_run.make(folder)
    rng = np.random.default_rng(0)  # as tiny_run draws: colours, then noise
    ids = [f"v{i}" for i in range(sum(tiny_run.VIDEOS.values()))]
    colours = {}
    for name in ids:
        colours[name] = rng.integers(4, size=2)
        rng.normal(0, 0.1, (tiny_run.CLIPS, tiny_run.FRAMES, tiny_run.WIDTH))
        rng.normal(0, 0.1, (tiny_run.CLIPS, 1, tiny_run.MOTION))
    vocabulary, splits, begin = CaptionVocabulary(words=WORDS), {}, 0
    for split, count in tiny_run.VIDEOS.items():
        videos = ids[begin : begin + count]
        begin += count
        of = {v: sentences(*(COLOURS[c] for c in colours[v]))[: 1 if first else 2] for v in videos}
        texts = [text for v in videos for text in of[v]]
        words = [vocabulary.encode(text.split()) for text in texts]
        splits[split] = CaptionSplit(
            name=split,
            ids=tuple(videos),
            videos=tuple(videos),
            times=None,
            segment=torch.tensor([i for i, v in enumerate(videos) for _ in of[v]]),
            texts=tuple(texts),
            words=torch.tensor([w for caption in words for w in caption]),
            length=torch.tensor([len(caption) for caption in words]),
        )
    generator = torch.Generator().manual_seed(0)
    save_captions(
        folder / "captions.pt",
        dataset="tiny",
        split_ids="",
        vocabulary=vocabulary,
        word_vectors=torch.randn(len(WORDS), 6, generator=generator) if vectors else None,
        word_vectors_source="random" if vectors else "",
        splits=splits,
    )
    return [
        "captioning",
        "--captions", str(folder / "captions.pt"),
        "--appearance", str(folder / "appearance.h5"),
        "--motion", str(folder / "motion.h5"),
        "--width", "16", "--batch_size", "16", "--lr", "1e-2", "--dropout", "0", "--device", "cpu",
    ]  # fmt: skip
