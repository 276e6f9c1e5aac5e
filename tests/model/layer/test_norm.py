"""Batch norm over several processes is the batch norm of all their batches together."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import start_processes

from data_loader.video_table import Covariance
from model.layer.norm import ClipBatchNorm, GlobalBatchNorm, Whiten, with_joint_statistics

# Of the two processes one has more rows than the other, as videos share frames.
CASES = {
    "rows": (nn.BatchNorm1d(5), torch.randn(7, 5), 3),
    "frames": (nn.BatchNorm2d(5), 100 + torch.randn(7, 5, 3, 2), 5),
    "clips, cumulative": (nn.BatchNorm3d(5, momentum=None), torch.randn(7, 5, 2, 3, 2), 2),
    "one row": (nn.BatchNorm1d(5), torch.randn(4, 5), 1),
}


def outcome(norm: nn.Module, x: Tensor) -> dict[str, Any]:
    """What two training steps give, as sums over the batch; gradients too."""
    norm, x = norm.double(), x.double().requires_grad_()  # exact, at a mean of 100 too
    for _ in range(2):
        norm.zero_grad()
        out = norm(x)
        x.grad = None
        (out.sin() * torch.arange(5).view(5, *[1] * (x.dim() - 2))).sum().backward()
    gradients = {f"of {name}": p.grad for name, p in norm.named_parameters()}
    return {"out": out.detach(), "of input": x.grad, **gradients, **dict(norm.named_buffers())}


def clips_normalised(rows: slice) -> dict[str, Any]:
    """Two training steps of the batch norm of some of 5 videos, of 3 real clips in all but one."""
    generator = torch.Generator().manual_seed(3)
    x = (40 + torch.randn(5, 4, 6, generator=generator, dtype=torch.float64))[rows]
    mask = torch.tensor([[True, True, True, False]] * 4 + [[True] * 4])[rows]
    norm = ClipBatchNorm(width=6).double().train()
    x.requires_grad_()
    for _ in range(2):
        out = norm(x, mask)
        x.grad = None
        ((out.sin() * torch.arange(6)) * mask[..., None]).sum().backward()
    return {"out": out.detach(), "of input": x.grad, **dict(norm.named_buffers())}


def work(rank: int, folder: str) -> None:
    dist.init_process_group("gloo", f"file://{folder}/meet", rank=rank, world_size=2)
    cases = torch.load(f"{folder}/cases.pt", weights_only=False)
    found = {}
    for name, (norm, x, first) in cases.items():
        found[name] = outcome(GlobalBatchNorm.of(norm), x[:first] if rank == 0 else x[first:])
    _, x, first = cases["frames"]
    with torch.autocast("cpu", torch.bfloat16):
        half = (x[:first] if rank == 0 else x[first:]).bfloat16()
        found["half"] = {"out": GlobalBatchNorm(5)(half)}
    found["real clips"] = clips_normalised(slice(0, 2) if rank == 0 else slice(2, 5))
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def by_rank(tmp_path_factory) -> list[dict[str, dict[str, Tensor]]]:
    """What both processes found."""
    folder = tmp_path_factory.mktemp("norm")
    torch.manual_seed(0)
    for norm, _, _ in CASES.values():
        nn.init.normal_(norm.weight)
    torch.save(CASES, folder / "cases.pt")
    start_processes(work, (str(folder),), nprocs=2, start_method="forkserver")
    return [torch.load(Path(folder) / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.mark.parametrize("name", CASES)
def test_two_processes_normalise_as_one(by_rank, name: str) -> None:
    norm, x, _ = CASES[name]
    expected = outcome(norm, x)
    one, other = (process[name] for process in by_rank)
    for key in ("out", "of input"):
        found = torch.cat([one[key], other[key]])
        torch.testing.assert_close(found, expected[key], atol=1e-6, rtol=1e-6)
    for key in ("of weight", "of bias"):  # averaging them is not the norm's work
        torch.testing.assert_close(one[key] + other[key], expected[key], atol=1e-6, rtol=1e-6)
    for key in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(one[key], expected[key], atol=1e-6, rtol=1e-6)
        assert torch.equal(one[key], other[key]), key  # so buffers need no exchange


def test_statistics_are_float32_under_autocast(by_rank) -> None:
    """At a mean of 100 and a deviation of 1, sums in bfloat16 would have no digit left."""
    half = torch.cat([process["half"]["out"] for process in by_rank])
    assert half.dtype == torch.bfloat16
    _, x, _ = CASES["frames"]
    exact = nn.BatchNorm2d(5)(x.bfloat16().float())
    torch.testing.assert_close(half.float(), exact, atol=0.02, rtol=0.01)


def test_a_network_keeps_its_names_and_numbers() -> None:
    inner = nn.Sequential(nn.BatchNorm2d(4))
    network = nn.Sequential(nn.Conv2d(3, 4, 1), inner)
    nn.init.normal_(network.state_dict()["1.0.weight"])
    before = {name: value.clone() for name, value in network.state_dict().items()}
    x = torch.randn(2, 3, 5, 5)
    expected = network.eval()(x)
    with_joint_statistics(network)
    assert isinstance(inner[0], GlobalBatchNorm)
    torch.testing.assert_close(network.state_dict(), before)
    assert torch.equal(network(x), expected)


def test_clips_are_normalised_over_real_ones_of_all_processes(by_rank) -> None:
    """As torch's batch norm has them; padded ones get no gradient and change nothing."""
    whole = clips_normalised(slice(None))
    one, other = (process["real clips"] for process in by_rank)
    for key in ("out", "of input"):
        torch.testing.assert_close(torch.cat([one[key], other[key]]), whole[key])
    for key in ("mean", "variance"):
        torch.testing.assert_close(one[key], whole[key])
        assert torch.equal(one[key], other[key])
    mask = torch.tensor([[True, True, True, False]] * 4 + [[True] * 4])
    generator = torch.Generator().manual_seed(3)
    x = 40 + torch.randn(5, 4, 6, generator=generator, dtype=torch.float64)
    plain, rows = nn.BatchNorm1d(6, affine=False).double(), x[mask].requires_grad_()
    plain(rows)
    out = plain(rows)
    (out.sin() * torch.arange(6)).sum().backward()
    torch.testing.assert_close(whole["out"][mask], out)
    assert rows.grad is not None
    torch.testing.assert_close(whole["of input"][mask], rows.grad)
    assert (whole["of input"][~mask] == 0).all() and whole["of input"].abs().max() > 0.1
    torch.testing.assert_close(whole["mean"], plain.running_mean)
    torch.testing.assert_close(whole["variance"], plain.running_var)
    norm = ClipBatchNorm(width=6).double()
    for given in (x, x.masked_fill(~mask[..., None], 1e3)):
        norm(given, mask)
    torch.testing.assert_close(dict(norm.named_buffers()), {k: whole[k] for k in norm._buffers})
    times, twice = torch.tensor([1, 2, 1, 3, 1]), torch.tensor([0, 1, 1, 2, 3, 3, 3, 4])
    torch.testing.assert_close(norm(x, mask, times)[twice], norm(x[twice], mask[twice]))
    norm = ClipBatchNorm(width=6).double()
    norm.load_state_dict({k: whole[k] for k in norm._buffers})
    torch.testing.assert_close(norm.eval()(x, mask)[mask], plain.eval()(x[mask]))


