"""CSV, for spreadsheets and scripts: a row a cut.  It can express every list.

Times are exact fractions of a second beside frames and timecode.  Texts that a spreadsheet would
take for a formula get an apostrophe before them (OWASP, CSV injection).
"""

import csv
import io

from library.edit_list.cuts import EditList, Placed
from library.edit_list.rate import Rate, day, labels_a_second, timecode
from library.edit_list.text import provenance

COLUMNS = (
    "number", "track", "path", "rate", "placed_on_rate", "drop_frame", "begin_frame", "end_frame",
    "begin_seconds", "end_seconds", "head_frames", "tail_frames", "begin_timecode", "end_timecode",
    "record_rate", "record_begin_seconds", "record_end_seconds", "record_begin_timecode",
    "query", "score", "why", "weights", "sha256",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")


def text_of(edits: EditList) -> str:
    """The table."""
    file = io.StringIO(newline="")
    table = csv.writer(file, lineterminator="\n")
    table.writerow(COLUMNS)
    for placed in edits.placed():
        table.writerow([_plain(cell) for cell in _row(placed, edits)])
    return file.getvalue()


def _row(placed: Placed, edits: EditList) -> list[object]:
    cut, source = placed.cut, placed.cut.source
    fps, why = source.rate.fps, provenance(cut)
    return [
        placed.number, cut.track, source.path, fps, int(source.variable), int(source.rate.drop),
        cut.begin, cut.end, cut.begin / fps, cut.end / fps, cut.head, cut.tail,
        _label(source.start + cut.begin, source.rate), _label(source.start + cut.end, source.rate),
        edits.rate.fps, placed.begin, placed.end,
        _label(edits.start + int(placed.begin * edits.rate.fps), edits.rate),
        *(why.get(name, "") for name in ("query", "score", "why", "weights", "sha256")),
    ]  # fmt: skip


def _label(frame: int, rate: Rate) -> str:
    """Timecode; "" at a rate that has none, and past 24 hours."""
    known = labels_a_second(rate.fps) is not None and frame < day(rate)
    return timecode(frame, rate) if known else ""


def _plain(cell: object) -> str:
    text = str(cell)
    # A number of ours is no formula, a score below zero too.
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text[:1] != "+"
