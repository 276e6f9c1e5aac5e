"""NT-Xent against loops, and over two processes; statistics of embeddings of known shapes."""

import math
import os

import pytest
import torch
import torch.distributed as dist
from torch.multiprocessing.spawn import spawn

from model.contrastive.head import ProjectionHead
from model.contrastive.loss import nt_xent, nt_xent_of
from model.contrastive.statistics import (
    alignment,
    effective_rank,
    order_accuracy,
    retrieval_accuracy,
    uniformity,
)


def embeddings(pairs: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    one, other = torch.randn(2, pairs, width, generator=generator, dtype=torch.float64)
    return one, one + 0.5 * other


def by_loops(one, other, videos, temperature: float, mask: bool, intra=()) -> float:
    """Equation 1 of the paper, one pair of views after the other."""
    views = [*zip(one, videos, range(len(one)), strict=True)]
    views += [*zip(other, videos, range(len(one)), strict=True)]
    total = 0.0
    for i, (z, video, pair) in enumerate(views):
        partner, below = 0.0, 0.0
        for k, (y, of, number) in enumerate(views):
            if k == i or (mask and of == video and number != pair):
                continue
            similarity = float(z @ y) / (float(z.norm()) * float(y.norm()))
            below += math.exp(similarity / temperature)
            if number == pair:
                partner = similarity / temperature
        for y in intra:
            below += math.exp(float(z @ y) / (float(z.norm()) * float(y.norm())) / temperature)
        total += math.log(below) - partner
    return total / len(views)


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("temperature", [0.1, 0.5])
@pytest.mark.parametrize("intra", [False, True])
def test_nt_xent_is_that_of_loops(mask: bool, temperature: float, intra: bool) -> None:
    one, other = embeddings(7, 5)
    more = embeddings(4, 5)[1] * 3 if intra else None
    videos = torch.tensor([0, 0, 1, 1, 2, 3, 3])
    how = {"temperature": temperature, "mask_same_video": mask, "intra": more}
    expected = by_loops(
        one, other, videos.tolist(), temperature, mask, () if more is None else more
    )
    for loss in (nt_xent, nt_xent_of):
        assert float(loss(one, other, videos, **how)) == pytest.approx(expected, abs=1e-6)


def test_masked_negatives_have_no_gradient() -> None:
    one, other = embeddings(4, 5)
    one.requires_grad_()
    videos = torch.tensor([0, 0, 1, 1])
    total = {}
    for mask in (False, True):
        loss = nt_xent(one, other, videos, temperature=0.1, mask_same_video=mask)
        (total[mask],) = torch.autograd.grad(loss, one)
    assert (total[True] - total[False]).abs().max() > 1e-4


def _process(rank: int, port: int, folder: str) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    dist.init_process_group("gloo", rank=rank, world_size=2)
    one, other = embeddings(6, 5)
    own = slice(3 * rank, 3 * rank + 3)
    mine = one[own].clone().requires_grad_()
    videos = torch.tensor([0, 0, 1, 1, 2, 2])
    intra = one[own].flip(1).clone().requires_grad_()
    how = {"temperature": 0.2, "mask_same_video": True}
    loss = nt_xent(mine, other[own], videos[own], **how, intra=intra)
    loss.backward()
    torch.save((loss.detach(), mine.grad, intra.grad), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def test_two_processes_have_the_loss_and_gradient_of_one(tmp_path) -> None:
    """Pairs of the same video lie in both processes: masks know the videos of all."""
    one, other = embeddings(6, 5)
    one.requires_grad_()
    intra = one.detach().flip(1).requires_grad_()
    videos = torch.tensor([0, 0, 1, 1, 2, 2])
    whole = nt_xent(one, other, videos, temperature=0.2, mask_same_video=True, intra=intra)
    whole.backward()
    spawn(_process, (29571 + os.getpid() % 1000, str(tmp_path)), nprocs=2)
    parts = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert float(sum(loss for loss, *_ in parts) / 2) == pytest.approx(float(whole), abs=1e-9)
    for i, of in ((1, one), (2, intra)):
        gradient = torch.cat([part[i] for part in parts]) / 2  # as DistributedDataParallel averages
        torch.testing.assert_close(gradient, of.grad, atol=1e-9, rtol=0)


def test_order_accuracy_of_known_embeddings() -> None:
    axes = torch.eye(4)
    assert order_accuracy(axes, axes, axes.roll(1, 0)) == 1
    assert order_accuracy(axes, axes.roll(1, 0), axes) == 0
    assert order_accuracy(axes, axes, 2 * axes) == 0.5  # who does not see the order


def test_effective_rank_of_known_matrices() -> None:
    assert effective_rank(torch.eye(5)) == pytest.approx(5)
    assert effective_rank(torch.ones(7, 3)) == pytest.approx(1, abs=1e-6)
    assert effective_rank(torch.zeros(7, 3)) == 1
    two = torch.diag(torch.tensor([3.0, 1.0]))
    assert effective_rank(two) == pytest.approx(
        math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25))
    )


def test_alignment_and_uniformity_of_known_embeddings() -> None:
    axes = torch.eye(4)
    assert alignment(axes, 3 * axes) == pytest.approx(0, abs=1e-12)
    assert alignment(axes, axes.roll(1, 0)) == pytest.approx(2)
    assert uniformity(torch.ones(5, 3)) == pytest.approx(0, abs=1e-9)
    assert uniformity(axes) == pytest.approx(-4)  # squared distances of 2
    assert retrieval_accuracy(axes, axes) == 1
    assert retrieval_accuracy(axes, axes.roll(1, 0)) == 0


@pytest.mark.parametrize(("layers", "weights"), [(2, 4_456_448), (3, 8_650_752)])
def test_projection_heads_have_the_weights_of_the_paper(layers: int, weights: int) -> None:
    """SimCLR's on ResNet-50: 2048 -> 2048 (-> 2048) -> 128."""
    head = ProjectionHead(width=2048, hidden=2048, embedding=128, layers=layers)
    assert sum(p.numel() for p in head.parameters() if p.ndim == 2) == weights
    last = [m for m in head.layers if hasattr(m, "running_mean")][-1]
    assert not last.bias.requires_grad and last.weight.requires_grad
