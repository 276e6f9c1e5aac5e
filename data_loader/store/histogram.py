"""How the values of a store are distributed, in lines of text."""

from itertools import pairwise

import numpy as np

LEAST, MOST = -4, 10  # powers of two between the bins of a feature's size
BAR = 40  # characters


class Distribution:
    """Counts what is added, a video at a time: features (float16, float32) or pixels (uint8).

    A feature's bin has its edge nearer to zero; zero itself is a bin of its own.
    """

    def __init__(self, *, pixels: bool) -> None:
        """Start with empty sums."""
        self.pixels = pixels
        self.rows = self.zero_rows = self.count = 0
        self.low, self.high = np.inf, -np.inf
        self.sum = self.squares = 0.0
        sizes = [0, *(2.0**k for k in range(LEAST, MOST + 1)), np.inf]
        below = [f"{-b:.4g} to {-a:.4g}" for a, b in pairwise(sizes)][::-1]
        above = [f"{a:.4g} to {b:.4g}" for a, b in pairwise(sizes)]
        by_16 = [f"{a} to {a + 15}" for a in range(0, 256, 16)]
        self.labels = by_16 if pixels else [*below, "0", *above]
        self.counts = np.zeros(len(self.labels), np.int64)

    def add(self, rows: np.ndarray) -> None:
        """rows (R, W)."""
        numbers = rows.astype(np.float32)
        self.rows += len(rows)
        self.zero_rows += int((~rows.any(1)).sum())
        self.count += rows.size
        self.low = min(self.low, float(numbers.min()))
        self.high = max(self.high, float(numbers.max()))
        self.sum += float(numbers.sum(dtype=np.float64))
        self.squares += float(np.square(numbers).sum(dtype=np.float64))
        if self.pixels:
            bins = rows // 16
        else:
            finite = numbers[np.isfinite(numbers)]
            power = np.frexp(finite)[1].clip(LEAST, MOST + 1)  # of 2 ** (power - 1) and more
            bins = (np.sign(finite) * (power + 1 - LEAST)).astype(np.intp) + MOST + 2 - LEAST
        self.counts += np.bincount(bins.ravel(), minlength=len(self.counts))

    def bins(self) -> list[tuple[str, int]]:
        """(label, count) of the bins from the first to the last that has some."""
        used = self.counts.nonzero()[0].tolist() or [0]
        bins = list(zip(self.labels, self.counts.tolist(), strict=True))
        return bins[used[0] : used[-1] + 1]

    def lines(self, *, row: str) -> list[str]:
        """The distribution; `row`: what a row is called."""
        if not self.count:
            return []
        mean = self.sum / self.count
        deviation = max(0.0, self.squares / self.count - mean**2) ** 0.5
        bins = self.bins()
        most = max(1, *(count for _, count in bins))
        return [
            f"  {'values':14} {self.low:.4g} to {self.high:.4g}, mean {mean:.4g}, standard "
            f"deviation {deviation:.4g}",
            f"  {'zeros only':14} {self.zero_rows:,} of {self.rows:,} {row}s",
            *(
                f"  {label:>18} {'#' * round(BAR * count / most):{BAR}} {count / self.count:7.2%}"
                for label, count in bins
            ),
        ]
