"""One model against another on the same questions, each of one seed or of several."""

import statistics
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from data_loader.questions import Kind
from evaluation import normalise
from evaluation.format import Interval, columns_of, grid, largest_types
from evaluation.kind.count import errors
from evaluation.kind.metric import ACCURACY, Metric
from evaluation.kind.table import MEASURES
from evaluation.normalise import Normaliser
from evaluation.truth import Truth
from util.grouped import Grouped
from util.statistics import Bootstrap, mcnemar


@dataclass(frozen=True, eq=False)
class Model:
    """The answers of a model, of each of its seeds."""

    name: str  # as it was typed
    answers: np.ndarray  # (S, Q) object: str; choice: places, count: numbers, int64

    def numbers(self, truth: Truth) -> dict[str, np.ndarray]:
        """Of each metric of the kind, the numbers (S, Q) whose means count."""
        if truth.kind == "count":
            assert truth.right is not None
            return errors(self.answers, truth.right)
        return {ACCURACY.key: self.answers == truth.true}


@dataclass(frozen=True, eq=False)
class Difference:
    """A metric of A and B, and B minus A, shares as fractions; of several seeds, of their means."""

    metric: Metric
    numbers: tuple[np.ndarray, np.ndarray]  # (S, Q) and (T, Q): whether right, or an error
    mean: tuple[Grouped[float], Grouped[float]]
    difference: Grouped[float]
    interval: Grouped[Interval]

    def deviation(self, of: int) -> float:
        """Standard deviation over the seeds of A (0) or B (1), which has several."""
        return statistics.stdev(self.numbers[of].mean(1).tolist())

    def rows(self, a: str, b: str, types: list[str]) -> list[tuple[str, list[str]]]:
        """Rows of the table for the terminal; A and B by their labels."""
        return [
            (a, [self.metric.cell(v) for v in self.mean[0].of(types)]),
            (b, [self.metric.cell(v) for v in self.mean[1].of(types)]),
            ("B - A", [self.metric.change(v) for v in self.difference.of(types)]),
            ("  95 % interval", [self.metric.change_between(i) for i in self.interval.of(types)]),
        ]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A model against another."""

    kind: Kind
    a: Model
    b: Model
    differences: tuple[Difference, ...]  # of each metric of the kind, the main one first
    normalised: Difference | None
    flipped: list[dict[str, Any]]  # questions that all seeds of one have right, none of the other

    @property
    def exact(self) -> Difference:
        """Which questions are right, to the letter or to the number."""
        return next(one for one in self.differences if one.metric.share)

    @property
    def gained(self) -> int:
        """Questions that only B has right."""
        return sum(f["right"] == "b" for f in self.flipped)

    @property
    def lost(self) -> int:
        """Questions that only A has right."""
        return len(self.flipped) - self.gained

    @property
    def seeds(self) -> tuple[int, int]:
        """Number of seeds of A and of B."""
        return len(self.a.answers), len(self.b.answers)

    @property
    def p(self) -> float:
        """McNemar's, of two models of one seed each."""
        return mcnemar(self.exact.numbers[0][0], self.exact.numbers[1][0])

    def table(self, split: str, counts: Grouped[int]) -> str:
        """The table for the terminal."""
        types = largest_types(counts)
        rows = [("questions", [f"{n:,}" for n in counts.of(types)])]
        table = ""
        for one in self.differences:
            rows += one.rows(f"A {self.a.name}", f"B {self.b.name}", types)
            if self.normalised:
                rows += self.normalised.rows("A normalised", "B normalised", types)
            table += f"split {split}, {self._title(one.metric)}\n{grid(columns_of(counts), rows)}\n"
            rows = []
        if self.seeds == (1, 1):
            return (
                f"{table}McNemar p = {self.p:.2g}; only A right on {self.lost:,} questions, only B "
                f"on {self.gained:,} (the interval resamples videos; McNemar takes questions as "
                "independent)"
            )
        shown = (
            f"{name} is one run"
            if count == 1
            else f"{name} the mean of {count} seeds, ± {self._deviation(of)}"
            for of, (name, count) in enumerate(zip("AB", self.seeds, strict=True))
        )
        return (
            f"{table}{', '.join(shown)}; all of A and none of B right on {self.lost:,} questions, "
            f"all of B and none of A on {self.gained:,} (the interval resamples videos and seeds"
            f"{'; of one run, videos alone' if 1 in self.seeds else ''})"
        )

    def _title(self, metric: Metric) -> str:
        """What a block of the table is."""
        if metric.share:
            return "per cent" if len(self.differences) == 1 else f"{metric.title}, per cent"
        return f"mean {metric.title}: {metric.better}, so that B is better where B - A is below 0"

    def _deviation(self, of: int) -> str:
        """Of the main metric, over the seeds of A (0) or B (1)."""
        main = self.differences[0]
        (deviation,) = main.metric.spread([main.deviation(of)])
        return f"{deviation:.2f}"

    def mended(self, truth: Truth) -> dict[str, list[tuple[str, str, int]]]:
        """What is right by the normaliser alone: predicted, true, how often; commonest first."""
        assert self.normalised is not None
        found = {}
        for of, (key, model) in enumerate((("a", self.a), ("b", self.b))):
            only = self.normalised.numbers[of] & ~self.exact.numbers[of]
            pairs = Counter(
                (model.answers[s, q], truth.answer[q]) for s, q in np.argwhere(only).tolist()
            )
            found[key] = [(*pair, count) for pair, count in pairs.most_common()]
        return found

    def summary(self, split: str) -> dict[str, Any]:
        """All numbers as plain types."""
        out: dict[str, Any] = {
            "a": self.a.name,
            "b": self.b.name,
        }
        if self.kind != "open":
            out["kind"] = self.kind
        for one in self.differences:
            alone = len(self.differences) == 1
            out |= _numbers(one, f"{split}/", "" if alone else f"{one.metric.key}_")
        if self.seeds == (1, 1):
            out["mcnemar_p"] = self.p
        for of, (name, count) in enumerate(zip("ab", self.seeds, strict=True)):
            if count > 1:
                out |= {
                    f"seeds_{name}": count,
                    f"{split}/deviation_{name}": self.differences[0].deviation(of),
                }
        out |= {"only_a_right": self.lost, "only_b_right": self.gained}
        if self.normalised:
            out["normaliser"] = {"version": normalise.VERSION, "rules": normalise.RULES}
            out |= _numbers(self.normalised, f"{split}/normalised_", "")
        return out


