"""The question file: encoded questions, answers, vocabulary and word vectors of one data set.

Written by `python -m preprocess.questions`, read by everything after it.  It holds only tensors
and plain types, so that it is read back with `weights_only=True`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from data_loader.vocabulary import UNKNOWN_ANSWERS, Vocabulary
from util.checkpoint import save_plain
from util.errors import UserError

FORMAT = 2
READABLE = (1, FORMAT)  # 1 had a row of words for each question, padded to the longest of all
PADDED = 64  # words to a multiple of which a batch's questions are padded, where some are longer
# Columns of plain values, {field of QuestionSplit: key in the file}.
COLUMNS = {
    "videos": "video", "ids": "id", "types": "type", "texts": "text", "answer_texts": "answer_text",
}  # fmt: skip
ANSWERS_FROM = ("train", "union")
CURE = "make it with `python -m preprocess.questions`"


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
    answer: Tensor  # (Q,) int64, class
    videos: tuple[str, ...]  # Q, as are the following
    ids: tuple[int | str, ...]
    types: tuple[str, ...]
    texts: tuple[str, ...]  # as in the annotations
    answer_texts: tuple[str, ...]

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
            **columns,
        )

    def joined(self, other: "QuestionSplit") -> "QuestionSplit":
        """These questions, and then another split's of the same file."""
        columns = {name: getattr(self, name) + getattr(other, name) for name in COLUMNS}
        return replace(
            self,
            words=torch.cat([self.words, other.words]),
            length=torch.cat([self.length, other.length]),
            answer=torch.cat([self.answer, other.answer]),
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


@dataclass(frozen=True, eq=False)
class Questions:
    """One question file.  word_vectors (W, D) float32, a row for each word of the vocabulary.

    answer_vectors (A, D) float32, a row for each answer of the vocabulary: the mean of its words'
    vectors, zeros where none is known; None in files from before they were kept.
    `answers_from` says which splits the answer classes come from: "train" alone, or the "union" of
    all three, as some papers have it.
    """

    path: Path
    dataset: str
    vocabulary: Vocabulary
    word_vectors: Tensor
    splits: dict[str, QuestionSplit]
    word_vectors_source: str = ""
    answers_from: str = "train"
    answer_vectors: Tensor | None = None

    def split(self, name: str, option: str = "") -> QuestionSplit:
        """A split by name; UserError, which names the `option` that asked, if there is none."""
        if name not in self.splits:
            asked = f"{option} {name}: " if option else ""
            raise UserError(
                f"{asked}{self.path} has no split {name}; it has {', '.join(self.splits)}"
            )
        return self.splits[name]


def save_questions(
    path: str | Path,
    *,
    dataset: str,
    vocabulary: Vocabulary,
    word_vectors: Tensor,
    word_vectors_source: str,
    splits: Mapping[str, QuestionSplit],
    answers_from: str = "train",
    answer_vectors: Tensor | None = None,
) -> None:
    """Write a question file, whole or not at all.

    word_vectors (W, D) and answer_vectors (A, D) float32; answers_from "train" or "union".  Raises
    UserError if the path cannot be written.
    """
    state = {
        "format": FORMAT,
        "dataset": dataset,
        **vocabulary.state(),
        "word_vectors": word_vectors,
        "word_vectors_source": word_vectors_source,
        "answers_from": answers_from,
        "splits": {
            name: {
                "words": split.words,
                "longest": split.longest,
                "length": split.length,
                "answer": split.answer,
                **{key: list(getattr(split, name)) for name, key in COLUMNS.items()},
            }
            for name, split in splits.items()
        },
    }
    if answer_vectors is not None:
        state["answer_vectors"] = answer_vectors
    save_plain(path, state)


def load_questions(path: str | Path) -> Questions:
    """Read a question file.

    Raises UserError if it is not there, is no question file, has another format, or contradicts
    itself (rows of different number, numbers outside the vocabulary).
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such question file; {CURE}")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different kind for each sort of wrong file
        reason = str(error).partition("\n")[0][:120]
        raise UserError(
            f"{path}: not a question file ({type(error).__name__}: {reason}); {CURE}"
        ) from error
    if not isinstance(state, dict) or "format" not in state or "splits" not in state:
        raise UserError(f"{path}: a torch file, but not a question file; {CURE}")
    if state["format"] not in READABLE:
        raise UserError(
            f"{path}: question file of format {state['format']}, this code reads formats "
            f"{' and '.join(map(str, READABLE))}; {CURE} of this version"
        )
    try:
        return _from_state(path, state)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path}: damaged question file: {reason}; {CURE} again") from error


def _from_state(path: Path, state: dict[str, Any]) -> Questions:
    vocabulary = Vocabulary.from_state(state)
    vectors: Tensor = state["word_vectors"]
    if vectors.ndim != 2 or len(vectors) != len(vocabulary.words):
        raise ValueError(
            f"word_vectors {tuple(vectors.shape)} for {len(vocabulary.words)} words of vocabulary"
        )
    answer_vectors: Tensor | None = state.get("answer_vectors")
    expected = (len(vocabulary.answers), vectors.shape[1])
    if answer_vectors is not None and answer_vectors.shape != expected:
        raise ValueError(f"answer_vectors {tuple(answer_vectors.shape)}, not {expected}")
    answers_from = state.get("answers_from", "train")  # files from before it was written down
    if answers_from not in ANSWERS_FROM:
        raise ValueError(f"answers_from {answers_from!r} is not one of {', '.join(ANSWERS_FROM)}")
    return Questions(
        path=path,
        dataset=state["dataset"],
        vocabulary=vocabulary,
        word_vectors=vectors,
        splits={name: _split(name, s, vocabulary) for name, s in state["splits"].items()},
        word_vectors_source=state["word_vectors_source"],
        answers_from=answers_from,
        answer_vectors=answer_vectors,
    )


def _split(name: str, state: dict[str, Any], vocabulary: Vocabulary) -> QuestionSplit:
    words, length, answer = state["words"], state["length"], state["answer"]
    rows = {field: len(state[field]) for field in ("length", "answer", *COLUMNS.values())}
    if len(set(rows.values())) != 1:
        raise ValueError(f"split {name} has columns of different length {rows}")
    if words.ndim not in (1, 2) or length.ndim != 1 or answer.ndim != 1:
        raise ValueError(f"split {name}: words must be (T,), length and answer (Q,)")
    longest = words.shape[1] if words.ndim == 2 else state["longest"]
    limits = (
        ("words", words, 0, len(vocabulary.words) - 1),
        ("length", length, 1, longest),
        ("answer", answer, 0, max(len(vocabulary.answers), UNKNOWN_ANSWERS) - 1),
    )
    for field, value, low, high in limits:
        if value.dtype != torch.int64:
            raise ValueError(f"split {name}: {field} is {value.dtype}, not torch.int64")
        if value.numel() and (int(value.min()) < low or int(value.max()) > high):
            raise ValueError(f"split {name}: {field} has a value outside [{low}, {high}]")
    if words.ndim == 2:
        words = without_padding(words, length)
    if len(words) != int(length.sum()):
        raise ValueError(f"split {name}: {len(words)} words, where the lengths add to another sum")
    return QuestionSplit(
        name=name,
        words=words,
        length=length,
        longest=longest,
        answer=answer,
        **{name: tuple(state[key]) for name, key in COLUMNS.items()},
    )


def without_padding(words: Tensor, length: Tensor) -> Tensor:
    """Padded questions one after the other.  words (Q, L), length (Q,) -> (T,) of the same type."""
    return words[torch.arange(words.shape[1]) < length[:, None]]
