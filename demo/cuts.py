"""Whether the cuts of edit lists are exact: readers that know nothing of what wrote the lists.

A list is read with Python's own csv and XML, its videos with PyAV, and where the ffmpeg program is
installed the list is rendered, too.
"""

import csv
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np

NEAR = 3.0  # mean difference of two pictures of one frame, of 255: colours are converted twice
MILLISECOND = 1e-3  # by which a time may be off a frame's


class Cut(NamedTuple):
    """Frames of a video, from 0."""

    path: str
    begin: int
    end: int  # the first that is not in it


def read_csv(path: Path) -> list[Cut]:
    """A table."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Cut(r["path"], int(r["begin_frame"]), int(r["end_frame"])) for r in rows]


def read_fcp7(path: Path) -> list[Cut]:
    """Final Cut Pro 7 XML."""
    items = ElementTree.parse(path).getroot().findall("./sequence/media/video/track/clipitem")
    files = {f.get("id"): f.findtext("pathurl", "") for i in items for f in i.findall("file")
             if f.find("pathurl") is not None}  # fmt: skip
    return [
        Cut(
            files[item.find("file").get("id")].removeprefix("file://localhost"),  # pyright: ignore[reportOptionalMemberAccess]
            int(item.findtext("in", "")),
            int(item.findtext("out", "")),
        )
        for item in items
    ]


def read_mlt(path: Path) -> list[Cut]:
    """MLT's XML, whose `out` is the last frame."""
    root = ElementTree.parse(path).getroot()
    resources = {
        p.get("id"): p.findtext("property[@name='resource']", "") for p in root.iter("producer")
    }
    return [
        Cut(resources[e.get("producer")], int(e.get("in", "")), int(e.get("out", "")) + 1)
        for e in root.findall("./playlist/entry")
    ]


READERS: dict[str, Callable[[Path], list[Cut]]] = {
    "csv": read_csv, "fcp7": read_fcp7, "mlt": read_mlt,
}  # fmt: skip


def wanted(path: str, start: float, end: float) -> Cut:
    """The frames that are shown from `start` to `end`, in seconds after the first frame."""
    times = np.array([time for time, _ in _frames(path)])
    begin = int(np.flatnonzero(times <= start + MILLISECOND)[-1])
    return Cut(path, begin, int(np.flatnonzero(times < end - MILLISECOND)[-1]) + 1)


def rendered_exactly(script: Path, cuts: Sequence[Cut]) -> list[bool] | None:
    """Whether each cut of a filter script, rendered by ffmpeg, is its frames; None: no ffmpeg."""
    program = _ffmpeg()
    if program is None:
        return None
    pictures = [_pictures(cut) for cut in cuts]
    shape = pictures[0].shape[1:]  # (H, W, 3)
    words = [program, "-v", "error", script_flag(program), str(script), "-map", "[out0]", "-f",
             "rawvideo", "-fps_mode", "passthrough", "-pix_fmt", "rgb24", "-"]  # fmt: skip
    done = subprocess.run(words, capture_output=True, check=True)
    shown = np.frombuffer(done.stdout, np.uint8)
    if len(shown) != sum(map(len, pictures)) * int(np.prod(shape)):
        return [False] * len(cuts)
    shown, exact = shown.reshape(-1, *shape).astype(np.int16), []
    for own in pictures:
        here, shown = shown[: len(own)], shown[len(own) :]
        exact.append(bool(np.abs(here - own).mean(axis=(1, 2, 3)).max() < NEAR))
    return exact


def script_flag(program: str) -> str:
    """What an ffmpeg calls a file of filters: its name has changed with version 7."""
    return "-/filter_complex" if _version(program) >= 7 else "-filter_complex_script"


def _frames(path: str) -> list[tuple[float, av.VideoFrame]]:
    """Seconds after the first frame, and frame, in the order of showing."""
    with av.open(path) as container:
        frames = [(float(frame.time or 0), frame) for frame in container.decode(video=0)]
    return [(time - frames[0][0], frame) for time, frame in frames]


def _pictures(cut: Cut) -> np.ndarray:
    """(F, H, W, 3) int16."""
    own = _frames(cut.path)[cut.begin : cut.end]
    return np.stack([frame.to_ndarray(format="rgb24") for _, frame in own]).astype(np.int16)


def _ffmpeg() -> str | None:
    found = shutil.which("ffmpeg")
    if found is None:
        try:
            import imageio_ffmpeg
        except ImportError:
            return None
        found = imageio_ffmpeg.get_ffmpeg_exe()
    return found


def _version(program: str) -> int:
    """The first number of `ffmpeg version 7.0.2-static ...`; 7 of one that has none."""
    words = subprocess.run([program, "-version"], capture_output=True, text=True).stdout.split()
    number = words[2].lstrip("n").split(".")[0] if len(words) > 2 else ""
    return int(number) if number.isdigit() else 7
