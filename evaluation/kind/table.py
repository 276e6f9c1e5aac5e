"""What belongs to each kind of answers: its metrics, its rows, its numbers."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from data_loader.questions import Kind
from evaluation.answers import Answers, Asked
from evaluation.kind import choice, count, open
from evaluation.kind.metric import Metric


@dataclass(frozen=True, kw_only=True)
class Measures:
    """How answers of one kind are measured."""

    metrics: tuple[Metric, ...]  # the first is what a run is judged by
    labels: dict[str, str]  # of the rows of a table, in their order; a run's own is a metric's key
    trained: tuple[str, ...]  # rows that there are only beside a training split
    numbers: Callable[[Answers], dict[str, np.ndarray]]  # of a model, by metric, (Q,) each
    without_model: Callable[[Asked], dict[str, dict[str, np.ndarray]]]  # by metric and row

    @property
    def main(self) -> Metric:
        """What a run is judged by."""
        return self.metrics[0]

    def named(self, metric: Metric, row: str) -> str:
        """A row of a metric in JSON and in TensorBoard: mse, question_only_mse; question_only."""
        alone = row == metric.key or len(self.metrics) == 1
        return row if alone else f"{row}_{metric.key}"

    def left_out(self, asked: Asked) -> str:
        """A line about the rows that there are not without a training split; "" with one."""
        if asked.seen is not None:
            return ""
        rows = ", ".join(self.labels[row] for row in self.trained)
        return f"without a training split in the question file, left out: {rows}"


MEASURES: dict[Kind, Measures] = {
    "open": Measures(
        metrics=open.METRICS,
        labels=open.LABELS,
        trained=open.TRAINED,
        numbers=open.numbers,
        without_model=open.without_model,
    ),
    "choice": Measures(
        metrics=choice.METRICS,
        labels=choice.LABELS,
        trained=choice.TRAINED,
        numbers=choice.numbers,
        without_model=choice.without_model,
    ),
    "count": Measures(
        metrics=count.METRICS,
        labels=count.LABELS,
        trained=count.TRAINED,
        numbers=count.numbers,
        without_model=count.without_model,
    ),
}
