"""Decoded frames -> the size that a network takes: for frozen backbones, and for clip stores."""

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from data_loader.clip_store import KIND, VideoClips
from preprocess.frames import Clips
from util.errors import UserError

CHUNK = 16  # frames resized together


@torch.inference_mode()
def resize_images(
    frames: np.ndarray, *, size: int, resize: str, scaled: int | tuple[int, int]
) -> Tensor:
    """Frames (M, H, W, 3) uint8 -> (M, 3, size, size) uint8, bicubic with antialiasing.

    resize "squash": to the square as they are; "crop": the centre square, after scaling the short
    side to `scaled` pixels, or the frame to `scaled` = (height, width).
    """
    height, width = frames.shape[1:3]
    if resize == "squash":
        target = (size, size)
    elif isinstance(scaled, tuple):
        target = scaled
    else:
        short = min(height, width)
        target = (round(height * scaled / short), round(width * scaled / short))
    top, left = (target[0] - size) // 2, (target[1] - size) // 2
    parts = torch.from_numpy(frames).permute(0, 3, 1, 2).split(CHUNK)
    return torch.cat(
        [
            F.interpolate(part, target, mode="bicubic", antialias=True, align_corners=False)[
                ..., top : top + size, left : left + size
            ]
            for part in parts
        ]
    )


def resize_frames(
    frames: np.ndarray, *, size: int, resize: str, scaled: int | tuple[int, int]
) -> np.ndarray:
    """`resize_images` in the layout of a clip store: (M, size, size, 3) uint8."""
    images = resize_images(frames, size=size, resize=resize, scaled=scaled)
    return images.permute(0, 2, 3, 1).contiguous().numpy()


def clips_as_stored(video: str, clips: Clips, provenance: dict[str, Any]) -> VideoClips:
    """One decoded video as a clip store of this provenance holds it, and a model trained on it saw.

    "crop" scales the short side to the stored size.  Raises UserError if the provenance is not a
    clip store's.
    """
    if provenance.get("kind") != KIND:
        raise UserError(
            f"features from {provenance.get('backbone', '?')} are no clips; a trained encoder "
            "needs a store made by preprocess.videos --backbone none"
        )
    size = provenance["size"][0]
    frames = resize_frames(clips.frames, size=size, resize=provenance["resize"], scaled=size)
    return VideoClips(video, frames, clips.index, clips.frame_count, clips.note)
