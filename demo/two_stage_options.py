"""Options of the demonstration of two-stage training."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class TwoStageOptions:
    """One comparison of all four ways to train.

    Args:
        seed: seed of every run
    """

    seed: int = 1
