"""Predictions files: of this project, or of any other that can write question ids and answers."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_loader.questions import load_questions
from util.errors import UserError
from util.text import clipped

ID_FIELDS = ("id", "question_id", "qid")
PREDICTED = {  # what others call what the model said; `answer` may be that, or the truth
    "predicted", "prediction", "pred", "predicted_answer", "pred_answer", "model_answer",
    "model_output", "output", "response", "generated", "generated_text", "hypothesis",
}  # fmt: skip
BESIDE = {  # fields of text that are no prediction
    "question", "video", "video_id", "video_name", "type", "question_type", "split", "task",
    "dataset", "gt", "gt_answer", "ground_truth", "truth", "true_answer", "correct_answer",
    "target", "label", "reference",
}  # fmt: skip
OWN = {"id", "video", "type", "question", "answer", "predicted"}  # fields of this project's records
CURE = 'a predictions file is {"ID": "ANSWER", ...} or [{"id": ID, "answer": "ANSWER"}, ...]'


@dataclass(frozen=True, eq=False)
class Truth:
    """What was asked and what is right: columns (Q,) of str, ids as text."""

    source: str
    id: np.ndarray
    video: np.ndarray
    type: np.ndarray
    text: np.ndarray
    answer: np.ndarray


def truth_of_records(source: str, records: Sequence[dict[str, Any]]) -> Truth:
    """The questions of this project's own predictions file."""
    fields = ("id", "video", "type", "question", "answer")
    return Truth(source, *(np.array([str(r[f]) for r in records], dtype=object) for f in fields))


def truth_of_questions(path: str, split: str) -> Truth:
    """The questions of a split of a question file."""
    questions = load_questions(path)
    if split not in questions.splits:
        raise UserError(f"--split {split}: {path} has {', '.join(questions.splits)}; name one")
    s = questions.splits[split]
    values = (s.ids, s.videos, s.types, s.texts, s.answer_texts)
    return Truth(path, *(np.array([str(x) for x in v], dtype=object) for v in values))


@dataclass(frozen=True, kw_only=True)
class PredictionsFile:
    """What a predictions file says."""

    answers: dict[str, str]  # by the question's id
    records: list[dict[str, Any]] | None  # of a file of this project: one a question
    header: dict[str, Any]  # what a file of this project says of itself
    field: str | None  # the records' field that was taken for the prediction


def read_file(path: Path) -> PredictionsFile:
    """Read a predictions file: JSON, or JSON Lines.

    Raises UserError: not there, not JSON, of another form, an id twice, records whose fields do not
    tell the prediction from the true answer.
    """
    content = _read_json(path)
    header = {}
    if isinstance(content, dict) and "predictions" in content:
        header = {k: v for k, v in content.items() if k != "predictions"}
        content = content["predictions"]
    if isinstance(content, dict):
        answers = {key: _text(path, key, value) for key, value in content.items()}
        return PredictionsFile(answers=answers, records=None, header=header, field=None)
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise UserError(f"{path}: neither an object nor a list of objects; {CURE}")
    own = bool(content) and all(item.keys() >= OWN for item in content)
    field = "predicted" if own else _field(path, content)
    pairs = [_pair(path, i, item, field) for i, item in enumerate(content)]
    twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
    if twice:
        raise UserError(
            f"{path}: {len(twice)} question ids come more than once, first {_some(twice)}; "
            "give each question one answer"
        )
    records = content if own else None
    return PredictionsFile(answers=dict(pairs), records=records, header=header, field=field)


