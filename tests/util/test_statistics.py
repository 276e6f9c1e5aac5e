"""Intervals over videos, the exact McNemar test, calibration: against hand-computed numbers."""

import numpy as np
import pytest

from util.grouped import Grouped
from util.metrics import accuracy
from util.statistics import Bootstrap, mcnemar, reliability


def test_accuracies_are_those_of_the_questions_and_groups_go_by_size() -> None:
    rng = np.random.default_rng(0)
    types = rng.choice(["what", "who", "how"], 500, p=[0.6, 0.3, 0.1])
    hits = rng.random(500) < 0.4
    bootstrap = Bootstrap(rng.integers(40, size=500).astype(str), types, samples=10)
    assert bootstrap.types == ("what", "who", "how")
    found, plain = bootstrap.accuracy(hits), accuracy(hits, types)
    assert found.total == pytest.approx(plain.total) == hits.mean()
    assert found.by_type == pytest.approx(plain.by_type)
    assert bootstrap.counts.total == 500
    assert bootstrap.counts.by_type["who"] == (types == "who").sum()


def test_with_one_question_a_video_the_interval_is_the_binomial_one() -> None:
    hits = np.arange(1000) < 300
    low, high = Bootstrap(np.arange(1000).astype(str), ["what"] * 1000).interval(hits).total
    spread = 1.96 * np.sqrt(0.3 * 0.7 / 1000)
    assert low == pytest.approx(0.3 - spread, abs=0.003)
    assert high == pytest.approx(0.3 + spread, abs=0.003)


def test_questions_of_one_video_that_go_together_widen_the_interval() -> None:
    videos = np.repeat(np.arange(100), 25).astype(str)
    together = np.repeat(np.arange(100) < 30, 25)
    low, high = Bootstrap(videos, ["what"] * 2500).interval(together).total
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 100), rel=0.05)


def test_the_paired_interval_of_equal_models_is_zero_and_covers_a_known_difference() -> None:
    rng = np.random.default_rng(1)
    videos = rng.integers(80, size=2000).astype(str)
    bootstrap = Bootstrap(videos, ["what"] * 2000)
    a, b = rng.random(2000) < 0.3, rng.random(2000) < 0.4
    assert bootstrap.interval(a.astype(float) - a).total == (0, 0)
    low, high = bootstrap.interval(b.astype(float) - a).total
    assert low < b.mean() - a.mean() < high and low > 0


def test_a_rare_type_has_an_interval_though_resamples_miss_it() -> None:
    types = ["what"] * 99 + ["where"]
    found = Bootstrap(np.arange(100).astype(str), types, samples=200)
    assert found.interval(np.ones(100)).by_type["where"] == (1, 1)


def test_the_same_seed_gives_the_same_interval() -> None:
    videos, hits = np.arange(50).astype(str), np.random.default_rng(0).random(50)
    intervals = [Bootstrap(videos, ["a"] * 50, seed=s).interval(hits) for s in (1, 1, 2)]
    assert intervals[0] == intervals[1] != intervals[2]


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"), [(0, 0, 1), (1, 5, 14 / 64), (4, 4, 1), (0, 10, 2 / 1024)]
)
def test_mcnemar_is_the_exact_binomial_test(only_a: int, only_b: int, p: float) -> None:
    a = np.array([True] * only_a + [False] * only_b + [True, False])
    b = np.array([False] * only_a + [True] * only_b + [True, False])
    assert mcnemar(a, b) == pytest.approx(p)


def test_calibration_by_hand() -> None:
    probability = np.array([0.05, 0.95, 0.95, 0.95, 1.0])
    correct = np.array([False, True, True, False, True])
    confidence, right, count, error = reliability(probability, correct, bins=10)
    assert count.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 4]
    assert confidence[9] == pytest.approx(3.85 / 4) and right[9] == 0.75
    assert np.isnan(confidence[4])
    assert error == pytest.approx((0.05 * 1 + abs(3.85 / 4 - 0.75) * 4) / 5)


def test_names_are_taken_as_they_are() -> None:
    """Also with a NUL at the end, and one of megabytes among thousands."""
    found = Bootstrap(["v", "v\0", "w"], ["a", "a\0", "a\0"], samples=10)
    assert found.counts == Grouped(3, {"a\0": 2, "a": 1}) and found.total == 3
    long = ["x" * 1_000_000, *("what" for _ in range(4999))]  # 20 GB as an array of NumPy's strings
    assert Bootstrap(long, long, samples=10).counts.by_type["what"] == 4999
