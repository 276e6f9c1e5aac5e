"""BLEU-1 to 4 of token lists (Papineni et al. 2002), as coco-caption has them.

Matches are clipped by the reference that has most; the length is compared with the reference
closest in length, of two the shorter.  There is no smoothing.  Two small constants keep 0 / 0 from
being undefined and stay in the numbers: three words that all match have BLEU-4 .0316, not 0.
"""

from collections.abc import Sequence

import numpy as np

from util.text_metrics.ngrams import ORDERS, Sentence
from util.text_metrics.references import References

TINY, SMALL = 1e-15, 1e-9  # added to every numerator, to every denominator


class Bleu:
    """BLEU against the references of N segments."""

    def __init__(self, references: References) -> None:
        """Gather what any reference of a segment has."""
        self.references = references
        self._present = references.present
        grams = references.index.grams
        self._order = np.zeros(len(references.index), dtype=np.int64)  # (G,)
        self._order[grams.column] = grams.order

    def statistics(self, hypotheses: Sequence[Sentence]) -> np.ndarray:
        """What BLEU is made of, for one hypothesis a segment.  -> (N, 10) float64

        Columns: words, words of the closest reference, n-grams of order 1 to 4, and of those the
        matches.  Sums over segments are the statistics of a corpus.
        """
        refs = self.references
        grams = refs.encode(hypotheses)
        length = np.array([len(hypothesis) for hypothesis in hypotheses])
        possible = grams.by_order(np.ones(len(grams.column)))
        mine = refs.matrix(grams, np.ones(len(grams.column), dtype=bool))
        found = mine.multiply(self._present).tocoo()
        place = found.row * ORDERS + self._order[found.col]
        matches = np.bincount(place, minlength=len(refs) * ORDERS).reshape(-1, ORDERS)
        return np.column_stack([length, self._closest(length), possible, matches])

    def _closest(self, length: np.ndarray) -> np.ndarray:
        """Words (N,) of the reference closest to `length` (N,), of two the shorter one."""
        refs = self.references
        words = refs.length
        most = 1 + words.max()
        rank = np.abs(words - length[refs.segment]) * most + words  # by difference, then by words
        return np.minimum.reduceat(rank, refs.starts) % most


def bleu(statistics: np.ndarray) -> np.ndarray:
    """BLEU-1 to 4 of the statistics of segments, or of their sums.  (..., 10) -> (..., 4)"""
    length, closest = statistics[..., 0], statistics[..., 1]
    possible, matches = statistics[..., 2 : 2 + ORDERS], statistics[..., 2 + ORDERS :]
    precision = np.cumprod((matches + TINY) / (possible + SMALL), axis=-1)
    ratio = (length + TINY) / (closest + SMALL)
    penalty = np.exp(np.minimum(0, 1 - 1 / ratio))
    return precision ** (1 / np.arange(1, ORDERS + 1)) * penalty[..., None]
