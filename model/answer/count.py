"""A count: a number is told, between the least and the most of training."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.answer.kind import BEST, AnswerKind, Rows, Told
from model.layer.precision import at_least_float32


class Count(AnswerKind):
    """A number as one output, learned by its squared error (HCRN, Le et al. 2020, section 3.4).

    What is told is rounded, halves up, and clipped to the numbers of training.
    """

    loss = "mse"
    outputs = 1

    def __init__(self, *, least: int, most: int) -> None:
        """The least and the most number of training."""
        self.least, self.most = least, most

    def value(self, scores: Tensor) -> Tensor:
        """The number before it is rounded.  (B, outputs) -> (B,)."""
        return at_least_float32(scores).squeeze(1)

    def lose(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Mean squared error of the number before it is rounded."""
        return self.error(scores, answer, rows).mean()

    def correct(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Whether the number told is the true one; (B,)."""
        return self._told(self.value(scores)) == answer

    def told(self, scores: Tensor, rows: Rows) -> Told:
        """The number in the first of 5 columns, with its probability."""
        value = self.value(scores).float()
        told = self._told(value)
        top = nn.functional.pad(told[:, None], (0, BEST - 1), value=-1)
        sure = torch.where(value.isfinite(), self._sure(scores, told), torch.nan)
        return Told(top, nn.functional.pad(sure[:, None], (0, BEST - 1)), value, rows.question)

    def error(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Squared error of each number before it is rounded (B,)."""
        return (self.value(scores) - answer).square()

    def start(self, answers: Sequence[int]) -> Tensor:
        """The head's bias (outputs,) with which it tells the mean of these answers."""
        return torch.tensor(answers, dtype=torch.float32).mean()[None]

    def _told(self, value: Tensor) -> Tensor:
        return (value + 0.5).floor().clamp(self.least, self.most).long()

    def _sure(self, scores: Tensor, told: Tensor) -> Tensor:
        """The probability of the numbers told (B,); a value alone has none, and says 1."""
        return torch.ones_like(told, dtype=torch.float32)


class OrdinalCount(Count):
    """A number as K - 1 answers to "is it more than k?", K numbers from the least to the most.

    Each is learned by its binary cross entropy (Niu et al. 2016, section 3); the number is the
    least and the sum of their probabilities.
    """

    loss = "bce"

    def __init__(self, *, least: int, most: int) -> None:
        """The least and the most number of training; ValueError where they are the same."""
        if least == most:
            raise ValueError(f"every training answer is {least}")
        super().__init__(least=least, most=most)
        self.outputs = most - least

    def value(self, scores: Tensor) -> Tensor:
        """The expected number."""
        return self.least + at_least_float32(scores).sigmoid().sum(1)

    def lose(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Binary cross entropies, summed over the thresholds; mean over questions."""
        more = answer[:, None] > torch.arange(self.least, self.most, device=answer.device)
        scores = at_least_float32(scores)
        loss = nn.functional.binary_cross_entropy_with_logits(
            scores, more.to(scores), reduction="sum"
        )
        return loss / len(answer)

    def start(self, answers: Sequence[int]) -> Tensor:
        """The head's bias with which it tells how often each threshold is passed; never surely."""
        true = torch.tensor(answers)
        more = (true[:, None] > torch.arange(self.least, self.most)).sum(0)
        return ((more + 0.5) / (len(true) + 1)).logit()

    def _sure(self, scores: Tensor, told: Tensor) -> Tensor:
        """More than the number before, and not more than this one; (B,)."""
        more = scores.float().sigmoid()
        padded = torch.cat([torch.ones_like(more[:, :1]), more, torch.zeros_like(more[:, :1])], 1)
        place = (told - self.least)[:, None]
        return (padded.gather(1, place) - padded.gather(1, place + 1)).squeeze(1).clamp(min=0)
