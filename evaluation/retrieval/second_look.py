"""Re-ranking by questions made of the query, beside controls that must not help as much."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from data_loader.segment import rows_of_other_videos
from evaluation.retrieval.search_set import SearchSet
from evaluation.retrieval.texts import evidence_of
from inference.retrieval.asked import Asked, asked_of
from inference.retrieval.evidence import AnswerEvidence
from inference.retrieval.ranks import ranks

# Of what `asked_of` asks.  The subject, man or woman for the most, helped nothing on validation.
KINDS = ("object", "action")
# Of these the best on validation is taken; 0: no re-ranking.
WEIGHTS = (0.0, 0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0, 2.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class SecondLook:
    """What the answers say of Q queries and V videos: evidence (Q, V), in nats, 0 where none is."""

    asked: tuple[tuple[Asked, ...], ...]  # Q, of each query
    evidence: np.ndarray
    # controls: the same questions with words expected of others; the evidence of other videos'
    # queries
    random_word: np.ndarray
    other_question: np.ndarray

    @property
    def queries(self) -> np.ndarray:
        """(Q,) bool: of which something is asked."""
        return np.array([bool(of) for of in self.asked])


def look_again(
    evidence: Sequence[AnswerEvidence],
    of: SearchSet,
    *,
    batch_size: int,
    seed: int,
    controls: bool = True,
) -> SecondLook:
    """Ask all V videos what each query asks; several processes share the work.

    `controls` False: zeros in their place.  The evidence of a query is the sum of that of its
    questions.
    """
    asked = tuple(
        tuple(one for one in asked_of(text, evidence[0].answers) if one.kind in KINDS)
        for text in of.texts
    )
    flat = [(i, one) for i, some in enumerate(asked) for one in some]
    other = _other_words([one for _, one in flat], seed) if controls else []
    pairs = [(one.question, one.word) for _, one in flat]
    more = [(one.question, word) for (_, one), word in zip(flat, other, strict=False)]
    distinct = {pair: n for n, pair in enumerate(dict.fromkeys([*pairs, *more]))}
    # Less what is expected without a video, which would be the same for all V.
    found = evidence_of(evidence, of, list(distinct), batch_size)
    row = np.array([i for i, _ in flat], np.int64)
    summed = _summed(found[[distinct[pair] for pair in pairs]], row, len(asked))
    random_word = other_question = np.zeros_like(summed)
    if more:
        random_word = _summed(found[[distinct[pair] for pair in more]], row, len(asked))
    some = np.flatnonzero([bool(of) for of in asked])
    if controls and len({of.videos[i] for i in some}) > 1:
        videos = [of.videos[i] for i in some]
        other_question = np.zeros_like(summed)
        other_question[some] = summed[some[rows_of_other_videos(videos, seed)]]
    return SecondLook(
        asked=asked, evidence=summed, random_word=random_word, other_question=other_question
    )


def best_weight(
    coarse: Sequence[np.ndarray], evidence: np.ndarray, segment: np.ndarray
) -> tuple[float, dict[float, float]]:
    """The weight of the highest mean reciprocal rank, and that of each.

    coarse: (Q, V) of each seed; evidence (Q, V); segment (Q,), each query's own video.  Of equal
    ones the smallest.
    """
    tried = {
        weight: float(
            np.mean([(1 / ranks_of(one + weight * evidence, segment)).mean() for one in coarse])
        )
        for weight in WEIGHTS
    }
    return max(tried, key=lambda weight: tried[weight]), tried


def ranks_of(scores: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """The rank of each query's own video.  scores (Q, V), segment (Q,) -> (Q,) float64"""
    right = torch.zeros(scores.shape, dtype=torch.bool)
    right[torch.arange(len(segment)), torch.from_numpy(segment)] = True
    return ranks(torch.from_numpy(np.ascontiguousarray(scores)), right).numpy()


def _other_words(asked: Sequence[Asked], seed: int) -> list[str]:
    """For each question a word that another of its kind expects, drawn; not its own."""
    draws = np.random.default_rng([seed, len(asked)])
    words = {kind: [one.word for one in asked if one.kind == kind] for kind in KINDS}
    out = []
    for one in asked:
        others = words[one.kind]
        drawn = [others[i] for i in draws.integers(len(others), size=50)]
        out.append(next((word for word in drawn if word != one.word), one.word))
    return out


def _summed(found: np.ndarray, row: np.ndarray, queries: int) -> np.ndarray:
    """Sums of evidence (P, V) over the questions of each query.  row (P,) -> (Q, V) float32"""
    out = np.zeros((queries, found.shape[1]), np.float32)
    np.add.at(out, row, found)
    return out
