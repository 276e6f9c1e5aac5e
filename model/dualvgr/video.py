"""The video input: stored features of both channels -> clips of the model's width (spec, 4)."""

import torch
from torch import Tensor, nn

from model.dualvgr.config import RelationConfig
from model.layer.dropout import Dropout
from model.layer.norm import feature_norm, normed_width
from model.layer.recurrent import BidirectionalLSTM


def normed_widths(config: RelationConfig) -> tuple[int, int]:
    """Widths of appearance and motion features that have been through their norms."""
    kind = config.feature_norm
    return normed_width(kind, config.appearance_width), normed_width(kind, config.motion_width)


class VideoEncoder(nn.Module):
    """Appearance frames and motion clips -> two channels of N clips, each D wide.

    Nothing here depends on the question: a batch encodes each of its videos once.
    """

    def __init__(self, config: RelationConfig) -> None:
        """`feature_dropout` is that of both channels' features."""
        super().__init__()
        self.feature_dropout = Dropout(config.feature_dropout)
        kind = config.feature_norm
        self.appearance_norm = feature_norm(kind, config.appearance_width)
        self.motion_norm = feature_norm(kind, config.motion_width)
        appearance_width, motion_width = normed_widths(config)
        self.dropout = Dropout(config.dropout)
        self.frames = BidirectionalLSTM(input_width=appearance_width, width=config.width)
        self.state_dropout = Dropout(config.state_dropout)
        self.motion = nn.Linear(motion_width, config.width)

    def forward(self, appearance: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Encode videos.  appearance (V, N, F, Da), motion (V, N, Dm) -> two of (V, N, D)."""
        return self.encode(self.appearance_norm(appearance), self.motion_norm(motion))

    def encode(self, appearance: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """As forward, of features that have been through their norms."""
        videos, clips, frames, _ = appearance.shape
        x = self.dropout(self.feature_dropout(appearance)).tanh()
        last = self.frames.last_states(x.reshape(videos * clips, frames, -1))
        a = self.state_dropout(last.reshape(videos, clips, -1))
        return a, self.motion(self.feature_dropout(motion))


class LinearClips(nn.Module):
    """A linear map of the features of both channels, clip by clip."""

    def __init__(self, config: RelationConfig) -> None:
        """Of features that have been through their norms."""
        super().__init__()
        self.linear = nn.Linear(sum(normed_widths(config)), config.width)

    def forward(self, appearance: Tensor, motion: Tensor) -> Tensor:
        """Map.  appearance (V, N, F, K), motion (V, N, K) -> (V, N, D)."""
        return self.linear(torch.cat([appearance.mean(2), motion], 2))
