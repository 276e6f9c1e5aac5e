"""A channel's clips are predicted from the other's, and what is predicted does not give way."""

import torch
from torch import Tensor

from model.dualvgr.rebuild import ChannelRebuild

WIDTH = 8


def related(videos: int, seed: int) -> tuple[Tensor, Tensor]:
    """Motion is a linear map of appearance, and appearance no map of motion: half is lost."""
    draw = torch.Generator().manual_seed(seed)
    mixed = torch.randn(WIDTH // 2, WIDTH, generator=torch.Generator().manual_seed(9))
    appearance = torch.randn(videos, 3, WIDTH, generator=draw)
    return appearance, appearance[..., : WIDTH // 2] @ mixed


def test_it_starts_as_zeros_do() -> None:
    a, m = related(4, 0)
    net = ChannelRebuild(width=WIDTH)
    for error in net.errors(a, m):
        torch.testing.assert_close(error, torch.ones(4, 3))
    filled = net.fill("motion", a, torch.full_like(m, 7))
    assert torch.equal(filled[0], a) and not filled[1].any()
    assert torch.equal(net.fill("appearance", a, m)[1], m)


def test_what_can_be_known_of_the_other_channel_is_learned() -> None:
    torch.manual_seed(0)
    net = ChannelRebuild(width=WIDTH)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    for step in range(300):
        appearance, motion = net.errors(*related(32, step))
        optimizer.zero_grad()
        (appearance.mean() + motion.mean()).backward()
        optimizer.step()
    a, m = related(200, 10**6)
    appearance, motion = (error.mean() for error in net.errors(a, m))
    assert motion < 0.05 < 0.4 < appearance < 0.6
    _, filled = net.fill("motion", a, torch.zeros_like(m))
    relative = (filled - m).square().sum(-1) / m.square().sum(-1)
    torch.testing.assert_close(relative.mean(), motion)


def test_only_what_is_seen_gets_a_gradient() -> None:
    a, m = (x.requires_grad_() for x in related(4, 0))
    net = ChannelRebuild(width=WIDTH)
    for p in net.parameters():
        torch.nn.init.normal_(p)
    net.errors(a, m)[1].sum().backward()
    assert a.grad is not None and a.grad.abs().sum() > 0
    assert m.grad is None
