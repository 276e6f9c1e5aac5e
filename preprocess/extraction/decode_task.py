"""What a worker process does for extraction: one video file -> the pictures that networks take."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from options.preprocess.extract import VideoOptions
from preprocess.video.clips import Clips
from preprocess.video.container import VideoError, error_words
from preprocess.video.resize import Picture, read_pictures
from util.files import sha256


@dataclass(frozen=True)
class Task:
    """One video to be stored; places: of the stores that lack it."""

    video: str
    file: Path
    places: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One video to be decoded; pictures: those of each product that lacks it."""

    video: str
    file: Path
    clips: int
    frames: int
    decoder: str
    keep_partial: bool
    pictures: tuple[Picture, ...]


def make_job(options: VideoOptions, task: Task, pictures: Iterable[Picture]) -> Job:
    """The job of one video, as the options want it decoded."""
    return Job(
        video=task.video,
        file=task.file,
        clips=options.clips,
        frames=options.frames,
        decoder=options.decoder,
        keep_partial=options.keep_partial,
        pictures=tuple(pictures),
    )


@dataclass(frozen=True, eq=False)
class Decoded:
    """clips: for each of the job's pictures; file_sha256: of the file; seconds: that it took."""

    clips: list[Clips]
    file_sha256: str
    seconds: float


def decode(job: Job) -> Decoded:
    """Decode one video for all products at once.

    Raises VideoError as `read_pictures` does, where the system refuses to read on, and for a file
    that changes meanwhile: its frames would be of two files, and its checksum of one.
    """
    begin = time.perf_counter()
    before = _version(job.file)
    try:
        clips = read_pictures(
            job.file,
            clips=job.clips,
            frames=job.frames,
            decoder=job.decoder,
            keep_partial=job.keep_partial,
            pictures=job.pictures,
        )
        checksum = sha256(job.file)
    except OSError as error:
        raise VideoError(job.file, f"cannot be read ({error_words(error)})", again=True) from error
    except VideoError as error:
        if _version(job.file) == before:
            raise
        raise _changed(job.file) from error
    if _version(job.file) != before:
        raise _changed(job.file)
    return Decoded(clips, checksum, time.perf_counter() - begin)


def _version(file: Path) -> tuple[int, int, int] | None:
    """What differs once a file is written to or replaced; None where it cannot be asked."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _changed(file: Path) -> VideoError:
    return VideoError(file, "changed while it was read; give the same command again", again=True)
