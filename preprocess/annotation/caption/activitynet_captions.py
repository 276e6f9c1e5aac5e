"""ActivityNet Captions (Krishna et al. 2017): `train.json`, `val_1.json` and `val_2.json`.

Each is one object, {video: {"duration": seconds, "timestamps": [[start, end], ...], "sentences":
[text, ...]}}: a segment for each pair of times, with one sentence.  The test videos have no public
captions: `val_1.json` is the val split here and `val_2.json`, other people's segments of mostly the
same videos, the test split.

A segment's id is `<video>#<its place in the list, from 0>`, the same in both files of validation.
Times outside the video are cut to it, two in the wrong order exchanged, and a segment of no length
left out: each is counted and said.
"""

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from options.preprocess.captions import CaptionOptions
from preprocess.annotation.caption.segment import Caption, CaptionAnnotations, Segment
from preprocess.annotation.items import load_json
from util.errors import UserError
from util.text import clipped
from util.text_file import read_text

FILES = {"train": "train.json", "val": "val_1.json", "test": "val_2.json"}
FORM = "{video: {duration, timestamps, sentences}}"
CUT, TURNED, EMPTY = (
    "segments with times outside their video, cut to it",
    "segments that end before they start, the two times exchanged",
    "segments of no length, left out",
)


def read(options: CaptionOptions) -> CaptionAnnotations:
    """The segments of each split, in the order of the files.

    Raises UserError, naming file, video and cure, for files that are missing or malformed.
    """
    folder = Path(options.annotations)
    splits: dict[str, list[Segment]] = {}
    notes: list[str] = []
    for split, name in FILES.items():
        path = folder / name
        text = read_text(path, f"--annotations is the folder with {', '.join(FILES.values())}")
        videos = load_json(path, text)
        if not isinstance(videos, dict):
            raise UserError(f"{path}: not an object {FORM}; fetch the file again")
        counts: Counter[str] = Counter()
        splits[split] = [
            segment
            for video, item in videos.items()
            for segment in _segments(path, video, item, counts)
        ]
        said = [what for what in (CUT, TURNED, EMPTY) if counts[what]]
        notes += [f"{name}: {what}: {counts[what]:,}" for what in said]
    return CaptionAnnotations(splits=splits, notes=tuple(notes))


def _segments(path: Path, video: str, item: Any, counts: Counter[str]) -> list[Segment]:
    """The segments of one video; counts what was changed or left out."""
    name = clipped(repr(video), 60)
    fault = _fault(item)
    if fault is not None:
        raise UserError(f"{path}: video {name}: {fault}")
    segments = []
    for k, (times, text) in enumerate(zip(item["timestamps"], item["sentences"], strict=True)):
        low, high = sorted(times)
        start, end = (min(max(t, 0.0), float(item["duration"])) for t in (low, high))
        counts[CUT] += (start, end) != (low, high)
        counts[TURNED] += [low, high] != list(times)
        if start == end:
            counts[EMPTY] += 1
            continue
        caption = Caption(text, f"{path.name}, video {name}, sentence {k} from 0")
        segments.append(
            Segment(id=f"{video}#{k}", video=video, captions=(caption,), time=(start, end))
        )
    return segments


def _fault(item: Any) -> str | None:
    """What is wrong with one video, and the cure; None if nothing is."""
    if not isinstance(item, Mapping):
        return f"is not an object; the file is one object {FORM}"
    missing = [f for f in ("duration", "timestamps", "sentences") if f not in item]
    if missing:
        return f"field `{missing[0]}` is missing; add it"
    times, sentences = item["timestamps"], item["sentences"]
    if not _is_time(item["duration"]):
        return "field `duration` is no number of seconds above 0; correct it"
    if not isinstance(sentences, list) or not all(isinstance(s, str) for s in sentences):
        return "field `sentences` is not a list of texts; correct it"
    if not isinstance(times, list) or not all(_is_pair(t) for t in times):
        return "field `timestamps` is not a list of [start, end] in seconds; correct it"
    if len(times) != len(sentences):
        return (
            f"has {len(times)} timestamps for {len(sentences)} sentences; give each sentence "
            "its two times"
        )
    return None


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_time(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
