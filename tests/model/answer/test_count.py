"""Numbers: their losses against sums written out, rounding, clipping, where a head starts."""

import math

import pytest
import torch

from model.answer.count import Count, OrdinalCount
from model.answer.kind import Rows

ANSWER = torch.tensor([2, 7, 3])
ROWS = Rows(torch.arange(3), 3)


def test_squared_error_and_what_is_told() -> None:
    count, scores = Count(least=2, most=7), torch.tensor([[2.5], [9.2], [-1.0]])
    assert float(count.lose(scores, ANSWER, ROWS)) == pytest.approx((0.25 + 4.84 + 16) / 3)
    assert count.error(scores, ANSWER, ROWS).tolist() == pytest.approx([0.25, 4.84, 16])
    told = count.told(scores, ROWS)
    assert told.top[:, 0].tolist() == [3, 7, 2]  # halves up; clipped
    assert told.probability[:, 0].tolist() == [1, 1, 1]
    assert (told.top[:, 1:] == -1).all() and not told.probability[:, 1:].any()
    assert told.value.tolist() == pytest.approx([2.5, 9.2, -1])
    assert count.correct(scores, ANSWER, ROWS).tolist() == [False, True, False]


def test_numbers_below_zero_are_rounded_alike() -> None:
    told = Count(least=-3, most=3).told(torch.tensor([[-1.5], [-1.6], [-0.5]]), ROWS)
    assert told.top[:, 0].tolist() == [-1, -2, 0]


def test_a_value_that_is_none_has_no_probability() -> None:
    told = Count(least=0, most=9).told(torch.tensor([[math.nan], [1.0], [math.inf]]), ROWS)
    assert told.probability[:, 0].isfinite().tolist() == [False, True, False]


def test_ordinal_thresholds_written_out() -> None:
    count = OrdinalCount(least=2, most=7)
    assert count.outputs == 5
    scores = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).double()
    sure = scores.sigmoid()
    loss = 0.0
    for i, answer in enumerate(ANSWER.tolist()):
        for k in range(5):
            p = float(sure[i, k])
            loss -= math.log(p if answer > 2 + k else 1 - p)
    assert float(count.lose(scores, ANSWER, ROWS)) == pytest.approx(loss / 3)
    told = count.told(scores, ROWS)
    torch.testing.assert_close(told.value, (2 + sure.sum(1)).float())
    for i, number in enumerate(told.top[:, 0].tolist()):
        above = [1.0, *sure[i].tolist(), 0.0]
        expected = max(0.0, above[number - 2] - above[number - 1])
        assert float(told.probability[i, 0]) == pytest.approx(expected, abs=1e-6)


def test_a_sure_ordinal_tells_each_number_of_its_range() -> None:
    count = OrdinalCount(least=1, most=4)
    scores = 50 * (2.0 * (torch.tensor([1, 2, 3, 4])[:, None] > torch.arange(1, 4)) - 1)
    told = count.told(scores, Rows(torch.arange(4), 4))
    assert told.top[:, 0].tolist() == [1, 2, 3, 4]
    assert told.probability[:, 0].tolist() == pytest.approx([1, 1, 1, 1])
    assert count.correct(scores, torch.tensor([1, 2, 3, 3]), Rows(torch.arange(4), 4)).sum() == 3


def test_one_number_has_nothing_to_order() -> None:
    with pytest.raises(ValueError, match="every training answer is 3"):
        OrdinalCount(least=3, most=3)
    told = Count(least=3, most=3).told(torch.tensor([[9.0]]), Rows(torch.arange(1), 1))
    assert told.top[0, 0] == 3


@pytest.mark.parametrize("kind", [Count, OrdinalCount])
def test_a_head_starts_at_the_mean_of_training(kind) -> None:
    answers = [1, 1, 2, 4, 4, 3, 1]
    count = kind(least=1, most=4)
    start = count.start(answers)
    assert start.shape == (count.outputs,) and start.isfinite().all()
    near = 1e-6 if kind is Count else 0.1  # an ordinal one is never sure of anything
    assert float(count.value(start[None])) == pytest.approx(sum(answers) / 7, abs=near)
