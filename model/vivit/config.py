"""Hyperparameters of a ViViT, made once by its task and handed down whole.

What each means, and its default, is in options/; sizes of the data come with the task.
"""

from dataclasses import dataclass
from typing import Literal

from model.backbone.spec import Normalisation

Gelu = Literal["erf", "tanh"]
Transform = Literal["none", "identity", "released"]


@dataclass(frozen=True, kw_only=True)
class VivitConfig:
    """The whole model."""

    # Data.
    classes: int  # K
    frames: int  # T, of a clip
    size: tuple[int, int]  # height and width of a frame
    normalisation: Normalisation  # mean and deviation of each colour, on the 0..255 scale

    # Tokens.
    tubelet: tuple[int, int]  # frames and pixels a side of a tubelet: t, p
    every_frame: bool  # whether a tubelet has a kernel over all its frames, or over the middle one
    time_positions: bool  # whether a token knows when it is

    # The stacks.  `depth` and `temporal_depth` count blocks as they are run.
    width: int  # D
    depth: int  # of the spatial stack, or of the only one
    temporal_depth: int  # of the factorised encoder's temporal stack
    heads: int  # H
    mlp: int  # width of the hidden layer
    gelu: Gelu
    eps: float  # of LayerNorm
    dropout: float  # of the tokens and of what each half of a block adds
    drop_path: float  # chance that a row skips half of the last block; rises in a line from 0
    checkpointing: bool  # whether the backward pass computes each block again: less memory

    # Weight multiplexing (MiniViT).
    repeats: int  # times in a row that each block's weights are run
    head_mixing: Transform  # of attention's scores and weights, per repeat: how it starts
    mlp_transform: Transform  # depthwise convolution before the MLP, per repeat: how it starts

    def __post_init__(self) -> None:
        """Raise ValueError for sizes that cannot be built."""
        t, p = self.tubelet
        if self.frames % t or self.size[0] % p or self.size[1] % p:
            raise ValueError(
                f"tubelets of {t}x{p}x{p} do not fill clips of {self.frames} frames of "
                f"{self.size[0]}x{self.size[1]}"
            )
        if self.width % self.heads:
            raise ValueError(f"a width of {self.width} is no multiple of {self.heads} heads")
        for depth in (self.depth, self.temporal_depth):
            if depth % self.repeats:
                raise ValueError(f"a depth of {depth} is no multiple of {self.repeats} repeats")

    @property
    def grid(self) -> tuple[int, int, int]:
        """Tubelets along time, height and width: T', h', w'."""
        t, p = self.tubelet
        return self.frames // t, self.size[0] // p, self.size[1] // p
