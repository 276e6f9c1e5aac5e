import pytest
import torch

from model.dualvgr.losses import consistency, disparity

B, N, D = 3, 6, 4


@pytest.fixture(params=[4, 6, 9])  # below N the losses are computed from D x D matrices
def views(request) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    both = torch.randn(2, B, N, request.param, dtype=torch.float64)
    return both[0], both[1]


def plain_trace(s: torch.Tensor, c: torch.Tensor) -> torch.Tensor:
    """tr(R Ks R Kc) of one video, with the matrices of the paper."""
    n = len(s)
    r = torch.eye(n, dtype=s.dtype) - 1 / n
    return torch.trace(r @ (s @ s.T) @ r @ (c @ c.T))


def test_disparity_is_the_trace_of_the_paper(views) -> None:
    s, c = views
    mask = torch.ones(B, N, dtype=torch.bool)
    traces = torch.stack([plain_trace(x, y) for x, y in zip(s, c, strict=True)])
    torch.testing.assert_close(disparity(s, c, mask, hsic="released"), traces.sum())
    torch.testing.assert_close(disparity(s, c, mask, hsic="paper"), (traces / (N - 1) ** 2).mean())


def test_consistency_by_hand(views) -> None:
    a, m = views
    gaps = []
    for x, y in zip(a, m, strict=True):
        zx, zy = ((z - z.mean(0)) / (z - z.mean(0)).norm(dim=1, keepdim=True) for z in (x, y))
        gaps.append((zx @ zx.T - zy @ zy.T).square().mean())
    mask = torch.ones(B, N, dtype=torch.bool)
    torch.testing.assert_close(consistency(a, m, mask), torch.stack(gaps).mean())


def test_each_video_counts_only_its_own_clips(views) -> None:
    a, m = views
    clips = [6, 4, 2]
    mask = torch.arange(N) < torch.tensor(clips)[:, None]
    own = [(x[:n], y[:n]) for x, y, n in zip(a, m, clips, strict=True)]
    one = [torch.ones(1, n, dtype=torch.bool) for n in clips]
    for name, padded, alone in (
        (
            "consistency",
            consistency(a, m, mask),
            [consistency(x[None], y[None], k) for (x, y), k in zip(own, one, strict=True)],
        ),
        (
            "hsic",
            disparity(a, m, mask, hsic="paper"),
            [
                disparity(x[None], y[None], k, hsic="paper")
                for (x, y), k in zip(own, one, strict=True)
            ],
        ),
    ):
        torch.testing.assert_close(padded, torch.stack(alone).mean(), msg=name)


def test_many_clips_cost_what_few_clips_would() -> None:
    """Columns of zeros change no product of clips, but make N < D: both forms, and gradients."""
    torch.manual_seed(0)
    mask = torch.arange(N) < torch.tensor([6, 4, 1])[:, None]
    many = torch.randn(2, B, N, D, dtype=torch.float64, requires_grad=True)
    few = torch.nn.functional.pad(many, (0, 5))
    for loss in (
        lambda x, y: consistency(x, y, mask),
        lambda x, y: disparity(x, y, mask, hsic="paper"),
        lambda x, y: disparity(x, y, mask, hsic="released"),
    ):
        found = []
        for both in (many, few):
            value = loss(*both)
            found.append((value.detach(), *torch.autograd.grad(value, many, retain_graph=True)))
        assert found[0][1].any()
        torch.testing.assert_close(*found, atol=1e-12, rtol=1e-12)


def test_consistency_of_many_clips_that_nearly_agree() -> None:
    """Three squared norms of about n^2 would leave rounding errors of 1e-7 in float32."""
    torch.manual_seed(0)
    a = torch.randn(1, 300, 8, dtype=torch.float64)
    m = a + 1e-4 * torch.randn_like(a)
    mask = torch.ones(1, 300, dtype=torch.bool)
    exact = consistency(a, m, mask)
    assert exact < 1e-7
    torch.testing.assert_close(
        consistency(a.float(), m.float(), mask).double(), exact, rtol=0.01, atol=0
    )


def test_a_single_clip_costs_nothing_and_has_a_gradient() -> None:
    z = torch.randn(2, 1, D, requires_grad=True)
    mask = torch.ones(2, 1, dtype=torch.bool)
    total = consistency(z, 2 * z, mask) + disparity(z, z, mask, hsic="paper")
    total.backward()
    assert total.item() == 0
    assert z.grad is not None and z.grad.isfinite().all()
