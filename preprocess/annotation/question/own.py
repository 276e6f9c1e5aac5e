"""Questions about one's own videos: one table, a CSV or a JSON Lines file.

Columns (or fields) are `video`, `question`, `answer`, and if you like `split`, `type` and choices;
others are ignored.  CSV has commas and a first line with the names of the columns:

    video,question,answer
    cat.mp4,what does the cat do?,sleep

* `video` is the name of a file, with or without its ending: `cat.mp4` and `cat` are both `cat`.
* `split` is train, val or test.  Without it the videos are shared out by their names, 70, 10 and 20
  in a hundred, in the same way each time.  When videos are added, a few change their split: fill in
  the column to hold it.
* `type` is the group under which accuracy is reported; without it, the first word of the question.
* Choices make the questions multiple choice: columns `a0`, `a1`, ..., of which the last may be
  empty, or one field `choices`, a list of texts (in a CSV cell written as JSON has it).  Then
  `answer` is the text of the right one, its place counted from 0, or `a0`, `a1`, ...

With `--task count` the answers are whole numbers, with `--task open` they are texts, choices or no.
The id of a question is its line in the file.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from data_loader.candidates import LEAST
from data_loader.tokens import first_word
from data_loader.video_names import video_id
from preprocess.annotation.items import SHOWN, Fields
from preprocess.annotation.question.kinds import place_of
from preprocess.annotation.sample import Sample
from preprocess.annotation.table import read_table, splits_of
from util.errors import UserError
from util.text import clipped

FIELDS: Fields = {"video": (str, int), "question": (str,), "answer": (str, int)}


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the order of the file.

    Raises UserError as `read_table` and `share_out` do, and for choices that only some lines have,
    that are fewer than two, or of which the answer can be read as two.
    """
    path, rows = read_table(annotations, FIELDS, _fault, of="questions")
    asked = [(line, row, _choices(row)) for line, row in rows]
    for line, _, choices in asked:
        if (choices is None) != (asked[0][2] is None):
            raise UserError(f"{path}, line {line}: give choices in every line, or in none")
    return [
        Sample(
            id=line,
            video=video_id(str(row["video"])),
            question=row["question"],
            answer=_answer(row, choices),
            type=row.get("type") or first_word(row["question"]),
            choices=choices,
        )
        for (line, row, choices), name in zip(asked, splits_of(path, rows), strict=True)
        if name == split
    ]


def read_choice(annotations: Path, split: str) -> list[Sample]:
    """As `read`; raises UserError if the questions have no choices, too."""
    samples = read(annotations, split)
    if samples and samples[0].choices is None:
        raise UserError(
            f"{annotations}: --task choice: there are no choices; give columns a0, a1, ..., or a "
            "field `choices`"
        )
    return samples


def read_text(annotations: Path, split: str) -> list[Sample]:
    """As `read`, without the choices."""
    return [replace(sample, choices=None) for sample in read(annotations, split)]


def _fault(row: dict[str, Any]) -> str | None:
    """What is wrong with a type, or with choices, and the cure; None if nothing is."""
    if not isinstance(row.get("type", ""), str):
        return f"field `type` is {clipped(repr(row['type']), SHOWN)}; it must be a string"
    try:
        choices = _choices(row)
        if choices is not None:
            place_of(str(row["answer"]).strip(), choices)
    except ValueError as error:
        return str(error)
    return None


def _choices(row: dict[str, Any]) -> tuple[str, ...] | None:
    """The choices of a line, None without; ValueError, which says what is wrong and the cure."""
    columns = sorted(
        (name for name in row if re.fullmatch("a[0-9]+", name)), key=lambda n: int(n[1:])
    )
    if "choices" in row and columns:
        raise ValueError(f"has `choices` and `{columns[0]}`; give one of the two")
    if "choices" in row:
        found = _list(row["choices"])
    else:
        given = [name for name in columns if str(row[name]).strip()]
        if given != [f"a{place}" for place in range(len(given))]:
            missing = next(p for p, name in enumerate(given) if name != f"a{p}")
            raise ValueError(
                f"has `{given[-1]}` but no `a{missing}`; number the choices from a0 on"
            )
        found = [row[name] for name in given]
    if found is None or ("choices" not in row and not found):
        return None
    if not all(isinstance(text, str | int) and not isinstance(text, bool) for text in found):
        raise ValueError("has a choice that is no text; put it in quotes")
    texts = tuple(str(text).strip() for text in found)
    if len(texts) < LEAST or not all(texts):
        raise ValueError(
            f"has {len(texts)} choices, or an empty one; give two at least, all filled in"
        )
    return texts


def _list(value: Any) -> list[Any] | None:
    """The list that a field or a cell is; None for an empty cell."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = None
    if not isinstance(value, list):
        raise ValueError(
            'field `choices` is no list; write ["a", "b"], or give columns a0, a1, ...'
        )
    return value


def _answer(row: dict[str, Any], choices: tuple[str, ...] | None) -> str:
    """The text of an answer, which may be given by the place of a choice."""
    answer = str(row["answer"]).strip()
    place = None if choices is None else place_of(answer, choices)
    return answer if choices is None or place is None else choices[place]
