"""The encoded questions of one split."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from data_loader.candidates import Candidates

PADDED = 64  # words to a multiple of which a batch's questions are padded, where some are longer
# Columns of plain values, {field of QuestionSplit: key in the file}.
COLUMNS = {
    "videos": "video", "ids": "id", "types": "type", "texts": "text", "answer_texts": "answer_text",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class QuestionSplit:
    """The Q questions of one split, row by row.

    Their words are kept one question after the other: one long question costs its own length, not
    that of all.  They are padded batch by batch.
    """

    name: str
    words: Tensor  # (T,) int64, the words of all questions, T = length.sum()
    length: Tensor  # (Q,) int64, each question's number of words, at least 1
    longest: int  # words of the file's longest question: no batch is padded beyond it
    answer: Tensor  # (Q,) int64: class, or place among its candidates, or the number; see Kind
    videos: tuple[str, ...]  # Q, as are the following
    ids: tuple[int | str, ...]
    types: tuple[str, ...]
    texts: tuple[str, ...]  # as in the annotations
    answer_texts: tuple[str, ...]
    candidates: Candidates | None = None  # of kind choice, and only there
    # (Q, 2) float64, start and end in seconds of the part of its video that each is about; None:
    # all are about whole videos
    times: Tensor | None = None

    def __len__(self) -> int:
        return len(self.videos)

    @cached_property
    def lengths(self) -> np.ndarray:
        """`length` on the host, wherever the split is: (Q,) int64."""
        return self.length.cpu().numpy()

    @cached_property
    def _start(self) -> Tensor:
        """The place in `words` of each question's first word: (Q,) int64."""
        return self.length.cumsum(0) - self.length

    def take(self, rows: np.ndarray) -> "QuestionSplit":
        """Some of the questions.  rows (R,) int64, ascending -> R questions."""
        place = np.concatenate(
            [
                np.arange(length) + int(self._start[row])
                for row, length in zip(rows, self.lengths[rows], strict=True)
            ]
        )
        columns = {name: tuple(getattr(self, name)[row] for row in rows) for name in COLUMNS}
        return replace(
            self,
            words=self.words[torch.from_numpy(place)],
            length=self.length[torch.from_numpy(rows)],
            answer=self.answer[torch.from_numpy(rows)],
            candidates=None if self.candidates is None else self.candidates.take(rows),
            times=None if self.times is None else self.times[torch.from_numpy(rows)],
            **columns,
        )

    def joined(self, other: "QuestionSplit") -> "QuestionSplit":
        """These questions, and then another split's of the same file."""
        own, theirs = self.candidates, other.candidates
        columns = {name: getattr(self, name) + getattr(other, name) for name in COLUMNS}
        return replace(
            self,
            words=torch.cat([self.words, other.words]),
            length=torch.cat([self.length, other.length]),
            answer=torch.cat([self.answer, other.answer]),
            candidates=None if own is None or theirs is None else own.joined(theirs),
            times=None
            if self.times is None or other.times is None
            else torch.cat([self.times, other.times]),
            **columns,
        )

    def padded(
        self, rows: np.ndarray, row: Tensor, multiple: int = PADDED
    ) -> tuple[Tensor, Tensor]:
        """Gather questions.  rows (B,), on the host and as a tensor -> words (B, L), length (B,).

        L is the longest of these, filled up with 0 (`<NULL>`) to a multiple of `multiple` but not
        beyond the file's longest: so shapes are few, and all alike where no question is longer than
        `multiple`.  A GPU is not waited for.
        """
        most = -(-int(self.lengths[rows].max()) // multiple) * multiple
        length = self.length[row]
        step = torch.arange(min(most, self.longest), device=length.device)
        place = (self._start[row][:, None] + step).clamp(max=len(self.words) - 1)
        return self.words[place] * (step < length[:, None]), length


def without_padding(words: Tensor, length: Tensor) -> Tensor:
    """Padded questions one after the other.  words (Q, L), length (Q,) -> (T,) of the same type."""
    return words[torch.arange(words.shape[1]) < length[:, None]]
