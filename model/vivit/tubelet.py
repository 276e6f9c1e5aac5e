"""Clips as tokens: one a tubelet, t frames deep and p pixels a side (ViViT, section 3.2)."""

import torch
from torch import Tensor, nn

from model.vivit.config import VivitConfig


class TubeletEmbedding(nn.Module):
    """A Conv3d whose stride is its kernel, as one matrix product over unfolded tubelets."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, config: VivitConfig) -> None:
        """Xavier weights; `weight` has the shape of a Conv3d's."""
        super().__init__()
        self.grid, (self.deep, self.side) = config.grid, config.tubelet
        self.every_frame = config.every_frame
        deep = self.deep if config.every_frame else 1
        self.weight = nn.Parameter(torch.empty(config.width, 3, deep, self.side, self.side))
        self.bias = nn.Parameter(torch.zeros(config.width))
        nn.init.xavier_uniform_(self.weight.data.flatten(1))  # a view
        mean, deviation = config.normalisation
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(deviation).view(3, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """Clips (B, T, 3, H, W), 0..255 -> tokens (B, T', h' w', D).

        Without `every_frame` those of the middle frame of each tubelet, t // 2, alone: frames
        sampled uniformly (section 3.2).
        """
        (times, rows, columns), p = self.grid, self.side
        if not self.every_frame:
            frames = frames[:, self.deep // 2 :: self.deep]
        x = (frames - self.mean) / self.deviation
        x = x.view(len(x), times, -1, 3, rows, p, columns, p)
        x = x.permute(0, 1, 4, 6, 3, 2, 5, 7).reshape(len(x), times, rows * columns, -1)
        return nn.functional.linear(x, self.weight.flatten(1), self.bias)
