"""The decoders: a file -> its frames in order of showing, upright.  They live only here.

PyAV is the default and brings its own FFmpeg; scikit-video runs the system's ffmpeg program.
"""

import builtins
import re
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition

from util.errors import UserError

Convert = Callable[[], np.ndarray]  # one decoded frame -> (H, W, 3) uint8 upright RGB


class VideoError(UserError):
    """A video that cannot be read, or not wholly.  `reason` says why, without the file's name."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.reason = reason


class StoppedEarly(Exception):
    """Decoding ended before the video's end."""


def require_decoder(decoder: str) -> None:
    """Raise UserError if the programs that a decoder needs are not on this machine."""
    missing = [p for p in ("ffmpeg", "ffprobe") if not shutil.which(p)]
    if decoder == "scikit-video" and missing:
        raise UserError(
            f"--decoder scikit-video: {missing[0]} is not on the PATH; install ffmpeg, "
            "or use --decoder pyav, which brings its own"
        )


def decoder_versions(decoder: str) -> dict[str, str]:
    """Versions of a decoder's package and of the FFmpeg under it."""
    if decoder == "pyav":
        return {"av": av.__version__, "ffmpeg": av.ffmpeg_version_info}
    skvideo = _import_scikit_video()
    return {"scikit-video": skvideo.__version__, "ffmpeg": ".".join(map(str, _ffmpeg(skvideo)))}


def count_packets(path: Path) -> tuple[int, int, str]:
    """Count the frames of a file by its packets, not by its header.

    -> packets that are shown; frames that it had when whole (the same, unless it is cut off); "" or
    why it looks cut off.  Raises VideoError if the file is missing, empty, or holds no video.
    """
    if not path.is_file():
        raise VideoError(path, "no such file")
    if path.stat().st_size == 0:
        raise VideoError(path, "empty file (0 bytes)")
    count, last, first_time, end_time = 0, None, None, 0.0
    cut = ""
    with _open(path) as container:
        stream = _video_stream(container, path)
        try:
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                count += not packet.is_discard
                last = packet
                if packet.dts is not None and packet.time_base is not None:
                    start = float(packet.dts * packet.time_base)
                    first_time = start if first_time is None else first_time
                    end_time = start + float((packet.duration or 0) * packet.time_base)
        except FFmpegError as error:
            cut = f"breaks off: {_words(error)}"
        declared = _declared_seconds(container, stream)
        header = stream.frames
    if last is None:
        raise VideoError(path, cut or "its video stream is empty")
    whole, seconds = count, end_time - (first_time or 0.0)
    if last.is_corrupt:
        cut = cut or "cut off: the last frame is incomplete"
    elif declared and seconds < declared - max(0.5, 0.05 * declared):
        cut = cut or f"cut off: ends at {seconds:.1f} of {declared:.1f} s"
        whole = round(count * declared / seconds) if seconds > 0 else count
    return count, max(whole, header) if cut else count, cut


def _declared_seconds(container: InputContainer, stream: av.VideoStream) -> float:
    """How long a container that can be cut without a trace (AVI, Matroska) says its video is.

    0 where it does not say.  Frame counts in a header lie more often than its duration.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return stream.frames / float(stream.average_rate)
    if "matroska" in container.format.name:
        told = next((v for k, v in stream.metadata.items() if k.startswith("DURATION")), "")
        parts = told.split(":")
        if len(parts) == 3:
            return float(parts[0]) * 3600 + float(parts[1]) * 60 + float(parts[2])
        if len(container.streams) == 1 and container.duration:
            return container.duration / av.time_base
    return 0.0


def _open(path: Path) -> InputContainer:
    """Open a file with PyAV; its message becomes the reason of a VideoError."""
    try:
        return av.open(str(path.absolute()), metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise VideoError(path, f"not a video, or cut off ({_words(error)})") from error


def _video_stream(container: InputContainer, path: Path) -> av.VideoStream:
    """The first stream of moving pictures; cover art and still pictures are none."""
    kind = container.format.name
    if kind.startswith(("image2", "tty")) or kind.endswith("_pipe"):
        raise VideoError(path, f"a still picture or text, not a video ({kind})")
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise VideoError(path, "no decoder for its video stream")
            return stream
    raise VideoError(path, "no video stream")


def _words(error: Exception) -> str:
    """What an FFmpeg error says, without its number and the file's name."""
    return getattr(error, "strerror", None) or str(error)


def _pyav(path: Path) -> Iterator[Convert]:
    """Frames in order of showing by PyAV; raises StoppedEarly on invalid data."""
    with _open(path) as container:
        stream = _video_stream(container, path)
        # One thread per video: extraction decodes several videos at once, and frame threads would
        # lose frames that are still in flight when a video breaks off.
        stream.codec_context.thread_count = 1
        size = None
        try:
            for frame in container.decode(stream):
                size = size or (frame.width, frame.height)  # it may change on the way
                yield partial(_upright, frame, *size)
        except FFmpegError as error:
            raise StoppedEarly(f"decoding breaks off: {_words(error)}") from error


def _upright(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """One frame as uint8 RGB of the given size, turned (and mirrored) as its display matrix says.

    The matrix is [a b u; c d v; x y w]: the point (p, q) is shown at (a p + c q, b p + d q), up to
    a shift (libavutil/display.h).  Angles between the right ones go to the nearest.
    """
    image = frame.to_ndarray(format="rgb24", width=width, height=height)
    side = frame.side_data.get(SideData.DISPLAYMATRIX.name)
    if side is None:
        return image
    a, b, _, c, d = np.frombuffer(bytes(side), dtype=np.int32)[:5].tolist()
    if abs(b) > abs(a):
        image, a, d = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def _scikit_video(path: Path) -> Iterator[Convert]:
    """Frames by scikit-video, that is, the ffmpeg program, which turns them upright itself.

    Raises StoppedEarly if ffmpeg met invalid data, VideoError if scikit-video cannot open it.
    """
    skvideo = _import_scikit_video()
    where = str(path.absolute())  # a relative "-x.avi" would be taken for an option
    every_frame = "-fps_mode" if _ffmpeg(skvideo) >= (5, 1) else "-vsync"
    try:
        width, height = _shown_size(skvideo.io.ffprobe(where)["video"])
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


def _import_scikit_video() -> Any:
    """scikit-video 1.1.11 uses names that NumPy 1.24 dropped: put them back, then import it."""
    for name in ("float", "int"):
        if not hasattr(np, name):
            setattr(np, name, getattr(builtins, name))
    import skvideo.io

    return skvideo


def _ffmpeg(skvideo: Any) -> tuple[int, ...]:
    """Version of the ffmpeg program, major and minor number."""
    return tuple(int(part) for part in re.findall(r"\d+", skvideo.getFFmpegVersion())[:2])


def _shown_size(stream: dict) -> tuple[int, int]:
    """Width and height in pixels of a stream's frames once ffmpeg has turned them upright."""
    width, height = int(stream["@width"]), int(stream["@height"])
    side = stream.get("side_data_list", {}).get("side_data", [])
    side = side if isinstance(side, list) else [side]
    turns = [float(item["@rotation"]) for item in side if "@rotation" in item]
    tags = stream.get("tag", [])  # before FFmpeg 5 the angle was a tag
    tags = tags if isinstance(tags, list) else [tags]
    turns += [float(tag["@value"]) for tag in tags if tag["@key"] == "rotate"]
    return (height, width) if turns and round(turns[0] / 90) % 2 else (width, height)


DECODERS: dict[str, Callable[[Path], Iterator[Convert]]] = {
    "pyav": _pyav,
    "scikit-video": _scikit_video,
}