def test_whitened_features_are_uncorrelated_and_of_one_scale() -> None:
    torch.manual_seed(0)
    features = torch.randn(500, 6) @ torch.randn(6, 6) + 3
    found = Covariance()
    for part in features.split(120):
        found.add(part)
    mean, covariance = found.result()
    torch.testing.assert_close(covariance, features.T.cov(correction=0), atol=1e-4, rtol=1e-4)
    norm = Whiten(width=6, components=4)
    assert (norm(features) == 0).all()  # not fitted: a channel left out
    norm.fit(mean, covariance)
    white = norm(features)
    torch.testing.assert_close(white.T.cov(correction=0), torch.eye(4), atol=1e-3, rtol=0)
    assert white.mean(0).abs().max() < 1e-4
    # The first says most: no other direction varies more.
    others = torch.nn.functional.normalize(torch.randn(6, 200), dim=0)
    direction = norm.projection[:, 0] / norm.projection[:, 0].norm()
    assert (features @ direction).var() >= (features @ others).var(0).max()
    assert (norm.projection.norm(dim=0).diff() >= 0).all()  # then less and less
    norm.fit(torch.empty(0), torch.empty(0))
    assert (norm(features) == 0).all()


def test_more_components_than_the_features_have_are_refused() -> None:
    few = torch.randn(4, 6)
    with pytest.raises(ValueError, match="vary in 3 directions"):
        Whiten(width=6, components=4).fit(few.mean(0), few.T.cov(correction=0))
