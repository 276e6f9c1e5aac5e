"""What is told of ranks, against drawing and sorting."""

import numpy as np
import pytest

from evaluation.retrieval.measures import METRICS, QueryBootstrap, Ranks, chance_of


def test_chance_is_what_shuffled_lists_find() -> None:
    right = np.array([1, 1, 3])
    draws = np.random.default_rng(0)
    drawn = np.array(
        [[draws.permutation(12)[:n].min() + 1 for n in right] for _ in range(5_000)], float
    )
    found, shuffled = chance_of(12, right), Ranks(rank=drawn)
    for metric in ("R@1", "R@5", "R@10", "MRR"):
        assert found[metric] == pytest.approx(shuffled.mean(metric), abs=0.02), metric
    assert found["median rank"] == np.median(drawn)
    assert chance_of(3, np.array([1]))["R@5"] == 1
    assert chance_of(549, np.ones(4, int))["R@1"] == pytest.approx(1 / 549)


def test_metrics_are_means_over_seeds() -> None:
    ranks = Ranks(rank=np.array([[1.0, 2.0, 11.0], [1.0, 1.0, 5.0]]))
    assert ranks.seeds("R@1") == pytest.approx([1 / 3, 2 / 3])
    assert ranks.mean("median rank") == 1.5
    assert ranks.mean("MRR") == pytest.approx(((1 + 1 / 2 + 1 / 11) / 3 + (2 + 1 / 5) / 3) / 2)
    assert ranks.each("R@5").tolist() == [1, 1, 0.5]


def test_intervals_draw_videos_and_hold_the_metric() -> None:
    draws = np.random.default_rng(1)
    videos = [f"v{i}" for i in range(40) for _ in range(5)]
    rank = np.ceil(draws.gamma(2, 4, (2, 40, 1)) + draws.random((2, 40, 5))).reshape(2, -1)
    ranks, bootstrap = Ranks(rank=rank), QueryBootstrap(videos)
    assert bootstrap.videos == 40
    alone = QueryBootstrap([str(i) for i in range(200)])
    for metric in METRICS:
        low, high = bootstrap.interval(ranks, metric)
        assert low <= ranks.mean(metric) <= high and low < high, metric
        near = alone.interval(ranks, metric)
        assert near[1] - near[0] < high - low, metric  # queries of one video are alike


def test_medians_of_resamples_are_those_of_the_drawn_queries() -> None:
    rank = np.array([1.0, 1.0, 4.0, 4.0, 9.0, 9.0])
    bootstrap = QueryBootstrap(["a", "a", "b", "b", "c", "c"], samples=50)
    found = bootstrap._medians(rank)
    drawn = bootstrap._rows._drawn.astype(int)
    expected = [np.median(np.repeat([1.0, 4.0, 9.0], 2 * row)) for row in drawn]
    np.testing.assert_array_equal(found, expected)


def test_a_change_is_paired_and_relative() -> None:
    one = Ranks(rank=np.array([[1.0, 2.0, 2.0, 3.0]] * 1))
    other = Ranks(rank=np.array([[1.0, 1.0, 2.0, 3.0]] * 1))
    change = QueryBootstrap(list("abcd")).change(one, other)
    assert change.value == 0.25 and change.relative == 1
    assert change.interval[0] == 0 and change.relative_interval[0] == 0
    same = QueryBootstrap(list("abcd")).change(one, one)
    assert same.interval == (0, 0) and same.relative == 0
    none = Ranks(rank=np.full((1, 4), 9.0))
    assert np.isnan(QueryBootstrap(list("abcd")).change(none, none).relative)
