"""Random crop, flip and colour of clips: one draw a clip, alike for all of its frames."""

import torch
from torch import Tensor

GREY = (0.299, 0.587, 0.114)  # luma of red, green, blue (ITU-R BT.601)


def centre_crop(frames: Tensor, crop: int) -> Tensor:
    """Cut out the centre.  frames (M, H, W, 3) -> (M, crop, crop, 3), or all of them where 0.

    Raises ValueError if the frames are smaller than the crop.
    """
    h, w = _size(frames, crop)
    top, left = (frames.shape[1] - h) // 2, (frames.shape[2] - w) // 2
    return frames[:, top : top + h, left : left + w]


def augment(
    frames: Tensor, index: Tensor, *, crop: int, crop_random: bool, flip: float, jitter: float
) -> Tensor:
    """Frames and which of them each clip has -> the clips, each changed by a draw of its own.

    frames (M, H, W, 3) uint8, index (C, F) int64 -> (C, F, h, w, 3) float, 0..255.  `crop`: side of
    the square that is cut out, 0 for the whole frame; `crop_random`: at a random place, else the
    centre; `flip`: chance of a mirrored clip; `jitter`: brightness, contrast and saturation are
    multiplied, in this order, by factors uniform in [1 - jitter, 1 + jitter].  Contrast is about
    the mean grey of the clip, so that all its frames change alike.  Draws come from torch's global
    generator of the frames' device, as many whatever is switched on.  Raises ValueError if the
    frames are smaller than the crop.
    """
    h, w = _size(frames, crop)
    spare_h, spare_w = frames.shape[1] - h, frames.shape[2] - w
    draw = torch.rand(6, len(index), device=frames.device)
    if crop_random:
        top, left = (draw[0] * (spare_h + 1)).long(), (draw[1] * (spare_w + 1)).long()
    else:
        top = torch.full_like(index[:, 0], spare_h // 2)
        left = torch.full_like(index[:, 0], spare_w // 2)
    rows = top[:, None] + torch.arange(h, device=frames.device)  # (C, h)
    columns = left[:, None] + torch.arange(w, device=frames.device)  # (C, w)
    columns = torch.where(draw[2, :, None] < flip, columns.flip(1), columns)
    clips = frames[index[:, :, None, None], rows[:, None, :, None], columns[:, None, None, :]]
    factors = 1 + jitter * (2 * draw[3:] - 1)
    return recolour(clips.float(), *factors) if jitter else clips.float()


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
