"""What training and search need of a caption decoder.

Shapes: V videos, M positions of a video (clips or frames), C features of a position, B captions,
L words, W words of the vocabulary, R rows of a search (hypotheses).
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from model.layer.gather import gather_rows

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

    Padded positions change nothing, and what a row's words are does not depend on other rows.
    """

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

    def forward(self, memory: Rows, words: Tensor) -> TeacherForced:
        """Read captions whose words are known.  words (B, L) int64, `<BOS>` first, memory B rows.

        Word by word; a decoder that can do better overrides it.
        """
        state, steps = self.start(memory), []
        for word in words.unbind(1):
            steps.append(self.step(word, state, memory))
            state = steps[-1].state
        attention = [step.attention for step in steps if step.attention is not None]
        return TeacherForced(
            torch.stack([step.logits for step in steps], 1),
            torch.stack(attention, 1) if attention else None,
        )


def take_rows(rows: Rows, index: Tensor) -> Rows:
    """Some rows, any number of times.  index (R,) int64."""
    return {name: gather_rows(value, index) for name, value in rows.items()}
