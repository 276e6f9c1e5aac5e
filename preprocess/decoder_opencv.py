"""OpenCV's VideoCapture, which brings an FFmpeg of its own (without a decoder for AV1, as a rule).

It skips what fails to decode and says nothing at the end, so its frames are counted against the
packets of the file.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from preprocess.container import count_packets
from preprocess.decoder_pyav import first_look, turn_upright
from preprocess.video_error import Convert, StoppedEarly, VideoError
from util.errors import UserError


def frames(path: Path) -> Iterator[Convert]:
    """Frames in order of showing; raises StoppedEarly where there are fewer than packets."""
    cv2 = _import()
    look = first_look(path)
    if look.number:
        raise VideoError(path, "OpenCV reads the first video stream only, here a cover picture")
    packets = count_packets(path)[0]
    where, threads = str(path.absolute()), [cv2.CAP_PROP_N_THREADS, 1]
    capture = cv2.VideoCapture(where, cv2.CAP_FFMPEG, threads)
    # It would turn by the angle, but not mirror.
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
    own = None
    seen = 0

    def convert() -> np.ndarray:
        nonlocal own
        good, image = capture.retrieve()
        if not good:
            raise StoppedEarly(f"OpenCV cannot convert frame {seen}")
        own = own or image.shape
        if image.shape != own:
            raise StoppedEarly(f"the size changes at frame {seen}; --decoder pyav reads it")
        return turn_upright(np.ascontiguousarray(image[..., ::-1]), look.matrix)

    try:
        if not capture.isOpened():
            raise VideoError(path, "OpenCV cannot open it; try --decoder pyav")
        while capture.grab():
            yield convert
            seen += 1
    finally:
        capture.release()
    if seen < packets:
        raise StoppedEarly(f"OpenCV decodes {seen} frames of {packets} packets")


def require() -> None:
    """Raise UserError if OpenCV is not installed."""
    _import()


def versions() -> dict[str, str]:
    """Of the package and of libavcodec in it."""
    cv2 = _import()
    lines = [line.split() for line in cv2.getBuildInformation().splitlines()]
    codec = [line[-1].strip("()") for line in lines if line and line[0] == "avcodec:"]
    return {"opencv": cv2.__version__, "avcodec": codec[0] if codec else "none"}


def _import() -> Any:
    # Its FFmpeg writes to the error stream as it likes; what matters is said by our own errors.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    try:
        import cv2
    except ImportError as error:
        raise UserError(
            f"--decoder opencv: it is not installed ({error}); pip install opencv-python-headless, "
            "or use --decoder pyav"
        ) from error
    return cv2
