"""Where in a ranking what was looked for stands."""

import torch
from torch import Tensor


def ranks(scores: Tensor, right: Tensor) -> Tensor:
    """The rank, from 1, of the best right item of each query.

    scores (Q, C), right (Q, C) bool with at least one True a row -> (Q,) float64.  Items that score
    as the best right one do share their places: it stands in their middle, so that a score that
    tells nothing finds by chance, and not first or last.
    """
    best = scores.masked_fill(~right, -torch.inf).amax(1, keepdim=True)
    others = ~right
    above = (others & (scores > best)).sum(1).double()
    beside = (others & (scores == best)).sum(1).double()
    return 1 + above + beside / 2


def summary(rank: Tensor) -> dict[str, float]:
    """R@1, R@5 and R@10, the median rank and the mean reciprocal rank.  rank (Q,)."""
    return {
        **{f"R@{k}": (rank <= k).double().mean().item() for k in (1, 5, 10)},
        "median rank": rank.quantile(0.5).item(),
        "MRR": (1 / rank).mean().item(),
    }
