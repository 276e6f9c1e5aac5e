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

ID_FIELDS = ("id", "question_id", "qid")
ANSWER_FIELDS = ("predicted", "prediction", "answer")
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


def read_file(path: Path) -> tuple[dict[str, str], list[dict[str, Any]] | None, dict[str, Any]]:
    """Read a predictions file -> {id: answer}, its records and header if it is this project's.

    Raises UserError: not there, not JSON, of another form, an id twice.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_no_twins)
    except FileNotFoundError as error:
        raise UserError(f"{path}: not there; score the run first, or check the name") from error
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise UserError(f"{path}: not readable as JSON ({error}); {CURE}") from error
    except _TwinError as error:
        raise UserError(f"{path}: {error}; give each question one answer") from error
    header = {}
    if isinstance(content, dict) and "predictions" in content:
        header = {k: v for k, v in content.items() if k != "predictions"}
        content = content["predictions"]
    if isinstance(content, dict):
        return {key: _text(path, key, value) for key, value in content.items()}, None, header
    if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
        raise UserError(f"{path}: neither an object nor a list of objects; {CURE}")
    own = bool(content) and all(item.keys() >= OWN for item in content)
    pairs = [_pair(path, i, item, own) for i, item in enumerate(content)]
    twice = [key for key, n in Counter(key for key, _ in pairs).items() if n > 1]
    if twice:
        raise UserError(
            f"{path}: {len(twice)} question ids come more than once, first {', '.join(twice[:3])}; "
            "give each question one answer"
        )
    return dict(pairs), content if own else None, header


def match(path: str, given: dict[str, str], truth: Truth) -> np.ndarray:
    """Answers in the order of the questions -> (Q,) str; UserError where the ids do not match."""
    asked = set(truth.id)
    missing = [i for i in truth.id if i not in given]
    strange = [i for i in given if i not in asked]
    for ids, what in (
        (missing, f"lacks an answer to {len(missing)} of the {len(truth.id)} questions of"),
        (strange, f"answers {len(strange)} questions that are not among the {len(truth.id)} of"),
    ):
        if ids:
            raise UserError(
                f"{path}: {what} {truth.source}, first id {', '.join(ids[:3])}; both must answer "
                "the same questions of the same split"
            )
    return np.array([given[i] for i in truth.id], dtype=object)


class _TwinError(ValueError):
    """A JSON object with a key twice, which json.loads would drop silently."""


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    count = Counter(key for key, _ in pairs)
    twice = [key for key, n in count.items() if n > 1]
    if twice:
        raise _TwinError(
            f"{len(twice)} question ids come more than once, first {', '.join(twice[:3])}"
        )
    return dict(pairs)


def _pair(path: Path, index: int, item: dict[str, Any], own: bool) -> tuple[str, str]:
    """Id and answer of one record, under any of the usual names."""
    key = next((item[f] for f in ID_FIELDS if f in item), None)
    fields = ("predicted",) if own else ANSWER_FIELDS
    answer = next((item[f] for f in fields if f in item), None)
    if isinstance(key, bool) or not isinstance(key, int | str):
        raise UserError(f"{path}: item {index}, counted from 0, has no id; {CURE}")
    return str(key), _text(path, key, answer)


def _text(path: Path, key: object, answer: Any) -> str:
    if not isinstance(answer, str):
        raise UserError(f"{path}: question {key} has no answer in text; {CURE}")
    return answer
