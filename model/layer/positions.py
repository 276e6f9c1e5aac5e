"""Features of a video's clips -> the positions that a network reads or attends to."""

from typing import Protocol

import torch
from torch import Tensor, nn

from model.layer.dropout import Dropout
from model.layer.norm import feature_norm, normed_width


class PositionsConfig(Protocol):
    """What a network's config says of its features."""

    @property
    def appearance_width(self) -> int:
        """Da, of a frame's features; 0: the channel is left out."""
        ...

    @property
    def motion_width(self) -> int:
        """Dm, of a clip's features; 0: left out."""
        ...

    @property
    def feature_norm(self) -> str:
        """none, standardize or whiten:K."""
        ...

    @property
    def feature_dropout(self) -> float:
        """Dropout of the features."""
        ...


class VideoPositions(nn.Module):
    """Both channels' features, through their norms, joined clip by clip or frame by frame.

    Of clips: the mean of a clip's frames beside its motion; of frames: each frame beside the motion
    of its clip.  A channel of width 0 is left out.
    """

    def __init__(self, config: PositionsConfig, *, of_frames: bool) -> None:
        """Norms as in model/dualvgr/video.py: a task fits them.

        Raises ValueError where both channels are left out, or frames are asked for without any.
        """
        super().__init__()
        channels = {"appearance": config.appearance_width, "motion": config.motion_width}
        if not any(channels.values()):
            raise ValueError("both channels are left out: there is nothing to look at")
        if of_frames and not config.appearance_width:
            raise ValueError("positions frames: without the appearance channel there are no frames")
        kind = config.feature_norm
        self.channels = {name: width > 0 for name, width in channels.items()}
        self.of_frames = of_frames
        self.width = sum(normed_width(kind, width) for width in channels.values() if width)  # C
        self.appearance_norm = feature_norm(kind, config.appearance_width)
        self.motion_norm = feature_norm(kind, config.motion_width)
        self.dropout = Dropout(config.feature_dropout)

    def forward(
        self, appearance: Tensor, motion: Tensor, clip_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Join.  appearance (V, N, F, Da), motion (V, N, Dm), clip_mask (V, N) True on real clips.

        -> positions (V, M, C), mask (V, M) True on real ones; M is N, of frames N F.
        """
        parts, mask = [], clip_mask
        if self.of_frames:
            videos, clips, frames, _ = appearance.shape
            parts.append(self.appearance_norm(appearance).flatten(1, 2))
            mask = clip_mask.repeat_interleave(frames, 1)
            if self.channels["motion"]:
                of_clips = self.motion_norm(motion)
                repeated = of_clips[:, :, None].expand(videos, clips, frames, -1)
                parts.append(repeated.flatten(1, 2))
        else:
            if self.channels["appearance"]:
                parts.append(self.appearance_norm(appearance.mean(2)))  # as the norm's mean: linear
            if self.channels["motion"]:
                parts.append(self.motion_norm(motion))
        return self.dropout(torch.cat(parts, 2)), mask
