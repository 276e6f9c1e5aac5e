"""What a task is given at each step."""

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor


class Movable:
    """Tensors, and groups of them, that go to a device together."""

    def to(self, device: torch.device | str) -> Self:
        """The same on another device."""
        values = {f.name: getattr(self, f.name).to(device) for f in fields(self)}  # type: ignore[arg-type]
        return type(self)(**values)


@dataclass(frozen=True, kw_only=True)
class Features(Movable):
    """V videos as stored features of frozen backbones; a channel left out has width 0."""

    appearance: Tensor  # (V, N, F, Da) float
    motion: Tensor  # (V, N, Dm) float
    clip_mask: Tensor  # (V, N) bool, True on real clips


@dataclass(frozen=True, kw_only=True)
class Frames(Movable):
    """V videos as decoded clips, for encoders that are trained; both channels share one copy."""

    frames: Tensor  # (M, H, W, 3) uint8 RGB, the distinct frames of all V videos
    index: Tensor  # (V, N, F) int64, each clip's frames
    clip_mask: Tensor  # (V, N) bool, True on real clips
    row: Tensor  # (V,) int64, each video's row of its data


@dataclass(frozen=True, kw_only=True)
class Batch(Movable):
    """B questions about V videos (V <= B: a video is there once, however many ask about it)."""

    visual: Features | Frames
    video: Tensor  # (B,) int64, each question's row of the videos
    words: Tensor  # (B, L) int64, zero padded
    length: Tensor  # (B,) int64
    answer: Tensor  # (B,) int64
    row: Tensor  # (B,) int64, each question's row of its split
