"""What is computed in float32 whatever autocast says."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The same in float32; float64 stays what it is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def trained_convolutions(x: Tensor) -> AbstractContextManager[Any]:
    """Around convolutions that train: float32 on a CPU, as autocast has it on a GPU.

    oneDNN leaves parts of a bfloat16 convolution's weight gradient unwritten on CPUs with AVX-512
    (NaN, or what the memory held): 3D kernels over two frames, strides over a map of one position.
    """
    on_cpu = not x.is_cuda and torch.is_grad_enabled()
    return torch.autocast(x.device.type, enabled=False) if on_cpu else nullcontext()


def as_trained(x: Tensor) -> Tensor:
    """What enters such convolutions: float32 where they are."""
    return at_least_float32(x) if not x.is_cuda and torch.is_grad_enabled() else x
