"""Intervals draw groups whole, and hold what they are to hold as often as they say."""

import numpy as np
import pytest

from evaluation.label.intervals import RowBootstrap
from evaluation.label.metrics import confusion, mean_class_accuracy


def test_means_are_those_of_the_rows_that_a_resample_has() -> None:
    groups = ["a", "a", "b", "c", "c", "c"]
    hits = np.array([1, 0, 1, 0, 0, 1.0])
    target = np.array([0, 1, 0, 1, 2, 2])
    bootstrap = RowBootstrap(groups, samples=50)
    for sample in range(50):
        counts = dict(zip("abc", bootstrap._drawn[sample].astype(int).tolist(), strict=True))
        rows = [i for i, group in enumerate(groups) for _ in range(counts[group])]
        assert bootstrap.means(hits)[sample] == pytest.approx(hits[rows].mean())
        told = np.where(hits[rows] == 1, target[rows], (target[rows] + 1) % 3)
        expected = mean_class_accuracy(confusion(target[rows], told, 3))
        assert bootstrap.class_means(hits, target)[sample] == pytest.approx(expected)


def test_rows_that_go_together_widen_the_interval() -> None:
    rng = np.random.default_rng(1)
    hits = np.repeat(rng.random(50) < 0.5, 8).astype(float)  # groups of eight alike
    names = [str(i // 8) for i in range(400)]
    wide = RowBootstrap(names).share(hits)
    narrow = RowBootstrap([str(i) for i in range(400)]).share(hits)
    ratio = (wide[1] - wide[0]) / (narrow[1] - narrow[0])
    assert ratio == pytest.approx(8**0.5, rel=0.1)


def test_all_right_is_no_certainty() -> None:
    bootstrap = RowBootstrap([str(i // 2) for i in range(40)])
    low, high = bootstrap.share(np.ones(40))
    assert high == 1 and (1 - low) == pytest.approx(1 - 0.025 ** (1 / 20))
    assert bootstrap.share(np.zeros(40)) == pytest.approx((0, 1 - 0.025 ** (1 / 20)))


@pytest.mark.parametrize("share", [0.5, 0.8])
def test_intervals_hold_the_truth_19_times_in_20(share: float) -> None:
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(150):
        hits = (rng.random(120) < share).astype(float)
        low, high = RowBootstrap([str(i) for i in range(120)], samples=400).share(hits)
        inside += low <= share <= high
    assert 0.88 <= inside / 150 <= 1
