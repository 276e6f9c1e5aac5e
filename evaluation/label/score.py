"""All that is measured of a classifier, beside the rows that it must be judged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import mean

import numpy as np

from evaluation.format import Interval
from evaluation.label.calibration import calibration_error, negative_log_likelihood, softmax
from evaluation.label.intervals import RowBootstrap, middle
from evaluation.label.metrics import (
    PerClass,
    confusion,
    mean_class_accuracy,
    per_class,
    top_hits,
)
from evaluation.label.predictions import ClassPredictions
from evaluation.label.told import Seeds
from evaluation.label.truth_rows import (
    ROWS,
    Difference,
    TruthRow,
    constant_row,
    difference,
    motion_gain,
    row_of,
)

TOP = 5  # best classes, where there are more


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """Of one or more seeds, means; at temperature 1 and at the fitted ones."""

    temperatures: tuple[float, ...]  # of each run
    error_before: float
    error: float
    likelihood_before: float  # mean negative log-likelihood of the true class
    likelihood: float


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassScore:
    """The measurements of a model on R rows."""

    model: Seeds[ClassPredictions]
    resampled: str  # groups or videos
    units: int  # of these
    rows: dict[str, TruthRow]  # as in `ROWS`
    intervals: dict[str, Interval]  # of each row's accuracy
    mean_class: float
    mean_class_interval: Interval
    top: float | None  # accuracy of the best `TOP` classes; None: there are no more than these
    gain: Difference | None  # motion gain
    above: tuple[Difference, ...]  # the other rows of models
    order_only: "OrderOnly | None"
    calibration: Calibration

    @cached_property
    def table(self) -> np.ndarray:
        """How many rows of each class were told to be of which, of all seeds: (K, K) int64."""
        return sum(
            (confusion(one.target, one.predicted, len(one.classes)) for one in self.model.each),
            np.zeros((), dtype=np.int64),
        )

    @cached_property
    def per_class(self) -> PerClass:
        """Of all seeds."""
        return per_class(self.table)


@dataclass(frozen=True, eq=False, kw_only=True)
class OrderOnly:
    """The same over the rows whose true class no single frame tells."""

    count: int
    classes: tuple[str, ...]
    rows: dict[str, TruthRow]
    intervals: dict[str, Interval]
    gain: Difference | None
    chance: float | None  # of who knows all but the order; None: that is not known


def score_classes(
    model: Seeds[ClassPredictions],
    beside: Mapping[str, tuple[Seeds[ClassPredictions], str]],
    *,
    resample: str = "groups",
) -> ClassScore:
    """Measure a model; `beside`: other rows of `ROWS` by name, each with where it is from.

    `resample`: what intervals draw, groups or videos.
    """
    first = model.first
    rows = {"accuracy": row_of(model, ""), "constant": constant_row(model)}
    rows |= {name: row_of(*beside[name]) for name in ROWS if name in beside}
    units = first.groups if resample == "groups" else first.videos
    bootstrap = RowBootstrap(units)
    mean_class = mean(
        mean_class_accuracy(confusion(one.target, one.predicted, len(one.classes)))
        for one in model.each
    )
    top = None
    if len(first.classes) > TOP:
        top = mean(float(top_hits(one.logits, one.target, TOP).mean()) for one in model.each)
    return ClassScore(
        model=model,
        resampled=resample,
        units=bootstrap.groups,
        rows=rows,
        intervals={name: bootstrap.share(row.hits) for name, row in rows.items()},
        mean_class=mean_class,
        mean_class_interval=middle(bootstrap.class_means(rows["accuracy"].hits, first.target)),
        top=top,
        gain=motion_gain(rows, bootstrap),
        above=_above(rows, bootstrap),
        order_only=_order_only(first, rows, units),
        calibration=_calibration(model),
    )


def _above(rows: Mapping[str, TruthRow], bootstrap: RowBootstrap) -> tuple[Difference, ...]:
    return tuple(difference(rows, name, bootstrap) for name in rows if name != "accuracy")


def _order_only(
    first: ClassPredictions, rows: Mapping[str, TruthRow], units: tuple[str, ...]
) -> OrderOnly | None:
    """None: there are no such classes, or no rows of them."""
    hidden = [first.classes.index(name) for name in first.order_only]
    kept = np.isin(first.target, hidden)
    if not kept.any():
        return None
    bootstrap = RowBootstrap([unit for unit, keep in zip(units, kept, strict=True) if keep])
    some = {name: row.only(kept) for name, row in rows.items()}
    return OrderOnly(
        count=int(kept.sum()),
        classes=first.order_only,
        rows=some,
        intervals={name: bootstrap.share(row.hits) for name, row in some.items()},
        gain=motion_gain(some, bootstrap),
        chance=_order_chance(first, first.target[kept]),
    )


def _order_chance(first: ClassPredictions, target: np.ndarray) -> float | None:
    """How often one is right who knows which classes have these frames, but not their order."""
    guess = {name: 1 / len(group) for group in first.alike for name in group}
    names = [first.classes[k] for k in target.tolist()]
    return mean(guess[name] for name in names) if guess.keys() >= set(names) else None


def _calibration(model: Seeds[ClassPredictions]) -> Calibration:
    every = model.each
    temperatures = {
        (s, int(part)): float(one.temperature[one.source == part][0])
        for s, one in enumerate(every)
        for part in np.unique(one.source)
    }
    return Calibration(
        temperatures=tuple(temperatures.values()),
        error_before=mean(calibration_error(softmax(o.logits), o.target) for o in every),
        error=mean(calibration_error(o.probability, o.target) for o in every),
        likelihood_before=mean(negative_log_likelihood(o.logits, o.target) for o in every),
        likelihood=mean(
            negative_log_likelihood(o.logits / o.temperature[:, None], o.target) for o in every
        ),
    )
