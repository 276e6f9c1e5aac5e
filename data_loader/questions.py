"""The question file: encoded questions, answers, vocabulary and word vectors of one data set.

Written by `python -m preprocess.questions`, read by everything after it.  It holds only tensors
and plain types, so that it is read back with `weights_only=True`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from data_loader.vocabulary import UNKNOWN_ANSWERS, Vocabulary
from util.errors import UserError
from util.files import whole_file

FORMAT = 1
ANSWERS_FROM = ("train", "union")
CURE = "make it with `python -m preprocess.questions`"


@dataclass(frozen=True, eq=False)
class QuestionSplit:
    """The questions of one split, row by row.

    words (Q, L) int64, padded with 0 (`<NULL>`), the same L in every split; length (Q,) int64 true
    number of words; answer (Q,) int64 class.  The tuples have Q entries: the video's id, the
    question's id, its type, its raw text and the raw text of its answer.
    """

    name: str
    words: Tensor
    length: Tensor
    answer: Tensor
    videos: tuple[str, ...]
    ids: tuple[int | str, ...]
    types: tuple[str, ...]
    texts: tuple[str, ...]
    answer_texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.videos)


@dataclass(frozen=True, eq=False)
class Questions:
    """One question file.  word_vectors (W, D) float32, a row for each word of the vocabulary.

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


def save_questions(
    path: str | Path,
    *,
    dataset: str,
    vocabulary: Vocabulary,
    word_vectors: Tensor,
    word_vectors_source: str,
    splits: Mapping[str, QuestionSplit],
    answers_from: str = "train",
) -> None:
    """Write a question file, whole or not at all.

    word_vectors (W, D) float32; answers_from "train" or "union".  Raises UserError if the path
    cannot be written.
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
                "length": split.length,
                "answer": split.answer,
                "video": list(split.videos),
                "id": list(split.ids),
                "type": list(split.types),
                "text": list(split.texts),
                "answer_text": list(split.answer_texts),
            }
            for name, split in splits.items()
        },
    }
    try:
        with whole_file(path) as partial:
            torch.save(state, partial)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error}); give another --output") from error


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
    if state["format"] != FORMAT:
        raise UserError(
            f"{path}: question file of format {state['format']}, this code reads format {FORMAT}; "
            f"{CURE} of this version"
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
    )


def _split(name: str, state: dict[str, Any], vocabulary: Vocabulary) -> QuestionSplit:
    rows = {field: len(value) for field, value in state.items()}
    if len(set(rows.values())) != 1:
        raise ValueError(f"split {name} has columns of different length {rows}")
    words, length, answer = state["words"], state["length"], state["answer"]
    if words.ndim != 2 or length.ndim != 1 or answer.ndim != 1:
        raise ValueError(f"split {name}: words must be (Q, L), length and answer (Q,)")
    limits = (
        ("words", words, 0, len(vocabulary.words) - 1),
        ("length", length, 1, words.shape[1]),
        ("answer", answer, 0, max(len(vocabulary.answers), UNKNOWN_ANSWERS) - 1),
    )
    for field, value, low, high in limits:
        if value.dtype != torch.int64:
            raise ValueError(f"split {name}: {field} is {value.dtype}, not torch.int64")
        if value.numel() and (int(value.min()) < low or int(value.max()) > high):
            raise ValueError(f"split {name}: {field} has a value outside [{low}, {high}]")
    return QuestionSplit(
        name=name,
        words=words,
        length=length,
        answer=answer,
        videos=tuple(state["video"]),
        ids=tuple(state["id"]),
        types=tuple(state["type"]),
        texts=tuple(state["text"]),
        answer_texts=tuple(state["answer_text"]),
    )
