"""Scores of candidates: every sum over a question's own, against one question at a time."""

import itertools

import pytest
import torch

from model.answer.choice import Choice, ChoiceLoss, log_softmax
from model.answer.kind import Rows

NUMBERS = (2, 5, 3, 7, 2)
ROWS = Rows(torch.arange(5).repeat_interleave(torch.tensor(NUMBERS)), 5)
ANSWER = torch.tensor([1, 0, 2, 6, 0])


def scores(seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 3 * torch.randn(sum(NUMBERS), 1, generator=generator, dtype=torch.float64)


def choice(loss: ChoiceLoss = "ce", smoothing: float = 0.0) -> Choice:
    return Choice(loss=loss, label_smoothing=smoothing)


def each(given: torch.Tensor) -> list[torch.Tensor]:
    """The scores of one question after another."""
    return list(given.squeeze(1).split(NUMBERS))


def test_the_softmax_is_each_questions_own() -> None:
    expected = torch.cat([own.log_softmax(0) for own in each(scores())])
    torch.testing.assert_close(log_softmax(scores().squeeze(1), ROWS), expected)


def test_large_scores_of_one_question_leave_the_others_alone() -> None:
    given = scores()
    given[2:7] += 1e4
    given[7:10] -= 1e4
    expected = torch.cat([own.log_softmax(0) for own in each(given)])
    torch.testing.assert_close(log_softmax(given.squeeze(1), ROWS), expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_cross_entropy_is_torchs_of_each_question(smoothing: float) -> None:
    given = scores().requires_grad_()
    loss = choice(smoothing=smoothing).lose(given, ANSWER, ROWS)
    one = [
        torch.nn.functional.cross_entropy(own[None], right[None], label_smoothing=smoothing)
        for own, right in zip(each(given), ANSWER, strict=True)
    ]
    expected = torch.stack(one).mean()
    torch.testing.assert_close(loss, expected)
    gradients = [torch.autograd.grad(x, given)[0] for x in (loss, expected)]
    torch.testing.assert_close(*gradients)
    if not smoothing:
        torch.testing.assert_close(choice().error(given, ANSWER, ROWS), torch.stack(one))


def test_the_hinge_is_that_of_each_wrong_candidate() -> None:
    given = scores().requires_grad_()
    loss = choice("hinge").lose(given, ANSWER, ROWS)
    expected = sum(
        max(0.0, 1 + float((own[j] - own[right]).detach()))
        for own, right in zip(each(given), ANSWER.tolist(), strict=True)
        for j in range(len(own))
        if j != right
    )
    assert float(loss) == pytest.approx(expected / 5)
    (gradient,) = torch.autograd.grad(loss, given)
    step = 1e-6
    for i in range(len(given)):
        moved = given.detach().clone()
        moved[i] += step
        slope = (choice("hinge").lose(moved, ANSWER, ROWS) - loss) / step
        assert float(gradient[i]) == pytest.approx(float(slope), abs=1e-4)


def test_the_best_is_told_first_and_missing_ones_are_none() -> None:
    told = choice().told(scores(), ROWS)
    assert told.top.shape == told.probability.shape == (5, 5)
    first = list(itertools.accumulate(NUMBERS, initial=0))
    for i, own in enumerate(each(scores().float())):
        order = own.argsort(descending=True)[:5]
        kept = len(order)
        assert told.top[i].tolist() == [*order.tolist(), *[-1] * (5 - kept)]
        torch.testing.assert_close(told.probability[i, :kept], own.softmax(0)[order])
        assert not told.probability[i, kept:].any()
        assert told.row[i] == first[i] + int(order[0])
    assert told.value.isnan().all()


def test_few_candidates_fill_five_columns_and_the_first_of_equal_ones_is_told() -> None:
    rows = Rows(torch.tensor([0, 0, 1, 1, 1]), 2)
    told = choice().told(torch.tensor([[1.0], [1.0], [0.0], [2.0], [2.0]]), rows)
    assert told.top.tolist() == [[0, 1, -1, -1, -1], [1, 2, 0, -1, -1]]


def test_numbers_that_are_none_are_not_hidden() -> None:
    given = scores()
    given[3] = torch.nan
    told = choice().told(given, ROWS)
    assert told.probability.isfinite().all(1).tolist() == [True, False, True, True, True]


def test_right_is_above_all_others() -> None:
    expected = [int(own.argmax()) for own in each(scores())]
    found = choice().correct(scores(), torch.tensor(expected), ROWS)
    assert found.all()
    wrong = torch.tensor([(e + 1) % n for e, n in zip(expected, NUMBERS, strict=True)])
    assert not choice().correct(scores(), wrong, ROWS).any()
    assert not choice().correct(torch.zeros_like(scores()), ANSWER, ROWS).any()  # a tie


def test_candidates_share_what_their_question_counts() -> None:
    weight = choice().weight(ROWS)
    assert float(weight.sum()) == pytest.approx(1)
    for own in weight.split(NUMBERS):
        assert float(own.sum()) == pytest.approx(1 / 5)


def test_bfloat16_scores_are_summed_in_float32() -> None:
    half = scores().bfloat16()
    assert choice().lose(half, ANSWER, ROWS).dtype == torch.float32
    exact = choice().lose(half.double(), ANSWER, ROWS)
    assert float(choice().lose(half, ANSWER, ROWS)) == pytest.approx(float(exact), rel=1e-5)
