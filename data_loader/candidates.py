"""The answers that each multiple-choice question is asked to choose from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from data_loader.batch import CandidateBatch
from data_loader.tokens import tokenize
from data_loader.vocabulary import UNK, Vocabulary

LEAST = 2  # candidates of a question: of fewer there is nothing to choose
TENSORS = ("words", "length", "number")


@dataclass(frozen=True, eq=False)
class Candidates:
    """The C candidates of Q questions, those of a question one after the other.

    Questions may have different numbers of them.
    """

    words: Tensor  # (T,) int64, the words of all candidates, T = length.sum()
    length: Tensor  # (C,) int64, each candidate's number of words, at least 1
    number: Tensor  # (Q,) int64, candidates of each question, at least 2; C = number.sum()
    longest: int  # most words of a question of the file with one of its candidates
    texts: tuple[tuple[str, ...], ...]  # Q, as in the annotations

    def __len__(self) -> int:
        """Number of questions."""
        return len(self.texts)

    @cached_property
    def lengths(self) -> np.ndarray:
        """`length` on the host, wherever the candidates are: (C,) int64."""
        return self.length.cpu().numpy()

    @cached_property
    def numbers(self) -> np.ndarray:
        """`number` on the host: (Q,) int64."""
        return self.number.cpu().numpy()

    @cached_property
    def _first(self) -> np.ndarray:
        """Each question's first candidate, on the host: (Q,) int64."""
        return self.numbers.cumsum() - self.numbers

    @cached_property
    def _start(self) -> Tensor:
        """The place in `words` of each candidate's first word: (C,) int64."""
        return self.length.cumsum(0) - self.length

    def _of(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Candidates of questions.  rows (B,) -> each one's place in `rows`, its number: (C,)."""
        number = self.numbers[rows]
        question = np.repeat(np.arange(len(rows)), number)
        within = np.arange(len(question)) - np.repeat(number.cumsum() - number, number)
        return question, self._first[rows][question] + within

    def take(self, rows: np.ndarray) -> Self:
        """Those of some of the questions.  rows (R,) int64 -> those of R questions."""
        _, index = self._of(rows)
        length = self.lengths[index]
        start = (self.lengths.cumsum() - self.lengths)[index]
        within = np.arange(length.sum()) - np.repeat(length.cumsum() - length, length)
        return replace(
            self,
            words=self.words[torch.from_numpy(np.repeat(start, length) + within)],
            length=self.length[torch.from_numpy(index)],
            number=self.number[torch.from_numpy(rows)],
            texts=tuple(self.texts[row] for row in rows),
        )

    def joined(self, other: "Candidates") -> Self:
        """Those of these questions, and then those of another split of the same file."""
        both = {name: torch.cat([getattr(self, name), getattr(other, name)]) for name in TENSORS}
        return replace(self, **both, texts=self.texts + other.texts)

    def to(self, device: torch.device) -> Self:
        """The same on another device."""
        return replace(self, **{name: getattr(self, name).to(device) for name in TENSORS})

    def padded(
        self, rows: np.ndarray, asked: Tensor, lengths: np.ndarray, multiple: int
    ) -> CandidateBatch:
        """The candidates of some questions, each after its question.  A GPU is not waited for.

        rows (B,), on the host; asked (B, L) these questions' words, where the candidates are;
        lengths (B,) how many, on the host -> CandidateBatch.  It is filled up with 0 (`<NULL>`) to
        a multiple of `multiple` words, but not beyond the file's longest, as questions are.
        """
        question, index = self._of(rows)
        total = lengths[question] + self.lengths[index]
        most = min(-(-int(total.max()) // multiple) * multiple, self.longest)
        device = self.words.device
        row, of, before, length = (
            torch.from_numpy(value.astype(np.int64)).to(device, non_blocking=True)
            for value in (question, index, lengths[question], total)
        )
        step = torch.arange(most, device=device)
        place = self._start[of][:, None] + step - before[:, None]
        own = self.words[place.clamp(0, len(self.words) - 1)]
        first = asked[row[:, None], step.clamp(max=asked.shape[1] - 1)]
        words = torch.where(step < before[:, None], first, own) * (step < length[:, None])
        return CandidateBatch(words=words, length=length, question=row)

    def state(self) -> dict[str, Any]:
        """Tensors and plain types, for a question file; `candidates_from` reads it."""
        plain = {"longest": self.longest, "text": [list(of) for of in self.texts]}
        return {**{name: getattr(self, name) for name in TENSORS}, **plain}


def encode_candidates(
    texts: Sequence[Sequence[str]], vocabulary: Vocabulary, longest: int
) -> Candidates:
    """The candidates of Q questions; `longest`: most words of a question with one of them."""
    said = [candidate_words(text) for text in chain.from_iterable(texts)]
    return Candidates(
        words=torch.tensor(vocabulary.encode(list(chain.from_iterable(said))), dtype=torch.int64),
        length=torch.tensor([len(words) for words in said], dtype=torch.int64),
        number=torch.tensor([len(of) for of in texts], dtype=torch.int64),
        longest=longest,
        texts=tuple(tuple(of) for of in texts),
    )


def candidate_words(text: str) -> list[str]:
    """The words of a candidate; one that has none, such as "...", is one unknown word."""
    return tokenize(text) or [UNK]


def candidates_from(state: dict[str, Any], words: int, asked: Tensor) -> Candidates:
    """What `state` was taken from; ValueError if it is wrong.

    `words`: size of the vocabulary; asked (Q,): each question's number of words.
    """
    found = Candidates(
        **{name: state[name] for name in TENSORS},
        longest=state["longest"],
        texts=tuple(tuple(of) for of in state["text"]),
    )
    limits = {
        "words": (found.words, 0, words - 1),
        "length": (found.length, 1, found.longest),
        "number": (found.number, LEAST, len(found.length)),
    }
    for name, (value, low, high) in limits.items():
        if value.dtype != torch.int64 or value.ndim != 1:
            raise ValueError(f"candidates: {name} is not a row of torch.int64")
        if value.numel() and (int(value.min()) < low or int(value.max()) > high):
            raise ValueError(f"candidates: {name} has a value outside [{low}, {high}]")
    if len(found.number) != len(asked) or [len(of) for of in found.texts] != found.number.tolist():
        raise ValueError("candidates: number, texts and questions do not belong together")
    if len(found.length) != int(found.number.sum()) or len(found.words) != int(found.length.sum()):
        raise ValueError("candidates: words, length and number add to different sums")
    total = asked.repeat_interleave(found.number) + found.length
    if total.numel() and int(total.max()) > found.longest:
        raise ValueError(f"candidates: one with its question is longer than {found.longest} words")
    return found
