"""The video input: stored features of both channels -> clips of the model's width (spec, 4)."""

from torch import Tensor, nn

from model.dualvgr.config import RelationConfig
from model.layer.dropout import Dropout
from model.layer.norm import Standardize
from model.layer.recurrent import BidirectionalLSTM


class VideoEncoder(nn.Module):
    """Appearance frames and motion clips -> two channels of N clips, each D wide.

    Nothing here depends on the question: a batch encodes each of its videos once.
    """

    def __init__(self, config: RelationConfig) -> None:
        """`feature_dropout` is that of both channels' features."""
        super().__init__()
        self.feature_dropout = Dropout(config.feature_dropout)
        self.appearance_norm = Standardize(width=config.appearance_width)
        self.motion_norm = Standardize(width=config.motion_width)
        self.dropout = Dropout(config.dropout)
        self.frames = BidirectionalLSTM(input_width=config.appearance_width, width=config.width)
        self.state_dropout = Dropout(config.state_dropout)
        self.motion = nn.Linear(config.motion_width, config.width)

    def forward(self, appearance: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Encode videos.  appearance (V, N, F, Da), motion (V, N, Dm) -> two of (V, N, D)."""
        videos, clips, frames, _ = appearance.shape
        x = self.dropout(self.feature_dropout(self.appearance_norm(appearance))).tanh()
        last = self.frames.last_states(x.reshape(videos * clips, frames, -1))
        a = self.state_dropout(last.reshape(videos, clips, -1))
        return a, self.motion(self.feature_dropout(self.motion_norm(motion)))
