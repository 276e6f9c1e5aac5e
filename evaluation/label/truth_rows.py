"""The rows that a classifier must be judged by: what needs no model, less, or no order.

Each is a share of right classes of the same rows, so every difference is paired.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from evaluation.format import Interval
from evaluation.label.intervals import RowBootstrap, middle
from evaluation.label.predictions import ClassPredictions, hits_of
from evaluation.label.told import Seeds
from util.statistics import mcnemar

# Name in files -> in tables; the first is the model itself.
ROWS = {
    "accuracy": "this run",
    "constant": "constant class",
    "no_video": "no video",
    "shuffled_video": "another's video",
    "middle": "single middle frame",
    "shuffled": "shuffled frames",
    "linear": "linear, mean features",
    "other": "other runs",
}
MOTIONLESS = ("middle", "shuffled")  # what sees no order


@dataclass(frozen=True, eq=False, kw_only=True)
class TruthRow:
    """A row of the table."""

    # (R,) share of seeds that are right about each row
    hits: np.ndarray
    # accuracy of each of S seeds
    seeds: tuple[float, ...]
    # which runs, or that it is the same model shown less
    source: str
    # the hits of a single seed, for an exact test of two models; None: of several
    single: np.ndarray | None

    @property
    def accuracy(self) -> float:
        """Mean over rows, and seeds."""
        return float(self.hits.mean())

    def only(self, rows: np.ndarray) -> "TruthRow":
        """Some rows: rows (R,) bool; the seeds' own accuracies are not kept."""
        single = None if self.single is None else self.single[rows]
        return TruthRow(hits=self.hits[rows], seeds=(), source=self.source, single=single)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """How much one row is above another."""

    value: float
    interval: Interval
    # exact p of McNemar's test, of two single seeds; None: of several
    p: float | None
    # which row it is above, as in `ROWS`
    above: str


def row_of(model: Seeds[ClassPredictions], source: str) -> TruthRow:
    """The row of runs."""
    seeds = tuple(float(one.hits.mean()) for one in model.each)
    single = model.each[0].hits if len(model.each) == 1 else None
    return TruthRow(hits=hits_of(model).mean(0), seeds=seeds, source=source, single=single)


def constant_row(model: Seeds[ClassPredictions]) -> TruthRow:
    """The commonest class of the training rows, said of every row."""
    hits = model.first.constant == model.first.target
    return TruthRow(hits=hits.astype(float), seeds=(), source="commonest in training", single=hits)


def motion_gain(rows: Mapping[str, TruthRow], bootstrap: RowBootstrap) -> Difference | None:
    """Accuracy less that of the better of `MOTIONLESS`; None: there is neither.

    Which of the two is better is asked in each resample anew: the interval is that of this very
    number, and a lucky one of the two does not narrow it.
    """
    others = {name: rows[name] for name in MOTIONLESS if name in rows}
    if not others:
        return None
    own = rows["accuracy"]
    best = max(others, key=lambda name: others[name].accuracy)
    resampled = np.max([bootstrap.means(row.hits) for row in others.values()], 0)
    return Difference(
        value=own.accuracy - others[best].accuracy,
        interval=middle(bootstrap.means(own.hits) - resampled),
        p=None,
        above=best,
    )


def difference(rows: Mapping[str, TruthRow], above: str, bootstrap: RowBootstrap) -> Difference:
    """Accuracy less that of another row, paired."""
    own, other = rows["accuracy"], rows[above]
    p = None
    if own.single is not None and other.single is not None:
        p = mcnemar(own.single, other.single)
    return Difference(
        value=own.accuracy - other.accuracy,
        interval=bootstrap.interval(own.hits - other.hits),
        p=p,
        above=above,
    )
