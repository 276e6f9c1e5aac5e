"""Predictions files: of this project, or of any other that can write question ids and answers."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.kind.count import told
from evaluation.kind.given import NotTold, choice_told, number_told, shared
from evaluation.truth import Truth, as_questions
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


@dataclass(frozen=True, kw_only=True)
class PredictionsFile:
    """What a predictions file says."""

    answers: dict[str, Any]  # by the question's id: what the file says, a text as a rule
    records: list[dict[str, Any]] | None  # of a file of this project: one a question
    header: dict[str, Any]  # what a file of this project says of itself
    field: str | None  # the records' field that was taken for the prediction
    places: dict[str, str]  # by the question's id: where it stands, for a message


def read_file(path: Path) -> PredictionsFile:
    """Read a predictions file: JSON, or JSON Lines.

    The records of an object may also lie under their ids: {"ID": {"prediction": 2}, ...}.

    Raises UserError: not there, not JSON, of another form, an id twice, records whose fields do not
    tell the prediction from the true answer.
    """
    content, lines = _read_json(path)
    header = {}
    if isinstance(content, dict) and "predictions" in content:
        header = {k: v for k, v in content.items() if k != "predictions"}
        content = as_questions(content["predictions"])
    if isinstance(content, dict) and content and all(isinstance(v, dict) for v in content.values()):
        content = [{**record, "id": key} for key, record in content.items()]
    if isinstance(content, dict):
        return PredictionsFile(answers=content, records=None, header=header, field=None, places={})
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise UserError(f"{path}: neither an object nor a list of objects; {CURE}")
    own = bool(content) and all(item.keys() >= OWN for item in content)
    field = "predicted" if own else _field(path, content)
    if own and all("chosen" in item for item in content):
        field = "chosen"  # of a choice, which candidate: another may have its text
    pairs = [(_id(path, i, item), item.get(field)) for i, item in enumerate(content)]
    twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
    if twice:
        raise UserError(
            f"{path}: {len(twice)} question ids come more than once, first {_some(twice)}; "
            "give each question one answer"
        )
    return PredictionsFile(
        answers=dict(pairs),
        records=content if own else None,
        header=header,
        field=field,
        places={key: f"line {n}, " for (key, _), n in zip(pairs, lines, strict=False)},
    )


def _read_json(path: Path) -> tuple[Any, list[int]]:
    """The file's content; of JSON Lines, the list of its lines, and the number of each."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() not in (".jsonl", ".ndjson"):
            try:
                return json.loads(text, object_pairs_hook=_no_twins), []
            except json.JSONDecodeError as error:
                if error.msg != "Extra data" or not text.lstrip().startswith("{"):
                    raise
        lines = enumerate(text.split("\n"), start=1)
        found = [(_line(number, line), number) for number, line in lines if line.strip()]
        return [content for content, _ in found], [number for _, number in found]
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
    """Answers in the order of the questions -> (Q,) str; choice: places, count: numbers, int64.

    Raises UserError where the ids do not match, an answer is not of the kind, or the field `answer`
    holds the true answers.
    """
    given = file.answers
    for key, value in given.items() if truth.kind == "open" else ():
        if not isinstance(value, str):
            raise UserError(f"{path}: question {clip(key)} has no answer in text; {CURE}")
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
    if truth.kind != "open":
        answers = np.array([_told(path, file, truth, i) for i in range(len(truth.id))])
        if truth.kind == "count":
            answers = told(answers, truth.count_range)
    else:
        answers = np.array([given[i] for i in truth.id], dtype=object)
    if file.field == "answer" and len(answers) > 1 and np.array_equal(answers, truth.true):
        raise UserError(
            f"{path}: its `answer` is the true answer of all {len(answers)} questions; call the "
            "model's answers `predicted`"
        )
    return answers


def _told(path: str, file: PredictionsFile, truth: Truth, i: int) -> float:
    """What a file says of question `i`, a choice or a count; UserError names the place."""
    key = truth.id[i]
    try:
        if truth.choices is None or truth.right is None:
            return number_told(file.answers[key])
        return choice_told(file.answers[key], truth.choices[i], int(truth.right[i]))
    except NotTold as error:
        where = f"{file.places.get(key, '')}question {clip(key)}"
        raise UserError(f"{path}: {where}: {error}") from error


def shared_texts(file: PredictionsFile, truth: Truth) -> list[int]:
    """Questions whose answer is a text that several of their choices share."""
    if truth.choices is None:
        return []
    pairs = enumerate(zip(truth.id, truth.choices, strict=True))
    return [i for i, (key, texts) in pairs if shared(file.answers[key], texts)]


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


def _id(path: Path, index: int, item: dict[str, Any]) -> str:
    """Id of one record."""
    key = next((item[f] for f in ID_FIELDS if f in item), None)
    if isinstance(key, float) and key.is_integer():
        key = int(key)
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise UserError(f"{path}: item {index}, counted from 0, has no id; {CURE}")
    return str(key)


def clip(text: str) -> str:
    """An id or a name in a message."""
    return clipped(text, 40)


def _some(ids: Sequence[str]) -> str:
    return ", ".join(map(clip, ids[:3]))
