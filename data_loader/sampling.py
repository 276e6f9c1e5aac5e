"""Which questions make up which step: a function of (seed, step), so that resuming is exact."""

import numpy as np


def rows(*, seed: int, step: int, batch_size: int, total: int) -> np.ndarray:
    """Rows of one step's batch: the next `batch_size` of an endless stream of permutations.

    Every row comes once per epoch (once per `total` places of the stream) and no batch is ragged;
    one that crosses the end of an epoch takes the rest from the next.  -> (batch_size,) int64.
    """
    first = step * batch_size
    places = np.arange(first, first + batch_size)
    out = np.empty(batch_size, dtype=np.int64)
    for epoch in np.unique(places // total):
        here = places // total == epoch
        out[here] = permutation(seed=seed, epoch=int(epoch), total=total)[places[here] % total]
    return out


def permutation(*, seed: int, epoch: int, total: int) -> np.ndarray:
    """Order of the rows in one epoch.  -> (total,) int64."""
    return np.random.default_rng([seed, epoch]).permutation(total)


def derangement(*, seed: int, total: int) -> np.ndarray:
    """A permutation without fixed points, one cycle through all.  -> (total,) int64; total >= 2."""
    assert total >= 2
    cycle = np.random.default_rng([seed, 2**32 - 1]).permutation(total)
    out = np.empty(total, dtype=np.int64)
    out[cycle] = np.roll(cycle, 1)
    return out
