"""Which questions make up which step: a function of (seed, step), so that resuming is exact."""

from collections.abc import Sequence

import numpy as np


class Sampler:
    """An endless stream of permutations of a split's rows, one an epoch, cut into batches.

    Every row comes once per epoch and no batch is ragged; one that crosses the end of an epoch
    takes the rest from the next.  With `questions_per_video` G > 1 an epoch is a shuffled row of
    groups, each up to G questions of one video: a batch then covers about B / G videos, and all
    that does not depend on the question is computed for those alone.
    """

    def __init__(
        self, videos: Sequence[str], *, seed: int, batch_size: int, questions_per_video: int
    ) -> None:
        """`videos`: the video of each row of the split."""
        self.seed, self.batch_size, self.group = seed, batch_size, questions_per_video
        self.video = np.unique(np.asarray(videos, dtype=str), return_inverse=True)[1]
        self._epochs: dict[int, np.ndarray] = {}  # the orders in use; drawn anew at each start

    def rows(self, step: int) -> np.ndarray:
        """Rows of one step's batch.  -> (batch_size,) int64."""
        total = len(self.video)
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        epochs = np.unique(places // total).tolist()
        self._epochs = {e: self._epochs[e] if e in self._epochs else self.order(e) for e in epochs}
        out = np.empty(self.batch_size, dtype=np.int64)
        for epoch in epochs:
            here = places // total == epoch
            out[here] = self._epochs[epoch][places[here] % total]
        return out

    def order(self, epoch: int) -> np.ndarray:
        """Order of the rows in one epoch.  -> (Q,) int64."""
        rng = np.random.default_rng([self.seed, epoch])
        shuffled = rng.permutation(len(self.video))
        if self.group == 1:
            return shuffled
        # a video's rows next to each other, in shuffled order; then every G of them are a group
        by_video = shuffled[np.argsort(self.video[shuffled], kind="stable")]
        owner = self.video[by_video]
        first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
        place = np.arange(len(owner)) - np.repeat(first, np.diff(np.r_[first, len(owner)]))
        group = np.cumsum(place % self.group == 0) - 1
        rank = rng.permutation(group[-1] + 1)
        return by_video[np.argsort(rank[group], kind="stable")]


def fold_of(videos: Sequence[str], parts: int) -> np.ndarray:
    """Which of `parts` equal parts of the videos each row is in: (Q,) int64, from 0.

    A permutation of the names, in their order, that is always the same.  Raises ValueError where
    there are fewer videos than parts.
    """
    names, video = np.unique(np.asarray(videos, dtype=str), return_inverse=True)
    if len(names) < parts:
        raise ValueError(f"there are only {len(names)} training videos")
    order = np.random.default_rng([parts, len(names)]).permutation(len(names))
    return (order % parts)[video]


def labelled_rows(videos: Sequence[str], share: float, *, seed: int) -> np.ndarray:
    """Which rows are of a share of the videos, drawn by the seed: (Q,) bool.

    A permutation of the names, in their order: with one seed a smaller share is part of a larger
    one.  Raises ValueError where the share is of fewer than two videos.
    """
    names, video = np.unique(np.asarray(videos, dtype=str), return_inverse=True)
    count = round(share * len(names))
    if count < 2:
        raise ValueError(f"is {count} of {len(names)} training videos")
    drawn = np.random.default_rng([seed, len(names), 2**32 - 2]).permutation(len(names))[:count]
    return np.isin(video, drawn)


def derangement(*, seed: int, total: int) -> np.ndarray:
    """A permutation without fixed points, one cycle through all.  -> (total,) int64; total >= 2."""
    assert total >= 2
    cycle = np.random.default_rng([seed, 2**32 - 1]).permutation(total)
    out = np.empty(total, dtype=np.int64)
    out[cycle] = np.roll(cycle, 1)
    return out
