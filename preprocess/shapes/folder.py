"""The folder of a generated data set: its settings, its videos and its lists."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import av
import numpy as np
from tqdm import tqdm

from preprocess.shapes.scene import FPS
from util.errors import UserError
from util.files import whole_file

# One thread and no look-ahead: its choices on frames as small as these differ from run to run.
STEADY = {"preset": "veryfast", "tune": "zerolatency", "threads": "1"}
CODING: dict[str, dict[str, object]] = {
    "inter": {**STEADY, "crf": "16", "x264-params": "mbtree=0"},
    # No frame depends on another: turned round, a video has the same frames, bit for bit.
    "intra": {**STEADY, "qp": "14", "g": "1", "x264-params": "mbtree=0:aq-mode=0"},
}


def claim(output: Path, settings: Mapping[str, Any]) -> None:
    """Make the folder ours, or raise UserError: it holds something else, or is not writable."""
    note = output / "shapes.json"
    try:
        if note.is_file():
            there = json.loads(note.read_text(encoding="utf-8"))
            if there != settings:
                raise UserError(
                    f"{note}: the folder holds shapes made with other settings ({there}); remove "
                    f"{output} or give another --output"
                )
            return
        if output.is_dir() and any(output.iterdir()):
            raise UserError(
                f"{output}: holds files that are not of this data set; give an --output that is "
                "empty or not there"
            )
        with whole_file(note) as path:
            path.write_text(json.dumps(settings) + "\n", encoding="utf-8")
    except json.JSONDecodeError as error:
        raise UserError(f"{note}: not JSON; remove {output} or give another --output") from error
    except OSError as error:
        raise UserError(
            f"{output}: cannot be written ({error.strerror}); give another --output"
        ) from error


def write_items(path: Path, items: Sequence[Mapping[str, Any]]) -> None:
    """Write a JSON list of objects, a field a line, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(json.dumps(items, indent=0) + "\n", encoding="utf-8")


def write_videos(
    folder: Path,
    drawn: Mapping[int, Callable[[], np.ndarray]],
    threads: int,
    *,
    coding: str = "inter",
) -> None:
    """Write the videos that are not there yet; drawn: what makes the frames of each, by its id."""
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [
        (path, draw) for i, draw in drawn.items() if not (path := folder / f"{i}.mp4").is_file()
    ]
    # Threads, not processes: drawing and encoding leave the interpreter lock, and threads start at
    # once, also where the caller has already imported torch.
    with ThreadPool(threads) as pool:
        done = pool.imap_unordered(partial(_write, coding), jobs, chunksize=8)
        for _ in tqdm(done, total=len(jobs), desc="videos", unit="video"):
            pass


def _write(coding: str, job: tuple[Path, Callable[[], np.ndarray]]) -> None:
    write_video(job[0], job[1](), coding)


def write_video(path: Path, frames: np.ndarray, coding: str = "inter") -> None:
    """Encode frames (T, H, W, 3) uint8 RGB as H.264; the bytes repeat on one machine."""
    with whole_file(path) as partial, av.open(str(partial), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.options = dict(CODING[coding])
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
