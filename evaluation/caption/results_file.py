"""Results files: the captions of a model, of this project or of any other.

Read are the official list of COCO, [{"image_id": 1, "caption": ".."}], with `video_id` in place of
`image_id` for MSVD and MSRVTT; such a list under "predictions"; an object {id: caption}; text with
a caption a line; and the official form of ActivityNet Captions, {"version", "results": {video:
[{"timestamp": [start, end], "sentence"}]}, "external_data"}.  Other keys are let be.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from evaluation.caption.json_file import identity, read_json, sentence, shown, times
from util.errors import UserError
from util.files import whole_file
from util.text_file import read_text

ID_FIELDS = ("image_id", "video_id", "id")
CURE = (
    'captions are [{"image_id": ID, "caption": "TEXT"}, ..], {ID: "TEXT", ..}, or a text file '
    "with a caption a line"
)
EVENTS_CURE = (
    'events are {"version": "..", "results": {VIDEO: [{"timestamp": [START, END], "sentence": '
    '"TEXT"}, ..]}, "external_data": {}}'
)


@dataclass(frozen=True)
class Event:
    """A sentence about a part of a video."""

    # s
    start: float
    # s
    end: float
    sentence: str


def read_results(path: Path) -> dict[str, str]:
    """The caption of each segment, by its id; of text the ids are the lines' numbers from 1.

    Raises UserError: not there, no JSON, of another form, an id twice, a caption that is no text.
    """
    if path.suffix == ".txt":
        return {str(i): line for i, line in enumerate(lines(path), start=1)}
    content = read_json(path, "--predictions is a file of captions; check the path")
    if isinstance(content, dict) and isinstance(content.get("predictions"), list):
        content = content["predictions"]
    if isinstance(content, dict) and isinstance(content.get("results"), dict):
        raise UserError(
            f"{path}: captions of parts of videos, with time stamps; give --protocol activitynet"
        )
    if not isinstance(content, dict | list) or not content:
        raise UserError(f"{path}: holds {shown(content)}; {CURE}")
    if isinstance(content, dict):
        return {key: _only(path, key, value) for key, value in content.items()}
    found: dict[str, str] = {}
    for index, item in enumerate(content):
        where = f"{path}: item {index}, counted from 0"
        field = next((f for f in ID_FIELDS if isinstance(item, dict) and f in item), None)
        if field is None or "caption" not in item:
            raise UserError(f"{where}: {shown(item)} has no id or no caption; {CURE}")
        name = identity(item[field], where)
        if name in found:
            raise UserError(f"{where}: {field} {shown(name)} comes twice; give it one caption")
        found[name] = sentence(item["caption"], f"{where} ({field} {shown(name)})")
    return found


def _only(path: Path, key: str, value: Any) -> str:
    """A caption by itself, or as the only one of a list, with or without its key."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, dict) and "caption" in value:
        value = value["caption"]
    if isinstance(value, list):
        raise UserError(f"{path}: id {shown(key)} has {len(value)} captions; give it one")
    return sentence(value, f"{path}: id {shown(key)}")


def write_results(
    path: Path,
    captions: Mapping[str, str],
    *,
    id_field: Literal["image_id", "video_id"] = "image_id",
    n_best: Mapping[str, Sequence[tuple[str, float]]] | None = None,
) -> None:
    """Write COCO's official results JSON; `n_best` captions with scores are a key of their own.

    Whole numbers are written as such, for the official code looks ids up in COCO's annotations.
    """
    entries: list[dict[str, Any]] = []
    for name, caption in captions.items():
        whole = name.isascii() and name.isdigit() and str(int(name)) == name
        entries.append({id_field: int(name) if whole else name, "caption": caption})
        if n_best is not None:
            best = [{"caption": text, "score": score} for text, score in n_best[name]]
            entries[-1]["n_best"] = best
    _write(path, entries)


def read_events(path: Path) -> dict[str, list[Event]]:
    """The events of each video, in ActivityNet's official form.

    Raises UserError: not there, no JSON, of another form, a time stamp that is none.
    """
    content = read_json(path, "--predictions is a file of captions; check the path")
    if not isinstance(content, dict) or not isinstance(content.get("results"), dict):
        raise UserError(f"{path}: no events of videos; {EVENTS_CURE}, or leave --protocol out")
    found: dict[str, list[Event]] = {}
    for video, events in content["results"].items():
        if not isinstance(events, list):
            raise UserError(f"{path}: video {shown(video)} has no list of events; {EVENTS_CURE}")
        found[video] = []
        for index, item in enumerate(events):
            where = f"{path}: video {shown(video)}, event {index}, counted from 0"
            if not isinstance(item, dict) or not {"timestamp", "sentence"} <= item.keys():
                raise UserError(f"{where}: lacks `timestamp` or `sentence`; {EVENTS_CURE}")
            text = sentence(item["sentence"], where)
            found[video].append(Event(*times(item["timestamp"], where), text))
    if not any(found.values()):
        raise UserError(f"{path}: holds no event; {EVENTS_CURE}")
    return found


def write_events(path: Path, events: Mapping[str, Sequence[Event]], *, about: str) -> None:
    """Write ActivityNet's official results JSON; `about`: what its external data says."""
    results = {
        video: [{"sentence": e.sentence, "timestamp": [e.start, e.end]} for e in of_video]
        for video, of_video in events.items()
    }
    external = {"used": True, "details": about}
    _write(path, {"version": "VERSION 1.3", "results": results, "external_data": external})


def lines(path: Path) -> list[str]:
    """The lines of a text file, without those that end it."""
    return read_text(path, "check the path").rstrip("\n").split("\n")


def _write(path: Path, content: Any) -> None:
    with whole_file(path) as partial:
        partial.write_text(json.dumps(content, indent=1), encoding="utf-8")
