"""A choice: each candidate is read with its question and has one score; the highest is told.

Questions may have different numbers of candidates.  The C candidates of a batch are rows one after
another, and every sum or maximum over a question's own is by the index of its question: no
candidate is padded, and a GPU is not asked how many there are.
"""

from typing import Literal

import torch
from torch import Tensor

from model.answer.kind import BEST, AnswerKind, Rows, Told
from model.layer.gather import gather_rows
from model.layer.precision import at_least_float32

ChoiceLoss = Literal["ce", "hinge"]


class Choice(AnswerKind):
    """A softmax over each question's own candidates, or a hinge between right and wrong ones.

    The hinge is HCRN's (Le et al. 2020, section 3.4): over a question's wrong candidates the sum of
    max(0, 1 + wrong - right).  (Its released code counts the right one too, which adds a constant,
    and sums over the batch; here it is the mean over questions.)
    """

    def __init__(self, *, loss: ChoiceLoss, label_smoothing: float, apart: int = 0) -> None:
        """`label_smoothing`: of the cross entropy, over a question's own candidates; `apart`: the
        model reads questions without them, and gives so many numbers to multiply each with.
        """
        self.loss, self.label_smoothing = loss, label_smoothing
        self.apart, self.outputs = bool(apart), apart or 1

    def lose(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Mean over questions.  scores (C, 1), answer (B,) the place of the right candidate."""
        scores = at_least_float32(scores).squeeze(1)
        right = first_of(rows) + answer  # (B,) its row
        if self.loss == "hinge":
            gap = 1 + scores - gather_rows(gather_rows(scores, right), rows.question)
            return torch.where(_is(right, rows), 0, gap.relu()).sum() / rows.number
        log_share = log_softmax(scores, rows)
        loss = -gather_rows(log_share, right)
        if self.label_smoothing:
            spread = -sum_of(log_share, rows) / count_of(rows)
            loss = torch.lerp(loss, spread, self.label_smoothing)
        return loss.mean()

    def correct(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Whether the right candidate's score is above all others' (B,)."""
        scores = scores.squeeze(1)
        right = first_of(rows) + answer
        others = scores.masked_fill(_is(right, rows), -torch.inf)
        return scores[right] > max_of(others, rows)

    def told(self, scores: Tensor, rows: Rows) -> Told:
        """The best candidates, by their places; of equal ones the first."""
        share = self.probabilities(scores, rows)  # (B, K)
        missing = max(0, BEST - share.shape[1])
        share = torch.nn.functional.pad(share, (0, missing), value=-1)  # below every candidate's
        share = share.masked_fill(~_real(share, rows), -1)
        best = share.sort(dim=1, descending=True, stable=True)
        top, probability = best.indices[:, :BEST], best.values[:, :BEST]
        none = probability == -1
        value = torch.full_like(probability[:, 0], torch.nan, dtype=torch.float32)
        row = top[:, 0] + first_of(rows)
        if self.apart:  # the model has a row a question
            row = torch.arange(rows.number, device=top.device)
        return Told(top.masked_fill(none, -1), probability.masked_fill(none, 0), value, row)

    def error(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Cross entropy of each right candidate (B,)."""
        share = log_softmax(at_least_float32(scores).squeeze(1), rows)
        return -share[first_of(rows) + answer]

    def weight(self, rows: Rows) -> Tensor | None:
        """Candidates of a question share what it counts: (C,)."""
        if self.apart:
            return None
        return (1 / (count_of(rows) * rows.number))[rows.question]

    def probabilities(self, scores: Tensor, rows: Rows) -> Tensor:
        """(B, K), K the most candidates of one question; 0 where there are fewer."""
        share = log_softmax(scores.float().squeeze(1), rows).exp()
        place = torch.arange(len(share), device=share.device) - first_of(rows)[rows.question]
        padded = share.new_zeros(rows.number, int(count_of(rows).max()))
        return padded.index_put((rows.question, place), share)


def log_softmax(scores: Tensor, rows: Rows) -> Tensor:
    """Over each question's own candidates.  scores (C,) -> (C,)."""
    shifted = scores - max_of(scores.detach(), rows)[rows.question]
    return shifted - gather_rows(sum_of(shifted.exp(), rows).log(), rows.question)


def sum_of(values: Tensor, rows: Rows) -> Tensor:
    """Over each question's own.  values (C,) -> (B,)."""
    return values.new_zeros(rows.number).index_add(0, rows.question, values)


def max_of(values: Tensor, rows: Rows) -> Tensor:
    """Over each question's own, without a gradient.  values (C,) -> (B,)."""
    lowest = values.new_full((rows.number,), -torch.inf)
    return lowest.scatter_reduce(0, rows.question, values, "amax")


def count_of(rows: Rows) -> Tensor:
    """Candidates of each question (B,) int64."""
    return sum_of(torch.ones_like(rows.question), rows)


def first_of(rows: Rows) -> Tensor:
    """Row of each question's first candidate (B,) int64."""
    count = count_of(rows)
    return count.cumsum(0) - count


def _is(right: Tensor, rows: Rows) -> Tensor:
    """Which rows are the right candidates'.  right (B,), their rows -> (C,) bool."""
    return torch.arange(len(rows.question), device=right.device) == right[rows.question]


def _real(padded: Tensor, rows: Rows) -> Tensor:
    """Where a padded tensor (B, K) has a candidate: (B, K) bool."""
    return torch.arange(padded.shape[1], device=padded.device) < count_of(rows)[:, None]
