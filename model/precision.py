"""What is computed in float32 whatever autocast says."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The same in float32; float64 stays what it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
