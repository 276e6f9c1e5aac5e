"""CIDEr-D of token lists (Vedantam et al. 2015, section 4 and equation 5), as coco-caption has it.

Cosine similarity of tf-idf vectors of n-grams, of one to four words, with the hypothesis's counts
clipped by the reference's and a Gaussian penalty on the difference in length; times ten.  Without
stemming, and the lengths are in bigrams, as in coco-caption.
"""

from collections.abc import Sequence

import numpy as np

from util.text_metrics.ngrams import ORDERS, NGrams, Sentence
from util.text_metrics.references import References

SIGMA = 6.0  # of the penalty, in words


class DocumentFrequency:
    """In how many of a corpus's segments an n-gram stands, in any of their references."""

    def __init__(self, references: References) -> None:
        """Count over the references of segments."""
        self.index = references.index
        # (G + 1,) segments; the last place is that of n-grams that the corpus lacks
        self.count = np.bincount(references.present.indices, minlength=len(self.index) + 1)
        # segments of the corpus
        self.segments = len(references)

    def inverse(self, grams: NGrams) -> np.ndarray:
        """Weights log(segments / count) of n-grams that this object's index encoded.  -> (E,)

        An n-gram that the corpus lacks counts as if one segment had it.
        """
        count = np.maximum(1.0, self.count[grams.first])
        return np.log(float(self.segments)) - np.log(count)


class CiderD:
    """CIDEr-D against the references of N segments."""

    def __init__(self, references: References, frequency: DocumentFrequency | None = None) -> None:
        """`frequency`: by default that of these references, as the published numbers have it."""
        self.references = references
        self.frequency = frequency or DocumentFrequency(references)
        grams = references.index.grams
        inverse, norm = self._inverse(references.sentences, grams)
        self._weights = _quotient(inverse**2 * grams.count, norm)  # (E,) of the references

    def score(self, hypotheses: Sequence[Sentence]) -> np.ndarray:
        """CIDEr-D of one hypothesis a segment; the corpus's is their mean.  -> (N,) float64"""
        refs = self.references
        grams = refs.encode(hypotheses)
        _, norm = self._inverse(hypotheses, grams)
        mine = refs.matrix(grams, _quotient(np.ones(len(norm)), norm))
        length = np.array([max(0, len(hypothesis) - 1) for hypothesis in hypotheses])
        difference = length[refs.segment] - np.maximum(0, refs.length - 1)
        penalty = self._penalty(difference)
        theirs = refs.by_segment(self._weights * penalty[refs.index.grams.sentence])
        return 10 / ORDERS * mine.multiply(theirs).sum(axis=1) / refs.count

    def everywhere(self, sentences: Sequence[Sentence]) -> np.ndarray:
        """CIDEr-D of the corpus if every segment had the same hypothesis, for each of C.  -> (C,)

        The products are linear in the references, and their penalty depends on lengths alone: the
        references are added up once for each length, not once for each sentence.
        """
        refs, theirs = self.references, self.references.index.grams
        grams = refs.index.encode(sentences)
        _, norm = self._inverse(sentences, grams)
        weight = _quotient(np.ones(len(norm)), norm) * (grams.column < len(refs.index))
        length = np.array([max(0, len(sentence) - 1) for sentence in sentences])
        share = 1 / (len(refs) * refs.count)[refs.segment]
        total = np.zeros(len(sentences))
        for bigrams in np.unique(length):
            penalty = share * self._penalty(bigrams - np.maximum(0, refs.length - 1))
            weights = self._weights * penalty[theirs.sentence]
            summed = np.bincount(theirs.column, weights, len(refs.index) + 1)
            mine = np.flatnonzero(length[grams.sentence] == bigrams)
            products = weight[mine] * summed[grams.column[mine]]
            total += np.bincount(grams.sentence[mine], products, len(sentences))
        return 10 / ORDERS * total

    @staticmethod
    def _penalty(difference: np.ndarray) -> np.ndarray:
        return np.exp(-(difference**2) / (2 * SIGMA**2))

    def _inverse(
        self, sentences: Sequence[Sentence], grams: NGrams
    ) -> tuple[np.ndarray, np.ndarray]:
        """Weight of each n-gram, and the length of the tf-idf vector that it is in.  -> (E,), (E,)

        `grams` are those of the sentences as the references' index encodes them.
        """
        own = self.frequency.index is self.references.index
        inverse = self.frequency.inverse(grams if own else self.frequency.index.encode(sentences))
        norm = np.sqrt(grams.by_order(grams.once * (grams.count * inverse) ** 2))
        return inverse, norm[grams.sentence, grams.order]


def _quotient(weight: np.ndarray, norm: np.ndarray) -> np.ndarray:
    """weight / norm, 0 where the norm is 0: all of that vector's weights are."""
    return np.divide(weight, norm, out=np.zeros(len(norm)), where=norm > 0)
