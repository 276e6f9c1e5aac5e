"""A transformer over the features of a video's frames.

An encoder of pre-norm blocks (Vaswani et al. 2017; normalised first, as ViT, Dosovitskiy et al.
2021) with a class token and a learned position for each frame, as the temporal encoder of ViViT
(Arnab et al. 2021, section 3.2, model 2) has them.
"""

import torch
from torch import Tensor, nn

from model.classifier.config import ClassifierConfig
from model.layer.positions import VideoPositions

DEVIATION = 0.02  # of the token and the positions at the start, as ViT's


class TemporalTransformer(nn.Module):
    """Frames mapped to the width D, a class token before them, `layers` blocks, a linear layer.

    A step is a frame beside the motion of its clip; where the appearance channel is left out, a
    clip.  Without positions the order of the steps changes nothing.
    """

    def __init__(self, config: ClassifierConfig) -> None:
        """Random weights; norms that a task fits are in `inputs`.

        Raises ValueError where both channels are left out.
        """
        super().__init__()
        self.inputs = VideoPositions(config, of_frames=config.appearance_width > 0)
        self.project = nn.Linear(self.inputs.width, config.width)
        self.token = nn.Parameter(torch.randn(1, 1, config.width) * DEVIATION)
        self.positions = None
        if config.positions == "temporal":
            places = torch.randn(1, config.steps + 1, config.width) * DEVIATION
            self.positions = nn.Parameter(places)
        self.dropout = nn.Dropout(config.dropout)
        block = nn.TransformerEncoderLayer(
            config.width,
            config.heads,
            dim_feedforward=4 * config.width,
            dropout=config.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(
            block, config.layers, norm=nn.LayerNorm(config.width), enable_nested_tensor=False
        )
        for own in self.encoder.layers:  # which are copies of one
            for parameter in own.parameters():
                if parameter.ndim > 1:
                    nn.init.xavier_uniform_(parameter)
        self.head = nn.Linear(config.width, config.outputs)

    def forward(self, appearance: Tensor, motion: Tensor, clip_mask: Tensor) -> Tensor:
        """Classify.

        appearance (V, N, F, Da), motion (V, N, Dm), clip_mask (V, N) True on real clips -> (V, K).
        Raises ValueError for a video of more steps than there are positions.
        """
        x, mask = self.inputs(appearance, motion, clip_mask)
        x = torch.where(mask[..., None], x, 0)  # whatever is there: 0 times it might not be 0
        x = torch.cat([self.token.expand(len(x), -1, -1).to(x), self.project(x)], 1)
        if self.positions is not None:
            if x.shape[1] > self.positions.shape[1]:
                raise ValueError(
                    f"{x.shape[1] - 1} steps, where the positions are of "
                    f"{self.positions.shape[1] - 1}"
                )
            x = x + self.positions[:, : x.shape[1]]
        padding = nn.functional.pad(~mask, (1, 0), value=False)
        return self.head(self.encoder(self.dropout(x), src_key_padding_mask=padding)[:, 0])
