"""Found moments for people, and as lines of a file that `library export` reads."""

import json
from collections.abc import Sequence
from pathlib import Path

from library.find.moments import Moment
from library.find.shelf import Place
from util.files import whole_file
from util.text import cells_of, clipped

Row = dict[str, object]  # one line of the file: keys of library/hits.py, and the clips' ids


def row_of(
    moment: Moment, places: dict[int, Place], *, query: str, weights: str, why: str = ""
) -> Row:
    """A moment as a line of the file of hits."""
    place = places[moment.best]
    reasons = [why or moment.why]
    also = list(dict.fromkeys(places[clip].path for clip in moment.like if clip in places))
    if also:
        reasons.append(f"looks the same in {', '.join(Path(path).name for path in also[:3])}")
        reasons[-1] += f" and {len(also) - 3} more" if len(also) > 3 else ""
    return {
        "video": place.path,
        "start": round(moment.start, 6),
        "end": round(moment.end, 6),
        "score": round(moment.score, 6),
        "query": query,
        "why": "; ".join(reasons),
        "weights": weights,
        "sha256": place.sha256,
        "clips": list(moment.clips),
    }


def write_rows(path: str | Path, rows: Sequence[Row]) -> None:
    """The file of hits, whole or not at all."""
    with whole_file(path) as partial:
        lines = (json.dumps(row, ensure_ascii=True) + "\n" for row in rows)
        partial.write_text("".join(lines), encoding="utf-8")


def print_rows(rows: Sequence[Row], first: int) -> None:
    """One line a hit: number, score, from when to when, file, why."""
    names = [clipped(str(row["video"]), 60) for row in rows]
    width = max(map(cells_of, names), default=0)
    for number, (row, name) in enumerate(zip(rows, names, strict=True), first):
        start, end = (clock(float(str(row[key]))) for key in ("start", "end"))
        blank = " " * (width - cells_of(name))
        print(
            f"{number:3}  {float(str(row['score'])):6.3f}  {name}{blank}  {start}-{end}  "
            f"{clipped(str(row['why']), 200)}"
        )


def clock(seconds: float) -> str:
    """Seconds as people read them: 1:02:03.5, 0:12.0."""
    tenths = round(seconds * 10)
    minutes, rest = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02}" if hours else f"{minutes}"
    return f"{head}:{rest // 10:02}.{rest % 10}"
