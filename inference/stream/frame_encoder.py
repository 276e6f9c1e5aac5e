"""Decoded frames -> features of a run's appearance channel, as its training saw them."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from data_loader.store.provenance import Provenance
from model.encoder.clip_encoder import ClipEncoder
from preprocess.feature.extractor import FeatureExtractor
from preprocess.video.error import Convert
from preprocess.video.resize import FrameTransform, InputSpec, clip_input_spec, resize_frames


class RunFrameEncoder(nn.Module, ABC):
    """Frames (M, H, W, 3) uint8 of any size -> features (M, Da) float32.

    Frames of the size of the network's input are taken as they are.
    """

    origin: str  # what tells it from others, besides weights in it

    def __init__(self, picture: InputSpec) -> None:
        """`picture`: what the network takes of a frame."""
        super().__init__()
        self.picture = picture
        self._transform = FrameTransform(picture)

    def decoded(self, convert: Convert) -> np.ndarray:
        """A frame of a decoder, (H, W, 3) uint8: scaled by what scaled those of the training."""
        by_decoder = self.picture.resize != "area" and self.picture.scaler == "decoder"
        return self._transform(convert) if by_decoder else convert()

    @abstractmethod
    def forward(self, frames: Tensor) -> Tensor:
        """Encode.  frames (M, H, W, 3) uint8 -> (M, Da)."""

    def _resized(self, frames: np.ndarray) -> np.ndarray:
        """As the network takes them, (M, size, size, 3)."""
        size = self.picture.size
        if self.picture.resize != "area" and frames.shape[1:3] == (size, size):
            return frames
        return resize_frames(frames, self.picture)


class FrozenFrameEncoder(RunFrameEncoder):
    """The frozen backbone that made a run's feature store."""

    def __init__(self, extractor: FeatureExtractor, made: Provenance, device: torch.device) -> None:
        """`made`: the store's; `device`: where the features are wanted."""
        super().__init__(extractor.picture)
        self.extractor, self.device = extractor, device
        self.precision = made.precision or "float32"
        said = made.feature_key()
        self.origin = repr([said[name] for name in sorted(said)])

    def forward(self, frames: Tensor) -> Tensor:
        """Encode, rounded as in the store."""
        pictures = self.extractor.input(self._resized(frames.cpu().numpy()))
        rows = self.extractor.rows(pictures, np.arange(len(frames))[None])[0]
        rows = torch.from_numpy(rows.astype(self.precision))
        return rows.float().to(self.device)


class OwnFrameEncoder(RunFrameEncoder):
    """The encoder that is part of a run, over frames as its clip store has them."""

    origin = ""  # its weights say what it is

    def __init__(self, encoder: ClipEncoder, made: Provenance) -> None:
        """`made`: the clip store's."""
        super().__init__(clip_input_spec(made))
        self.appearance, self.projection = encoder.appearance, encoder.projection
        self.views, self.of_frames = encoder.views, encoder.of_frames

    def forward(self, frames: Tensor) -> Tensor:
        """Encode what evaluation sees of each frame."""
        resized = torch.from_numpy(self._resized(frames.cpu().numpy()))
        resized = resized.to(next(self.appearance.parameters()).device)
        one_clip = torch.arange(len(resized), device=resized.device)[None, None]
        return self.of_frames(self.views(resized, one_clip).images)
