"""Labels of one's own videos: one table, a CSV or a JSON Lines file.

Columns (or fields) are `video` and `label`, a video a line; or `video`, `time` and `value`, a
moment of a video a line.  If you like `split`, `fold` or `group` too; others are ignored.  CSV has
commas and a first line with the names of the columns:

    video,label,split,group          video,time,value
    cat.mp4,sleep,train,tom          drive.mp4,0.0,-3.5

* `video` is the name of a file, with or without its ending: `cat.mp4` and `cat` are both `cat`.
* `label` is the name of a class.
* `time` is in seconds from the video's first frame, `value` a number then (an angle, a speed);
  between two moments it is taken to change evenly.
* `split` is train, val or test; without val some of train is drawn for it.  `fold` is the number
  of a part that the video is in; each is tested on in turn.  With neither, splits are drawn.
* `group` is what must not be in two splits: who is seen, or what the video was cut from.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from data_loader.label.labels import WHOLE
from data_loader.video_names import video_id
from options.preprocess.labels import LabelOptions
from preprocess.annotation.items import SHOWN, Fields
from preprocess.annotation.label.row import LabelAnnotations, LabelRow
from preprocess.annotation.table import SPLITS, Rows, read_table
from util.errors import UserError
from util.text import clipped

FIELDS: Fields = {"video": (str, int)}
PLACES = ("split", "fold")


def read(options: LabelOptions) -> LabelAnnotations:
    """The rows of each split, or of all with folds, in the order of the file.

    Raises UserError, naming file, line and cure, as `read_table` does, for a table with neither
    labels nor values or with both, cells that are none, a video that comes twice (with values: a
    moment), and one that is in two splits, folds or groups.
    """
    path, rows = read_table(Path(options.annotations), FIELDS, _fault, of="labels")
    first = rows[0][1]
    timed = _kind(path, first) == "value"
    if "split" in first and "fold" in first:
        raise UserError(f"{path}: columns `split` and `fold`; leave one of them out")
    if "group" in first and options.group_pattern is not None:
        raise UserError(
            f"--group_pattern {options.group_pattern}: {path} has a column `group`; leave out one"
        )
    place = next((name for name in PLACES if name in first), "")
    lines: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for line, row in rows:
        fault = _unlike(row, first)
        if fault is not None:
            raise UserError(f"{path}, line {line}: {fault}")
        lines.setdefault(video_id(str(row["video"])), []).append((line, row))
    found, places = [], []
    for video, of in lines.items():
        line, row = of[0]
        _refuse_unlike(path, of, timed)
        group = str(row["group"]).strip() if "group" in row else group_of(video, options)
        times, values = zip(*_series(path, of), strict=True) if timed else ((), ())
        found.append(
            LabelRow(
                id=video,
                video=video,
                group=group,
                label="" if timed else str(row["label"]).strip(),
                where=f"{path.name}, line {line}",
                times=times,
                values=values,
            )
        )
        places.append(str(row[place]).strip() if place else WHOLE)
    kind = "value" if timed else "class"
    if place == "split":
        splits = {
            name: [row for row, where in zip(found, places, strict=True) if where == name]
            for name in SPLITS
        }
        return LabelAnnotations(splits=splits, kind=kind)
    if not place:
        return LabelAnnotations(splits={WHOLE: found}, kind=kind)
    names = sorted(set(places), key=lambda name: (not name.isdigit(), name.zfill(20)))
    number = {name: i for i, name in enumerate(names)}
    renamed = names != [str(i) for i in range(len(names))]
    note = f"the folds {', '.join(clipped(n, 20) for n in names)} are --fold 0 to {len(names) - 1}"
    return LabelAnnotations(
        splits={WHOLE: found},
        kind=kind,
        folds=tuple(number[where] for where in places),
        notes=(note,) if renamed else (),
    )


def group_of(video: str, options: LabelOptions) -> str:
    """The group of a video by --group_pattern; without one, the video."""
    if options.group_pattern is None:
        return video
    match = re.search(options.group_pattern, video)
    if match is None or not match[1]:
        raise UserError(
            f"--group_pattern {options.group_pattern}: finds nothing in the name "
            f"{clipped(repr(video), SHOWN)}; correct it, or leave it out"
        )
    return match[1]


def _kind(path: Path, first: dict[str, Any]) -> str:
    labelled, timed = "label" in first, "time" in first and "value" in first
    if labelled == timed:
        has = "both `label`, and `time` and `value`" if labelled else "no `label`"
        raise UserError(
            f"{path}: {has}; give `video` and `label` (a class for each video), or `video`, `time` "
            "and `value` (numbers over time)"
        )
    return "class" if labelled else "value"


def _fault(row: dict[str, Any]) -> str | None:
    """What is wrong with the cells of one line, and the cure; None if nothing is."""
    for field in ("label", "fold", "group"):
        if field not in row:
            continue
        value = row[field]
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            has = clipped(repr(value), SHOWN) if value not in ("", None) else "empty"
            return f"field `{field}` is {has}; give text or a whole number in every line"
    if "label" in row:
        return None
    for field, least in (("time", 0.0), ("value", -math.inf)):
        if field in row and not _is_number(row[field], least):
            shown = clipped(repr(row[field]), SHOWN)
            what = "seconds from the video's beginning" if field == "time" else "a finite number"
            return f"field `{field}` is {shown}; give {what}"
    return None


def _is_number(value: Any, least: float) -> bool:
    """Whether this is a finite number, as JSON or as the text of a cell."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return False
    try:
        return least <= float(value) < math.inf and float(value) > -math.inf
    except (ValueError, OverflowError):
        return False


def _unlike(row: dict[str, Any], first: dict[str, Any]) -> str | None:
    """A field that the first line has and this one has not, or the other way round (JSON Lines)."""
    for field in ("label", "time", "value", "fold", "group"):
        if (field in row) != (field in first):
            here = "has a" if field in row else "has no"
            return f"{here} field `{field}`, unlike the first line; give it in every line or none"
    return None


def _refuse_unlike(path: Path, lines: Rows, timed: bool) -> None:
    """All lines of a video must say the same of it; where it has a class there is one line."""
    number, first = lines[0]
    for line, row in lines[1:]:
        shown = clipped(repr(str(row["video"])), SHOWN)
        if not timed:
            raise UserError(
                f"{path}, line {line}: video {shown} is in line {number} too; give each one label"
            )
        for field in (*PLACES, "group"):
            if row.get(field) != first.get(field):
                raise UserError(
                    f"{path}, line {line}: `{field}` of video {shown} is "
                    f"{clipped(repr(row[field]), SHOWN)}, in line {number} "
                    f"{clipped(repr(first[field]), SHOWN)}; give it one"
                )


def _series(path: Path, lines: Rows) -> Iterator[tuple[float, float]]:
    """The moments of a video in order of time, each with its value."""
    moments = sorted((float(row["time"]), line, float(row["value"])) for line, row in lines)
    for i, (time, line, value) in enumerate(moments):
        if i and time == moments[i - 1][0]:
            raise UserError(
                f"{path}, line {line}: the moment {time:g} s of this video is in line "
                f"{moments[i - 1][1]} too; give each one value"
            )
        yield time, value
