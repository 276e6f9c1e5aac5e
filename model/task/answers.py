"""What a run tells of questions, by the kind of their answers."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor, nn

from data_loader.vocabulary import UNKNOWN_ANSWERS
from model.answer.choice import Choice
from model.answer.count import Count, OrdinalCount
from model.answer.kind import AnswerKind, Kind
from model.answer.open import Open
from options.loss import LossOptions


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """Answers to Q questions, by ascending row; all on the CPU.

    An answer is a class, a candidate's place among its question's (from 0), or a number: by the
    kind of the run.
    """

    row: Tensor  # (Q,) int64, each question's row of its split
    # (Q, 5) int64, the best answers, best first; of a count the number told alone.  -1 where there
    # are fewer; of a vocabulary of fewer than 5 answers there are fewer columns.
    top: Tensor
    probability: Tensor  # (Q, 5) of each, unknown classes masked out; 0 where there are fewer
    value: Tensor  # (Q,) float32, a count before it is rounded; NaN of other kinds
    readout: Tensor  # (Q, N) weight of each clip, as the best answer was found
    punishment: Tensor  # (Q, 2, N) appearance and motion, mean over units, likewise

    @classmethod
    def joined(cls, parts: Iterable[Self]) -> Self:
        """Predictions of several batches as one."""
        parts = list(parts)
        columns = {f.name: _joined([getattr(p, f.name) for p in parts]) for f in fields(cls)}
        order = columns["row"].argsort()
        return cls(**{name: column[order] for name, column in columns.items()})


@dataclass(frozen=True, kw_only=True)
class ScoredPredictions(Predictions):
    """Answers to questions whose true answers are known."""

    answer: Tensor  # (Q,) int64, the true answer (an unknown class: counted wrong)
    ce: Tensor  # (Q,) cross entropy of the true answer; of a count its squared error, not rounded
    # (Q, A) probability of every class, or of every candidate of its question, 0 where it has
    # fewer; (Q, 0) of counts, and where it was not asked for
    classes: Tensor

    @property
    def correct(self) -> Tensor:
        """(Q,) bool; unknown classes are never predicted, so their questions are wrong."""
        return self.top[:, 0] == self.answer


def _joined(columns: list[Tensor]) -> Tensor:
    """Columns of several batches one after another; rows are filled up with 0 to the longest."""
    if columns[0].ndim != 2 or len({len(column.T) for column in columns}) == 1:
        return torch.cat(columns)
    most = max(column.shape[1] for column in columns)
    return torch.cat([nn.functional.pad(c, (0, most - c.shape[1])) for c in columns])


def answer_kind(
    kind: Kind,
    loss: LossOptions,
    *,
    answers: int,
    count_range: tuple[int, int] | None,
    apart: int = 0,
) -> AnswerKind:
    """What a run's scores mean.

    `answers`: classes of the vocabulary; `count_range`: least and most number of training;
    `apart`: width of candidates that are read by themselves, 0 where they are not.  Raises
    ValueError where a count is to be ordinal and there is but one number.
    """
    if kind == "choice":
        return Choice(loss=loss.choice_loss, label_smoothing=loss.label_smoothing, apart=apart)
    if kind == "count":
        assert count_range is not None
        least, most = count_range
        counts = OrdinalCount if loss.count_as == "ordinal" else Count
        return counts(least=least, most=most)
    return Open(answers=answers, unknown=UNKNOWN_ANSWERS, label_smoothing=loss.label_smoothing)
