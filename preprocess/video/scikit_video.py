"""scikit-video, which runs the system's ffmpeg program, and that turns frames upright itself."""

import builtins
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from preprocess.video.error import Convert, StoppedEarly, VideoError
from preprocess.video.pyav import first_look
from util.errors import UserError

# Mean difference of a first frame from PyAV's, in grey levels, from which it shows something else:
# versions of FFmpeg differ by up to 4 (deep colours, interlaced video); black by 50 and more.
ANOTHER = 16


def require() -> None:
    """Raise UserError if the ffmpeg or ffprobe program is missing."""
    missing = [p for p in ("ffmpeg", "ffprobe") if not shutil.which(p)]
    if missing:
        raise UserError(
            f"--decoder scikit-video: {missing[0]} is not on the PATH; install ffmpeg, "
            "or use --decoder pyav, which brings its own"
        )


def versions() -> dict[str, str]:
    """Of the package and of the ffmpeg program."""
    skvideo = import_scikit_video()
    return {"scikit-video": skvideo.__version__, "ffmpeg": ".".join(map(str, _ffmpeg(skvideo)))}


def frames(path: Path) -> Iterator[Convert]:
    """Frames in order of showing.

    An ffmpeg of another version may leave out frames, or show something else, and say nothing: what
    PyAV finds decides.  Raises StoppedEarly if either met invalid data, or they count otherwise;
    VideoError if scikit-video cannot open the file, or its first frame is another than PyAV's.
    """
    skvideo = import_scikit_video()
    where = str(path.absolute())  # a relative "-x.avi" would be taken for an option
    every_frame = "-fps_mode" if _ffmpeg(skvideo) >= (5, 1) else "-vsync"
    look = first_look(path)
    height, width = look.image.shape[:2]
    count = 0
    try:
        reader = skvideo.io.FFmpegReader(
            where,
            inputdict={"-max_error_rate": "0"},  # exit code 69 if any frame fails to decode
            outputdict={
                "-map": "0:V:0",  # the stream that PyAV would take: cover art is none
                every_frame: "passthrough",  # no frame doubled or dropped to even out the rate
                "-s": f"{width}x{height}",  # scikit-video would cut rows by the unturned size
                "-vframes": str(2**31 - 1),  # not the number in the header
            },
        )
    except Exception as error:  # asserts, KeyErrors and more: each is its way to say no
        raise VideoError(path, f"scikit-video cannot open it ({error!r})") from error
    process = reader._proc  # it has no public way to learn how ffmpeg ended
    try:
        for image in reader.nextFrame():
            if count == 0 and np.abs(image.astype(np.int16) - look.image).mean() > ANOTHER:
                raise VideoError(
                    path,
                    "scikit-video's ffmpeg shows another first frame than PyAV; --decoder "
                    "pyav reads it",
                )
            yield partial(np.array, image)
            count += 1
        if process.wait() != 0:
            raise StoppedEarly(f"decoding breaks off: ffmpeg exit code {process.returncode}")
        if look.problem:
            raise StoppedEarly(look.problem)
        if count != look.frames:
            raise StoppedEarly(
                f"scikit-video's ffmpeg decodes {count} frames, PyAV {look.frames}; --decoder pyav "
                "reads it"
            )
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()


def import_scikit_video() -> Any:
    """scikit-video 1.1.11 uses names that NumPy 1.24 dropped: put them back, then import it."""
    for name in ("float", "int"):
        if not hasattr(np, name):
            setattr(np, name, getattr(builtins, name))
    import skvideo.io

    return skvideo


def _ffmpeg(skvideo: Any) -> tuple[int, ...]:
    """Version of the ffmpeg program, major and minor number."""
    return tuple(int(part) for part in re.findall(r"\d+", skvideo.getFFmpegVersion())[:2])
