"""SimCLR's augmentation of clips: one draw a clip, alike for all of its frames.

Random crops of any size, resized to one; mirrors; brightness, contrast, saturation and hue; grey;
blur (Chen et al. 2020, appendix A).  A clip whose frames changed each on their own would be told
apart by its flicker (Qian et al. 2021, section 3.2, find consistent frames better for video).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

RATIO = (3 / 4, 4 / 3)  # of a crop's sides
BLUR = (0.1, 2.0)  # deviations in pixels of a kernel of a tenth of the side
COLOURED = 0.8  # chance that a clip's colours change
LUMA = (0.299, 0.587, 0.114)  # of red, green, blue (ITU-R BT.601)
# I and Q of YIQ from red, green, blue, and back: two axes at right angles to the grey one.
CHROMA = ((0.596, -0.274, -0.322), (0.211, -0.523, 0.312))
FROM_CHROMA = ((0.956, 0.619), (-0.272, -0.647), (-1.106, 1.703))


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """How much the views of a clip differ; as options `least_area`, `flip`, ..., without defaults.

    `jitter`: brightness, contrast and saturation are multiplied by 1 - jitter to 1 + jitter, and
    the hue turned by at most a quarter of that, of a whole circle.
    """

    size: int  # side in pixels of a view; 0: that of the frames
    least_area: float
    flip: float
    jitter: float
    grey: float
    blur: float


def random_view(clips: Tensor, config: ViewConfig) -> Tensor:
    """One random view of each clip.

    clips (C, F, 3, H, W) float, 0..255 -> (C, F, 3, h, w), 0..255.  Draws come from torch's global
    generator of the clips' device, as many whatever is switched on.
    """
    draw = torch.rand(13, len(clips), device=clips.device)
    clips = resized_crop(
        clips, config.size or min(clips.shape[-2:]), *_crops(draw[:4], clips, config.least_area),
        mirrored=draw[4] < config.flip,
    )  # fmt: skip
    if config.jitter:
        coloured = draw[5] < COLOURED
        factors = torch.where(coloured, 1 + config.jitter * (2 * draw[6:9] - 1), 1.0)
        turn = torch.where(coloured, config.jitter / 4 * (2 * draw[9] - 1), 0.0)
        clips = recolour(clips, factors[0], factors[1], factors[2], turn)
    if config.grey:
        clips = torch.where(_each(draw[10] < config.grey, clips), luma(clips), clips)
    if config.blur:
        clips = blurred(clips, draw[11] < config.blur, draw[12])
    return clips.clamp(0, 255)


def _crops(draw: Tensor, clips: Tensor, least_area: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Centre and half sides of each clip's crop, each (C,), where a frame goes from -1 to 1.

    A crop that would be longer than the frame is cut to it.  draw (4, C) in 0..1.
    """
    area = least_area + (1 - least_area) * draw[0]
    low, high = map(math.log, RATIO)
    ratio = (low + (high - low) * draw[1]).exp()
    if least_area == 1:
        ratio = torch.ones_like(ratio)
    height, width = clips.shape[-2:]
    side = (area * height * width).sqrt()
    half_w = (side * ratio.sqrt() / width).clamp(max=1)
    half_h = (side / ratio.sqrt() / height).clamp(max=1)
    return (2 * draw[2] - 1) * (1 - half_w), (2 * draw[3] - 1) * (1 - half_h), half_w, half_h


def resized_crop(
    clips: Tensor, size: int, x: Tensor, y: Tensor, half_w: Tensor, half_h: Tensor, *,
    mirrored: Tensor,
) -> Tensor:  # fmt: skip
    """Cut a rectangle out of each clip and scale it, bilinearly, to size x size.

    clips (C, F, 3, H, W); x, y, half_w, half_h (C,) where a frame goes from -1 to 1; mirrored (C,).
    """
    c, f, _, height, width = clips.shape
    zero = torch.zeros_like(x)
    along = torch.where(mirrored, -half_w, half_w)
    theta = torch.stack([along, zero, x, zero, half_h, y], 1).view(c, 2, 3)
    grid = nn.functional.affine_grid(theta, [c, 3 * f, size, size], align_corners=False)
    flat = clips.reshape(c, 3 * f, height, width)
    out = nn.functional.grid_sample(flat, grid, padding_mode="border", align_corners=False)
    return out.view(c, f, 3, size, size)


