"""Questions about one's own videos: one table, a CSV or a JSON Lines file.

Columns (or fields) are `video`, `question`, `answer`, and if you like `split` and `type`; others
are ignored.  CSV has commas and a first line with the names of the columns:

    video,question,answer
    cat.mp4,what does the cat do?,sleep

* `video` is the name of a file, with or without its ending: `cat.mp4` and `cat` are both `cat`.
* `split` is train, val or test.  Without it the videos are shared out by their names, 70, 10 and 20
  in a hundred, in the same way each time.  When videos are added, a few change their split: fill in
  the column to hold it.
* `type` is the group under which accuracy is reported; without it, the first word of the question.

The id of a question is its line in the file.
"""

from pathlib import Path
from typing import Any

from data_loader.tokens import first_word
from data_loader.video_names import video_id
from preprocess.annotation.items import SHOWN, Fields
from preprocess.annotation.sample import Sample
from preprocess.annotation.table import read_table, splits_of
from util.text import clipped

FIELDS: Fields = {"video": (str, int), "question": (str,), "answer": (str, int)}


def read(annotations: Path, split: str) -> list[Sample]:
    """The questions of one split ("train", "val" or "test"), in the order of the file.

    Raises UserError as `read_table` and `share_out` do.
    """
    path, rows = read_table(annotations, FIELDS, _fault, of="questions")
    return [
        Sample(
            id=line,
            video=video_id(str(row["video"])),
            question=row["question"],
            answer=str(row["answer"]).strip(),
            type=row.get("type") or first_word(row["question"]),
        )
        for (line, row), name in zip(rows, splits_of(path, rows), strict=True)
        if name == split
    ]


def _fault(row: dict[str, Any]) -> str | None:
    """What is wrong with a type, and the cure; None if nothing is."""
    if not isinstance(row.get("type", ""), str):
        return f"field `type` is {clipped(repr(row['type']), SHOWN)}; it must be a string"
    return None
