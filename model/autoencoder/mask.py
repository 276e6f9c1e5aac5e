"""Tubes hidden from the encoders: patches of a grid, the same in all frames of a clip.

VideoMAE (Tong et al. 2022, section 3.3): what is hidden in one frame shall not be seen in the next,
or rebuilding it would be copying.
"""

import torch
from torch import Tensor

from model.encoder.clip_encoder import Views


def hidden_patches(share: float, *, patch: int, size: tuple[int, int]) -> int:
    """How many patches of a frame of (h, w) pixels a share is.

    Raises ValueError where that is none of them, or all.
    """
    patches = -(-size[0] // patch) * -(-size[1] // patch)
    count = round(share * patches)
    if not 0 < count < patches:
        raise ValueError(
            f"of {patches} patches ({patch} pixels a side, frames of {size[0]}x{size[1]}) it is "
            f"{'none' if count == 0 else 'all'}"
        )
    return count


def tube_mask(
    row: Tensor, clips: int, *, share: float, patch: int, size: tuple[int, int], salt: Tensor | int
) -> Tensor:
    """Which pixels of each clip are hidden, in all of its frames.

    row (V,) int64, N clips of each, frames of (h, w) pixels -> (V, N, h, w) bool, of which so many
    patches are True.  They are a hash of the row, the clip, the patch and the `salt`: they depend
    on no other row of the batch.
    """
    height, width = -(-size[0] // patch), -(-size[1] // patch)
    count = hidden_patches(share, patch=patch, size=size)
    key = _hash(row + salt)[:, None] + torch.arange(clips, device=row.device)
    key = _hash(key)[..., None] + torch.arange(height * width, device=row.device)
    hidden = _hash(_hash(key)).argsort(-1).argsort(-1) < count  # (V, N, patches)
    grid = hidden.unflatten(-1, (height, width))
    wide = grid.repeat_interleave(patch, -2).repeat_interleave(patch, -1)
    return wide[..., : size[0], : size[1]]


def _hash(x: Tensor) -> Tensor:
    """Scramble whole numbers, 32 bits of each (Mueller's integer hash).  The same shape."""
    for _ in range(2):
        x = x & 0xFFFFFFFF
        x = (x ^ (x >> 16)) * 0x45D9F3B
    x = x & 0xFFFFFFFF
    return x ^ (x >> 16)


def hide(clips: Tensor, hidden: Tensor) -> Tensor:
    """Fill what is hidden with the mean colour of what is not, clip by clip.

    clips (V, N, 3, F, h, w), hidden (V, N, h, w) -> the same shape.  A network that did nothing
    but copy its input would be as far off as that colour.
    """
    mask = hidden[:, :, None, None]
    shown = ~mask
    number = shown.sum((-2, -1), keepdim=True) * clips.shape[3]
    mean = (clips * shown).sum((-3, -2, -1), keepdim=True) / number
    return torch.where(mask, mean, clips)


def views_of(clips: Tensor) -> Views:
    """What the encoders see of clips that share no frame.  clips (V, N, 3, F, h, w)."""
    images = clips.transpose(2, 3).flatten(0, 2)
    # colours innermost, as frames come from their store: the layout that the encoders expect
    images = images.contiguous(memory_format=torch.channels_last)
    shape = (*clips.shape[:2], clips.shape[3])
    index = torch.arange(len(images), device=clips.device).view(shape)
    return Views(images=images, index=index, in_order=True)
