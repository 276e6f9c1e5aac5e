"""Hyperparameters of a classifier of features, made once by its task and handed down whole.

What each means, and its default, is in options/classification.py; sizes of the data come with the
task.
"""

from dataclasses import dataclass
from typing import Literal

from model.classifier.recurrent import RecurrentConfig
from model.dualvgr.config import FusionConfig

Positions = Literal["temporal", "none"]


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig(FusionConfig, RecurrentConfig):
    """Any of the networks; units, topology, punish and fusion are read by "relation" alone."""

    steps: int  # T, frames of a video at most
    positions: Positions  # of the temporal transformer: learned, or none
    graph_dropout: float  # dropout of the relation network's video encoder and graphs
