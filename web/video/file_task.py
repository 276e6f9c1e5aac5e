"""What the process that reads a library's files does; nothing here loads torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.decoding import DecodedVideo, Reading, decode_video
from library.find.middles import middles_of
from web.video.look import limit_memory
from web.video.playback import Playable, playable


@dataclass(frozen=True)
class Decode:
    """A video that a run is to see."""

    file: Path
    readings: Mapping[str, Reading]
    fps: float | None  # of the run's clips, at a steady rate


@dataclass(frozen=True)
class Probe:
    """A video of which it is to be known how browsers play it."""

    file: Path


@dataclass(frozen=True)
class Numbered:
    """A task, and which one it is."""

    number: int
    task: Decode | Probe


def work(memory: int, numbered: Numbered) -> tuple[DecodedVideo, np.ndarray] | Playable:
    """One task.  Raises VideoError for what cannot be read."""
    limit_memory(memory)
    task = numbered.task
    if isinstance(task, Probe):
        return playable(task.file)
    decoded = decode_video(task.file, task.readings)
    first = decoded.clips[next(iter(task.readings))]
    return decoded, middles_of(str(task.file), first.numbers[first.index], task.fps)
