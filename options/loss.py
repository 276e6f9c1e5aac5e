"""What the model is trained for."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class LossOptions:
    """The loss: that of the answers + gamma * consistency + beta * disparity.

    The answers' is a cross entropy, of counts the squared error.

    Args:
        gamma: weight of the consistency of the two common graphs
        beta: weight of the disparity (HSIC) of specific and common graphs
        hsic: paper scales by (N-1)^-2 and takes the mean over the batch; released is the plain sum
        rebuild: beside the answers and without an effect on them, two small networks learn to
            rebuild each channel's clips from the other's, for evaluate.py --missing --fill rebuilt
        label_smoothing: share of the target spread evenly over all answers, or candidates
        choice_loss: of multiple choice, cross entropy over a question's candidates, or the hinge
            max(0, 1 + wrong - right), summed over its wrong ones
        count_as: of counts, one value learned by its squared error, or ordinal: one answer for each
            number to whether it is more than that
    """

    gamma: float = 100.0
    beta: float = 1e-6
    hsic: Literal["paper", "released"] = "paper"
    rebuild: bool = False
    label_smoothing: float = 0.0
    choice_loss: Literal["ce", "hinge"] = "ce"
    count_as: Literal["value", "ordinal"] = "value"

    def __post_init__(self) -> None:
        """Refuse weights without a meaning."""
        for name in ("gamma", "beta"):
            if getattr(self, name) < 0:
                raise ValueError(f"--{name} {getattr(self, name)}: must not be negative")
        if not 0 <= self.label_smoothing < 1:
            raise ValueError(f"--label_smoothing {self.label_smoothing}: must be in [0, 1)")
