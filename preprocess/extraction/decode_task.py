"""What a worker process does for extraction: one video file -> the frames that networks take."""

import time
from dataclasses import dataclass
from pathlib import Path

from options.preprocess.extract import VideoOptions
from preprocess.video.clips import Clips, read_resized
from preprocess.video.container import error_words
from preprocess.video.error import VideoError
from preprocess.video.resize import InputSpec, Thumbnail
from util.files import sha256


@dataclass(frozen=True)
class DecodeTask:
    """One video to be decoded."""

    video: str  # its id
    file: Path
    outputs: tuple[int, ...]  # which of the command's outputs lack it


@dataclass(frozen=True)
class DecodeSettings:
    """How all videos are decoded."""

    options: VideoOptions
    specs: tuple[InputSpec | Thumbnail, ...]  # what each output takes of a frame


@dataclass(frozen=True, eq=False)
class Decoded:
    """One decoded video."""

    clips: dict[int, Clips]  # for each output that lacks the video
    file_sha256: str
    seconds: float  # that decoding took


def decode(settings: DecodeSettings, task: DecodeTask) -> Decoded:
    """Decode one video for all outputs at once.

    Raises VideoError as `read_resized` does, where the system refuses to read on, and for a file
    that changes meanwhile: its frames would be of two files, and its checksum of one.
    """
    begin = time.perf_counter()
    options, before = settings.options, _version(task.file)
    try:
        clips = read_resized(
            task.file,
            clips=options.clips,
            frames=options.frames,
            stride=options.stride,
            decoder=options.decoder,
            fps=options.fps or None,
            keep_partial=options.keep_partial,
            specs=[settings.specs[output] for output in task.outputs],
        )
        checksum = sha256(task.file)
    except OSError as error:
        raise VideoError(task.file, f"cannot be read ({error_words(error)})", again=True) from error
    except VideoError as error:
        if _version(task.file) == before:
            raise
        raise _changed(task.file) from error
    if _version(task.file) != before:
        raise _changed(task.file)
    by_output = dict(zip(task.outputs, clips, strict=True))
    return Decoded(by_output, checksum, time.perf_counter() - begin)


def _version(file: Path) -> tuple[int, int, int] | None:
    """What differs once a file is written to or replaced; None where it cannot be asked."""
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def _changed(file: Path) -> VideoError:
    return VideoError(file, "changed while it was read; give the same command again", again=True)
