"""What is measured of answers: a share of questions, or an error."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.format import Interval, between, percent
from util.grouped import Grouped
from util.statistics import Bootstrap


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A number of each question, whose mean counts, and how it is written."""

    key: str  # in JSON and in TensorBoard
    title: str  # in tables and pictures
    # of questions, told in per cent, more is better; else an error in units of its own, less is
    share: bool = True

    def cell(self, value: float, digits: int = 1) -> str:
        """A mean; `digits`: of a share, an error has one more."""
        return percent(value, digits) if self.share else f"{value:.{digits + 1}f}"

    def between(self, ends: Interval) -> str:
        """An interval of a mean."""
        return between(ends) if self.share else f"{ends[0]:.2f}-{ends[1]:.2f}"

    def change(self, value: float) -> str:
        """A difference of two means, with its sign."""
        return f"{100 * value:+.1f}" if self.share else f"{value:+.2f}"

    def change_between(self, ends: Interval) -> str:
        """An interval of a difference."""
        return between(ends, sign=True) if self.share else f"{ends[0]:+.2f}..{ends[1]:+.2f}"

    def changed(self, value: float, ends: Interval) -> str:
        """A difference with its interval."""
        return f"{self.change(value)} [{self.change_between(ends)}]"

    def spread(self, values: Sequence[float]) -> list[float]:
        """Means in the unit in which they are written: shares in per cent."""
        return [100 * value if self.share else value for value in values]

    @property
    def unit(self) -> str:
        """After a number in its unit: " %", or nothing."""
        return " %" if self.share else ""

    @property
    def better(self) -> str:
        """In a title: which way is better, where it is not the usual one."""
        return "" if self.share else "less is better"

    @property
    def gain(self) -> str:
        """What watching is worth is called; an error that falls is a gain above 0."""
        return "vision gain" if self.share else f"vision gain ({self.title} saved)"

    def gained(self, own: np.ndarray, other: np.ndarray) -> np.ndarray:
        """By how much `own` (Q,) is better than `other` (Q,): above 0 is better -> (Q,)."""
        difference = own.astype(float) - other
        return difference if self.share else -difference


ACCURACY = Metric(key="accuracy", title="accuracy")


@dataclass(frozen=True, eq=False, kw_only=True)
class Measured:
    """One metric of a run and of all that it is held against, by row; the run's own is `key`."""

    metric: Metric
    value: dict[str, Grouped[float]]
    interval: dict[str, Grouped[Interval]]
    gain: Grouped[float] | None  # over question only, where that is known
    gain_interval: Grouped[Interval] | None

    @property
    def own(self) -> Grouped[float]:
        """That of the run itself."""
        return self.value[self.metric.key]

    @property
    def own_interval(self) -> Grouped[Interval]:
        """Its 95 % interval."""
        return self.interval[self.metric.key]


def measure(
    metric: Metric, rows: Mapping[str, np.ndarray], order: Sequence[str], bootstrap: Bootstrap
) -> Measured:
    """Measure rows, each (Q,) numbers of the questions, in the given order of their names."""
    values: dict[str, Any] = {row: rows[row] for row in order if row in rows}
    gain = None
    if "question_only" in rows:
        gain = metric.gained(rows[metric.key], rows["question_only"])
    return Measured(
        metric=metric,
        value={row: bootstrap.accuracy(numbers) for row, numbers in values.items()},
        interval={row: bootstrap.interval(numbers) for row, numbers in values.items()},
        gain=None if gain is None else bootstrap.accuracy(gain),
        gain_interval=None if gain is None else bootstrap.interval(gain),
    )
