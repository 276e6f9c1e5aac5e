"""How right the classes are that were told, of all rows and of each class.

R rows, K classes; a row is a video.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, kw_only=True)
class PerClass:
    """What became of each class; all (K,)."""

    # rows that are of the class
    count: np.ndarray
    # rows that were told to be of it
    predicted: np.ndarray
    # of these, the share that is; nan: it was never told
    precision: np.ndarray
    # of the rows of the class, the share that was told; nan: there are none
    recall: np.ndarray
    # harmonic mean of both; nan: the class neither is there nor was told
    f1: np.ndarray


def best_class(scores: np.ndarray) -> np.ndarray:
    """The class of the highest score, of equal ones the first.  scores (R, K) -> (R,) int64."""
    return scores.argmax(1)


def top_hits(scores: np.ndarray, target: np.ndarray, k: int) -> np.ndarray:
    """Whether the true class is among the k best, of equal scores the first.  -> (R,) bool

    scores (R, K), target (R,) int64.
    """
    own = scores[np.arange(len(target)), target][:, None]
    classes = np.arange(scores.shape[1])
    before = (scores > own) | ((scores == own) & (classes < target[:, None]))
    return before.sum(1) < k


def confusion(target: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """How many rows of each class (first axis) were told to be of which.  -> (K, K) int64

    target and predicted (R,) int64.
    """
    flat = np.bincount(target * classes + predicted, minlength=classes * classes)
    return flat.reshape(classes, classes)


def per_class(table: np.ndarray) -> PerClass:
    """Precision, recall and F1 of a confusion table (K, K), true classes first."""
    right, count, predicted = np.diag(table), table.sum(1), table.sum(0)
    with np.errstate(invalid="ignore"):
        return PerClass(
            count=count,
            predicted=predicted,
            precision=right / predicted,
            recall=right / count,
            f1=2 * right / (count + predicted),
        )


def mean_class_accuracy(table: np.ndarray) -> float:
    """Mean recall over the classes that have rows; of a confusion table (K, K)."""
    recall = per_class(table).recall
    return float(recall[np.isfinite(recall)].mean())
