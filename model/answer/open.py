"""An open answer: one of A classes, of which the first few stand for unknown answers."""

import torch
from torch import Tensor, nn

from model.answer.kind import BEST, AnswerKind, Rows, Told
from model.layer.precision import at_least_float32


class Open(AnswerKind):
    """A softmax over the answers of a vocabulary; a row of scores each question."""

    loss = "ce"

    def __init__(self, *, answers: int, unknown: int, label_smoothing: float) -> None:
        """A classes, the first `unknown` of which are learned but never told."""
        self.outputs, self.unknown, self.label_smoothing = answers, unknown, label_smoothing

    def lose(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Cross entropy."""
        return nn.functional.cross_entropy(
            at_least_float32(scores), answer, label_smoothing=self.label_smoothing
        )

    def correct(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Whether the best known class is the true one; (B,)."""
        return self._masked(scores).argmax(1) == answer

    def told(self, scores: Tensor, rows: Rows) -> Told:
        """The best known classes."""
        best = self.probabilities(scores, rows).topk(min(BEST, self.outputs - self.unknown))
        value = torch.full_like(rows.question, torch.nan, dtype=torch.float32)
        return Told(best.indices, best.values, value, rows.question)

    def error(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Cross entropy of each true class, an unknown one included; (B,)."""
        return nn.functional.cross_entropy(scores, answer, reduction="none")

    def probabilities(self, scores: Tensor, rows: Rows) -> Tensor:
        """(B, A), 0 of the unknown classes."""
        return self._masked(scores.float()).softmax(1)

    def _masked(self, scores: Tensor) -> Tensor:
        """Unknown classes, which are no answers, at -inf.  (B, A) -> same."""
        masked = scores.clone()
        masked[:, : self.unknown] = -torch.inf
        return masked
