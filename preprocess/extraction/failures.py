"""Failed videos: listed beside the store with the reason, and not tried in vain.

`STORE.h5.quarantine.json` is written at the end; until then each process keeps its list in the
folder of parts, so that SIGKILL loses no record.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from tqdm import tqdm

from options.preprocess.extract import VideoOptions
from preprocess.extraction.decode_task import DecodeTask
from preprocess.extraction.paths import failed_videos_file, parts_folder
from preprocess.extraction.worker import Failure
from preprocess.video.error import VideoError
from util.files import sha256, whole_file
from util.text import printable


@dataclass(frozen=True, kw_only=True)
class FailedVideo:
    """One entry of the list, as its JSON has it."""

    file: str
    id: str
    reason: str
    sha256: str | None = None  # of the file; None: that is not at fault, and is tried again
    tried: dict[str, Any] | None = None  # options that it was read with

    def fails_again(self, file: Path, options: VideoOptions) -> bool:
        """Whether it would fail as before: the same bytes, read in the same way."""
        if options.retry or not self.sha256 or self.tried != _tried(options):
            return False
        return fingerprint(file) == self.sha256


@dataclass(frozen=True)
class Outcome:
    """Result of extracting one video."""

    task: DecodeTask
    frames: int = 0  # that it decodes to
    seconds: float = 0.0  # of decoding
    failed: FailedVideo | None = None  # why it is not stored


def _tried(options: VideoOptions) -> dict[str, Any]:
    """The options that decide whether a video can be read."""
    return {name: getattr(options, name) for name in ("decoder", "keep_partial", "time_limit")}


def report_failure(task: DecodeTask, failure: Failure, options: VideoOptions) -> Outcome:
    """Say that a video has failed; VideoError with --strict.

    Where the file is not at fault, its entry names no content: the video is tried again.
    """
    reason = failure.reason
    if options.strict:
        raise VideoError(
            printable(str(task.file)),
            f"{reason}; --strict stops here, without it such videos are set aside; what is "
            "done stays, the same command goes on",
        )
    tqdm.write(printable(f"set aside {task.file}: {reason}"), file=sys.stderr)
    failed = FailedVideo(
        file=str(task.file),
        id=task.video,
        reason=reason,
        sha256=None if failure.again else fingerprint(task.file),
        tried=_tried(options),
    )
    return Outcome(task, failed=failed)


def fingerprint(file: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read, or is none (a pipe would never end)."""
    try:
        return sha256(file) if file.is_file() else None
    except OSError:
        return None


@dataclass(frozen=True)
class FailureLog:
    """Reports and records the videos that fail in one process, beside the parts of each store."""

    name: str  # of the file there
    outcomes: list[Outcome]  # to begin with, failures known before, so that SIGKILL loses none
    stores: Sequence[Path]  # of the command's outputs
    options: VideoOptions

    def add(self, task: DecodeTask, failure: Failure) -> Outcome:
        """Report and record one video; VideoError with --strict."""
        outcome = report_failure(task, failure, self.options)
        self.outcomes.append(outcome)
        for output in task.outputs:
            here = [known for known in self.outcomes if output in known.task.outputs]
            write_failed(parts_folder(self.stores[output]) / self.name, here)
        return outcome


def read_failed(store: Path) -> dict[str, FailedVideo]:
    """{video: entry} of the list, and of what an interrupted run left among the parts."""
    names = {field.name for field in fields(FailedVideo)}
    failed: dict[str, FailedVideo] = {}
    for path in (failed_videos_file(store), *sorted(parts_folder(store).glob("*.json"))):
        with suppress(OSError, ValueError, TypeError, AttributeError):  # not our list
            entries = json.loads(path.read_text(encoding="utf-8"))
            known = [{k: v for k, v in entry.items() if k in names} for entry in entries]
            failed |= {entry["id"]: FailedVideo(**entry) for entry in known if "id" in entry}
    return failed


def write_failed(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a list of failed videos, whole; without any, the file goes."""
    entries = [asdict(outcome.failed) for outcome in outcomes if outcome.failed]
    if not entries:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as partial:
        partial.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