def _numbers(one: Difference, before: str, of: str) -> dict[str, Any]:
    """Names begin with `before`; that of the difference says `of` what, where there are several."""
    return {
        f"{before}{one.metric.key}_a": one.mean[0].total,
        f"{before}{one.metric.key}_b": one.mean[1].total,
        f"{before}{of}difference": one.difference.total,
        f"{before}{of}difference_interval": one.interval.total,
    }


def compare_pair(
    a: Model, b: Model, truth: Truth, bootstrap: Bootstrap, normaliser: Normaliser | None
) -> Comparison:
    """What B answers otherwise than A, over all questions and by type."""
    numbers_a, numbers_b = a.numbers(truth), b.numbers(truth)
    metrics = MEASURES[truth.kind].metrics
    differences = tuple(
        _difference(m, numbers_a[m.key], numbers_b[m.key], bootstrap) for m in metrics
    )
    normalised = None
    if normaliser:
        normalised = _difference(
            ACCURACY,
            np.array([normaliser.right(seed, truth.answer) for seed in a.answers]),
            np.array([normaliser.right(seed, truth.answer) for seed in b.answers]),
            bootstrap,
        )
    found = Comparison(truth.kind, a, b, differences, normalised, [])
    right_a, right_b = found.exact.numbers
    only_a = np.all(right_a, 0) & ~np.any(right_b, 0)
    only_b = np.all(right_b, 0) & ~np.any(right_a, 0)
    flipped = [
        {
            "id": truth.id[i],
            "video": truth.video[i],
            "type": truth.type[i],
            "question": truth.text[i],
            "answer": truth.answer[i],
            "a": " / ".join(truth.said(a.answers, i)),
            "b": " / ".join(truth.said(b.answers, i)),
            "right": "b" if only_b[i] else "a",
        }
        for i in np.flatnonzero(only_a | only_b).tolist()
    ]
    return replace(found, flipped=flipped)


def _difference(metric: Metric, a: np.ndarray, b: np.ndarray, bootstrap: Bootstrap) -> Difference:
    """a (S, Q) and b (T, Q): which answers of each seed are right, or how far off they are."""
    difference = b.mean(0) - a.mean(0)
    if len(a) == len(b) == 1:
        interval = bootstrap.interval(difference)
    else:
        interval = bootstrap.interval_over_seeds(a, b)
    return Difference(
        metric,
        (a, b),
        (bootstrap.accuracy(a.mean(0)), bootstrap.accuracy(b.mean(0))),
        bootstrap.accuracy(difference),
        interval,
    )
