"""NT-Xent, the contrastive loss of SimCLR (Chen et al. 2020), over one process or several."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from model.layer.precision import at_least_float32


def nt_xent(
    one: Tensor, other: Tensor, videos: Tensor, *, temperature: float, mask_same_video: bool,
    intra: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Normalised temperature-scaled cross entropy of P positive pairs (equation 1 of the paper).

    one, other (P, D): embeddings of both views of each, of any length; videos (P,) int64: the video
    of each pair.  Every view is to find its partner among the 2 P - 1 other views; all of those are
    negatives but the partner, and, with `mask_same_video`, all other views of the same video.
    intra (Q, D), None: none: embeddings that are negatives of every view and look for no partner,
    such as of the clips played backwards (Tao et al. 2020, section 3.2).  The mean over the 2 P
    views, as in the paper; the official code returns twice as much.  Of several processes each has
    P of the pairs, and the mean of their losses is the loss of all pairs; the gradients that
    DistributedDataParallel averages are those of that mean.  Computed in float32.
    """
    with torch.autocast(one.device.type, enabled=False):
        one, other = (nn.functional.normalize(at_least_float32(z), dim=1) for z in (one, other))
        own = torch.cat([one, other])
        every = torch.cat([gather_with_gradient(part) for part in (one, other, *_unit(intra))])
        return _cross_entropy(
            own,
            every,
            videos,
            gather(videos),
            len(videos) * own_rank(),
            temperature,
            mask_same_video,
        )


def nt_xent_of(
    one: Tensor, other: Tensor, videos: Tensor, *, temperature: float, mask_same_video: bool,
    intra: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """`nt_xent` of this process's pairs alone."""
    own = torch.cat([nn.functional.normalize(at_least_float32(z), dim=1) for z in (one, other)])
    every = torch.cat([own, *_unit(intra)])
    return _cross_entropy(own, every, videos, videos, 0, temperature, mask_same_video)


def _unit(rows: Tensor | None) -> list[Tensor]:
    """Of length 1; none of None."""
    return [] if rows is None else [nn.functional.normalize(at_least_float32(rows), dim=1)]


def _cross_entropy(
    own: Tensor, every: Tensor, videos: Tensor, all_videos: Tensor, first: int, temperature: float,
    mask_same_video: bool,
) -> Tensor:  # fmt: skip
    """Own views (2 P, D) among all (2 P' + Q', D); `first`: the place of the first own of P'."""
    pairs = len(all_videos)
    place = first + torch.arange(len(videos), device=own.device)
    itself, partner = torch.cat([place, place + pairs]), torch.cat([place + pairs, place])
    number = torch.arange(len(every), device=own.device)
    hidden = number == itself[:, None]
    if mask_same_video:
        alike = all_videos.repeat(2) == videos.repeat(2)[:, None]
        alike = nn.functional.pad(alike, (0, len(every) - 2 * pairs))  # intra-negatives stay
        hidden = hidden | (alike & (number != partner[:, None]))
    logits = (own @ every.T / temperature).masked_fill(hidden, -torch.inf)
    return nn.functional.cross_entropy(logits, partner)


def gather(values: Tensor) -> Tensor:
    """The rows of all processes, by rank; no gradient flows.  (P, ...) -> (P', ...)."""
    if _processes() == 1:
        return values
    parts = [torch.empty_like(values) for _ in range(_processes())]
    dist.all_gather(parts, values.contiguous())
    return torch.cat(parts)


def gather_with_gradient(values: Tensor) -> Tensor:
    """The rows of all processes; the gradient of a row is the sum of all processes' gradients."""
    return values if _processes() == 1 else _Gather.apply(values)


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        ctx.rows = len(values)
        return gather(values)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total[ctx.rows * own_rank() :][: ctx.rows]


def _processes() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def own_rank() -> int:
    """This process's number among all, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0
