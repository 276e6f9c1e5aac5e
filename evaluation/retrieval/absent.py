"""How often a search finds what is not there, and misses what is: "nothing here shows this".

The threshold is the library's own: learned from its foreign queries over the clips that are
searched (inference/retrieval/threshold.py).  Errors are counted on queries that had no part in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from evaluation.retrieval.search_set import Searched, SearchSet
from inference.retrieval.foreign import own_queries, read_queries
from inference.retrieval.text import embed_text, surcharge
from inference.retrieval.threshold import Curve, curve_of, errors_at, threshold_of
from inference.words import Words
from util.text_metrics.ptb_tokens import tokenize

# Of other words than those that teach the threshold.
WHO = (
    "a beekeeper", "an archaeologist", "a penguin", "a jellyfish", "a knight", "a postman",
    "a lumberjack", "a crocodile", "an emperor", "a welder", "a flamingo", "a ghost", "a monk",
    "a submarine captain", "a vampire", "a glacier guide",
)  # fmt: skip
DOES = (
    "opens a beehive", "climbs a volcano", "winds up a clock", "tows a ship", "prints a newspaper",
    "examines a fossil", "polishes a diamond", "sets up a telescope", "melts iron",
    "ploughs a field", "inspects a reactor", "rings a church bell", "inflates a balloon",
    "tunes a radio", "buries a treasure", "carves a gravestone",
)  # fmt: skip
PART = 1024  # queries at a time


@dataclass(frozen=True, eq=False, kw_only=True)
class Absent:
    """Errors at the threshold of one run, and at every other."""

    threshold: float
    false_alarms: float  # share of held-out foreign queries that find something
    misses: float  # share of the captions of what is there that find nothing
    # share of the captions that find something where every video is left out of which a caption
    # has the same object; nan: none has an object
    hidden_alarms: float
    missed: np.ndarray  # (Q,) bool
    curve: Curve  # of held-out foreign queries and captions
    foreign: int  # held-out queries
    hidden: int  # captions with an object


def absent_of(
    searched: Searched, of: SearchSet, foreign: Sequence[str], objects: Sequence[str]
) -> Absent:
    """Search for what is there, and for what is not, as a library does: by its best clip.

    foreign: held-out queries; objects: Q, the object of each caption, or "".
    """
    words = Words(searched.run.task, searched.run.word_vectors)

    def extra(queries: Sequence[str]) -> np.ndarray:
        return np.array([surcharge(searched.run.task.vocabulary, query) for query in queries])

    def reached(queries: Sequence[str]) -> np.ndarray:
        vectors = np.stack([embed_text(searched.run, words, query) for query in queries])
        return (torch.from_numpy(vectors) @ clips.T).amax(1).double().numpy() - extra(queries)

    clips, segment = searched.clips(of)
    queries = searched.embedded[of.split].texts[torch.from_numpy(of.queries)]
    found = _best(queries, clips, segment, _shows(of, objects))
    best, elsewhere = (one - extra(of.texts) for one in found)
    threshold = threshold_of(reached(own_queries()))
    held_out = reached(foreign)
    alarms, misses = errors_at(threshold, held_out, best)
    hidden = elsewhere[[bool(word) for word in objects]]
    return Absent(
        threshold=threshold,
        false_alarms=alarms,
        misses=misses,
        hidden_alarms=float((hidden > threshold).mean()) if len(hidden) else float("nan"),
        missed=best <= threshold,
        curve=curve_of(held_out, best),
        foreign=len(foreign),
        hidden=len(hidden),
    )


def held_out_queries(path: str | None) -> list[str]:
    """Those of a file, or the project's own.  Raises UserError where they are too few."""
    if path is not None:
        return read_queries(path)
    return [f"{who} {does}" for who in WHO for does in DOES]


def _best(
    queries: Tensor, clips: Tensor, segment: Tensor, shows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The best cosine of each query, and the best among videos that do not show its object: (Q,).

    queries (Q, D), clips (K, D) of videos `segment` (K,), shows (Q, V) bool.  -inf where every
    video shows it.
    """
    best, elsewhere = [], []
    for begin in range(0, len(queries), PART):
        cosine = queries[begin : begin + PART] @ clips.T
        best.append(cosine.amax(1))
        there = torch.from_numpy(shows[begin : begin + PART])[:, segment]
        elsewhere.append(cosine.masked_fill(there, -torch.inf).amax(1))
    return torch.cat(best).double().numpy(), torch.cat(elsewhere).double().numpy()


def _shows(of: SearchSet, objects: Sequence[str]) -> np.ndarray:
    """Whether a caption of each video has the object of each query, or its plural: (Q, V) bool."""
    told: list[set[str]] = [set() for _ in of.ids]
    for text, video in zip(of.every_text, of.text_segment.tolist(), strict=True):
        told[video].update(tokenize(text))
    column = {
        word: np.array([not forms.isdisjoint(some) for some in told])
        for word in set(objects)
        for forms in [{word, f"{word}s", f"{word}es"}]
    }
    return np.stack([column[word] for word in objects])
