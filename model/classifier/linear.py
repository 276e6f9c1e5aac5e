"""A linear classifier of a video's mean features: the row that every other network has to beat."""

import torch
from torch import Tensor, nn

from model.classifier.config import ClassifierConfig
from model.layer.positions import VideoPositions


class LinearClassifier(nn.Module):
    """Mean over all frames of both channels, their norm, one linear layer."""

    def __init__(self, config: ClassifierConfig) -> None:
        """Random weights; norms that a task fits are in `inputs`.

        Raises ValueError where both channels are left out.
        """
        super().__init__()
        self.inputs = VideoPositions(config, of_frames=False)
        self.head = nn.Linear(self.inputs.width, config.outputs)

    def forward(self, appearance: Tensor, motion: Tensor, clip_mask: Tensor) -> Tensor:
        """Classify.

        appearance (V, N, F, Da), motion (V, N, Dm), clip_mask (V, N) True on real clips -> (V, K).
        """
        return self.head(mean_of_real(*self.inputs(appearance, motion, clip_mask)))


def mean_of_real(x: Tensor, mask: Tensor) -> Tensor:
    """Mean over real positions, whatever the others hold.  x (V, M, C), mask (V, M) -> (V, C)."""
    return torch.where(mask[..., None], x, 0).sum(1) / mask.sum(1, keepdim=True)
