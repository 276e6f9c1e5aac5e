"""Hyperparameters of DualVGR, made once by its task and handed down whole.

What each means, and its default, is in options/model.py; sizes of the data come with the task.
"""

from dataclasses import dataclass
from typing import Literal

Punish = Literal["values", "nodes"]
Fusion = Literal["mfb", "linear"]
WordMask = Literal["before", "released"]
QuestionSummary = Literal["bilstm", "bag"]
Head = Literal["concat", "product"]
ReadoutOf = Literal["fused", "features"]


@dataclass(frozen=True, kw_only=True)
class RelationConfig:
    """The video's half, which knows of no question."""

    appearance_width: int  # Da, of a frame's features
    motion_width: int  # Dm, of a clip's features
    feature_norm: str  # none, standardize or whiten:K
    width: int  # D, of clips, states and graphs
    units: int  # T
    heads: int  # of each graph; they share D
    graph_layers: int  # rounds of attention in each graph
    topology: str  # complete, window:K or knn:K
    punish: Punish
    feature_dropout: float
    dropout: float
    state_dropout: float


@dataclass(frozen=True, kw_only=True)
class FusionConfig(RelationConfig):
    """The video's half and how its channels meet."""

    fusion: Fusion
    bilinear_width: int  # products of the mfb fusion
    bilinear_factor: int  # factors summed to each product


@dataclass(frozen=True, kw_only=True)
class DualVGRConfig(FusionConfig):
    """The whole model."""

    vocabulary: int  # words
    word_width: int  # W
    answers: int  # A
    word_mask: WordMask
    question_summary: QuestionSummary
    head: Head
    semantic_head: bool
    answer_width: int  # of the answers' vectors
    readout_of: ReadoutOf
    head_dropout: float | None  # None: as dropout
    clip_dropout: float
