"""Random crop, flip, affine map and colour of clips: one draw a clip, alike for all its frames."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

GREY = (0.299, 0.587, 0.114)  # luma of red, green, blue (ITU-R BT.601)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """How clips are changed in training."""

    crop: int  # side in pixels of the square that is cut out; 0: the whole frame
    crop_random: bool  # at a random place, else the centre
    flip: float  # chance that a clip is mirrored
    jitter: float  # brightness, contrast and saturation are multiplied by 1 - jitter to 1 + jitter
    degrees: float  # turned by so many at most, either way
    scale: float  # enlarged, or made smaller, by a factor of 1 to 1 + scale
    translate: float  # shifted by this share of the crop's sides at most

    @property
    def affine(self) -> bool:
        """Whether it turns, scales or shifts."""
        return bool(self.degrees or self.scale or self.translate)

    @property
    def draws(self) -> bool:
        """Whether anything is left to chance."""
        return bool((self.crop and self.crop_random) or self.flip or self.jitter or self.affine)


def centre_crop(frames: Tensor, crop: int) -> Tensor:
    """Cut out the centre.  frames (M, H, W, 3) -> (M, crop, crop, 3), or all of them where 0.

    Raises ValueError if the frames are smaller than the crop.
    """
    h, w = _size(frames, crop)
    top, left = (frames.shape[1] - h) // 2, (frames.shape[2] - w) // 2
    return frames[:, top : top + h, left : left + w]


def augment(frames: Tensor, index: Tensor, how: Augmentation) -> Tensor:
    """Frames and which of them each clip has -> the clips, each changed by a draw of its own.

    frames (M, H, W, 3) uint8, index (C, F) int64 -> (C, F, h, w, 3) float, 0..255.  The numbers
    come from torch's global generator of the frames' device, as many whatever is switched on (but
    for `affine`, whose own come after them).  Raises ValueError if the frames are smaller than the
    crop.
    """
    h, w = _size(frames, how.crop)
    spare_h, spare_w = frames.shape[1] - h, frames.shape[2] - w
    draw = torch.rand(6, len(index), device=frames.device)
    if how.crop_random:
        top, left = (draw[0] * (spare_h + 1)).long(), (draw[1] * (spare_w + 1)).long()
    else:
        top = torch.full_like(index[:, 0], spare_h // 2)
        left = torch.full_like(index[:, 0], spare_w // 2)
    mirrored = draw[2] < how.flip
    if how.affine:
        clips = warp(frames, index, how, (h, w), top, left, mirrored)
    else:
        rows = top[:, None] + torch.arange(h, device=frames.device)  # (C, h)
        columns = left[:, None] + torch.arange(w, device=frames.device)  # (C, w)
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        clips = frames[index[:, :, None, None], rows[:, None, :, None], columns[:, None, None, :]]
    factors = 1 + how.jitter * (2 * draw[3:] - 1)
    return recolour(clips.float(), *factors) if how.jitter else clips.float()


def warp(
    frames: Tensor,
    index: Tensor,
    how: Augmentation,
    size: tuple[int, int],
    top: Tensor,
    left: Tensor,
    mirrored: Tensor,
) -> Tensor:
    """Turn, scale and shift clips about the middle of their crop, which is cut out of the result.

    Every pixel of the crop is read, between four of the frame, where an affine map puts it; beyond
    the frame's edge the edge goes on.  frames (M, H, W, 3), index (C, F), `size` (h, w) and top,
    left (C,) of the crop, mirrored (C,) bool -> (C, F, h, w, 3) float.
    """
    (h, w), (height, width) = size, frames.shape[1:3]
    draw = 2 * torch.rand(4, len(index), device=frames.device) - 1
    angle = draw[0] * math.radians(how.degrees)
    larger = torch.exp(draw[1] * math.log1p(how.scale))
    y = torch.arange(h, device=frames.device)[:, None] - (h - 1) / 2
    x = torch.arange(w, device=frames.device) - (w - 1) / 2
    x = torch.where(mirrored[:, None, None], -x, x)  # (C, 1, w)
    cos, sin = ((f(angle) / larger)[:, None, None] for f in (torch.cos, torch.sin))
    middle_y = top + (h - 1) / 2 + draw[2] * how.translate * h
    middle_x = left + (w - 1) / 2 + draw[3] * how.translate * w
    from_y = middle_y[:, None, None] + cos * y + sin * x  # (C, h, w) in pixels of the frame
    from_x = middle_x[:, None, None] + cos * x - sin * y
    grid = torch.stack([(2 * from_x + 1) / width - 1, (2 * from_y + 1) / height - 1], 3)
    images = frames[index].permute(0, 1, 4, 2, 3).flatten(1, 2).float()  # (C, 3 F, H, W)
    read = nn.functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
    return read.unflatten(1, (-1, 3)).permute(0, 1, 3, 4, 2)


def recolour(clips: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor) -> Tensor:
    """Multiply brightness, contrast and saturation.  clips (C, F, h, w, 3), factors (C,) each."""
    brightness, contrast, saturation = (
        factor[:, None, None, None, None] for factor in (brightness, contrast, saturation)
    )
    clips = clips * brightness
    clips = torch.lerp(_grey(clips).mean((1, 2, 3, 4), keepdim=True), clips, contrast)
    return torch.lerp(_grey(clips), clips, saturation).clamp_(0, 255)


def _grey(clips: Tensor) -> Tensor:
    """Luma.  clips (..., 3) -> (..., 1).  Factors are numbers: a tensor would be copied up."""
    red, green, blue = (
        colour * factor for colour, factor in zip(clips.split(1, -1), GREY, strict=True)
    )
    return red + green + blue


def _size(frames: Tensor, crop: int) -> tuple[int, int]:
    """Height and width that are left of frames (M, H, W, 3)."""
    height, width = frames.shape[1:3]
    if crop > min(height, width):
        raise ValueError(
            f"--crop {crop}: the clips' frames are {height}x{width}; give at most "
            f"{min(height, width)}, or 0 for the whole frame"
        )
    return (crop, crop) if crop else (height, width)
