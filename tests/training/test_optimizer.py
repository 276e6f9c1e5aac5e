"""What optimizers train, and by how much: L2, weight decay, Adadelta, scales of the rate."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from options.train import TrainOptions
from training.step import make_optimizer, parameter_groups, take_step


class Task(nn.Module):
    """Matrices and a bias, of which a batch (B, 3) makes a loss that is a mean over it."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Linear(3, 4, bias=False)  # spared by its name
        self.hidden = nn.Linear(4, 4)
        self.unused = nn.Linear(2, 2)  # never has a gradient

    def forward(self, batch: Tensor, parts: int) -> tuple[dict[str, Tensor], None]:
        return {"loss": self.hidden(self.embedding(batch)).square().mean()}, None


def trained(steps: int = 4, parts: int = 1, scale: float = 1.0, **options: Any) -> dict:
    """Weights after some steps."""
    task = Task()
    optimizer = make_optimizer(task, TrainOptions(run="r", **options), {task.hidden: scale})
    for step in range(steps):
        batch = torch.from_numpy(np.random.default_rng(step).normal(size=(8, 3))).float()
        take_step(task, batch.chunk(parts), optimizer, options["lr"], options.get("clip_norm", 0.0))
    return {name: value.detach().clone() for name, value in task.named_parameters()}


def plain(make: Any, l2: float, clip_norm: float, steps: int = 4) -> dict:
    """The same by torch's own coupled weight decay, which comes after the clipping too."""
    task = Task()
    optimizer = make(
        [
            {"params": [task.embedding.weight, task.hidden.bias], "weight_decay": 0.0},
            {"params": [task.hidden.weight], "weight_decay": l2},
        ]
    )
    for step in range(steps):
        batch = torch.from_numpy(np.random.default_rng(step).normal(size=(8, 3))).float()
        task.zero_grad()
        task(batch, 1)[0]["loss"].backward()
        nn.utils.clip_grad_norm_(task.parameters(), clip_norm)
        optimizer.step()
    return {name: value.detach().clone() for name, value in task.named_parameters()}


def adam(groups: Any) -> torch.optim.Optimizer:
    return torch.optim.Adam(groups, lr=0.01)


def adadelta(groups: Any) -> torch.optim.Optimizer:
    return torch.optim.Adadelta(groups, lr=0.5, rho=0.95, eps=1e-6)


def sgd(groups: Any) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr=0.1, momentum=0.9)


@pytest.mark.parametrize(
    ("name", "make", "lr"),
    [("adamw", adam, 0.01), ("adadelta", adadelta, 0.5), ("sgd", sgd, 0.1)],
)
def test_l2_is_that_of_plain_optimizers(name: str, make: Any, lr: float) -> None:
    found = trained(optimizer=name, lr=lr, l2=0.5, clip_norm=0.1)
    torch.testing.assert_close(found, plain(make, 0.5, 0.1))
    without = trained(optimizer=name, lr=lr, clip_norm=0.1)
    torch.testing.assert_close(without, plain(make, 0.0, 0.1))
    assert (found["hidden.weight"] - without["hidden.weight"]).abs().max() > 1e-4
    assert torch.equal(found["unused.weight"], without["unused.weight"])


def test_l2_and_weight_decay_are_two_things() -> None:
    coupled = trained(lr=0.01, l2=0.5)
    decoupled = trained(lr=0.01, weight_decay=0.5)
    both = trained(lr=0.01, l2=0.5, weight_decay=0.5)
    apart = [(a["hidden.weight"] - b["hidden.weight"]).abs().max()
             for a, b in ((coupled, decoupled), (coupled, both), (decoupled, both))]  # fmt: skip
    assert min(apart) > 1e-3


@pytest.mark.parametrize("parts", [2, 8])
@pytest.mark.parametrize("name", ["adamw", "adadelta", "sgd"])
def test_parts_of_a_batch_are_trained_as_the_whole(name: str, parts: int) -> None:
    options = {"optimizer": name, "lr": 0.1, "l2": 0.1}
    torch.testing.assert_close(trained(**options), trained(parts=parts, **options))


def test_momentum_is_sgds() -> None:
    found = trained(optimizer="sgd", lr=0.1, momentum=0.5)
    expected = plain(lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.5), 0.0, math.inf)
    torch.testing.assert_close(found, expected)
    without = trained(optimizer="sgd", lr=0.1, momentum=0.0)
    assert (found["hidden.weight"] - without["hidden.weight"]).abs().max() > 1e-3
    with pytest.raises(ValueError, match=r"--momentum 1\.0: must be in \[0, 1\)"):
        TrainOptions(run="r", optimizer="sgd", momentum=1.0)


@pytest.mark.parametrize("name", ["adadelta", "sgd"])
def test_other_optimizers_keep_the_scales_of_the_rate(name: str) -> None:
    start, whole, half = (
        trained(steps, scale=scale, optimizer=name, lr=0.5)
        for steps, scale in ((0, 1.0), (1, 1.0), (1, 0.5))
    )
    for name, share in (("hidden.weight", 0.5), ("embedding.weight", 1.0)):
        torch.testing.assert_close(half[name] - start[name], (whole[name] - start[name]) * share)


def test_groups_without_l2_are_those_of_before() -> None:
    """Which are in the checkpoints of earlier runs, in this order."""
    task = Task()
    (one,) = parameter_groups(task, 0.0, {})
    assert [id(p) for p in one["params"]] == [id(p) for p in task.parameters()]
    assert [g["weight_decay"] for g in parameter_groups(task, 0.1, {})] == [0.0, 0.1]


@pytest.mark.parametrize("name", ["adadelta", "sgd"])
def test_other_optimizers_have_no_decoupled_decay(name: Any) -> None:
    with pytest.raises(ValueError, match=rf"--weight_decay 0\.1: .* --optimizer {name} give --l2"):
        TrainOptions(run="r", optimizer=name, weight_decay=0.1)


def test_lars_scales_each_matrix_to_its_weights() -> None:
    """Against the formula of the paper, with momentum; biases take plain steps."""
    task, rate, decay, momentum = Task(), 0.5, 0.1, 0.9
    weights = {n: p.detach().clone().double() for n, p in task.named_parameters()}
    buffers = {n: torch.zeros_like(w) for n, w in weights.items()}
    options = TrainOptions(
        run="r", optimizer="lars", momentum=momentum, lr=rate, weight_decay=decay
    )
    optimizer = make_optimizer(task, options, {})
    for step in range(3):
        batch = torch.from_numpy(np.random.default_rng(step).normal(size=(8, 3))).float()
        take_step(task, [batch], optimizer, rate, 0.0)
        for name, parameter in task.named_parameters():
            if parameter.grad is None:
                continue
            gradient, weight = parameter.grad.double(), weights[name]
            if weight.ndim == 2:
                gradient = gradient + (0 if "embedding" in name else decay) * weight
                gradient = gradient * (1e-3 * weight.norm() / gradient.norm())
            buffers[name] = momentum * buffers[name] + rate * gradient
            weights[name] = weight - buffers[name]
            torch.testing.assert_close(parameter.double(), weights[name], atol=1e-6, rtol=0)
    assert torch.equal(task.unused.weight.double(), weights["unused.weight"])
