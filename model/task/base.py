"""What every task has in common."""

from collections.abc import Sequence

from torch import nn


class TaskModule(nn.Module):
    """A model with its losses: what a training step, DDP and the compiler see as one module.

    Its forward takes a batch, and of how many parts of a step's batch this is one; it returns named
    losses (scalars) and which rows were answered right (B,), or None where nothing is asked.
    """

    losses: Sequence[str]  # the names that forward returns; "loss" is what is minimised
