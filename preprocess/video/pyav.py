"""PyAV, which brings its own FFmpeg: decodes, turns upright, converts and scales in one pass."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideData
from av.video.reformatter import VideoReformatter

from preprocess.video.container import error_words, open_video, video_stream
from preprocess.video.error import Convert, StoppedEarly, VideoError
from preprocess.video.gif import hundredths, is_gif

Matrix = tuple[int, int, int, int]  # the a, b, c, d of a display matrix


def frames(path: Path) -> Iterator[Convert]:
    """Frames in order of showing; raises StoppedEarly on invalid data.

    Also at the end, if FFmpeg filled in parts of frames that it could not decode: such frames,
    and those that build on them, are not what was filmed.
    """
    with open_video(path) as container:
        for frame in timed_frames(container, video_stream(container, path)):
            yield frame.convert


class TimedFrame(NamedTuple):
    """A frame and its time in s, where it has one; of a GIF also how long it is shown."""

    time: float | None
    convert: Convert
    shown: float | None = None


def timed_frames(container: InputContainer, stream: av.VideoStream) -> Iterator[TimedFrame]:
    """The same of a container that is open, with the times of frames."""
    # One thread per video: extraction decodes several videos at once, and frame threads would lose
    # frames that are still in flight when a video breaks off.
    stream.codec_context.thread_count = 1
    # One scaler for each size: making one costs as much as a frame.
    scalers: dict[tuple[int, int], VideoReformatter] = defaultdict(VideoReformatter)
    own = None
    # By the angle, which costs nothing: asked for its side data, a frame is part of a circle of
    # references, and 64 frames of 1280 x 720 were 100 MB until the next garbage collection.
    matrices: dict[int, Matrix | None] = {}
    damaged = 0
    ticks = 0 if is_gif(container) else None
    try:
        for frame in container.decode(stream):
            damaged += frame.is_corrupt
            own = own or (frame.height, frame.width)  # it may change on the way
            if frame.rotation not in matrices:
                matrices[frame.rotation] = display_matrix(frame)
            convert = partial(_convert, frame, own, matrices[frame.rotation], scalers)
            if ticks is None:
                yield TimedFrame(frame.time, convert)
            else:
                shown = hundredths(frame.duration)
                yield TimedFrame(ticks / 100, convert, shown / 100)
                ticks += shown
    except FFmpegError as error:
        raise StoppedEarly(f"decoding breaks off: {error_words(error)}") from error
    if damaged:
        raise StoppedEarly(f"damaged: {damaged} frames do not decode wholly")


def versions() -> dict[str, str]:
    """Of the package and of the FFmpeg in it."""
    return {"av": av.__version__, "ffmpeg": av.ffmpeg_version_info}


def _convert(
    frame: av.VideoFrame,
    own: tuple[int, int],
    matrix: Matrix | None,
    scalers: dict[tuple[int, int], VideoReformatter],
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """One frame as upright uint8 RGB (height, width, 3), of `size` if given.

    swscale's bicubic widens with the scale, so it smooths what it makes smaller (as antialiasing).
    Colours follow the frame's own matrix and range, BT.601 and limited where it names none.
    """
    height, width = own
    if size is not None:
        height, width = size[::-1] if _swaps_sides(matrix) else size
    try:
        picture = scalers[height, width].reformat(
            frame, width, height, format="rgb24", interpolation="BICUBIC", threads=1
        )
    except FFmpegError as error:  # sizes and pixel formats can be anything in a damaged file
        raise StoppedEarly(f"a frame does not convert: {error_words(error)}") from error
    return turn_upright(picture.to_ndarray(), matrix)


@dataclass(frozen=True)
class FirstLook:
    """What another decoder must find in a file."""

    image: np.ndarray  # its first frame, (H, W, 3) uint8 upright RGB
    frames: int  # that decode
    problem: str  # "" or why PyAV calls the file broken off or damaged


def first_look(path: Path) -> FirstLook:
    """Decode a file once.  Raises VideoError or StoppedEarly where no frame of it decodes."""
    image, count, problem = None, 0, ""
    try:
        for convert in frames(path):
            image = convert() if image is None else image
            count += 1
    except StoppedEarly as error:
        problem = str(error)
    if image is None:
        if problem:
            raise StoppedEarly(problem)
        raise VideoError(path, "no frame of it decodes")
    return FirstLook(image, count, problem)


def display_matrix(frame: av.VideoFrame) -> Matrix | None:
    """How a frame is to be turned to be upright; None: not at all."""
    side = frame.side_data.get(SideData.DISPLAYMATRIX.name)
    if side is None:
        return None
    a, b, _, c, d = np.frombuffer(bytes(side), dtype=np.int32)[:5].tolist()
    return a, b, c, d


def turn_upright(image: np.ndarray, matrix: Matrix | None) -> np.ndarray:
    """An image (H, W, 3) turned, and mirrored, as a display matrix says.

    The matrix is [a b u; c d v; x y w]: the point (p, q) is shown at (a p + c q, b p + d q), up to
    a shift (libavutil/display.h).  Angles between the right ones go to the nearest.
    """
    if matrix is None:
        return image
    a, b, c, d = matrix
    if _swaps_sides(matrix):
        image, a, d = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _swaps_sides(matrix: Matrix | None) -> bool:
    """Whether turning swaps height and width."""
    return matrix is not None and abs(matrix[1]) > abs(matrix[0])
