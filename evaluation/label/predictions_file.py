"""The file of what was told of each row: written beside a run, read where a run could be named.

JSON: all numbers of the evaluation, and
  predictions  one object a row: id, video, group; true, predicted, correct; probabilities, in the
               order of `classes`, at the fitted temperature; frames, which of the video's frames
               the model saw, from 0; run, a place in `runs`
  runs, temperatures, constants  of each run: its path, the temperature fitted on its validation
               rows (null: none), the commonest class of its training rows
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.label.predictions import ClassPredictions
from evaluation.label.told import Told
from preprocess.annotation.items import load_json
from util.errors import UserError
from util.files import whole_file
from util.text import clipped
from util.text_file import read_text

CURE = "make it with `python evaluate.py classification --run R`"
DIGITS = 9  # of a probability: what tells two float32 apart
LEAST = 1e-300  # of which a logarithm is taken
TELLING = "probabilities"  # the field that only rows of classes have


def results_file(folder: Path, said: Told) -> Path:
    """Where the results of a run on a split lie, by what it was shown."""
    frames = {"real": "", "middle": "-middle_frame", "shuffled": "-shuffled_frames"}
    shown = f"{said.split}-{said.video}{frames[said.frames]}"
    return folder / f"{shown}{'-crops' if said.crops > 1 else ''}.json"


def write_results(path: Path, content: Mapping[str, Any], said: ClassPredictions) -> None:
    """Write all numbers and every row, whole or not at all."""
    whole = {
        **content,
        "seed": said.seed,
        "class_names": list(said.classes),
        "order_only": list(said.order_only),
        "alike": [list(group) for group in said.alike],
        "runs": list(said.sources),
        "steps": list(said.steps),
        "temperatures": [
            _or_none(said.of_run(said.temperature, i)) for i in range(len(said.sources))
        ],
        "constants": [
            said.classes[int(said.of_run(said.constant, i))] for i in range(len(said.sources))
        ],
        "predictions": records(said),
    }
    with whole_file(path) as partial:
        partial.write_text(json.dumps(whole, indent=1), encoding="utf-8")


def records(said: ClassPredictions) -> list[dict[str, Any]]:
    """One plain dict a row."""
    return [
        {
            "id": said.ids[i],
            "video": said.videos[i],
            "group": said.groups[i],
            "true": said.classes[said.target[i]],
            "predicted": said.classes[said.predicted[i]],
            "correct": bool(said.hits[i]),
            "probabilities": [float(f"{p:.{DIGITS}g}") for p in said.probability[i].tolist()],
            "frames": list(said.numbers[i]),
            "run": int(said.source[i]),
        }
        for i in range(len(said))
    ]


def read_results(path: str | Path) -> ClassPredictions:
    """The rows of a file that `write_results` has written.

    Raises UserError: not there, not JSON, no such file, or one that contradicts itself.
    """
    path = Path(path)
    content = load_json(path, read_text(path, CURE))
    try:
        rows = content["predictions"]
        if not rows or TELLING not in rows[0]:
            raise UserError(f"{path}: no file of classes, or one without rows; {CURE}")
        return _read(path, content, rows)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise UserError(f"{path}: damaged predictions file: {reason}; {CURE} again") from error


def _read(path: Path, content: dict[str, Any], rows: list[dict[str, Any]]) -> ClassPredictions:
    classes = tuple(_texts(content["class_names"]))
    place = {name: k for k, name in enumerate(classes)}
    if len(place) < max(2, len(classes)):
        raise ValueError(f"class_names has {len(classes)} names, {len(place)} different ones")
    shares = np.array([row[TELLING] for row in rows], dtype=np.float64)
    if shares.shape != (len(rows), len(classes)) or not np.allclose(shares.sum(1), 1, atol=1e-3):
        raise ValueError(f"{TELLING} are not {len(classes)} shares in each row")
    source = np.array([row["run"] for row in rows], dtype=np.int64)
    degrees = np.array([1.0 if t is None else float(t) for t in content["temperatures"]])[source]
    videos = tuple(_texts([row["video"] for row in rows]))
    if len(set(videos)) < len(videos):
        raise ValueError("a video comes twice")
    if not all(math.isfinite(t) and t > 0 for t in degrees.tolist()):
        raise ValueError("temperatures are not positive")
    return ClassPredictions(
        name=path.parent.name or path.stem,
        sources=tuple(_texts(content["runs"])),
        steps=tuple(int(step) for step in content["steps"]),
        seed=int(content["seed"]),
        split=str(content["split"]),
        video=str(content["video"]),
        frames=str(content["frames"]),
        crops=int(content["crops"]),
        classes=classes,
        order_only=tuple(_texts(content["order_only"])),
        alike=tuple(tuple(_texts(group)) for group in content["alike"]),
        ids=tuple(_texts([row["id"] for row in rows])),
        videos=videos,
        groups=tuple(_texts([row["group"] for row in rows])),
        numbers=tuple(tuple(int(n) for n in row["frames"]) for row in rows),
        target=np.array([place[row["true"]] for row in rows], dtype=np.int64),
        constant=np.array([place[name] for name in content["constants"]], dtype=np.int64)[source],
        logits=np.log(np.maximum(shares, LEAST)) * degrees[:, None],
        temperature=degrees,
        source=source,
    )


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{clipped(repr(values), 60)} is no list of texts")
    return values


def _or_none(temperature: float) -> float | None:
    return None if temperature == 1 else temperature
