"""One model against another on the same questions, each of one seed or of several."""

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation import normalise
from evaluation.format import Interval, between, columns_of, grid, largest_types, percent
from evaluation.normalise import Normaliser
from evaluation.predictions_file import Truth
from util.grouped import Grouped
from util.statistics import Bootstrap, mcnemar


@dataclass(frozen=True, eq=False)
class Model:
    """The answers of a model, of each of its seeds."""

    name: str  # as it was typed
    answers: np.ndarray  # (S, Q) object: str

    def right(self, truth: Truth) -> np.ndarray:
        """Exact matches, (S, Q) bool."""
        return self.answers == truth.answer


@dataclass(frozen=True, eq=False)
class Difference:
    """Accuracies of A and B, and B minus A, fractions; of several seeds, of their means."""

    right: tuple[np.ndarray, np.ndarray]  # (S, Q) and (T, Q) bool
    accuracy: tuple[Grouped[float], Grouped[float]]
    difference: Grouped[float]
    interval: Grouped[Interval]

    def deviation(self, of: int) -> float:
        """Standard deviation over the seeds of A (0) or B (1), which has several."""
        return statistics.stdev(self.right[of].mean(1).tolist())

    def rows(self, a: str, b: str, types: list[str]) -> list[tuple[str, list[str]]]:
        """Rows of the table for the terminal; A and B by their labels."""
        return [
            (a, [percent(v) for v in self.accuracy[0].of(types)]),
            (b, [percent(v) for v in self.accuracy[1].of(types)]),
            ("B - A", [f"{100 * v:+.1f}" for v in self.difference.of(types)]),
            ("  95 % interval", [between(i, sign=True) for i in self.interval.of(types)]),
        ]


@dataclass(frozen=True, eq=False)
class Comparison:
    """A model against another."""

    a: Model
    b: Model
    exact: Difference
    normalised: Difference | None
    flipped: list[dict[str, Any]]  # questions that all seeds of one have right, none of the other

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
        return mcnemar(self.exact.right[0][0], self.exact.right[1][0])

    def table(self, split: str, counts: Grouped[int]) -> str:
        """The table for the terminal."""
        types = largest_types(counts)
        rows = [("questions", [f"{n:,}" for n in counts.of(types)])]
        rows += self.exact.rows(f"A {self.a.name}", f"B {self.b.name}", types)
        if self.normalised:
            rows += self.normalised.rows("A normalised", "B normalised", types)
        table = f"split {split}, per cent\n{grid(columns_of(counts), rows)}\n"
        if self.seeds == (1, 1):
            return (
                f"{table}McNemar p = {self.p:.2g}; only A right on {self.lost:,} questions, only B "
                f"on {self.gained:,} (the interval resamples videos; McNemar takes questions as "
                "independent)"
            )
        shown = (
            f"{name} is one run"
            if count == 1
            else f"{name} the mean of {count} seeds, ± {100 * self.exact.deviation(of):.2f}"
            for of, (name, count) in enumerate(zip("AB", self.seeds, strict=True))
        )
        return (
            f"{table}{', '.join(shown)}; all of A and none of B right on {self.lost:,} questions, "
            f"all of B and none of A on {self.gained:,} (the interval resamples videos and seeds"
            f"{'; of one run, videos alone' if 1 in self.seeds else ''})"
        )

    def mended(self, truth: Truth) -> dict[str, list[tuple[str, str, int]]]:
        """What is right by the normaliser alone: predicted, true, how often; commonest first."""
        assert self.normalised is not None
        found = {}
        for of, (key, model) in enumerate((("a", self.a), ("b", self.b))):
            only = self.normalised.right[of] & ~self.exact.right[of]
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
            **_numbers(self.exact, split, ""),
        }
        if self.seeds == (1, 1):
            out["mcnemar_p"] = self.p
        for of, (name, count) in enumerate(zip("ab", self.seeds, strict=True)):
            if count > 1:
                out |= {
                    f"seeds_{name}": count,
                    f"{split}/deviation_{name}": self.exact.deviation(of),
                }
        out |= {"only_a_right": self.lost, "only_b_right": self.gained}
        if self.normalised:
            out["normaliser"] = {"version": normalise.VERSION, "rules": normalise.RULES}
            out |= _numbers(self.normalised, split, "normalised_")
        return out


def _numbers(one: Difference, split: str, kind: str) -> dict[str, Any]:
    return {
        f"{split}/{kind}accuracy_a": one.accuracy[0].total,
        f"{split}/{kind}accuracy_b": one.accuracy[1].total,
        f"{split}/{kind}difference": one.difference.total,
        f"{split}/{kind}difference_interval": one.interval.total,
    }


def compare_pair(
    a: Model, b: Model, truth: Truth, bootstrap: Bootstrap, normaliser: Normaliser | None
) -> Comparison:
    """What B answers otherwise than A, over all questions and by type."""
    exact = _difference(a.right(truth), b.right(truth), bootstrap)
    normalised = None
    if normaliser:
        normalised = _difference(
            np.array([normaliser.right(seed, truth.answer) for seed in a.answers]),
            np.array([normaliser.right(seed, truth.answer) for seed in b.answers]),
            bootstrap,
        )
    right_a, right_b = exact.right
    only_a = np.all(right_a, 0) & ~np.any(right_b, 0)
    only_b = np.all(right_b, 0) & ~np.any(right_a, 0)
    flipped = [
        {
            "id": truth.id[i],
            "video": truth.video[i],
            "type": truth.type[i],
            "question": truth.text[i],
            "answer": truth.answer[i],
            "a": " / ".join(dict.fromkeys(a.answers[:, i])),
            "b": " / ".join(dict.fromkeys(b.answers[:, i])),
            "right": "b" if only_b[i] else "a",
        }
        for i in np.flatnonzero(only_a | only_b)
    ]
    return Comparison(a, b, exact, normalised, flipped)


def _difference(a: np.ndarray, b: np.ndarray, bootstrap: Bootstrap) -> Difference:
    """a (S, Q) and b (T, Q) bool: which answers of each seed are right."""
    difference = b.mean(0) - a.mean(0)
    if len(a) == len(b) == 1:
        interval = bootstrap.interval(difference)
    else:
        interval = bootstrap.interval_over_seeds(a, b)
    return Difference(
        (a, b),
        (bootstrap.accuracy(a.mean(0)), bootstrap.accuracy(b.mean(0))),
        bootstrap.accuracy(difference),
        interval,
    )
