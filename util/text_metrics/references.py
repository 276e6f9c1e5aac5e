"""The references of many segments, prepared once for any number of hypotheses."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy import sparse

from util.text_metrics.ngrams import NGramIndex, NGrams, Sentence


class References:
    """The references of N segments, each with one or more, as token lists.

    Hypotheses of every epoch are scored against the same object.  S counts references in all, G
    columns of n-grams.
    """

    def __init__(self, references: Sequence[Sequence[Sentence]]) -> None:
        """References of each segment, in the order in which hypotheses will come."""
        assert references and all(references), "a segment without references cannot be scored"
        # S, segment by segment
        self.sentences = [sentence for sentences in references for sentence in sentences]
        # (N,) references of each segment, and where they begin
        self.count = np.array([len(sentences) for sentences in references])
        self.starts = np.cumsum(self.count) - self.count
        # (S,) the segment, 0 to N - 1
        self.segment = np.repeat(np.arange(len(self.count)), self.count)
        # (S,) words
        self.length = np.array([len(sentence) for sentence in self.sentences])
        self.index = NGramIndex(self.sentences)

    def __len__(self) -> int:
        """N"""
        return len(self.count)

    def encode(self, hypotheses: Sequence[Sentence]) -> NGrams:
        """The n-grams of one hypothesis a segment."""
        assert len(hypotheses) == len(self), f"{len(hypotheses)} hypotheses, {len(self)} segments"
        return self.index.encode(hypotheses)

    def by_segment(self, weights: np.ndarray) -> sparse.csr_array:
        """Sums over each segment's references of weights (E,) of their n-grams.  -> (N, G)"""
        grams = self.index.grams
        place = (self.segment[grams.sentence], grams.column)
        return sparse.csr_array((weights, place), (len(self), len(self.index)))

    @cached_property
    def present(self) -> sparse.csr_array:
        """Which columns any reference of a segment has.  -> (N, G) bool"""
        return self.by_segment(np.ones(len(self.index.grams.column), dtype=bool))

    def matrix(self, grams: NGrams, weights: np.ndarray) -> sparse.csr_array:
        """Weights (E,) of hypotheses' n-grams, without those that no reference has.  -> (N, G)"""
        mine = grams.column < len(self.index)
        place = (grams.sentence[mine], grams.column[mine])
        return sparse.csr_array((weights[mine], place), (len(self), len(self.index)))
