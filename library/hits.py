"""Found moments, and the file of them: JSON Lines, one hit a line, the best first.

    {"video": "a.mp4", "start": 12.5, "end": 15, "score": 0.8, "query": "a man rides", "why": "..."}

`library search` writes it, and so may any program; keys that are not named here are let pass.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

TEXTS = ("query", "why", "weights", "sha256")
LONGEST = 10**7  # s: 115 days


@dataclass(frozen=True)
class Hit:
    """One moment of a video."""

    video: str  # path of the file
    start: Fraction  # s after its first frame
    end: Fraction  # s, after `start`
    score: float | None = None
    query: str = ""  # what was looked for
    why: str = ""  # what speaks for it
    weights: str = ""  # hash of the weights that found it
    sha256: str = ""  # of the video's bytes when it was indexed; "": not known
    track: int | None = None  # of an edit list, 1 the lowest; None: where the others are put


def read_hits(path: str | Path) -> list[Hit]:
    """Read a file of hits.  Raises UserError with file, line and cure for one that is none."""
    text = read_text(path, "a file of hits has one JSON object a line: video, start, end")
    hits = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                hits.append(_hit(line))
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}, line {number}: {clipped(str(error), 300)}") from error
    if not hits:
        raise UserError(f"{path}: holds no hit; write one a line: video, start, end")
    return hits


def _hit(line: str) -> Hit:
    """One line.  Raises ValueError."""
    try:
        row = json.loads(line, parse_float=_exact, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON ({error.msg}); write one object a line") from error
    if not isinstance(row, dict):
        raise ValueError('not an object; write {"video": ..., "start": ..., "end": ...}')
    video = row.get("video")
    if not isinstance(video, str) or not video.strip() or "\0" in video:
        raise ValueError("video names no file; give its path")
    start, end = (_seconds(row, key) for key in ("start", "end"))
    if not 0 <= start < end <= LONGEST:
        raise ValueError(
            f"start {float(start):g} s, end {float(end):g} s; give 0 <= start < end, in seconds"
        )
    score, track = row.get("score"), row.get("track")
    if score is not None and not _is_number(score):
        raise ValueError("score is no number; give one, or leave it out")
    if track is not None and not (type(track) is int and track >= 1):
        raise ValueError("track is no whole number from 1; give one, or leave it out")
    texts = {name: _text(row.get(name)) for name in TEXTS}
    return Hit(video, start, end, None if score is None else float(score), track=track, **texts)


def _seconds(row: Mapping[str, Any], key: str) -> Fraction:
    value: Any = row.get(key)
    if not _is_number(value):
        raise ValueError(f"{key} is no number of seconds; give one")
    return Fraction(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def _text(value: object) -> str:
    """A text as it is; what else stands there, as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)


def _exact(text: str) -> Fraction:
    """A number as it is written.  Of 1e999999999 there would be no end: it is refused."""
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text[:40]} is no number") from error
    if value and abs(value.adjusted()) > 100:
        raise ValueError(f"{text[:40]} is no number that a time or a score can have")
    return Fraction(value)


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number")
