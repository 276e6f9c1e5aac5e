"""What training and search need of a caption decoder.

Shapes: V videos, M positions of a video (clips or frames), C features of a position, B captions,
L words, W words of the vocabulary, R rows of a search (hypotheses).
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.layer.gather import gather_rows

PAD, BOS, EOS, UNK = range(4)  # numbers of the special tokens, as in the caption file

Rows = dict[str, Tensor]  # tensors of the same first dimension, by name


class Step(NamedTuple):
    """One word further."""

    logits: Tensor  # (R, W) of the next word
    state: Rows  # after this word
    attention: Tensor | None  # (R, M) weight of each position; None: a decoder without


class TeacherForced(NamedTuple):
    """All words of captions at once, each given the true ones before it."""

    logits: Tensor  # (B, L, W)
    attention: Tensor | None  # (B, L, M)


class CaptionDecoder(nn.Module, ABC):
    """Captions word by word, given a video's positions.  `DECODERS` lists them.

    Padded positions change nothing, and what a row's words are does not depend on other rows.  A
    video has a real position at least.
    """

    embedding: nn.Embedding | None  # (W, word_width); a task may fill it.  None: reads no word

    @abstractmethod
    def encode(self, positions: Tensor, mask: Tensor) -> Rows:
        """What is computed once a video; positions (V, M, C), mask (V, M) True on real ones.

        "mask" is among what is returned, all of V rows.
        """

    @abstractmethod
    def start(self, memory: Rows) -> Rows:
        """The state before the first word, of the rows of `memory`."""

    @abstractmethod
    def step(self, word: Tensor, state: Rows, memory: Rows) -> Step:
        """Read a word; say what may follow.  word (R,) int64, the first of all `<BOS>`."""

    @abstractmethod
    def forward(self, memory: Rows, words: Tensor) -> TeacherForced:
        """Read captions whose words are known.  words (B, L) int64, `<BOS>` first, memory B rows.

        The logits are those of `step`, word by word.
        """


class Advance(NamedTuple):
    """A recurrent decoder after one word more."""

    features: Tensor  # (R, K), what the logits are made of
    state: Rows
    attention: Tensor  # (R, M)


class RecurrentDecoder(CaptionDecoder):
    """A decoder whose state after each word needs that before it.

    What is not recurrent is computed for all words at once: what is read off their vectors, and the
    logits, which cost most where the vocabulary is large.
    """

    embedding: nn.Embedding

    @abstractmethod
    def read(self, words: Tensor) -> Tensor:
        """What the recurrence takes of words.  (...) int64 -> (..., I)."""

    @abstractmethod
    def advance(self, word: Tensor, state: Rows, memory: Rows) -> Advance:
        """One step of the recurrence.  word (R, I), of `read`."""

    @abstractmethod
    def say(self, features: Tensor) -> Tensor:
        """(..., K) -> logits (..., W)."""

    def step(self, word: Tensor, state: Rows, memory: Rows) -> Step:
        """One word further."""
        features, state, attention = self.advance(self.read(word), state, memory)
        return Step(self.say(features), state, attention)

    def forward(self, memory: Rows, words: Tensor) -> TeacherForced:
        """Word by word, but for what is not recurrent."""
        state, features, attention = self.start(memory), [], []
        for word in self.read(words).unbind(1):
            one = self.advance(word, state, memory)
            state = one.state
            features.append(one.features)
            attention.append(one.attention)
        return TeacherForced(self.say(torch.stack(features, 1)), torch.stack(attention, 1))


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Weights of positions, 0 on padded ones.  logits (..., M), mask of the same or fewer rows."""
    return logits.masked_fill(~mask, -torch.inf).softmax(-1)


def take_rows(rows: Rows, index: Tensor) -> Rows:
    """Some rows, any number of times.  index (R,) int64."""
    return {name: gather_rows(value, index) for name, value in rows.items()}
