"""Hyperparameters of a captioner, made once by its task and handed down whole.

What each means, and its default, is in options/caption.py; sizes of the data come with the task.
"""

from dataclasses import dataclass
from typing import Literal

from model.dualvgr.config import FusionConfig

Positions = Literal["clips", "frames"]
AttentionActivation = Literal["tanh", "none"]
FusedNorm = Literal["batch", "none"]


@dataclass(frozen=True, kw_only=True)
class CaptionConfig(FusionConfig):
    """The whole model; units, topology, punish and fusion are read by dualvgr_lstm alone."""

    vocabulary: int  # W, words
    word_width: int  # E, of word vectors
    positions: Positions  # what a decoder attends to: a video's clips, or their frames
    attn_act: AttentionActivation  # of ets_paddle's attention
    legacy_frame_aligned: bool  # lstm: one word a frame, as the tutorial has it
    layers: int  # of the transformer
    fused_norm: FusedNorm  # of dualvgr_lstm's fused clips, before its decoder
    graph_dropout: float  # dropout of dualvgr_lstm's video encoder and graphs
