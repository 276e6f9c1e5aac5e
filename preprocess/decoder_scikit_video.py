"""scikit-video, which runs the system's ffmpeg program, and that turns frames upright itself."""

import builtins
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from preprocess.decoder_pyav import first_look
from preprocess.video_error import Convert, StoppedEarly, VideoError
from util.errors import UserError


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

    Raises StoppedEarly if ffmpeg met invalid data, VideoError if scikit-video cannot open it.
    """
    skvideo = import_scikit_video()
    where = str(path.absolute())  # a relative "-x.avi" would be taken for an option
    every_frame = "-fps_mode" if _ffmpeg(skvideo) >= (5, 1) else "-vsync"
    height, width = first_look(path).shown
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
            yield partial(np.array, image)
        if process.wait() != 0:
            raise StoppedEarly(f"decoding breaks off: ffmpeg exit code {process.returncode}")
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
