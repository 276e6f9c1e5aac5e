"""The classes that runs told of rows.  R rows, each a video; K classes."""

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from evaluation.label.calibration import softmax
from evaluation.label.metrics import best_class
from evaluation.label.told import Seeds, Told


@dataclass(frozen=True, eq=False, kw_only=True)
class ClassPredictions(Told):
    """One model's classes of R rows."""

    ARRAYS: ClassVar[tuple[str, ...]] = ("target", "constant", "logits", "temperature", "source")
    ALIKE: ClassVar[tuple[str, ...]] = (*Told.ALIKE, "classes")

    # K names, and those that no single frame tells
    classes: tuple[str, ...]
    order_only: tuple[str, ...]
    # which of these have the same frames in other orders
    alike: tuple[tuple[str, ...], ...]
    # (R,) int64: the true class, and the commonest of the run's training rows
    target: np.ndarray
    constant: np.ndarray
    # (R, K)
    logits: np.ndarray
    # (R,) float64, fitted on the run's validation rows; 1: none was
    temperature: np.ndarray

    @cached_property
    def predicted(self) -> np.ndarray:
        """(R,) int64."""
        return best_class(self.logits)

    @cached_property
    def hits(self) -> np.ndarray:
        """(R,) bool."""
        return self.predicted == self.target

    @cached_property
    def probability(self) -> np.ndarray:
        """(R, K) float64, at the fitted temperature."""
        return softmax(self.logits / self.temperature[:, None])

    @property
    def calibrated(self) -> bool:
        """Whether every row has a fitted temperature."""
        return bool((self.temperature != 1).all())

    def same_truth(self, other: "ClassPredictions") -> bool:
        """Whether classes and true classes are the same."""
        return self.classes == other.classes and bool((self.target == other.target).all())


def hits_of(model: Seeds[ClassPredictions]) -> np.ndarray:
    """Whether each seed is right about each row: (S, R) bool."""
    return np.stack([one.hits for one in model.each])
