"""What the model is trained for."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """The loss: cross entropy + gamma * consistency + beta * disparity.

    Args:
        gamma: weight of the consistency of the two common graphs
        beta: weight of the disparity (HSIC) of specific and common graphs
        hsic: paper scales by (N-1)^-2 and takes the mean over the batch; released is the plain sum
        label_smoothing: share of the target spread evenly over all answers
    """

    gamma: float = 100.0
    beta: float = 1e-6
    hsic: Literal["paper", "released"] = "paper"
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse weights without a meaning."""
        for name in ("gamma", "beta"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} {getattr(self, name)}: must not be negative")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"--label_smoothing {self.label_smoothing}: must be in [0, 1)")
