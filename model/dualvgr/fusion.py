"""Fusion of the two channels and read-out of the clips (spec, section 6)."""

import torch
from torch import Tensor, nn

from model.dualvgr.config import FusionConfig
from model.layer.dropout import Dropout


class FactorizedBilinear(nn.Module):
    """DualVGR's fusion, multimodal factorised bilinear pooling (Yu et al. 2017, equation 5)."""

    def __init__(self, config: FusionConfig) -> None:
        """`bilinear_width` products, each a sum of `bilinear_factor` factors."""
        super().__init__()
        self.factor = config.bilinear_factor
        self.appearance = nn.Linear(config.width, config.bilinear_width * self.factor)
        self.motion = nn.Linear(config.width, config.bilinear_width * self.factor)
        self.out = nn.Linear(config.bilinear_width, config.width)

    def forward(self, appearance: Tensor, motion: Tensor) -> Tensor:
        """Fuse.  appearance, motion (B, N, D) -> (B, N, D)."""
        elu = nn.functional.elu
        z = elu(self.appearance(appearance)) * elu(self.motion(motion))
        return elu(self.out(z.unflatten(2, (-1, self.factor)).sum(3)))


class LinearSum(nn.Module):
    """MSVQA's fusion: a linear layer per channel, summed."""

    def __init__(self, config: FusionConfig) -> None:
        """Both layers are D wide."""
        super().__init__()
        self.appearance = nn.Linear(config.width, config.width)
        self.motion = nn.Linear(config.width, config.width)

    def forward(self, appearance: Tensor, motion: Tensor) -> Tensor:
        """Fuse.  appearance, motion (B, N, D) -> (B, N, D)."""
        return self.appearance(appearance) + self.motion(motion)


FUSIONS = {"mfb": FactorizedBilinear, "linear": LinearSum}


class ClipReadout(nn.Module):
    """Weigh the clips and sum them to one vector of the video."""

    def __init__(self, *, width: int, dropout: float) -> None:
        """Width D."""
        super().__init__()
        self.dropout = Dropout(dropout)
        self.hidden = nn.Linear(width, width, bias=False)
        self.score = nn.Linear(width, 1)

    def forward(self, clips: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Read out.  clips (B, N, D), mask (B, N) -> video (B, D), weights (B, N)."""
        clips = self.dropout(clips)
        logits = self.score(nn.functional.elu(self.hidden(clips))).squeeze(2)
        weight = logits.masked_fill(~mask, -torch.inf).softmax(1)
        return (weight[:, None] @ clips).squeeze(1), weight
