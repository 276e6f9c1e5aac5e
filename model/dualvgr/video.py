"""The video input: stored features of both channels -> clips of the model's width (spec, 4)."""

import torch
from torch import Tensor, nn

from model.layer.dropout import Dropout
from model.layer.recurrent import BidirectionalLSTM


class Standardize(nn.Module):
    """Subtract a fixed mean and divide by a fixed deviation, per feature; (0, 1) changes nothing.

    The tanh at the appearance input was made for pooled ReLU features (0 to about 3).  Logits and
    other features with large values saturate it; standardised ones do not.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, *, width: int) -> None:
        """Statistics of `width` features, kept with the weights."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def fit(self, mean: Tensor, deviation: Tensor) -> None:
        """Take over statistics of the training videos.  mean, deviation (width,).

        Empty ones are of a channel left out: those of zeros, which stay zeros.
        """
        self.mean.copy_(mean if len(mean) else torch.zeros_like(self.mean))
        spread = deviation if len(deviation) else torch.zeros_like(self.deviation)
        self.deviation.copy_(spread.clamp(min=1e-3))  # a feature that never varies stays finite

    def forward(self, features: Tensor) -> Tensor:
        """Standardise.  features (..., width) -> same shape."""
        return (features - self.mean) / self.deviation


class VideoEncoder(nn.Module):
    """Appearance frames and motion clips -> two channels of N clips, each D wide.

    Nothing here depends on the question: a batch encodes each of its videos once.
    """

    def __init__(
        self,
        *,
        appearance_width: int,
        motion_width: int,
        width: int,
        feature_dropout: float,
        dropout: float,
        state_dropout: float,
    ) -> None:
        """Widths of the two stored features, and D; `feature_dropout` is that of both."""
        super().__init__()
        self.feature_dropout = Dropout(feature_dropout)
        self.appearance_norm = Standardize(width=appearance_width)
        self.motion_norm = Standardize(width=motion_width)
        self.dropout = Dropout(dropout)
        self.frames = BidirectionalLSTM(input_width=appearance_width, width=width)
        self.state_dropout = Dropout(state_dropout)
        self.motion = nn.Linear(motion_width, width)

    def forward(self, appearance: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Encode videos.  appearance (V, N, F, Da), motion (V, N, Dm) -> two of (V, N, D)."""
        videos, clips, frames, _ = appearance.shape
        x = self.dropout(self.feature_dropout(self.appearance_norm(appearance))).tanh()
        last = self.frames.last_states(x.reshape(videos * clips, frames, -1))
        a = self.state_dropout(last.reshape(videos, clips, -1))
        return a, self.motion(self.feature_dropout(self.motion_norm(motion)))
