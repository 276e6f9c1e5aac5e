"""Each channel's clips predicted from the other's, for when one is missing."""

from typing import Literal

from torch import Tensor, nn

Channel = Literal["appearance", "motion"]


class ChannelRebuild(nn.Module):
    """Two small networks: appearance clips out of motion clips, and the reverse.

    What they predict are clip vectors before any graph relates them, which depend on no question.
    The view completion of incomplete views (VIGAN, Shang et al. 2017) in its plainest form: no
    adversary, a squared error.
    """

    def __init__(self, *, width: int) -> None:
        """D of the clips.  At first they predict zeros: what a missing channel would be without."""
        super().__init__()
        self.appearance = _network(width)
        self.motion = _network(width)

    def fill(self, missing: Channel, appearance: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Put in the clips of a missing channel.  appearance, motion (V, N, D) -> the same."""
        if missing == "appearance":
            return self.appearance(motion).to(motion), motion
        return appearance, self.motion(appearance).to(appearance)

    def errors(self, appearance: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """Squared errors of both predictions, relative to the predicted; 1: as bad as zeros.

        appearance, motion (V, N, D) -> two of (V, N), whose gradients reach the networks and what
        they see, not what they are to predict: else that could become what is easy to predict.
        """
        return (
            _relative(self.appearance(motion), appearance.detach()),
            _relative(self.motion(appearance), motion.detach()),
        )


def _network(width: int) -> nn.Sequential:
    last = nn.Linear(2 * width, width)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), last)


def _relative(found: Tensor, true: Tensor) -> Tensor:
    """(..., D), (..., D) -> (...)."""
    found, true = found.float(), true.float()
    return (found - true).square().sum(-1) / true.square().sum(-1).clamp(min=1e-6)
