"""Decoded frames -> features of a run's appearance channel, as its training saw them."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from data_loader.store.provenance import Provenance
from inference.stream.frames import FrameScaling
from model.encoder.clip_encoder import ClipEncoder
from preprocess.feature.extractor import FeatureExtractor
from preprocess.video.error import Convert
from preprocess.video.resize import InputSpec, clip_input_spec


class RunFrameEncoder(nn.Module, ABC):
    """Frames (M, H, W, 3) uint8 of any size -> features (M, Da) float32.

    Frames of the size of the network's input are taken as they are.
    """

    origin: str  # what tells it from others, besides weights in it

    def __init__(self, picture: InputSpec) -> None:
        """`picture`: what the network takes of a frame."""
        super().__init__()
        self.picture = picture
        self.scaling = FrameScaling(picture)

    def decoded(self, convert: Convert) -> np.ndarray:
        """A frame of a decoder, (H, W, 3) uint8: scaled by what scaled those of the training."""
        return self.scaling.decoded(convert)

    def forward(self, frames: Tensor) -> Tensor:
        """Encode.  frames (M, H, W, 3) uint8 -> (M, Da)."""
        return self.features(self.scaling.resized(frames.cpu().numpy()))

    @abstractmethod
    def features(self, pictures: np.ndarray) -> Tensor:
        """Encode frames that `FrameScaling.resized` gave.  (M, size, size, 3) -> (M, Da)."""


class FrozenFrameEncoder(RunFrameEncoder):
    """The frozen backbone that made a run's feature store."""

    def __init__(self, extractor: FeatureExtractor, made: Provenance, device: torch.device) -> None:
        """`made`: the store's; `device`: where the features are wanted."""
        super().__init__(extractor.picture)
        self.extractor, self.device = extractor, device
        self.precision = made.precision or "float32"
        said = made.feature_key()
        self.origin = repr([said[name] for name in sorted(said)])

    def features(self, pictures: np.ndarray) -> Tensor:
        """Encode, rounded as in the store."""
        prepared = self.extractor.input(pictures)
        rows = self.extractor.rows(prepared, np.arange(len(pictures))[None])[0]
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

    def features(self, pictures: np.ndarray) -> Tensor:
        """Encode what evaluation sees of each frame."""
        resized = torch.from_numpy(pictures)
        resized = resized.to(next(self.appearance.parameters()).device)
        one_clip = torch.arange(len(resized), device=resized.device)[None, None]
        return self.of_frames(self.views(resized, one_clip).images)
