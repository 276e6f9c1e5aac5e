"""ROUGE-L of token lists (Lin 2004, section 3), as coco-caption has it.

The longest common subsequence over the words of the hypothesis is precision, over those of the
reference recall.  Of both the best among the references is taken, each by itself; recall weighs
beta^2 as much.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from util.text_metrics.ngrams import Sentence
from util.text_metrics.references import References

BETA = 1.2


class RougeL:
    """ROUGE-L against the references of N segments."""

    def __init__(self, references: References) -> None:
        """Take an empty sentence for one empty word, as where sentences are split at blanks."""
        self.references = references
        self._sentences = [sentence or ("",) for sentence in references.sentences]

    def score(self, hypotheses: Sequence[Sentence]) -> np.ndarray:
        """ROUGE-L of one hypothesis a segment; the corpus's is their mean.  -> (N,) float64"""
        refs = self.references
        assert len(hypotheses) == len(refs), f"{len(hypotheses)} hypotheses, {len(refs)} segments"
        bounds = zip(refs.starts, refs.starts + refs.count, strict=True)
        mine = [hypothesis or ("",) for hypothesis in hypotheses]
        found = [
            longest_common(hypothesis, self._sentences[begin:end])
            for hypothesis, (begin, end) in zip(mine, bounds, strict=True)
        ]
        common = np.array([length for lengths in found for length in lengths])
        words = np.array([len(sentence) for sentence in self._sentences])
        precision = np.maximum.reduceat(common, refs.starts) / [len(words) for words in mine]
        recall = np.maximum.reduceat(common / words, refs.starts)
        total = recall + BETA**2 * precision
        product = (1 + BETA**2) * precision * recall
        return np.divide(product, total, out=np.zeros(len(refs)), where=total > 0)


def longest_common(sentence: Sentence, others: Iterable[Sentence]) -> list[int]:
    """Length of the longest common subsequence of a sentence and each of some others.

    A row of the usual table grows by 0 or 1 from place to place, so it is kept as one integer,
    whose bit is 0 where the row grows, and a word costs three operations rather than one for each
    cell (Hyyrö 2004).  Python's integers have no longest sentence.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(sentence):
        places[word] = places.get(word, 0) | 1 << place
    whole = (1 << len(sentence)) - 1
    found = []
    for other in others:
        row = whole
        for word in other:
            if word in places:
                used = row & places[word]
                row = (row + used) | (row - used)
        found.append(len(sentence) - (row & whole).bit_count())
    return found
