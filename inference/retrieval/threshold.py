"""When nothing fits: the score that a foreign query reaches by chance, and the curve of errors.

A search always has a best clip.  Whether it shows what was asked is told by the scores that foreign
queries reach in the same library, which show things that are not there: a query is believed where
its best clip is above all but `RATE` of theirs.  (Of n foreign queries the k-th smallest best score
with k = ceil((n + 1) (1 - rate)) is passed by another foreign query with a probability of at most
`rate`, whatever the scores' distribution: Vovk et al. 2005, Algorithmic Learning in a Random World,
2.2, split conformal prediction.)
"""

import math
from dataclasses import dataclass

import numpy as np

RATE = 0.05  # of false alarms


@dataclass(frozen=True, eq=False)
class Curve:
    """Errors by threshold."""

    threshold: np.ndarray  # (T,) ascending
    false_alarms: np.ndarray  # (T,) share of foreign queries whose best score is above it
    misses: np.ndarray  # (T,) share of queries of what is there whose best score is not

    @property
    def area(self) -> float:
        """Share of pairs (present, foreign) of which the present one scores higher, ties half."""
        # The area below hits over false alarms, thresholds from high to low.
        alarms, hits = self.false_alarms[::-1], 1 - self.misses[::-1]
        return float(np.sum(np.diff(alarms) * (hits[1:] + hits[:-1]) / 2))


def threshold_of(foreign: np.ndarray, rate: float = RATE) -> float:
    """The score above which a search found something.

    foreign: (F,) best score of each foreign query.  Infinity where they are too few for that rate
    (19 for 5 %): then nothing is believed.
    """
    rank = math.ceil((len(foreign) + 1) * (1 - rate))
    return float(np.sort(foreign)[rank - 1]) if rank <= len(foreign) else math.inf


def errors_at(threshold: float, foreign: np.ndarray, present: np.ndarray) -> tuple[float, float]:
    """False alarms and misses of a threshold: best scores of foreign and of present queries."""
    return float(np.mean(foreign > threshold)), float(np.mean(present <= threshold))


def curve_of(foreign: np.ndarray, present: np.ndarray) -> Curve:
    """Errors at every threshold that makes a difference."""
    scores = np.unique(np.concatenate([foreign, present]).astype(np.float64))
    thresholds = np.concatenate([[scores[0] - 1e-6], scores])
    alarms = 1 - np.searchsorted(np.sort(foreign), thresholds, side="right") / len(foreign)
    misses = np.searchsorted(np.sort(present), thresholds, side="right") / len(present)
    return Curve(thresholds, alarms, misses)


def error_place(curve: Curve, threshold: float) -> int:
    """Where on a curve a threshold lies: the last of the curve's that is not above it."""
    return max(0, int(np.searchsorted(curve.threshold, threshold, side="right")) - 1)
