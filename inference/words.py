"""A question's words as a run takes them: those of its training, others by their GloVe vectors."""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from model.task.qa import QuestionAnswering
from model.task.retrieval import Retrieval
from preprocess.glove_package import glove_package_version, read_glove_package
from util.errors import UserError
from util.text import clipped

NONE_KNOWN = "none of its words is known to this run: the answer cannot depend on them"


class Known(NamedTuple):
    """Words, by what a run knows of them."""

    own: list[str]  # those of its training
    from_glove: list[str]
    not_at_all: list[str]


class Words:
    """The words that a run knows, and those that it has got to know since.

    A run whose word vectors came from the package of GloVe takes the vector of a word that its
    training did not have from there, if the package is installed; any other takes `<UNK>`.  What it
    answers to questions whose words it had does not change.
    """

    def __init__(self, task: QuestionAnswering | Retrieval, source: str) -> None:
        """`source`: where the run's word vectors came from, as its question file said."""
        self._task, self._vocabulary = task, task.vocabulary
        self._from_package = ", package " in source
        self._source = source
        self._added: dict[str, int] = {}  # word -> its number, after the vocabulary's
        self._missing: set[str] = set()  # words that the package has not

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """The number of each token."""
        self._look_up(self._vocabulary.unknown(tokens))
        numbers = self._vocabulary.encode(tokens)
        return [self._added.get(token, n) for token, n in zip(tokens, numbers, strict=True)]

    def known(self, tokens: Sequence[str]) -> Known:
        """Which of some words the run knows, each word once, in their order."""
        new = self._vocabulary.unknown(tokens)
        self._look_up(new)
        own = [word for word in dict.fromkeys(tokens) if word not in new]
        return Known(
            own, [w for w in new if w in self._added], [w for w in new if w not in self._added]
        )

    def note(self, tokens: Sequence[str]) -> str:
        """One line about the words that the run's training did not have; "" if it had all."""
        known = self.known(tokens)
        if known.not_at_all and not known.own and not known.from_glove:
            return NONE_KNOWN
        lists = {
            "words that this run knows from GloVe only": known.from_glove,
            "words that this run does not know": known.not_at_all,
        }
        shown = [f"{what}: {clipped(', '.join(some), 200)}" for what, some in lists.items() if some]
        return "; ".join(shown)

    def _look_up(self, words: Sequence[str]) -> None:
        """Take the vectors of words that were not asked for before from the package."""
        asked = [word for word in words if word not in self._added and word not in self._missing]
        if not asked or not self._from_package:
            return
        self._missing.update(asked)
        try:
            vectors, known = read_glove_package(asked)
            if f", package {glove_package_version()}, " not in self._source:
                return  # another version, which may have other numbers
        except UserError:  # not installed: they are words that the run does not know
            return
        new = [word for word, found in zip(asked, known.tolist(), strict=True) if found]
        first = len(self._vocabulary.words) + len(self._added)
        self._task.add_words(torch.from_numpy(vectors[known]))
        self._added.update({word: first + i for i, word in enumerate(new)})
        self._missing.difference_update(new)
