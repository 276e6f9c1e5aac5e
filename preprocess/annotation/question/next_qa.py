"""NExT-QA (Xiao et al. 2021), multiple choice: `train.csv`, `val.csv` and `test.csv`.

A line has `video`, `question`, five choices `a0` to `a4`, `answer`, the place of the right one from
0, `qid`, a number within its video, and `type`: CW and CH (causal: why, how), TN, TP and TC
(temporal: next, previous, current), DC, DL and DO (descriptive: count, location, other).  Files of
NExT-GQA (Xiao et al. 2024), which have the answer's text instead of its place, are read as well.

A question's id is `<video>_<qid>`.  The videos lie in folders, `NExTVideo/1164/3238737531.mp4`, as
`map_vid_vidorID.json` says: `preprocess.videos --videos NExTVideo/*` takes them all.
"""

from pathlib import Path

from preprocess.annotation.items import SHOWN, Fields, item_fault
from preprocess.annotation.sample import Sample
from preprocess.annotation.table import csv_rows
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

CHOICES = ("a0", "a1", "a2", "a3", "a4")
COLUMNS = ("video", "question", "answer", "qid", "type", *CHOICES)


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the order of the file.

    Raises UserError, naming file, line and cure, for a file that is missing or malformed, and a
    line that lacks a value, has the id of another, or whose answer is none of its choices.
    """
    path = annotations / f"{split}.csv"
    text = read_text(path, "--annotations is the folder with train.csv, val.csv and test.csv")
    fields: Fields = dict.fromkeys(COLUMNS, (str,))
    samples: dict[str, Sample] = {}
    for line, row in csv_rows(path, text, fields):
        name = f"{row['video']}_{row['qid']}"
        choices = tuple(row[column] for column in CHOICES)
        place = _place(row["answer"], choices)
        fault = item_fault(row, fields)
        if fault is None and name in samples:
            fault = f"field `qid`: {clipped(name, SHOWN)} is that of an earlier line"
        if fault is None and place is None:
            shown = clipped(repr(row["answer"]), SHOWN)
            fault = f"field `answer` is {shown}; it must be a number from 0 to 4, or a choice"
        if fault is not None or place is None:
            raise UserError(f"{path}, line {line}: {fault}")
        samples[name] = Sample(
            id=name,
            video=row["video"],
            question=row["question"],
            answer=choices[place],
            type=row["type"],
            choices=choices,
        )
    return list(samples.values())


def _place(answer: str, choices: tuple[str, ...]) -> int | None:
    """Which choice an answer is, by its place or its text; None if it is none."""
    if answer in map(str, range(len(choices))):
        return int(answer)
    return choices.index(answer) if answer in choices else None
