"""Captions as subtitles: WebVTT and SubRip.

A caption is data: what either format would take for markup is written so that it is shown.  WebVTT
has escapes for it; SubRip has none, so there brackets are written as their full-width forms.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from util.files import whole_file
from util.text import printable

Format = Literal["vtt", "srt"]
FULL_WIDTH = str.maketrans("<>{}\\", "＜＞｛｝＼")


class Cue(NamedTuple):
    """A text that is shown for some time."""

    start: float  # s
    end: float  # s
    text: str


def merged(cues: Iterable[Cue]) -> list[Cue]:
    """Cues without those that say nothing; neighbours that touch and say the same are one."""
    out: list[Cue] = []
    for cue in cues:
        if out and out[-1].text == cue.text and out[-1].end == cue.start:
            out[-1] = out[-1]._replace(end=cue.end)
        elif cue.text.strip():
            out.append(cue)
    return out


def subtitles(cues: Sequence[Cue], kind: Format) -> str:
    """The text of a subtitle file."""
    if kind == "vtt":
        blocks = ["WEBVTT"]
        for cue in cues:
            blocks.append(f"{_times(cue, '.')}\n{_escaped(cue.text)}")
    else:
        blocks = [
            f"{number}\n{_times(cue, ',')}\n{printable(cue.text).translate(FULL_WIDTH)}"
            for number, cue in enumerate(cues, 1)
        ]
    return "\n\n".join(blocks) + "\n" * bool(blocks)


def write_subtitles(path: str | Path, cues: Sequence[Cue], kind: Format) -> None:
    """Write a file in UTF-8, whole or not at all.  Raises UserError where the system refuses."""
    with whole_file(path) as partial:
        partial.write_text(subtitles(cues, kind), encoding="utf-8", newline="\n")


def _escaped(text: str) -> str:
    """For WebVTT, where & and < begin escapes and tags and --> is an arrow of times."""
    shown = printable(text)
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _times(cue: Cue, point: str) -> str:
    start = round(1000 * cue.start)
    return f"{_clock(start, point)} --> {_clock(max(round(1000 * cue.end), start + 1), point)}"


def _clock(milliseconds: int, point: str) -> str:
    """Hours, minutes, seconds; more than two digits of hours where there are more."""
    seconds, thousandths = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{thousandths:03}"
