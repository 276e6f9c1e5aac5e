"""Exponential moving average of a model's weights."""

import copy
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


class AveragedWeights(Generic[M]):
    """A copy of a module whose weights follow it: own <- decay own + (1 - decay) module's.

    As `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn` and `use_buffers`, which
    asks a GPU at every update whether it is the first.  Running statistics are averaged as weights
    are; integers, such as batch norm's count of batches, are copied.
    """

    def __init__(self, module: M, decay: float) -> None:
        """Start as a copy of `module`, in evaluation mode; `decay` per update."""
        self.module = copy.deepcopy(module).eval()
        self.decay = decay
        self.updates = 0  # so far; the first one copies

    @torch.no_grad()
    def update(self, module: M) -> None:
        """Take one step towards the module's current weights."""
        floats, others = _split(self.module)
        new_floats, new_others = _split(module)
        if self.updates:
            torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                floats, new_floats, 1 - self.decay
            )
        else:
            torch._foreach_copy_(floats, new_floats)  # pyright: ignore[reportPrivateImportUsage]
        for own, new in zip(others, new_others, strict=True):
            own.copy_(new)
        self.updates += 1


def _split(module: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """Weights and buffers: floating point numbers, and integers."""
    every = [x.detach() for x in (*module.parameters(), *module.buffers())]
    return [x for x in every if x.is_floating_point()], [
        x for x in every if not x.is_floating_point()
    ]
