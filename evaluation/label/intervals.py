"""95 % intervals of what is measured over rows, by resampling groups of rows."""

from collections.abc import Sequence

import numpy as np
from scipy.stats import beta

from evaluation.format import Interval
from util.statistics import Bootstrap

SAMPLES = 10_000
FEWER = 2_000  # where groups are many: the samples times the groups are held in memory
MANY = 5_000  # groups


class RowBootstrap:
    """Resamples of groups of rows, the same for all that is measured with it.

    A group is a video, or all videos of one subject, or cut from one film: rows of a group are
    right or wrong together, so groups are drawn whole (`util.statistics.Bootstrap`).
    """

    def __init__(self, groups: Sequence[str], *, samples: int | None = None) -> None:
        """The group of each of R rows."""
        if samples is None:
            samples = SAMPLES if len(set(groups)) <= MANY else FEWER
        drawing = Bootstrap(groups, [""] * len(groups), samples=samples)
        self.groups = drawing.total
        self._group, self._drawn = drawing.video, drawing.drawn
        self._sizes = self.sums(np.ones((len(groups), 1)))

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (R, C) over each resample.  -> (S, C) float64"""
        by_group = np.zeros((self.groups, values.shape[1]))
        np.add.at(by_group, self._group, values)
        return self._drawn @ by_group

    def means(self, values: np.ndarray) -> np.ndarray:
        """The mean of values (R,) in each resample.  -> (S,)"""
        return (self.sums(np.asarray(values, dtype=np.float64)[:, None]) / self._sizes)[:, 0]

    def interval(self, values: np.ndarray) -> Interval:
        """Of the mean of values (R,), such as differences of two models' hits (paired)."""
        return middle(self.means(values))

    def share(self, hits: np.ndarray) -> Interval:
        """Of the mean of hits (R,), 0 to 1.

        Where all or none are right every resample says the same: then that of Clopper and Pearson
        1934, as of one row a group.
        """
        hits = np.asarray(hits, dtype=np.float64)
        if hits.min() < 1 and hits.max() > 0:
            return self.interval(hits)
        right = self.groups if hits.min() == 1 else 0
        low = beta.ppf(0.025, right, self.groups - right + 1) if right else 0.0
        high = beta.ppf(0.975, right + 1, self.groups - right) if not right else 1.0
        return float(low), float(high)

    def class_means(self, hits: np.ndarray, target: np.ndarray) -> np.ndarray:
        """Mean over classes of the mean hits of their rows, in each resample.  -> (S,)

        hits (R,), target (R,) int64.  A class without a row in a resample does not count there.
        """
        own = np.zeros((len(target), int(target.max()) + 1))
        own[np.arange(len(target)), target] = 1
        with np.errstate(invalid="ignore"):
            recall = self.sums(own * np.asarray(hits)[:, None]) / self.sums(own)
        return np.nanmean(recall, axis=1)


def middle(values: np.ndarray) -> Interval:
    """The middle 95 % of values (S,)."""
    low, high = np.percentile(values, [2.5, 97.5]).tolist()
    return low, high
