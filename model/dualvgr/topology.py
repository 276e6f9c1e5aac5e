"""Which clips a relation graph relates: all of a video, those near in time, or those most alike.

complete: padded tensors (B, N, ...) and the dense attention of model/dualvgr/relation_graph.py.
window:K and knn:K: the real clips of all videos one after another, S = n_1 + ... + n_B of them, and
a list of E edges; a padded clip has neither a row nor an edge.  On a GPU, which a
step must not ask how many clips are real, padded ones keep their rows (S = B N), and the edges that
would touch one lead from it to itself.
"""

import warnings
from collections.abc import Callable
from functools import cache, lru_cache, partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from model.layer.precision import at_least_float32

SIMILARITIES = 2**24  # that knn holds at once: 64 MiB in float32
MESSAGES = {"cpu": 2**19, "cuda": 2**26}  # numbers weighted_sum gathers at once: CPUs' caches


class Edges(NamedTuple):
    """Who attends to whom among S clips; a clip attends to itself, too."""

    source: Tensor  # (E,) int64, row of the clip that is attended to
    target: Tensor  # (E,) int64, row of the clip that attends; ascending where padding has no row


class Topology:
    """Who attends to whom in one batch; in this one all clips of a video, in padded tensors."""

    def __init__(self, mask: Tensor) -> None:
        """Mask (B, N), True on the clips that take part."""
        self.mask = mask

    def pack(self, clips: Tensor) -> Tensor:
        """Clips in the layout that the graphs take.  (B, N, ...) -> same."""
        return clips

    def unpack(self, clips: Tensor) -> Tensor:
        """The graphs' output in the padded layout.  -> (B, N, ...)."""
        return clips

    def links(self, clips: Tensor) -> Tensor | Edges:
        """Who attends to whom in graphs over `clips` (B, N, D) -> mask (B, N), or Edges."""
        return self.mask


def keeps_padding(mask: Tensor) -> bool:
    """Whether padded clips keep their rows: to count the real ones would make a GPU wait."""
    return mask.is_cuda


class _Packed(Topology):
    """The clips that take part, one after another; on a GPU all clips."""

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask)
        self.padded = keeps_padding(mask)
        if self.padded:
            return
        self.rows = mask.flatten().nonzero().squeeze(1)  # (S,)
        self.number = mask.flatten().cumsum(0) - 1  # (B N,) rows among the S

    def pack(self, clips: Tensor) -> Tensor:
        """(B, N, ...) -> (S, ...)."""
        flat = clips.flatten(0, 1)
        return flat if self.padded else flat.index_select(0, self.rows)

    def unpack(self, clips: Tensor) -> Tensor:
        """(S, ...) -> (B, N, ...), 0 on the clips that take no part."""
        if self.padded:
            mask = self.mask.view(*self.mask.shape, *[1] * (clips.dim() - 1))
            return torch.where(mask, clips.unflatten(0, self.mask.shape), 0)
        padded = clips.new_zeros(self.mask.numel(), *clips.shape[1:])
        return padded.index_copy(0, self.rows, clips).unflatten(0, self.mask.shape)

    def _edges(self, target: Tensor, source: Tensor, real: Tensor) -> Edges:
        """Edges of P pairs of clips in each video, both given as positions in the video.

        target (P,) attends to source (B, P); real (B, P) whether the source takes part (where
        padding keeps its rows, `source` is a padded clip if not).
        """
        videos, clips = self.mask.shape
        first = clips * torch.arange(videos, device=source.device)[:, None]  # row of each video
        attends = self.mask[:, target].flatten()
        target, source = (first + target).flatten(), (first + source).flatten()
        real = real.flatten()
        if self.padded:
            target = torch.where(attends & ~real, source, target)
            return Edges(torch.where(attends & real, source, target), target)
        real = real & attends
        return Edges(self.number[source[real]], self.number[target[real]])


class Window(_Packed):
    """A clip attends to the clips of its video at most K positions before or after it."""

    def __init__(self, mask: Tensor, *, k: int) -> None:
        """Mask (B, N); all graphs of the batch share the edges."""
        super().__init__(mask)
        target, source = _window(mask.shape[1], k, mask.device)
        self.edges = self._edges(target, source.expand(len(mask), -1), mask[:, source])

    def links(self, clips: Tensor) -> Edges:
        """The same edges whatever the clips (B, N, D)."""
        return self.edges


class Nearest(_Packed):
    """A clip attends to the K clips of its video most like it, of which it is the first."""

    def __init__(self, mask: Tensor, *, k: int) -> None:
        """Mask (B, N)."""
        super().__init__(mask)
        self.k = k

    def links(self, clips: Tensor) -> Edges:
        """Edges to the K clips of largest cosine similarity.  clips (B, N, D)."""
        source, real = nearest(clips.detach(), self.mask, k=self.k)
        target = torch.arange(clips.shape[1], device=clips.device)[:, None].expand_as(source[0])
        return self._edges(target.flatten(), source.flatten(1), real.flatten(1))


