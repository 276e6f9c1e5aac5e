"""Learning rate as a function of progress, and when something is due that comes every so often."""

import math
from typing import Literal

Schedule = Literal["constant", "halve", "cosine"]


def learning_rate(
    schedule: Schedule, *, lr: float, epoch: float, epochs: float, halve_every: float
) -> float:
    """The rate at `epoch` (fractional) of a run of `epochs`.

    "constant"; "halve" after each `halve_every` epochs (the released code: 10); "cosine" from `lr`
    to 0 over the run (Loshchilov & Hutter 2017, equation 5, without restarts).
    """
    if schedule == "halve":
        return lr * 0.5 ** int(epoch / halve_every)
    if schedule == "cosine":
        return lr * 0.5 * (1 + math.cos(math.pi * min(epoch / epochs, 1.0)))
    return lr


def crosses(step: int, per_step: float) -> bool:
    """Whether a counter that grows by `per_step` a step reaches a new whole number at `step`."""
    return math.floor(step * per_step + 1e-9) > math.floor((step - 1) * per_step + 1e-9)
