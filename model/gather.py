"""Rows of a tensor, taken any number of times, with a gradient that is the same each time."""

from torch import Tensor


def gather_rows(values: Tensor, index: Tensor) -> Tensor:
    """`values[index]`.  values (M, ...), index of any shape -> (*index.shape, ...).

    What a row is taken for more than once is added in its gradient.  On a CPU the gradient of
    `values[index]` adds as the threads come (atomics), on a GPU that of `index_select` does; either
    way the last bits would change from run to run.
    """
    if values.device.type == "cuda":
        return values[index]
    return values.index_select(0, index.flatten()).unflatten(0, index.shape)
