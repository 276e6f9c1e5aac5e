"""How well clips are rebuilt: errors, and those of two guesses that need no network.

Targets are on the 0..255 scale, as frames are; outputs on the 0..1 scale, as decoders give them.
Numbers are per clip, (V, N), so that padded clips can be left out: `mean_over(error, clip_mask)`.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from model.autoencoder.mask import hide

PEAK = 255  # the largest value of a pixel
KERNEL = 11  # side of the Gaussian window of SSIM (deviation 1.5 pixels)


class Baselines(NamedTuple):
    """Squared errors (V, N), 0..255 scale, of two guesses that need no network."""

    mean_frame: Tensor  # each frame guessed as the mean of its clip's frames
    mean_colour: Tensor  # each pixel guessed as the mean colour of its clip, or of what is shown


def squared_error(target: Tensor, output: Tensor, where: Tensor | None = None) -> Tensor:
    """Squared error per pixel and colour on the 0..255 scale; `where`: of some pixels alone.

    target (V, N, 3, F, h, w) 0..255, uint8 or float; output the same shape, 0..1; where
    (V, N, h, w) bool, in all frames -> (V, N).
    """
    return _mean((output.float() * PEAK - target).square(), where)


def _mean(values: Tensor, where: Tensor | None) -> Tensor:
    """Mean of each clip's values, or of some pixels'.  (V, N, 3, F, h, w) -> (V, N)."""
    if where is None:
        return values.mean((-4, -3, -2, -1))
    each = values.mean((-4, -3))  # (V, N, h, w)
    return (each * where).sum((-2, -1)) / where.sum((-2, -1))


def mean_over(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of the values where the mask is True.  values, mask: the same shape -> scalar.

    That of `values[mask]`, whose size a GPU would have to tell the host.
    """
    return torch.where(mask, values, 0).sum() / mask.sum()


def reconstruction_loss(mse: Tensor) -> Tensor:
    """The squared error on the 0..1 scale: at most 1, whatever the batch, frames and size.

    mse: of `squared_error`, averaged over clips or not.
    """
    return mse / PEAK**2


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of a squared error on the 0..255 scale; of 0: infinite.

    That of the mean error over clips is at most the mean of theirs; the former is what is reported.
    """
    return 10 * math.log10(PEAK**2 / mse) if mse else math.inf


def ssim(target: Tensor, output: Tensor) -> Tensor:
    """Structural similarity of frames (Wang et al. 2004), mean over each clip's frames; 1: equal.

    target (V, N, 3, F, h, w) 0..255, output the same shape, 0..1 -> (V, N).  As torchmetrics has
    it: Gaussian window of 11 x 11, per colour, K1 .01, K2 .03, borders reflected.  Raises
    ValueError for frames smaller than the window.
    """
    # torchmetrics takes longer to import than torch; runs that rebuild nothing do without
    from torchmetrics.functional.image import structural_similarity_index_measure

    if min(output.shape[-2:]) < KERNEL:
        height, width = output.shape[-2:]
        raise ValueError(
            f"SSIM needs frames of {KERNEL} x {KERNEL} pixels or more, not {height} x {width}"
        )
    videos = []
    for real, rebuilt in zip(target, output, strict=True):  # one by one: it takes ten copies
        similarity = structural_similarity_index_measure(
            _frames(rebuilt.float()),
            _frames(real.float() / PEAK),
            data_range=1.0,
            reduction="none",
        )
        assert isinstance(similarity, Tensor)
        videos.append(similarity.view(real.shape[0], -1).mean(1))
    return torch.stack(videos)


def _frames(clips: Tensor) -> Tensor:
    """(N, 3, F, h, w) -> (N F, 3, h, w), in the layout in which a CPU takes half the time."""
    return clips.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)


def baselines(clips: Tensor, where: Tensor | None = None) -> Baselines:
    """What a clip's mean frame and its mean colour are away from it.

    clips (V, N, 3, F, h, w) 0..255.  The first is what does not move, exactly; no mean frame is
    further away than the mean colour.  With `where` (V, N, h, w) bool: over those pixels alone, and
    the mean colour is that of all others, as `model.autoencoder.mask.hide` fills them in.
    """
    clips = clips.float()
    frame = clips.var(-3, correction=0, keepdim=True)
    if where is None:
        colour = clips.var((-3, -2, -1), correction=0).mean(-1)
    else:
        colour = _mean((hide(clips, where) - clips).square(), where)
    return Baselines(mean_frame=_mean(frame, where), mean_colour=colour)
