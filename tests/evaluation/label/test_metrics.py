"""Each number of a classifier against a plain loop over rows."""

import math
from collections import Counter

import numpy as np
import pytest

from evaluation.label.metrics import (
    best_class,
    confusion,
    mean_class_accuracy,
    per_class,
    top_hits,
)

RNG = np.random.default_rng(7)
TARGET = RNG.integers(5, size=200)  # of 7 classes: two have no row
SCORES = RNG.integers(4, size=(200, 7)).astype(np.float32)  # many are equal
SCORES[:, 6] = -1  # is never told
PREDICTED = best_class(SCORES)


def test_confusion_counts_pairs() -> None:
    pairs = Counter(zip(TARGET.tolist(), PREDICTED.tolist(), strict=True))
    table = confusion(TARGET, PREDICTED, 7)
    assert table.sum() == 200
    assert all(table[t, p] == pairs[t, p] for t in range(7) for p in range(7))


def test_precision_recall_and_f1_of_each_class() -> None:
    found = per_class(confusion(TARGET, PREDICTED, 7))
    for k in range(7):
        true = {i for i, t in enumerate(TARGET) if t == k}
        told = {i for i, p in enumerate(PREDICTED) if p == k}
        right = len(true & told)
        precision = right / len(told) if told else math.nan
        recall = right / len(true) if true else math.nan
        f1 = math.nan
        if true or told:
            f1 = 0.0 if not right else 2 / (len(true) / right + len(told) / right)
        for value, expected in (
            (found.count[k], len(true)), (found.predicted[k], len(told)),
            (found.precision[k], precision), (found.recall[k], recall), (found.f1[k], f1),
        ):  # fmt: skip
            assert value == pytest.approx(expected, nan_ok=True)
    assert math.isnan(found.f1[6])


def test_mean_class_accuracy_leaves_out_classes_without_rows() -> None:
    shares = []
    for k in range(5):
        own = [p == k for t, p in zip(TARGET, PREDICTED, strict=True) if t == k]
        shares.append(sum(own) / len(own))
    table = confusion(TARGET, PREDICTED, 7)
    assert mean_class_accuracy(table) == pytest.approx(sum(shares) / 5)
    assert mean_class_accuracy(table) != pytest.approx((TARGET == PREDICTED).mean())


@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_the_best_k_are_those_of_a_sort(k: int) -> None:
    expected = []
    for scores, target in zip(SCORES.tolist(), TARGET.tolist(), strict=True):
        order = sorted(range(7), key=lambda c: (-scores[c], c))
        expected.append(target in order[:k])
    assert top_hits(SCORES, TARGET, k).tolist() == expected
    if k == 1:
        assert expected == (PREDICTED == TARGET).tolist()
