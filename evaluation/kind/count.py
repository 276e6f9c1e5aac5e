"""Counting: a number is right, and one near it is better than one far from it."""

import numpy as np

from evaluation.answers import Answers, Asked
from evaluation.kind.metric import Metric

# The papers' (Jang et al. 2017, TGIF-QA, section 5): of the number told, rounded and clipped.
MSE = Metric(key="mse", title="squared error", share=False)
EXACT = Metric(key="exact", title="exact")
MAE = Metric(key="mae", title="absolute error", share=False)
METRICS = (MSE, EXACT, MAE)
LABELS = {
    "constant_mean": "constant: training mean",
    "commonest": "constant: commonest",
    "question_only": "question only",
    **{metric.key: "this run" for metric in METRICS},
    "shuffled_video": "shuffled-video control",
}
TRAINED = ("constant_mean", "commonest")


def numbers(answers: Answers) -> dict[str, np.ndarray]:
    """Of each metric, the numbers (Q,) whose means count."""
    assert answers.chosen is not None
    return of_numbers(answers.asked, answers.chosen)


def of_numbers(asked: Asked, told: np.ndarray) -> dict[str, np.ndarray]:
    """The same of any numbers told (Q,) int64."""
    assert asked.right is not None
    return errors(told, asked.right)


def errors(told: np.ndarray, right: np.ndarray) -> dict[str, np.ndarray]:
    """Squared error, whether exact, and absolute error of numbers told (..., Q); right (Q,)."""
    error = np.asarray(told, dtype=np.float64) - right
    return {MSE.key: error**2, EXACT.key: error == 0, MAE.key: np.abs(error)}


def without_model(asked: Asked) -> dict[str, dict[str, np.ndarray]]:
    """Of each metric, the rows that need no model, (Q,) each."""
    rows = {row: of_numbers(asked, told) for row, told in asked.guesses.items()}
    return {m.key: {row: of[m.key] for row, of in rows.items()} for m in METRICS}


def told(value: np.ndarray, count_range: tuple[int, int] | None) -> np.ndarray:
    """Raw values as the numbers that are told: rounded, halves up, clipped to those of training.

    As the task does it (`model.answer.count`).  -> int64
    """
    rounded = np.floor(np.asarray(value, dtype=np.float64) + 0.5)
    if count_range is not None:
        rounded = rounded.clip(*count_range)
    return rounded.astype(np.int64)
