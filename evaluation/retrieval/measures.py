"""What ranks say of a search, with intervals over videos, beside a search that knows nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.format import Interval
from evaluation.label.intervals import RowBootstrap, middle

AT = (1, 5, 10)
SHARES = tuple(f"R@{k}" for k in AT)
METRICS = (*SHARES, "median rank", "MRR")
SAMPLES = 2_000  # resamples; a column of them is held for each rank


@dataclass(frozen=True, eq=False, kw_only=True)
class Ranks:
    """The ranks of Q queries by one or more seeds of a model."""

    rank: np.ndarray  # (S, Q) float64, from 1; a half where equal scores share places

    def each(self, metric: str) -> np.ndarray:
        """What a share or MRR is the mean of, itself the mean over seeds: (Q,)."""
        if metric == "MRR":
            return (1 / self.rank).mean(0)
        return (self.rank <= int(metric.removeprefix("R@"))).mean(0)

    def seeds(self, metric: str) -> list[float]:
        """A metric of each seed."""
        if metric == "median rank":
            return [float(np.median(row)) for row in self.rank]
        return [float(Ranks(rank=row[None]).each(metric).mean()) for row in self.rank]

    def mean(self, metric: str) -> float:
        """A metric, mean over seeds."""
        return float(np.mean(self.seeds(metric)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Change:
    """How much one ranking is better than another in R@1, or in MRR."""

    value: float
    interval: Interval
    # the same as a share of what the other has; nan: it has nothing
    relative: float
    relative_interval: Interval


class QueryBootstrap:
    """Resamples of videos, with all queries of each: queries of one video are found together."""

    def __init__(self, videos: Sequence[str], *, samples: int = SAMPLES) -> None:
        """The video of each of Q queries."""
        self._rows = RowBootstrap(videos, samples=samples)
        self.videos = self._rows.groups

    def interval(self, ranks: Ranks, metric: str) -> Interval:
        """95 % interval of a metric's mean over seeds."""
        if metric == "median rank":
            return middle(np.mean([self._medians(row) for row in ranks.rank], 0))
        if metric == "MRR":
            return self._rows.interval(ranks.each(metric))
        return self._rows.share(ranks.each(metric))

    def change(self, one: Ranks, other: Ranks, metric: str = "R@1") -> Change:
        """How much `other` is above `one`, paired: of the same queries in the same order."""
        a, b = one.each(metric), other.each(metric)
        before, after = self._rows.means(a), self._rows.means(b)
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = after / before - 1
            share = float(b.mean() / a.mean() - 1)
        finite = relative[np.isfinite(relative)]
        return Change(
            value=float(b.mean() - a.mean()),
            interval=middle(after - before),
            relative=share,
            relative_interval=middle(finite) if len(finite) else (np.nan, np.nan),
        )

    def shares(self, hits: np.ndarray) -> Interval:
        """95 % interval of a share of queries, or of its mean over seeds.  hits (Q,)"""
        return self._rows.share(hits)

    def _medians(self, rank: np.ndarray) -> np.ndarray:
        """The median rank of each resample.  rank (Q,) -> (S,)"""
        values, place = np.unique(rank, return_inverse=True)
        at = np.zeros((len(rank), len(values)), np.float32)
        at[np.arange(len(rank)), place] = 1
        below = self._rows.sums(at).cumsum(1)
        half = below[:, -1:] / 2
        low, high = (below < half).sum(1), (below <= half).sum(1)
        return (values[low] + values[np.minimum(high, len(values) - 1)]) / 2


def chance_of(candidates: int, right: np.ndarray) -> dict[str, float]:
    """`METRICS` of a search in any order of C candidates, of which right (Q,) are right for each.

    That no right one is among the first k has a probability of C(C - n, k) / C(C, k).
    """
    counts, times = np.unique(right, return_counts=True)
    weight = times / times.sum()
    hidden = np.ones(len(counts))  # that none is among the first k
    k, found = 0, {name: 0.0 for name in METRICS}
    while hidden.any():
        k += 1
        before = hidden
        left = candidates - k + 1
        hidden = hidden * np.clip((left - counts) / left, 0, 1)
        found["MRR"] += float(weight @ (before - hidden)) / k
        share = float(weight @ (1 - hidden))
        if k in AT:
            found[f"R@{k}"] = share
        if not found["median rank"] and share >= 0.5:
            found["median rank"] = float(k)
    for at in AT:
        if at > k:
            found[f"R@{at}"] = 1.0
    return found
