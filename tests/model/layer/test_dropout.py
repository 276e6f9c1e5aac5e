import pytest
import torch

from model.layer.dropout import Dropout


@pytest.mark.parametrize("chance", [0.15, 0.5, 0.001])
def test_the_share_the_scale_and_the_independence(chance: float) -> None:
    torch.manual_seed(0)
    x = torch.ones(1001, 999, requires_grad=True)
    y = Dropout(chance)(x)
    dropped = y == 0
    n = x.numel()
    assert abs(dropped.sum().item() - n * chance) < 4 * (n * chance * (1 - chance)) ** 0.5
    assert y[~dropped].unique().tolist() == pytest.approx([1 / (1 - chance)], rel=1e-4)
    assert y.mean().item() == pytest.approx(1, abs=4 * (chance / (1 - chance) / n) ** 0.5)
    flat = dropped.flatten().double()
    for lag in (1, 2, 3, 4, 999):  # four neighbours come out of one draw
        together = (flat[lag:] * flat[:-lag]).mean().item()
        assert together == pytest.approx(chance**2, abs=4 * chance / n**0.5)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_it_follows_the_seed_and_rests_in_evaluation() -> None:
    module, x = Dropout(0.5), torch.randn(7, 3)
    torch.manual_seed(1)
    first = module(x)
    assert not torch.equal(module(x), first)
    torch.manual_seed(1)
    assert torch.equal(module(x), first)
    assert module.eval()(x) is x
    assert Dropout(0.0)(x) is x
