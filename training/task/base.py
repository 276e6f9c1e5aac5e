"""What the training loop needs of a task and its data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from util.tensorboard import NoLog, RunLog


@dataclass(frozen=True, kw_only=True)
class Validation:
    """What a validation found."""

    score: float  # higher is better; the best one's weights are kept
    scalars: dict[str, float]  # for the log
    line: str  # for the console
    show: Callable[[RunLog | NoLog, int], None]  # samples to TensorBoard, at a step


class Work(Protocol):
    """A task to train, with its data.

    task: its forward takes a batch and gives named losses (those of its `losses`; "loss" is what is
    minimised) and which of the batch's rows were answered right, or None.  facts: what a checkpoint
    keeps beside weights.  scales: multiples of the learning rate of parts of the task, by the
    beginning of their parameters' names.  videos, types: of each training row (no types: nobody
    asks).  goal: the score in words.  note: what else there is to say at the start, or "".
    on_features: it learns from stored features, not from clips.
    """

    name: str
    goal: str
    note: str
    on_features: bool
    task: Any
    facts: dict[str, Any]
    scales: dict[str, float]
    videos: Sequence[str]
    types: Sequence[str]

    def batch(self, rows: np.ndarray) -> Any:
        """Gather training rows (B,), on the CPU."""
        ...

    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Measure a model on the validation split; never in training mode."""
        ...

    def describe(self) -> str:
        """The data in a few words."""
        ...

    def fingerprint(self) -> str:
        """Tells other data apart."""
        ...
