"""What the answers of each kind must be: one of the choices, or a number.

`open` answers are any text, `choice` is one of a question's candidates, `count` a whole number.
"""

import re
from collections.abc import Mapping, Sequence

from data_loader.candidates import LEAST
from data_loader.questions import MOST, Kind
from preprocess.annotation.sample import Sample
from util.errors import UserError
from util.text import clipped

# Which kind the answers of a task of `--task` are; of a data set's only task: by its samples.
KIND_OF_TASK: Mapping[str, Kind] = {
    "open": "open", "choice": "choice", "count": "count",
    "action": "choice", "transition": "choice", "frame": "open", "count_raw": "count",
}  # fmt: skip
WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "none", "never", "once", "twice", "thrice",
)  # fmt: skip
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?|[+-]?\.[0-9]+", re.ASCII)
NOT_AMONG = "answers that are not among the choices"
WORDED, NEGATIVE, BROKEN, NO_NUMBER = (
    "numbers that are words", "numbers below zero", "numbers that are not whole",
    "answers that are no number",
)  # fmt: skip


def kind_of(task: str | None, rows: Sequence[Sample]) -> Kind:
    """The kind of the answers of a data set's samples."""
    if task is not None:
        return KIND_OF_TASK[task]
    return "choice" if any(sample.choices for sample in rows) else "open"


def count_fault(answer: str) -> str | None:
    """What is wrong with an answer that shall be a number, as `--check` calls it, or None."""
    text = answer.strip().lower()
    if text in WORDS:
        return WORDED
    if not _NUMBER.fullmatch(text) or float(text) > MOST:
        return NO_NUMBER
    if float(text) < 0:
        return NEGATIVE
    return None if float(text).is_integer() else BROKEN


def encoded_answers(kind: Kind, split: str, rows: Sequence[Sample]) -> list[int]:
    """The place of each answer among its choices, or its number; none of kind open.

    Of choices that are alike the first is taken.  Raises UserError, naming the first of them and
    the cure, for answers that are not among their choices, or no numbers from 0 to `MOST`.
    """
    if kind == "choice":
        out = [s for s in rows if s.choices is None or s.answer not in s.choices]
        few = [s for s in rows if s.choices is not None and len(s.choices) < LEAST]
        _refuse(split, few, rows, "that have fewer than two choices; give each two at least")
        _refuse(split, out, rows, f"whose answer is not among its choices; {CORRECT}")
        return [s.choices.index(s.answer) for s in rows if s.choices is not None]
    if kind == "open":
        return []
    faulty = [s for s in rows if count_fault(s.answer) is not None]
    whole = f"whose answer is no whole number from 0 to {MOST:,}; {CORRECT}"
    _refuse(split, faulty, rows, whole)
    return [int(float(s.answer)) for s in rows]


CORRECT = "correct these, or take them out (--check lists them)"


def _refuse(split: str, faulty: Sequence[Sample], rows: Sequence[Sample], fault: str) -> None:
    if faulty:
        first = f"question {faulty[0].label}, answer {clipped(repr(faulty[0].answer), 60)}"
        raise UserError(
            f"split {split}: {first}: the first of {len(faulty):,} of {len(rows):,} questions "
            f"{fault}"
        )


def place_of(answer: str, choices: Sequence[str]) -> int | None:
    """The place that an answer names: by its text, by its number from 0, or as `a0`, `a1`, ...

    None where it names none.  Raises ValueError, which says how to cure it, where it can be read as
    two of them: "2" among the choices "1", "2" and "3".
    """
    places: dict[int, str] = {}
    if answer in choices:
        places[choices.index(answer)] = "text"
    number = answer.removeprefix("a") if re.fullmatch("a[0-9]+", answer, re.ASCII) else answer
    if re.fullmatch("[0-9]{1,4}", number, re.ASCII) and int(number) < len(choices):
        places.setdefault(int(number), "place")
    if len(places) > 1:
        (one, other) = places
        raise ValueError(
            f"the answer {clipped(repr(answer), 40)} is the text of choice {one} and the place of "
            f"choice {other}, {clipped(repr(choices[other]), 40)}, counted from 0; write a{one} or "
            f"a{other}"
        )
    return next(iter(places), None)
