"""What tells whether contrastive embeddings spread out or collapse."""

import torch
from torch import Tensor, nn


def effective_rank(embeddings: Tensor) -> float:
    """How many directions embeddings fill evenly: exp of the entropy of their singular values.

    Of Roy and Vetterli 2007, equation 5; RankMe (Garrido et al. 2023) judges pretraining by it.
    embeddings (C, D) -> from 1, all along one line, to min(C, D).
    """
    values = torch.linalg.svdvals(embeddings.double())
    total = values.sum()
    if not total > 0:
        return 1.0
    share = values / total
    return float(torch.special.entr(share).sum().exp())


def alignment(one: Tensor, other: Tensor) -> float:
    """Mean squared distance of the normalised views of a pair: 0 the same, 2 at right angles.

    Of Wang and Isola 2020, equation 3 with alpha 2.  one, other (P, D).
    """
    a, b = (nn.functional.normalize(z.double(), dim=1) for z in (one, other))
    return float((a - b).square().sum(1).mean())


def uniformity(embeddings: Tensor) -> float:
    """Log of the mean Gaussian potential of all pairs: 0 all the same, about -4 spread evenly.

    Of Wang and Isola 2020, equation 4 with t 2.  embeddings (C, D), C of 2 at least.
    """
    distance = torch.pdist(nn.functional.normalize(embeddings.double(), dim=1))
    return float((-2 * distance.square()).exp().mean().log())


def retrieval_accuracy(one: Tensor, other: Tensor) -> float:
    """Share of views whose nearest of all the others' is their own partner.  one, other (P, D)."""
    a, b = (nn.functional.normalize(z, dim=1) for z in (one, other))
    found = (a @ b.T).argmax(1)
    return float((found == torch.arange(len(a), device=a.device)).double().mean())


def order_accuracy(views: Tensor, partners: Tensor, reordered: Tensor) -> float:
    """Share of views more like their partner than like the partner in another order of frames.

    A half where the order is not seen.  Each (P, D); ties count a half.
    """
    v, p, r = (nn.functional.normalize(z, dim=1) for z in (views, partners, reordered))
    gap = (v * p).sum(1) - (v * r).sum(1)
    return float(((gap > 0).double() + 0.5 * (gap == 0).double()).mean())
