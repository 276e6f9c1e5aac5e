"""TGIF-QA (Jang et al. 2017): `{Train,Test}_{action,transition,count,frameqa}_question.csv`.

Each is a table with tabs between the columns, of one of four tasks (`--task`):

* `action` (what does it do so many times?) and `transition` (what before, or after, that?): five
  choices `a1` to `a5`; `answer` is the place of the right one, counted from 0,
* `count` (how many times does it do that?): `answer` is a number.  0, which a quarter of them are,
  is taken as 1, as the published code of all models has it (HCRN: `max(answer, 1)`): their mean
  squared errors are those of such numbers.  `count_raw` keeps it.
* `frame`: an open question about one frame; its type is object, number, color or location.

`gif_name` is the video, a file `gif_name.gif`, and `vid_id` names the question.  There is no
validation split: it is a tenth of the training videos, drawn by their names in the same way each
time, so that all questions of a video stay together (HCRN draws a tenth of the rows; the last rows
would not do: `count` ends with its 6,730 questions whose answer is 0).
"""

from pathlib import Path

from preprocess.annotation.items import SHOWN, Fields, item_fault
from preprocess.annotation.sample import Sample
from preprocess.annotation.table import by_digest, csv_rows
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

CHOICES = ("a1", "a2", "a3", "a4", "a5")
TYPES = ("object", "number", "color", "location")  # of task frame
NAMES = {
    "action": "action", "transition": "transition", "count": "count", "count_raw": "count",
    "frame": "frameqa",
}  # fmt: skip
SHARE = 0.1  # of the training videos that are validated on


def read(annotations: Path, split: str, *, task: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test") of a task, in the file's order.

    Raises UserError, naming file, line and cure, for a file that is missing or malformed, and a
    line that lacks a value, names no choice or type, or has the `vid_id` of another.
    """
    path = annotations / f"{'Test' if split == 'test' else 'Train'}_{NAMES[task]}_question.csv"
    text = read_text(path, f"--annotations is the folder with TGIF-QA's files, such as {path.name}")
    columns = ["gif_name", "question", "answer", "vid_id"]
    columns += CHOICES if task in ("action", "transition") else []
    columns += ["type"] if task == "frame" else []
    fields: Fields = dict.fromkeys(columns, (str,))
    samples: dict[str, Sample] = {}
    for line, row in csv_rows(path, text, fields, delimiter="\t"):
        fault = item_fault(row, fields) or _fault(row, task)
        if fault is None and row["vid_id"] in samples:
            fault = f"field `vid_id`: {clipped(row['vid_id'], SHOWN)} is that of an earlier line"
        if fault is not None:
            raise UserError(f"{path}, line {line}: {fault}")
        samples[row["vid_id"]] = _sample(row, task)
    rows = list(samples.values())
    if split == "test":
        return rows
    ranked = by_digest({sample.video for sample in rows})
    held_out = set(ranked[: round(SHARE * len(ranked))])
    return [sample for sample in rows if (sample.video in held_out) == (split == "val")]


def _fault(row: dict[str, str], task: str) -> str | None:
    """What is wrong with the place of an answer, or a type, and the cure; None if nothing is."""
    limits = {"answer": len(CHOICES)} if "a1" in row and task != "frame" else {}
    limits |= {"type": len(TYPES)} if task == "frame" else {}
    for field, count in limits.items():
        if row[field] not in map(str, range(count)):
            shown = clipped(repr(row[field]), SHOWN)
            return f"field `{field}` is {shown}; it must be a number from 0 to {count - 1}"
    return None


def _sample(row: dict[str, str], task: str) -> Sample:
    answer, choices = row["answer"], None
    if task in ("action", "transition"):
        choices = tuple(row[name] for name in CHOICES)
        answer = choices[int(answer)]
    elif task == "count" and answer == "0":
        answer = "1"
    return Sample(
        id=row["vid_id"],
        video=row["gif_name"],
        question=row["question"],
        answer=answer,
        type=TYPES[int(row["type"])] if task == "frame" else task.removesuffix("_raw"),
        choices=choices,
    )
