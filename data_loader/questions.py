"""The question file: encoded questions, answers, vocabulary and word vectors of one data set.

Written by `python -m preprocess.questions`, read by everything after it.  It holds only tensors
and plain types, so that it is read back with `weights_only=True`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from data_loader.candidates import candidates_from
from data_loader.question_split import COLUMNS, QuestionSplit, without_padding
from data_loader.vocabulary import UNKNOWN_ANSWERS, Vocabulary
from util.checkpoint import save_plain
from util.errors import UserError

FORMAT = 2  # of open questions; other kinds are
FORMAT_OF_KINDS = 3
# 1 had a row of words for each question, padded to the longest of all
READABLE = (1, FORMAT, FORMAT_OF_KINDS)
Kind = Literal["open", "choice", "count"]  # of answers: one of many classes, of a few, a number
KINDS: tuple[Kind, ...] = ("open", "choice", "count")
MOST = 10**6  # no count is higher: float32 tells these apart
ANSWERS_FROM = ("train", "union")
CURE = "make it with `python -m preprocess.questions`"


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
    kind: Kind = "open"
    count_range: tuple[int, int] | None = None  # least, most training answer; of kind count only

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
    kind: Kind = "open",
    count_range: tuple[int, int] | None = None,
) -> None:
    """Write a question file, whole or not at all.

    word_vectors (W, D) and answer_vectors (A, D) float32; answers_from "train" or "union".  Raises
    UserError if the path cannot be written.
    """
    state = {
        "format": FORMAT if kind == "open" else FORMAT_OF_KINDS,
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
    for name, split in splits.items():
        if split.candidates is not None:
            state["splits"][name]["candidates"] = split.candidates.state()
        if split.times is not None:
            state["splits"][name]["time"] = split.times
    if kind != "open":
        state["kind"] = kind
        state["count_range"] = None if count_range is None else list(count_range)
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
            f"{', '.join(map(str, READABLE[:-1]))} and {READABLE[-1]}; {CURE} of this version"
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
    kind, count_range = _kind(state)
    return Questions(
        path=path,
        dataset=state["dataset"],
        vocabulary=vocabulary,
        word_vectors=vectors,
        splits={name: _split(name, s, vocabulary, kind) for name, s in state["splits"].items()},
        word_vectors_source=state["word_vectors_source"],
        answers_from=answers_from,
        answer_vectors=answer_vectors,
        kind=kind,
        count_range=count_range,
    )


def _kind(state: dict[str, Any]) -> tuple[Kind, tuple[int, int] | None]:
    """The kind of a file's answers, and the range of those that are numbers."""
    kind, told = state.get("kind", "open"), state.get("count_range")
    if kind not in KINDS or (kind == "open") == (state["format"] == FORMAT_OF_KINDS):
        raise ValueError(f"kind {kind!r} is none of format {state['format']}")
    if kind != "count":
        return kind, None
    if not isinstance(told, list) or len(told) != 2 or not all(type(n) is int for n in told):
        raise ValueError(f"count_range {told} is no pair of whole numbers")
    if told[0] > told[1]:
        raise ValueError(f"count_range {told} begins after its end")
    return kind, (told[0], told[1])


def _split(name: str, state: dict[str, Any], vocabulary: Vocabulary, kind: Kind) -> QuestionSplit:
    words, length, answer = state["words"], state["length"], state["answer"]
    rows = {field: len(state[field]) for field in ("length", "answer", *COLUMNS.values())}
    if len(set(rows.values())) != 1:
        raise ValueError(f"split {name} has columns of different length {rows}")
    if words.ndim not in (1, 2) or length.ndim != 1 or answer.ndim != 1:
        raise ValueError(f"split {name}: words must be (T,), length and answer (Q,)")
    longest = words.shape[1] if words.ndim == 2 else state["longest"]
    candidates, last = None, max(len(vocabulary.answers), UNKNOWN_ANSWERS) - 1
    if kind == "choice":
        candidates = candidates_from(state["candidates"], len(vocabulary.words), length)
        if not bool((answer < candidates.number).all()):
            raise ValueError(f"split {name}: answer has a value that is no candidate's place")
        last = max([2, *candidates.numbers.tolist()]) - 1
    elif kind == "count":
        last = MOST
    limits = (
        ("words", words, 0, len(vocabulary.words) - 1),
        ("length", length, 1, longest),
        ("answer", answer, 0, last),
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
        candidates=candidates,
        times=_times(name, state.get("time"), len(answer)),
        **{name: tuple(state[key]) for name, key in COLUMNS.items()},
    )


def _times(name: str, times: Tensor | None, rows: int) -> Tensor | None:
    """Which part of its video each question is about, (Q, 2), if they are about parts."""
    if times is None:
        return None
    if times.dtype != torch.float64 or times.shape != (rows, 2):
        raise ValueError(f"split {name}: time must be ({rows}, 2) of torch.float64")
    if not bool(((times[:, 0] >= 0) & (times[:, 0] < times[:, 1])).all()):
        raise ValueError(f"split {name}: time has a part that ends before it begins")
    return times
