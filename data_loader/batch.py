"""What a task is given at each step."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Batch:
    """B questions about V videos (V <= B: a video is there once, however many ask about it)."""

    appearance: Tensor  # (V, N, F, Da) float
    motion: Tensor  # (V, N, Dm) float
    clip_mask: Tensor  # (V, N) bool, True on real clips
    video: Tensor  # (B,) int64, each question's row of the videos
    words: Tensor  # (B, L) int64, zero padded
    length: Tensor  # (B,) int64
    answer: Tensor  # (B,) int64
    row: Tensor  # (B,) int64, each question's row of its split

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        return Batch(**{f.name: getattr(self, f.name).to(device) for f in fields(self)})
