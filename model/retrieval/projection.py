"""What takes either side into the common space."""

from torch import Tensor, nn

from model.layer.dropout import Dropout
from model.layer.precision import at_least_float32
from model.retrieval.config import RetrievalConfig


class Projection(nn.Module):
    """A linear layer, or two with a GELU between, onto the unit sphere.

    As the linear projection to the multi-modal embedding space of CLIP (Radford et al. 2021,
    section 2.3), with the option of a layer more.
    """

    def __init__(self, config: RetrievalConfig, width: int) -> None:
        """`width`: of what comes in."""
        super().__init__()
        hidden = config.hidden
        self.dropout = Dropout(config.dropout)
        self.within = nn.Linear(width, hidden) if hidden else None
        self.out = nn.Linear(hidden or width, config.embedding)

    def forward(self, x: Tensor) -> Tensor:
        """Embed.  x (..., width) -> (..., D) float32, each of length 1."""
        if self.within is not None:
            x = nn.functional.gelu(self.within(x))
        return unit(self.out(self.dropout(x)))


def unit(x: Tensor) -> Tensor:
    """Vectors of length 1.  x (..., D) -> (..., D) float32."""
    return nn.functional.normalize(at_least_float32(x), dim=-1)
