"""What every kind of answer has: the head's outputs, a loss, and what is told."""

from abc import ABC, abstractmethod
from typing import Literal, NamedTuple

from torch import Tensor

Kind = Literal["open", "choice", "count"]
BEST = 5  # answers told of a question, best first


class Rows(NamedTuple):
    """Whose each of the R rows of scores is: of B questions, each has one or several."""

    question: Tensor  # (R,) int64, ascending
    number: int  # B


class Told(NamedTuple):
    """Answers to B questions."""

    top: Tensor  # (B, up to 5) int64, best first; -1 where there are fewer
    probability: Tensor  # (B, up to 5), 0 where there are fewer
    value: Tensor  # (B,) float32, before rounding; NaN but of counts
    row: Tensor  # (B,) int64, the row of scores that the best one is of


class AnswerKind(ABC):
    """One kind of answer.  Scores (R, outputs) are a head's; answers (B,) int64 the true ones."""

    outputs: int  # of the head
    loss: str  # the name of its loss in the log

    @abstractmethod
    def lose(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """The loss, a mean over questions; nothing asks the device."""

    @abstractmethod
    def correct(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Which questions are answered right (B,) bool; nothing asks the device."""

    @abstractmethod
    def told(self, scores: Tensor, rows: Rows) -> Told:
        """The answers, in evaluation."""

    @abstractmethod
    def error(self, scores: Tensor, answer: Tensor, rows: Rows) -> Tensor:
        """Cross entropy of each true answer, or squared error of each number (B,)."""

    def weight(self, rows: Rows) -> Tensor | None:
        """What each row counts in a mean over questions (R,), 1 together; None: all alike."""
        return None

    def probabilities(self, scores: Tensor, rows: Rows) -> Tensor:
        """Of every answer that could be told (B, K); (B, 0) where they are not enumerated."""
        return scores.new_empty(rows.number, 0)