@lru_cache(maxsize=16)
def _window(clips: int, k: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """All pairs of N clips at most K positions apart.  -> target (P,), source (P,)."""
    with torch.inference_mode(False):  # cached: training may save what an evaluation made
        target = np.arange(clips)[:, None]
        source = target + np.arange(-min(k, clips - 1), min(k, clips - 1) + 1)
        inside = (source >= 0) & (source < clips)
        pairs = np.broadcast_to(target, source.shape)[inside], source[inside]
        return torch.from_numpy(pairs[0]).to(device), torch.from_numpy(pairs[1]).to(device)


def connector(topology: str) -> Callable[[Tensor], Topology]:
    """The class of topology that a name means, to be called with the mask (B, N) of a batch.

    `topology`: "complete", "window:K" or "knn:K".  Raises ValueError for any other.
    """
    kind, _, k = topology.partition(":")
    if topology == "complete":
        return Topology
    if kind not in SPARSE or not k.isdecimal() or int(k) < 1:
        raise ValueError(f"topology {topology}: not complete, window:K or knn:K")
    return partial(SPARSE[kind], k=int(k))


SPARSE = {"window": Window, "knn": Nearest}


@torch.no_grad()
def nearest(clips: Tensor, mask: Tensor, *, k: int) -> tuple[Tensor, Tensor]:
    """Each clip's K most similar clips of its video by cosine, itself always among them.

    clips (B, N, D), mask (B, N) -> positions (B, N, J), whether each is a real clip (B, N, J); J is
    K, or N where that is less.  Time grows with N^2, memory does not: SIMILARITIES at a time.
    """
    videos, count = mask.shape
    k = min(k, count)
    positions = torch.zeros(videos, count, k, dtype=torch.int64, device=mask.device)
    real = torch.zeros(videos, count, k, dtype=torch.bool, device=mask.device)
    some = max(1, SIMILARITIES // count**2)
    for first in range(0, videos, some):
        own = slice(first, first + some)
        end = count
        if not keeps_padding(mask):  # padding behind the longest video costs nothing
            used = mask[own].any(0).nonzero()
            end = int(used[-1]) + 1 if len(used) else 0
        # bfloat16 cannot rank like clips
        unit = nn.functional.normalize(at_least_float32(clips[own, :end]), dim=2)
        step = max(1, SIMILARITIES // (len(unit) * max(end, 1)))
        for begin in range(0, end, step):
            rows = slice(begin, min(begin + step, end))
            with torch.autocast(clips.device.type, enabled=False):
                alike = unit[:, rows] @ unit.mT
            alike.masked_fill_(~mask[own, None, :end], -torch.inf)
            alike.diagonal(begin, 1, 2).fill_(torch.inf)  # itself, whatever equals it
            value, position = alike.topk(min(k, end), dim=2, sorted=False)
            positions[own, rows, :end], real[own, rows, :end] = position, value > -torch.inf
    return positions, real


def softmax(logits: Tensor, edges: Edges, *, clips: int) -> Tensor:
    """Softmax over the edges of each clip that attends.  logits (E, K), `clips` S -> (E, K)."""
    return _edge_softmax()(logits, edges.target, num_nodes=clips)


@cache
def _edge_softmax() -> Callable[..., Tensor]:
    """torch_geometric's; imported only where it is needed: that takes as long as torch itself."""
    with warnings.catch_warnings():  # it scripts functions, which torch advises against
        warnings.simplefilter("ignore")
        from torch_geometric.utils import softmax as edge_softmax
    return edge_softmax


def weighted_sum(weight: Tensor, values: Tensor, edges: Edges) -> Tensor:
    """Sum what each clip attends to: a sparse product whose weights have gradients, too.

    weight (E, K) of each edge and head, values (S, K, d) -> (S, K, d), summed in float32 at least,
    also under autocast.  Edges are passed over in parts, forward and backward, so
    no tensor of E x K x d is ever made.
    """
    weight, values = at_least_float32(weight), at_least_float32(values)
    return _WeightedSum.apply(weight, values, edges.source, edges.target)


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, weight: Tensor, values: Tensor, source: Tensor, target: Tensor) -> Tensor:
        ctx.save_for_backward(weight, values, source, target)
        out = torch.zeros_like(values)
        for part in _parts(values, source):
            messages = values.index_select(0, source[part]).mul_(weight[part, :, None])
            out.index_add_(0, target[part], messages)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx, *gradients: Tensor) -> tuple[Tensor, Tensor, None, None]:
        weight, values, source, target = ctx.saved_tensors
        of_weight, of_values = torch.empty_like(weight), torch.zeros_like(values)
        for part in _parts(values, source):
            # index_select: three times as fast as [...] on a CPU
            of_messages = gradients[0].index_select(0, target[part])
            of_weight[part] = (of_messages * values.index_select(0, source[part])).sum(2)
            of_values.index_add_(0, source[part], of_messages.mul_(weight[part, :, None]))
        return of_weight, of_values, None, None


def _parts(values: Tensor, source: Tensor) -> list[slice]:
    step = max(1, MESSAGES["cuda" if values.is_cuda else "cpu"] // max(1, values.shape[1:].numel()))
    return [slice(i, i + step) for i in range(0, len(source), step)]
