"""Learning rate as a function of progress, and when something is due that comes every so often."""

import math

from options.train import TrainOptions


def learning_rate(options: TrainOptions, *, step: int, epoch: float) -> float:
    """The rate of step `step` (from 1), which begins at `epoch` (fractional).

    "constant"; "halve" after each `halve_every` epochs (the released code: 10); "cosine" from `lr`
    to 0 over the run (Loshchilov & Hutter 2017, equation 5, without restarts): each times
    min(1, step / warmup).  "noam" (Vaswani et al. 2017, equation 3, times `lr`): lr noam_width^-0.5
    min(step^-0.5, step warmup^-1.5).
    """
    lr, warmup = options.lr, options.warmup
    if options.schedule == "noam":
        return lr * options.noam_width**-0.5 * min(step**-0.5, step * warmup**-1.5)
    if step < warmup:
        lr *= step / warmup
    if options.schedule == "halve":
        return lr * 0.5 ** int(epoch / options.halve_every)
    if options.schedule == "cosine":
        return lr * 0.5 * (1 + math.cos(math.pi * min(epoch / options.epochs, 1.0)))
    return lr


def crosses(step: int, per_step: float) -> bool:
    """Whether a counter that grows by `per_step` a step reaches a new whole number at `step`."""
    return math.floor(step * per_step + 1e-9) > math.floor((step - 1) * per_step + 1e-9)
