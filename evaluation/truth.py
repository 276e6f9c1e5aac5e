"""What was asked and what is right: of a question file, or of this project's predictions file."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any

import numpy as np

from data_loader.questions import Kind, load_questions
from evaluation.answers import objects
from util.errors import UserError

CLASS = {"video", "group", "true", "predicted", "probabilities"}  # those of a classifier's


@dataclass(frozen=True, eq=False)
class Truth:
    """What was asked and what is right: columns (Q,) of str, ids as text."""

    source: str
    id: np.ndarray
    video: np.ndarray
    type: np.ndarray
    text: np.ndarray
    answer: np.ndarray
    _: KW_ONLY
    kind: Kind = "open"
    choices: np.ndarray | None = None  # (Q,) object: tuples of str; of choice
    right: np.ndarray | None = None  # (Q,) int64, choice: which one; count: the number
    count_range: tuple[int, int] | None = None  # of count

    @property
    def true(self) -> np.ndarray:
        """(Q,) what is right, as a model's answers are given: text, place or number."""
        return self.answer if self.right is None else self.right

    def said(self, answers: np.ndarray, i: int) -> list[str]:
        """Answers (S, Q) to question `i` as texts, each once."""
        told = dict.fromkeys(answers[:, i].tolist())
        if self.choices is None:
            return [str(answer) for answer in told]
        return list(dict.fromkeys(self.choices[i][place] for place in told))


def truth_of_records(
    source: str, records: Sequence[dict[str, Any]], header: Mapping[str, Any] | None = None
) -> Truth:
    """The questions of this project's own predictions file, or what `as_questions` makes of it."""
    records, header = as_questions(records), header or {}
    fields = ("id", "video", "type", "question", "answer")
    columns = [np.array([str(r[f]) for r in records], dtype=object) for f in fields]
    kind = header.get("kind", "open")
    try:
        if kind == "choice":
            texts = [tuple(map(str, r["choices"])) for r in records]
            return _of_choice(Truth(source, *columns), texts, [int(r["right"]) for r in records])
        if kind == "count":
            low, high = header["count_range"]
            numbers = [int(r["answer"]) for r in records]
            return _of_count(Truth(source, *columns), numbers, (int(low), int(high)))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{source}: damaged predictions of kind {kind} ({type(error).__name__}: {error}); "
            "score the run anew"
        ) from error
    return Truth(source, *columns)


def _of_choice(truth: Truth, texts: Sequence[tuple[str, ...]], right: Sequence[int]) -> Truth:
    return replace(
        truth, kind="choice", choices=objects(texts), right=np.array(right, dtype=np.int64)
    )


def _of_count(truth: Truth, numbers: Sequence[int], span: tuple[int, int] | None) -> Truth:
    right = np.array(numbers, dtype=np.int64)
    return replace(truth, kind="count", right=right, count_range=span)


def as_questions(records: Any) -> Any:
    """A classifier's rows as one question about each video, whose type is the true class.

    Its group takes the video's place, of which whole ones are resampled.  All else as it is.
    """
    if not isinstance(records, list) or not all(
        isinstance(record, dict) and record.keys() >= CLASS for record in records
    ):
        return records
    return [
        {
            **record,
            "id": record["video"],
            "video": record["group"],
            "type": record["true"],
            "question": "",
            "answer": record["true"],
        }
        for record in records
    ]


def truth_of_questions(path: str, split: str) -> Truth:
    """The questions of a split of a question file."""
    questions = load_questions(path)
    if split not in questions.splits:
        raise UserError(f"--split {split}: {path} has {', '.join(questions.splits)}; name one")
    s = questions.splits[split]
    values = (s.ids, s.videos, s.types, s.texts, s.answer_texts)
    truth = Truth(path, *(np.array([str(x) for x in v], dtype=object) for v in values))
    if s.candidates is not None:
        return _of_choice(truth, s.candidates.texts, s.answer.tolist())
    if questions.kind == "count":
        return _of_count(truth, s.answer.tolist(), questions.count_range)
    return truth