def recolour(
    clips: Tensor, brightness: Tensor, contrast: Tensor, saturation: Tensor, turn: Tensor
) -> Tensor:
    """Change brightness, contrast, saturation and hue, in this order (SimCLR's is random).

    clips (C, F, 3, h, w); factors (C,) each; turn (C,): of the hue, in circles.  Contrast is about
    the clip's mean grey.  The hue is turned about the grey axis, which keeps the luma (YIQ), and
    not in HSV, which has no matrix.
    """
    clips = (clips * _each(brightness, clips)).clamp(0, 255)
    mean = luma(clips).mean((1, 2, 3, 4), keepdim=True)
    clips = torch.lerp(mean.expand_as(clips), clips, _each(contrast, clips)).clamp(0, 255)
    clips = torch.lerp(luma(clips).expand_as(clips), clips, _each(saturation, clips)).clamp(0, 255)
    return turn_hue(clips, 2 * math.pi * turn).clamp(0, 255)


def turn_hue(clips: Tensor, angle: Tensor) -> Tensor:
    """Turn colours by an angle (C,) about the grey axis of YIQ.  clips (C, F, 3, h, w)."""
    cos, sin = (_each(value, clips) for value in (angle.cos(), angle.sin()))
    one, other = (_weighted(clips, axis) for axis in CHROMA)
    change = (cos * one - sin * other - one, sin * one + cos * other - other)
    return clips + torch.cat([a * change[0] + b * change[1] for a, b in FROM_CHROMA], 2)


def _weighted(clips: Tensor, weights: tuple[float, ...]) -> Tensor:
    """A sum of red, green and blue.  Numbers, not a tensor: a GPU would wait for its copy."""
    red, green, blue = (
        colour * weight for colour, weight in zip(clips.split(1, 2), weights, strict=True)
    )
    return red + green + blue


def luma(clips: Tensor) -> Tensor:
    """(C, F, 3, h, w) -> (C, F, 1, h, w)."""
    return _weighted(clips, LUMA)


def blurred(clips: Tensor, chosen: Tensor, draw: Tensor) -> Tensor:
    """Blur the clips that are `chosen` (C,) by a Gaussian of a deviation drawn from `BLUR`.

    clips (C, F, 3, h, w), draw (C,) in 0..1.  The kernel is as long as a tenth of the side, odd.
    """
    c, f, _, h, w = clips.shape
    half = max(1, h // 20)
    deviation = BLUR[0] + (BLUR[1] - BLUR[0]) * draw
    place = torch.arange(-half, half + 1, device=clips.device)
    kernel = (-0.5 * (place / deviation[:, None]).square()).exp()
    kernel = kernel / kernel.sum(1, keepdim=True)
    kernel = torch.where(chosen[:, None], kernel, (place == 0).to(kernel.dtype))  # (C, k)
    x = clips.transpose(0, 1).reshape(f, c * 3, h, w)  # each clip's colours have its own kernel
    weight = kernel.repeat_interleave(3, 0)[:, None]  # (3 C, 1, k)
    for shape, sides in (((1, -1), (half, half, 0, 0)), ((-1, 1), (0, 0, half, half))):
        x = nn.functional.pad(x, sides, mode="replicate")
        x = nn.functional.conv2d(x, weight.unflatten(2, shape), groups=c * 3)
    return x.view(f, c, 3, h, w).transpose(0, 1)


def _each(values: Tensor, clips: Tensor) -> Tensor:
    """A value of each clip, to be multiplied with it."""
    return values.view(-1, *[1] * (clips.dim() - 1))
