"""Decoded frames -> pictures by torch, and the pictures of a clip store."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data_loader.store.columns import CLIPS
from data_loader.store.provenance import Provenance
from preprocess.video.resize import Picture, average
from util.errors import UserError

CHUNK = 16  # frames resized together


@torch.inference_mode()
def make_pictures(frames: np.ndarray, picture: Picture) -> np.ndarray:
    """Frames (M, H, W, 3) uint8 -> pictures (M, size, size, 3), scaled by torch.

    "area": float32 averages in 0..255; else uint8, bicubic with antialiasing.
    """
    if picture.resize == "area":
        return average(frames, picture.size)
    target = picture.target(*frames.shape[1:3])
    rows, columns = picture.centre(*target)
    parts = torch.from_numpy(frames).permute(0, 3, 1, 2).split(CHUNK)
    made = [_scale(part, target)[..., rows, columns] for part in parts]
    return torch.cat(made).permute(0, 2, 3, 1).contiguous().numpy()


def _scale(images: Tensor, target: tuple[int, int]) -> Tensor:
    return F.interpolate(images, target, mode="bicubic", antialias=True, align_corners=False)


def clip_picture(provenance: Provenance) -> Picture:
    """The pictures that a clip store of this provenance holds.

    "crop" scales the short side to the stored size.  Raises UserError if the provenance is not a
    clip store's.
    """
    if provenance.kind != CLIPS:
        raise UserError(
            f"features from {provenance.backbone or '?'} are no clips; a trained encoder "
            "needs a store made by preprocess.videos --backbone none"
        )
    made = provenance.with_defaults()
    assert made.size and made.resize and made.scaler
    size = made.size[0]
    return Picture(size=size, resize=made.resize, scaled=size, scaler=made.scaler)
