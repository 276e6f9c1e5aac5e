"""What the training loop needs of a task and its data."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from data_loader.batch import Batch, Frames
from data_loader.sampling import Sampler
from model.task.base import TaskModule
from options.task import RunOptions
from options.train import TrainOptions
from util.tensorboard import RunLog


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The outcome of a validation."""

    score: float  # higher is better; the best one's weights are kept
    scalars: dict[str, float]  # for the log
    line: str  # for the console
    show: Callable[[RunLog, int], None]  # samples to TensorBoard, at a step
    stop: str = ""  # why the run is of no use from here on, and what to do; "": it is


class TrainingTask(ABC):
    """A task to train, with its data."""

    name: str
    goal: str  # the score, in words
    next_command: str  # to be shown after training; the run's folder follows it
    options: RunOptions
    module: TaskModule
    lr_scales: Mapping[nn.Module, float]  # multiples of --lr of some parts of the module
    videos: Sequence[str]  # of each training row
    types: Sequence[str]  # question type, or class, of each training row; none: nothing is right
    metadata: Mapping[str, object]  # what a checkpoint holds beside weights and options
    on_features: bool  # learns from stored features, not from decoded clips
    topology: str  # of the relation graphs
    unused_parameters: bool  # some get no gradient, such as the encoder of a channel left out
    note: str  # one more line for the console at the start, or ""

    @abstractmethod
    def __init__(self, options: Any, *, checkpoint: Mapping[str, Any] | None) -> None:
        """Open the data and build the module; `checkpoint`: what the run goes on from."""

    @abstractmethod
    def batch(self, rows: np.ndarray) -> Batch | Frames:
        """Gather training rows (B,)."""

    @abstractmethod
    def validate(self, model: nn.Module, device: torch.device) -> Validation:
        """Measure a model on the validation split; never in training mode."""

    @abstractmethod
    def describe(self) -> str:
        """The data in a few words."""

    @abstractmethod
    def fingerprint(self) -> str:
        """Tells other data apart."""


def make_sampler(task: TrainingTask, options: TrainOptions) -> Sampler:
    """Which training rows make up which step."""
    return Sampler(
        task.videos,
        seed=options.seed,
        batch_size=options.batch_size,
        questions_per_video=options.questions_per_video,
    )
