"""Hyperparameters of a video-text embedding, made once by its task and handed down whole.

What each means, and its default, is in options/retrieval.py; sizes of the data come with the task.
"""

from dataclasses import dataclass
from typing import Literal

TextSummary = Literal["mean", "attention", "lstm"]


@dataclass(frozen=True, kw_only=True)
class RetrievalConfig:
    """Both encoders."""

    vocabulary: int  # W, words
    word_width: int  # E, of word vectors
    appearance_width: int  # Da, of a frame's features; 0: the channel is left out
    motion_width: int  # Dm, of a clip's features; 0: left out
    feature_norm: str  # none, standardize or whiten:K
    feature_dropout: float  # dropout of the features
    word_dropout: float  # chance that a word of a training caption is left out
    dropout: float  # dropout within both projections
    hidden: int  # width within both projections; 0: they are linear
    embedding: int  # D, of the embeddings
    text_summary: TextSummary  # how words become one vector
