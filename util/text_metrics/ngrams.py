"""Sentences as sets of numbered n-grams.

The k-th time that an n-gram stands in a sentence is a column of its own.  A sentence is then a set
of columns, and a clipped count, min(count in a, count in b), the number of columns that two sets
share: BLEU's matches and CIDEr-D's products are sums over sparse matrices.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

ORDERS = 4  # n-grams of one to four words, as all published numbers have them

Sentence = Sequence[str]


@dataclass(frozen=True, eq=False)
class NGrams:
    """The n-grams of S sentences, E of them: all of one word, then all of two words, and so on."""

    # (E,) the sentence, 0 to S - 1
    sentence: np.ndarray
    # (E,) words in it less one, 0 to 3
    order: np.ndarray
    # (E,) the column of the n-gram's first time in the sentence; G where the index lacks it
    first: np.ndarray
    # (E,) the column of this time of it; G where the index lacks it
    column: np.ndarray
    # (E,) whether this is its first time
    once: np.ndarray
    # (E,) how often the sentence has it
    count: np.ndarray
    # S
    sentences: int

    def by_order(self, weights: np.ndarray) -> np.ndarray:
        """Sums of weights (E,) for each sentence and order.  -> (S, 4)"""
        place = self.sentence * ORDERS + self.order
        return np.bincount(place, weights, self.sentences * ORDERS).reshape(-1, ORDERS)


class NGramIndex:
    """The n-grams of a corpus, numbered: G columns."""

    def __init__(self, sentences: Sequence[Sentence]) -> None:
        """Number them; `grams` are those of the sentences themselves."""
        self._words = _numbered(word for sentence in sentences for word in sentence)
        # n-grams of 2, 3 and 4 words, by the n-gram before the last word and that word; then later
        # times of any n-gram, by its column and how many were before
        self._tables: list[_Table] = []
        self.grams = self.encode(sentences)

    def __len__(self) -> int:
        """G"""
        return len(self._words) + sum(map(len, self._tables))

    def encode(self, sentences: Sequence[Sentence]) -> NGrams:
        """The n-grams of some sentences."""
        length = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
        row = np.repeat(np.arange(len(length)), length)
        left = np.repeat(np.cumsum(length), length) - np.arange(len(row))  # words to the end
        word = self._word_numbers(sentences)
        at, number, size, before = np.arange(len(word)), word, len(self._words), 0
        repeats = np.ones(len(length), dtype=bool)  # sentences with an n-gram twice
        found = []
        for order in range(ORDERS):
            if order:
                inside = left[at] > order
                at = at[inside]
                number, size = self._look_up(order - 1, number[inside] << 32 | word[at + order])
            time, count = _times(row[at], number, repeats)
            first = np.where(number < size, number + before, -1)
            found.append((row[at], np.full(len(at), order), first, time, count))
            before += size
        rows, orders, first, time, count = map(np.concatenate, zip(*found, strict=True))
        column, once = first.copy(), time == 0
        number, size = self._look_up(ORDERS - 1, first[~once] << 32 | time[~once])
        column[~once] = np.where(number < size, number + before, -1)
        for columns in (first, column):
            columns[columns < 0] = len(self)
        return NGrams(rows, orders, first, column, once, count, len(length))

    def _word_numbers(self, sentences: Sequence[Sentence]) -> np.ndarray:
        """Numbers of all words; those that the corpus lacks have numbers after all others."""
        words = [word for sentence in sentences for word in sentence]
        known = self._words
        every = known | _numbered((w for w in words if w not in known), len(known))
        return np.array([every[word] for word in words], dtype=np.int64)

    def _look_up(self, table: int, keys: np.ndarray) -> tuple[np.ndarray, int]:
        """Numbers of keys in a table, and how many numbers it has; the first time it is made."""
        if table < len(self._tables):
            return self._tables[table].number(keys), len(self._tables[table])
        distinct, number = np.unique(keys, return_inverse=True)
        self._tables.append(_Table(distinct))
        return number, len(distinct)


def _numbered(words: Iterable[str], start: int = 0) -> dict[str, int]:
    """Words in the order in which they first come, with numbers from `start` on."""
    return {word: start + i for i, word in enumerate(dict.fromkeys(words))}


class _Table:
    """Integers in order, each with its place as its number."""

    def __init__(self, keys: np.ndarray) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return len(self._keys)

    def number(self, keys: np.ndarray) -> np.ndarray:
        """The numbers of some integers; those that are not there have numbers after all others."""
        place = np.searchsorted(self._keys, keys)
        there = place < len(self)
        there[there] = self._keys[place[there]] == keys[there]
        _, other = np.unique(keys[~there], return_inverse=True)
        place[~there] = len(self) + other
        return place


def _times(
    row: np.ndarray, number: np.ndarray, repeats: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How often each number stood in its row before, and how often it stands there in all.

    Only rows of `repeats` (S,) have a number twice: it is set to those that do, for n-grams of one
    word more can repeat there alone.
    """
    time, count = np.zeros_like(row), np.ones_like(row)
    some = np.flatnonzero(repeats[row])
    key = row[some] << 32 | number[some]
    by_key = np.argsort(key, kind="stable")
    _, begin, size = np.unique(key[by_key], return_index=True, return_counts=True)
    time[some[by_key]] = np.arange(len(key)) - np.repeat(begin, size)
    count[some[by_key]] = np.repeat(size, size)
    repeats[:] = False
    repeats[row[time > 0]] = True
    return time, count
