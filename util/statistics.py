"""Intervals and tests for accuracies of questions that share videos."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import binomtest, ttest_ind

from util.grouped import Grouped

INTERVALS = 64  # types, the largest, that have intervals: types are free text, and without bound


class Bootstrap:
    """Resamples of a split's videos, the same for every model that is measured with it.

    Questions of one video are right or wrong together, so whole videos are drawn with replacement
    (the cluster bootstrap: Davison and Hinkley 1997, section 3.8) and intervals are percentiles.
    """

    def __init__(
        self,
        videos: Sequence[object] | np.ndarray,
        types: Sequence[object] | np.ndarray,
        *,
        samples: int = 10_000,
        seed: int = 0,
    ) -> None:
        """Video and type of each of Q questions; groups are all of them, and K types by size."""
        # Not by np.unique: NumPy's strings lose a NUL at the end, and are as long as the longest.
        names = sorted(set(map(str, videos)))
        place = {name: i for i, name in enumerate(names)}
        self.video = np.array([place[str(video)] for video in videos], dtype=np.int64)
        count = Counter(map(str, types))
        self.types = tuple(sorted(count, key=lambda kind: (-count[kind], kind)))
        place = {kind: i for i, kind in enumerate(self.types, start=1)}
        self.kind = np.array([place[str(kind)] for kind in types])  # (Q,) column of the type
        self.total = len(names)
        rng = np.random.default_rng(seed)
        share = np.full(self.total, 1 / self.total)
        self.drawn = rng.multinomial(self.total, share, size=samples).astype(np.float32)
        ones = self._by_video(np.ones(len(self.video)))
        counts = np.bincount(self.kind)[1:].tolist()
        self.counts = Grouped(len(self.kind), dict(zip(self.types, counts, strict=True)))
        self.sizes = self.drawn @ ones  # (R, 1 + the types that have intervals)

    def accuracy(self, hits: np.ndarray) -> Grouped[float]:
        """Mean of `hits` (Q,) in each group; hits are 0 or 1, a mean over seeds, or differences."""
        hits = np.asarray(hits, dtype=np.float64)
        sums = np.bincount(self.kind, hits)[1:].tolist()
        means = {k: s / self.counts.by_type[k] for k, s in zip(self.types, sums, strict=True)}
        return Grouped(float(hits.mean()), means)

    def interval(self, hits: np.ndarray) -> Grouped[tuple[float, float]]:
        """95 % bootstrap interval of the mean of `hits` (Q,) in all and in the largest types.

        For the difference of two models give the difference of their hits: that is the paired
        interval.  A resample without a question of a group does not count for that group.
        """
        return self._percentiles(self._means(hits))

    def interval_over_seeds(self, a: np.ndarray, b: np.ndarray) -> Grouped[tuple[float, float]]:
        """95 % bootstrap interval of the mean of `b` (T, Q) minus that of `a` (S, Q).

        Rows are the seeds of two models.  Videos are resampled for both models alike, as in
        `interval`, and the seeds of each model by themselves.  Of S seeds S - 1 are drawn, with
        replacement: the mean of so many varies as the mean of S new seeds would (Rao and Wu 1988,
        section 2), where that of S drawn would vary less, for three seeds by a third.  A single
        seed stays: what another would change is then not in the interval.
        """
        rng = np.random.default_rng(1)
        return self._percentiles(self._mean_of_seeds(b, rng) - self._mean_of_seeds(a, rng))

    def _mean_of_seeds(self, hits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Means of hits (S, Q) over resampled questions and seeds.  -> (R, K)"""
        count = len(hits)
        share = rng.multinomial(max(1, count - 1), np.full(count, 1 / count), len(self.drawn))
        weights = share / share.sum(1, keepdims=True)  # (R, S)
        parts = (weights[:, i, None] * self._means(seed) for i, seed in enumerate(hits))
        return np.add.reduce(list(parts))

    def _means(self, hits: np.ndarray) -> np.ndarray:
        """Means of `hits` (Q,) over each resample: in all, and in types with intervals; (R, K)."""
        with np.errstate(invalid="ignore"):
            return (self.drawn @ self._by_video(hits)) / self.sizes

    def _percentiles(self, means: np.ndarray) -> Grouped[tuple[float, float]]:
        """The middle 95 % of means (R, K), nan left out."""
        low, high = np.nanpercentile(means, [2.5, 97.5], axis=0).tolist()
        whole, *ends = zip(low, high, strict=True)
        return Grouped(whole, dict(zip(self.types, ends, strict=False)))

    def _by_video(self, hits: np.ndarray) -> np.ndarray:
        """Sums of `hits` (Q,) over each video, in all and in the types that have intervals.

        -> (V, 1 + min(K, INTERVALS)) float32
        """
        out = np.zeros((self.total, 1 + min(len(self.types), INTERVALS)))
        np.add.at(out[:, 0], self.video, hits)
        large = self.kind < out.shape[1]
        np.add.at(out, (self.video[large], self.kind[large]), np.asarray(hits)[large])
        return out.astype(np.float32)


def mcnemar(a: np.ndarray, b: np.ndarray) -> float:
    """Exact two-sided p of McNemar's test that two models err equally often; a, b (Q,) bool.

    It takes questions as independent, which questions of one video are not: where it and the
    bootstrap over videos disagree, believe the bootstrap.
    """
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(binomtest(only_a, only_a + only_b).pvalue)


def reliability(
    probability: np.ndarray, correct: np.ndarray, bins: int = 15
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Confidence against accuracy (Guo et al. 2017, section 2).

    probability and correct (Q,) -> mean probability, accuracy and number of questions in each of
    `bins` equal bins of probability (nan, nan, 0 where empty), and the expected calibration error.
    """
    place = np.minimum((probability * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(place, probability, bins) / count
        accuracy = np.bincount(place, correct.astype(np.float64), bins) / count
    gap = np.nansum(np.abs(confidence - accuracy) * count)
    return confidence, accuracy, count, float(gap / max(1, len(probability)))


def seeds_interval(mine: ArrayLike, theirs: ArrayLike) -> tuple[float, float]:
    """95 % interval of mean(mine) - mean(theirs), scores of two models' seeds (Welch 1947)."""
    interval = ttest_ind(mine, theirs, equal_var=False).confidence_interval()
    return float(interval.low), float(interval.high)
