"""How the values of a store are distributed, in lines of text."""

import itertools

import numpy as np

SIZES = [2.0**k for k in range(-4, 11)]
FEATURES = np.array([-np.inf, *(-x for x in SIZES[::-1]), 0.0, *SIZES, np.inf])  # edges of bins
PIXELS = np.arange(0, 257, 16)
BAR = 40  # characters


class Values:
    """Counts what is added, a video at a time: features (float16, float32) or pixels (uint8).

    The bins are filled from the upper 16 bits of a value's float32, of which there are few: their
    edges, and pixels, are exact in so many.
    """

    def __init__(self) -> None:
        """Nothing yet."""
        self.pixels = False
        self.rows = self.zero_rows = self.count = 0
        self.low, self.high = np.inf, -np.inf
        self.sum = self.squares = 0.0
        self.codes = np.zeros(2**16, np.int64)  # how often each upper half came

    def add(self, rows: np.ndarray) -> None:
        """rows (R, W)."""
        self.pixels = rows.dtype == np.uint8
        numbers = rows.astype(np.float32)
        self.rows += len(rows)
        self.zero_rows += int((~rows.any(1)).sum())
        self.count += rows.size
        self.low = min(self.low, float(numbers.min()))
        self.high = max(self.high, float(numbers.max()))
        self.sum += float(numbers.sum(dtype=np.float64))
        self.squares += float(np.square(numbers).sum(dtype=np.float64))
        self.codes += np.bincount(numbers.view(np.uint32).ravel() >> 16, minlength=2**16)

    def lines(self, *, row: str) -> list[str]:
        """The distribution; `row`: what a row is called."""
        if not self.count:
            return []
        mean = self.sum / self.count
        deviation = max(0.0, self.squares / self.count - mean**2) ** 0.5
        bins = self._bins()
        most = max(count for _, count in bins)
        return [
            f"  {'values':14} {self.low:.4g} to {self.high:.4g}, mean {mean:.4g}, standard "
            f"deviation {deviation:.4g}",
            f"  {'zeros only':14} {self.zero_rows:,} of {self.rows:,} {row}s",
            *(
                f"  {label:>18} {'#' * round(BAR * count / most):{BAR}} {count / self.count:7.2%}"
                for label, count in bins
            ),
        ]

    def _bins(self) -> list[tuple[str, int]]:
        """(label, count) of the bins from the first to the last that has some.

        A feature's bin has its edge nearer to zero; zero itself is a bin of its own.
        """
        found = self.codes.nonzero()[0]
        values, counts = (found << 16).astype(np.uint32).view(np.float32), self.codes[found]
        edges = PIXELS if self.pixels else FEATURES
        above = np.searchsorted(edges, values, side="right") - 1
        below = np.searchsorted(edges, values, side="left") - 1
        place = np.where(values < 0, below, above)
        named = list(itertools.pairwise(edges))
        if self.pixels:
            labels = [f"{a} to {b - 1}" for a, b in named]
        else:
            labels = [f"{a:.4g} to {b:.4g}" for a, b in named]
            middle = labels.index(f"0 to {SIZES[0]:.4g}")
            labels.insert(middle, "0")
            place = np.where(values == 0, middle, place + (values > 0))
        bins = np.bincount(place, counts, minlength=len(labels)).astype(np.int64)
        used = bins.nonzero()[0]
        return list(zip(labels, bins.tolist(), strict=True))[used[0] : used[-1] + 1]
