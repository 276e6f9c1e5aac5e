"""Videos that cannot be read: listed beside the store with the reason, and not tried in vain.

`STORE.h5.quarantine.json` is written at the end; until then each process keeps its rows in the
folder of shards, so that a kill loses none.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import Task
from preprocess.extraction.output import Target, parts_folder
from preprocess.extraction.worker import Failure
from preprocess.video.container import VideoError
from util.files import sha256, whole_file
from util.text import printable

Row = dict[str, Any]


def quarantine_file(output: Path) -> Path:
    """Where the videos that could not be read are listed."""
    return output.with_name(output.name + ".quarantine.json")


def tried(options: VideoOptions) -> dict[str, Any]:
    """The options that decide whether a video can be read."""
    names = ("decoder", "keep_partial", "time_limit")
    return {name: getattr(options, name) for name in names}


def set_aside(task: Task, failure: Failure, options: VideoOptions) -> Row:
    """Say that a video is set aside -> its line of the list; VideoError with --strict.

    Where the file is not at fault, the line names no content: the video is tried again.
    """
    reason = failure.reason
    if options.strict:
        raise VideoError(
            printable(str(task.file)),
            f"{reason}; --strict stops here, without it such videos are set aside; what is "
            "done stays, the same command goes on",
        )
    tqdm.write(printable(f"set aside {task.file}: {reason}"), file=sys.stderr)
    return {
        "file": str(task.file),
        "id": task.video,
        "reason": reason,
        "sha256": None if failure.again else fingerprint(task.file),
        "tried": tried(options),
    }


def fingerprint(file: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read, or is none (a pipe would never end)."""
    try:
        return sha256(file) if file.is_file() else None
    except OSError:
        return None


@dataclass(frozen=True)
class FailedVideos:
    """Videos that fail in one process, written down at once beside the parts of each store.

    name: of the file there; rows: (task, row) of each store's earlier ones, which a kill shall not
    lose, to begin with.
    """

    name: str
    rows: list[tuple[Task, Row]]
    targets: Sequence[Target]
    options: VideoOptions

    def add(self, task: Task, failure: Failure) -> Row:
        """Set one video aside; VideoError with --strict."""
        row = set_aside(task, failure, self.options)
        self.rows.append((task, row))
        for place in task.places:
            here = [row for other, row in self.rows if place in other.places]
            write_rows(parts_folder(self.targets[place].output) / self.name, here)
        return row


def rows_so_far(output: Path) -> dict[str, Row]:
    """{video: row} of the list, and of what an interrupted run left among its shards."""
    rows: dict[str, Row] = {}
    for path in (quarantine_file(output), *sorted(parts_folder(output).glob("*.json"))):
        with suppress(OSError, ValueError, TypeError, KeyError):  # not ours: tried again, no more
            rows |= {row["id"]: row for row in json.loads(path.read_text(encoding="utf-8"))}
    return rows


def is_known(row: Row | None, file: Path, tried: dict[str, Any]) -> bool:
    """Whether a listed video would fail again: the same bytes, read in the same way."""
    if row is None or row.get("tried") != tried or not row.get("sha256"):
        return False
    return fingerprint(file) == row["sha256"]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write a list whole; without any row, it goes."""
    if not rows:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as partial:
        partial.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
