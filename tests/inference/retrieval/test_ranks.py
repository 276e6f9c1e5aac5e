"""Ranks and what is told of them, against sorting."""

import pytest
import torch

from inference.retrieval.ranks import ranks, summary


def test_ranks_are_places_in_the_sorted_list() -> None:
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(20, 7, generator=generator)
    right = torch.rand(20, 7, generator=generator) < 0.3
    right[:, 3] |= ~right.any(1)
    for row, wanted, found in zip(
        scores.tolist(), right.tolist(), ranks(scores, right), strict=True
    ):
        order = sorted(range(7), key=lambda i: -row[i])
        best = next(i for i in order if wanted[i])
        above = [i for i in order[: order.index(best)] if not wanted[i]]
        assert found == 1 + len(above)


def test_a_score_that_tells_nothing_finds_by_chance() -> None:
    right = torch.eye(9, dtype=torch.bool)
    assert ranks(torch.zeros(9, 9), right).tolist() == [5.0] * 9


def test_summary() -> None:
    found = summary(torch.tensor([1.0, 2.0, 6.0, 11.0], dtype=torch.float64))
    assert found["R@1"] == 0.25 and found["R@5"] == 0.5 and found["R@10"] == 0.75
    assert found["median rank"] == 4
    assert found["MRR"] == pytest.approx((1 + 1 / 2 + 1 / 6 + 1 / 11) / 4)
