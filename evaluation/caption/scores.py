"""Captions against references: BLEU-1 to 4, METEOR, ROUGE-L and CIDEr-D, of corpus and segments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.caption.meteor import Meteor
from util.text_metrics.bleu import Bleu, bleu
from util.text_metrics.cider import CiderD
from util.text_metrics.ngrams import ORDERS
from util.text_metrics.ptb_tokens import tokenize
from util.text_metrics.references import References
from util.text_metrics.rouge import RougeL

BLEU = tuple(f"BLEU-{n}" for n in range(1, ORDERS + 1))
METRICS = (*BLEU, "METEOR", "ROUGE-L", "CIDEr-D")


@dataclass(frozen=True, eq=False)
class CaptionScores:
    """The scores of one caption for each of N segments; METEOR is there if it was computed."""

    # N
    ids: tuple[str, ...]
    # of each metric; shares, as the official code prints them
    corpus: dict[str, float]
    # of each metric, (N,) float64
    segments: dict[str, np.ndarray]
    # (N, 10), see util/text_metrics/bleu.py: their sum makes the corpus's BLEU; None: it is a mean
    bleu_statistics: np.ndarray | None


class CaptionScorer:
    """Scores several sets of captions against the same references."""

    def __init__(
        self, references: Mapping[str, Sequence[str]], meteor: Meteor | None = None
    ) -> None:
        """References by segment, one or more each; without `meteor` there is no METEOR."""
        self.ids = tuple(references)
        self._tokens = [[tokenize(text) for text in references[name]] for name in self.ids]
        self._meteor = meteor
        prepared = References(self._tokens)
        self._bleu, self._rouge = Bleu(prepared), RougeL(prepared)
        self._cider = CiderD(prepared)

    def score(self, hypotheses: Mapping[str, str]) -> CaptionScores:
        """Score one caption for each segment, by its id.  Raises UserError if METEOR fails."""
        assert hypotheses.keys() == set(self.ids), "captions and references of other segments"
        mine = [tokenize(hypotheses[name]) for name in self.ids]
        statistics = self._bleu.statistics(mine)
        whole, each = bleu(statistics.sum(0)), bleu(statistics)
        corpus = dict(zip(BLEU, whole.tolist(), strict=True))
        segments = dict(zip(BLEU, each.T, strict=True))
        if self._meteor is not None:
            corpus["METEOR"], found = self._meteor.score(mine, self._tokens)
            segments["METEOR"] = np.array(found, dtype=np.float64)
        for name, metric in (("ROUGE-L", self._rouge), ("CIDEr-D", self._cider)):
            segments[name] = metric.score(mine)
            corpus[name] = float(segments[name].mean())
        return CaptionScores(self.ids, corpus, segments, statistics)


def score_captions(
    hypotheses: Mapping[str, str],
    references: Mapping[str, Sequence[str]],
    *,
    meteor: Meteor | None = None,
) -> CaptionScores:
    """Score one caption for each segment; both by the segment's id."""
    return CaptionScorer(references, meteor).score(hypotheses)