def _read_json(path: Path) -> Any:
    """The file's content; of JSON Lines, the list of its lines."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() not in (".jsonl", ".ndjson"):
            try:
                return json.loads(text, object_pairs_hook=_no_twins)
            except json.JSONDecodeError as error:
                if error.msg != "Extra data" or not text.lstrip().startswith("{"):
                    raise
        lines = enumerate(text.split("\n"), start=1)
        return [_line(number, line) for number, line in lines if line.strip()]
    except FileNotFoundError as error:
        raise UserError(f"{path}: not there; score the run first, or check the name") from error
    except _TwinError as error:
        raise UserError(f"{path}: {error}; give each question one answer") from error
    except (OSError, RecursionError, ValueError) as error:  # not text, not JSON, nested too deep
        raise UserError(f"{path}: not readable as JSON ({error}); {CURE}") from error


def _line(number: int, line: str) -> Any:
    try:
        return json.loads(line, object_pairs_hook=_no_twins)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {number}, column {error.colno}: {error.msg}") from error


def _field(path: Path, records: Sequence[dict[str, Any]]) -> str:
    """The field that holds the prediction; UserError where it can be told only by a guess.

    Scripts of language models write {"id", "question", "answer": the truth, "pred": the model's}.
    """
    fields = {name for record in records for name in record}
    found = sorted(fields & PREDICTED)
    if len(found) > 1:
        raise UserError(
            f"{path}: {', '.join(found)} may each be the prediction; leave one, called `predicted`"
        )
    if found:
        return found[0]
    texts = {k for record in records for k, v in record.items() if isinstance(v, str)}
    if strange := sorted(texts - {"answer", *ID_FIELDS} - BESIDE):
        raise UserError(
            f"{path}: {', '.join(map(clip, strange[:3]))} may be the prediction, and `answer` the "
            "true answer; call the model's answer `predicted`"
        )
    return "answer"


def match(path: str, file: PredictionsFile, truth: Truth) -> np.ndarray:
    """Answers in the order of the questions -> (Q,) str.

    Raises UserError where the ids do not match, or the field `answer` holds the true answers.
    """
    given = file.answers
    asked = set(truth.id)
    missing = [i for i in truth.id if i not in given]
    strange = [i for i in given if i not in asked]
    for ids, what in (
        (missing, f"lacks an answer to {len(missing)} of the {len(truth.id)} questions of"),
        (strange, f"answers {len(strange)} questions that are not among the {len(truth.id)} of"),
    ):
        if ids:
            raise UserError(
                f"{path}: {what} {truth.source}, first id {_some(ids)}; both must answer "
                "the same questions of the same split"
            )
    answers = np.array([given[i] for i in truth.id], dtype=object)
    if file.field == "answer" and len(answers) > 1 and (answers == truth.answer).all():
        raise UserError(
            f"{path}: its `answer` is the true answer of all {len(answers)} questions; call the "
            "model's answers `predicted`"
        )
    return answers


def nearly_right(given: np.ndarray, truth: np.ndarray) -> list[int]:
    """Rows whose answer differs from the true one in case, blanks or a full stop alone."""
    wrong = np.flatnonzero(given != truth).tolist()
    return [i for i in wrong if _plain(given[i]) == _plain(truth[i])]


def _plain(answer: str) -> str:
    return " ".join(answer.lower().split()).removesuffix(".").rstrip()


class _TwinError(ValueError):
    """A JSON object with a key twice, which json.loads would drop silently."""


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    count = Counter(key for key, _ in pairs)
    twice = [key for key, n in count.items() if n > 1]
    if twice:
        raise _TwinError(f"{len(twice)} question ids come more than once, first {_some(twice)}")
    return dict(pairs)


def _pair(path: Path, index: int, item: dict[str, Any], field: str) -> tuple[str, str]:
    """Id and answer of one record."""
    key = next((item[f] for f in ID_FIELDS if f in item), None)
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise UserError(f"{path}: item {index}, counted from 0, has no id; {CURE}")
    return str(key), _text(path, key, item.get(field))


def _text(path: Path, key: object, answer: Any) -> str:
    if not isinstance(answer, str):
        raise UserError(f"{path}: question {clip(str(key))} has no answer in text; {CURE}")
    return answer


def clip(text: str) -> str:
    """An id or a name in a message."""
    return clipped(text, 40)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(map(clip, ids[:3]))
