"""Rows of a tensor, taken any number of times, with a gradient that is the same each time."""

from torch import Tensor


def gather_rows(values: Tensor, index: Tensor) -> Tensor:
    """`values[index]`.  values (M, ...), index of any shape -> (*index.shape, ...).

    The gradients of a row that is taken more than once are summed.  torch's docs of
    `use_deterministic_algorithms` say which form sums in an order that changes from run to run, and
    the last bits with it: `values[index]` on a CPU, `index_select` on a GPU.
    """
    if values.device.type == "cuda":
        return values[index]
    return values.index_select(0, index.flatten()).unflatten(0, index.shape)
