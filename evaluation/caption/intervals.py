"""95 % intervals of caption scores, and of the difference of two sets of captions."""

from collections.abc import Sequence

import numpy as np

from evaluation.caption.scores import BLEU, CaptionScores
from evaluation.format import Interval
from util.statistics import Bootstrap
from util.text_metrics.bleu import bleu


class CaptionBootstrap:
    """Resamples of videos; the segments of one video are drawn together.

    BLEU is computed anew from each resample's counts; the other metrics are means over segments.
    (METEOR's corpus score is none: its interval is that of the mean, moved to the corpus score.)
    CIDEr-D's document frequencies stay those of all references.
    """

    def __init__(self, videos: Sequence[str], *, samples: int = 10_000) -> None:
        """The video of each of N segments."""
        self._bootstrap = Bootstrap(videos, [""] * len(videos), samples=samples)

    def interval(self, scores: CaptionScores) -> dict[str, Interval]:
        """The interval of each metric."""
        return {name: _middle(values) for name, values in self._resampled(scores).items()}

    def difference(
        self, one: CaptionScores, other: CaptionScores
    ) -> dict[str, tuple[float, Interval]]:
        """How much `other` scores above `one` in each metric of both, with its paired interval."""
        a, b = self._resampled(one), self._resampled(other)
        return {
            name: (other.corpus[name] - one.corpus[name], _middle(b[name] - a[name]))
            for name in a
            if name in b
        }

    def _resampled(self, scores: CaptionScores) -> dict[str, np.ndarray]:
        """Each metric of each resample (R,)."""
        segments = len(scores.ids)
        assert segments == len(self._bootstrap.video), "scores of other segments"
        sizes = self._sums(np.ones((segments, 1)))
        out: dict[str, np.ndarray] = {}
        if scores.bleu_statistics is not None:
            counted = bleu(self._sums(scores.bleu_statistics))
            out = dict(zip(BLEU, counted.T, strict=True))
        for name in scores.corpus:
            if name not in out:
                each = scores.segments[name]
                moved = scores.corpus[name] - each.mean()
                out[name] = (self._sums(each[:, None]) / sizes)[:, 0] + moved
        return out

    def _sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of values (N, K) over each resample.  -> (R, K)"""
        by_video = np.zeros((self._bootstrap.total, values.shape[1]))
        np.add.at(by_video, self._bootstrap.video, values)
        return self._bootstrap.drawn @ by_video.astype(np.float32)


def _middle(values: np.ndarray) -> Interval:
    low, high = np.percentile(values, [2.5, 97.5]).tolist()
    return low, high
