"""Captions of one's own videos: one table, a CSV or a JSON Lines file, a caption a line.

Columns (or fields) are `video` and `caption`, and if you like `split`, `start`, `end` and `id`;
others are ignored.  CSV has commas and a first line with the names of the columns:

    video,caption,split,start,end
    cat.mp4,a cat sleeps on a sofa,train,0,4.5

* `video` is the name of a file, with or without its ending: `cat.mp4` and `cat` are both `cat`.
* `split` is train, val or test; there need be no test.  Without the column the videos are shared
  out by their names, 70, 10 and 20 in a hundred, in the same way each time.
* `start` and `end`, in seconds, say which part of the video the caption is of; all lines have them
  or none.  Lines of one video (and one part) are captions of the same segment.
* `id` names a segment.  Without it a whole video's is the video's, that of a part
  `<video>#<number>`, from 0, in the order of the file.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Any

from data_loader.video_names import video_id
from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.segment import Caption, CaptionAnnotations, Segment
from preprocess.annotation.items import SHOWN, Fields
from preprocess.annotation.table import SPLITS, Rows, read_table, splits_of
from util.errors import UserError
from util.text import clipped

FIELDS: Fields = {"video": (str, int), "caption": (str,)}
Part = tuple[str, tuple[float, float] | None]  # video, start and end


def read(options: CaptionOptions) -> CaptionAnnotations:
    """The segments of each split, in the order of the file, with all their captions.

    Raises UserError, naming file, line and cure, as `read_table` and `share_out` do, for times that
    are none or given only for some, a segment in two splits, and an `id` that stands for two
    segments.
    """
    path, rows = read_table(Path(options.annotations), FIELDS, _fault, of="captions")
    timed = "start" in rows[0][1]
    split_of: dict[str, str] = {}
    captions: dict[str, list[Caption]] = {}
    part_of: dict[str, Part] = {}
    for (line, row), split, (name, part) in zip(
        rows, splits_of(path, rows), _parts(rows), strict=True
    ):
        where = f"{path}, line {line}"
        if ("start" in row) != timed:
            raise UserError(f"{where}: give `start` and `end` in every line, or in none")
        if part_of.setdefault(name, part) != part:
            raise UserError(
                f"{where}: the id {clipped(repr(name), SHOWN)} stands for two segments; give each "
                "its own"
            )
        if split_of.setdefault(name, split) != split:
            raise UserError(
                f"{where}: segment {clipped(repr(name), SHOWN)} is in the {split_of[name]} split "
                "too; keep its captions in one"
            )
        captions.setdefault(name, []).append(Caption(row["caption"], f"{path.name}, line {line}"))
    return CaptionAnnotations(
        splits={
            split: [
                Segment(id=name, video=video, captions=tuple(captions[name]), time=time)
                for name, (video, time) in part_of.items()
                if split_of[name] == split
            ]
            for split in SPLITS
        }
    )


def _parts(rows: Rows) -> list[tuple[str, Part]]:
    """The id of each row's segment, and which part of which video it is."""
    parts: list[tuple[str, Part]] = []
    name_of: dict[Part, str] = {}
    count: Counter[str] = Counter()
    for _, row in rows:
        video = video_id(str(row["video"]))
        time = (float(row["start"]), float(row["end"])) if "start" in row else None
        part = (video, time)
        if str(row.get("id") or "").strip():
            parts.append((str(row["id"]).strip(), part))
            continue
        if part not in name_of:
            name_of[part] = video if time is None else f"{video}#{count[video]}"
            count[video] += 1
        parts.append((name_of[part], part))
    return parts


def _fault(row: dict[str, Any]) -> str | None:
    """What is wrong with times or id, and the cure; None if nothing is."""
    if not isinstance(row.get("id", ""), str | int):
        return f"field `id` is {clipped(repr(row['id']), SHOWN)}; it must be text or a whole number"
    if ("start" in row) != ("end" in row):
        return "has one of `start` and `end`; give both, or none"
    if "start" not in row:
        return None
    for field in ("start", "end"):
        if not _is_time(row[field]):
            shown = clipped(repr(row[field]), SHOWN)
            return f"field `{field}` is {shown}; give seconds from the video's beginning"
    if float(row["start"]) >= float(row["end"]):
        return f"starts at {row['start']} and ends at {row['end']}; the end is later than the start"
    return None


def _is_time(value: Any) -> bool:
    """Whether this is a number from 0, as JSON or as the text of a cell."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    try:
        return 0 <= float(value) < math.inf
    except (ValueError, OverflowError):
        return False
