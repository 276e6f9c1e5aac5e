"""What captions must be judged by: rows that need no model, and how much is said anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from data_loader.segment import rows_of_other_videos
from util.text_metrics.cider import CiderD
from util.text_metrics.ptb_tokens import tokenize
from util.text_metrics.references import References


@dataclass(frozen=True)
class Constant:
    """The training caption that is best for every training segment alike."""

    caption: str
    # its CIDEr-D against the training references
    cider: float
    # distinct captions that were compared
    candidates: int


def best_constant(training: Sequence[Sequence[str]]) -> Constant:
    """The best by CIDEr-D of all distinct training captions, against all training references.

    The search is exact: every candidate's score is computed (`CiderD.everywhere`).  Of equal ones
    the first is taken.
    """
    tokens = [[tokenize(text) for text in captions] for captions in training]
    first: dict[tuple[str, ...], str] = {}
    for captions, sentences in zip(training, tokens, strict=True):
        for text, words in zip(captions, sentences, strict=True):
            first.setdefault(tuple(words), text)
    scores = CiderD(References(tokens)).everywhere(list(first))
    best = int(np.argmax(scores.round(12)))
    return Constant(list(first.values())[best], float(scores[best]), len(first))


def of_other_videos(
    captions: Mapping[str, str], videos: Sequence[str], seed: int
) -> dict[str, str]:
    """Each segment with the caption of a segment of another video: a fixed permutation of videos.

    videos: of each caption's segment; two at least, segments of one next to each other.
    """
    texts = list(captions.values())
    rows = rows_of_other_videos(videos, seed)
    return {name: texts[row] for name, row in zip(captions, rows, strict=True)}


@dataclass(frozen=True)
class Variety:
    """How much captions say, and how much of it is their own."""

    # distinct captions
    distinct: int
    # words a caption
    mean_words: float
    # share of captions that are a training caption word for word; None: those are not known
    copied: float | None


def variety(captions: Sequence[str], training: Sequence[Sequence[str]] | None) -> Variety:
    """Compare captions with each other and with the training captions, as words."""
    said = [tuple(tokenize(text)) for text in captions]
    copied = None
    if training is not None:
        known = {tuple(tokenize(text)) for texts in training for text in texts}
        copied = sum(words in known for words in said) / len(said)
    return Variety(len(set(said)), sum(map(len, said)) / len(said), copied)
