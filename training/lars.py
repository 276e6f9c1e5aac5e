"""LARS, the optimizer of large contrastive batches (You et al. 2017)."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

TRUST = 1e-3  # eta of the paper, and of SimCLR's code


class Lars(torch.optim.Optimizer):
    """SGD with momentum whose rate, of each matrix, is as large as its weights allow.

    A matrix's gradient, with its weight decay, is scaled by eta |w| / |g + decay w|; biases and
    scales (of one dimension) take plain steps.  The momentum is that of the scaled gradients times
    the rate, as in SimCLR's code.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], *, lr: float, momentum: float) -> None:
        """Parameter groups as of `training.step`; `weight_decay` of each is coupled."""
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Take a step."""
        assert closure is None
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                gradient = parameter.grad
                if parameter.ndim > 1:
                    gradient = gradient.add(parameter, alpha=group["weight_decay"])
                    gradient = gradient * _trust(parameter, gradient)
                state = self.state[parameter]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(parameter)
                buffer = state["momentum_buffer"]
                buffer.mul_(group["momentum"]).add_(gradient * group["lr"])
                parameter.sub_(buffer)


def _trust(weight: Tensor, gradient: Tensor) -> Tensor:
    """The factor of a matrix's gradient, a scalar; 1 where either is zero."""
    of_weight, of_gradient = torch.linalg.vector_norm(weight), torch.linalg.vector_norm(gradient)
    there = (of_weight > 0) & (of_gradient > 0)
    return torch.where(there, TRUST * of_weight / of_gradient, 1.0)
