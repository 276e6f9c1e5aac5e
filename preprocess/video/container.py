"""Video files before decoding, by PyAV: open them, find the video stream, count its frames."""

import re
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition

from preprocess.video.error import VideoError
from preprocess.video.gif import hundredths, is_cut_off, is_gif

DURATION = re.compile(r"([0-9]{1,4}):([0-9]{1,2}):([0-9]{1,2}(?:\.[0-9]*)?)")  # of Matroska's tags


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
    with open_video(path) as container:
        stream = video_stream(container, path)
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
            cut = f"breaks off: {error_words(error)}"
        if is_gif(container) and is_cut_off(path.read_bytes()):
            cut = cut or "cut off: the last frame is incomplete"
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


def frame_rate(path: Path) -> float:
    """Frames per second of a file, by its header, of a GIF by its frames.

    Raises VideoError if it does not say.
    """
    with open_video(path) as container:
        stream = video_stream(container, path)
        rate = stream.average_rate or stream.guessed_rate
        if is_gif(container):
            shown = [hundredths(p.duration) for p in container.demux(stream) if p.size]
            rate = Fraction(100 * len(shown), max(1, sum(shown)))
    if not rate:
        raise VideoError(path, "its header says no frame rate")
    return float(rate)


def lost_beginning(path: Path) -> int:
    """How many pictures of a recording that begins in the middle cannot be decoded.

    Packets shown before the first frame that decodes: what they build on was not recorded.  Other
    packets without a frame are none of these: the second field of a frame, VP8's hidden frames.
    """
    begins: list[int | None] = []  # when each packet is shown
    keys: list[bool] = []
    first: av.VideoFrame | None = None
    with open_video(path) as container, suppress(FFmpegError):
        for packet in container.demux(video_stream(container, path)):
            if packet.size and not packet.is_discard:
                begins.append(packet.pts)
                keys.append(packet.is_keyframe)
            if first is None:
                first = next(iter(packet.decode()), None)
    if first is None:
        return 0
    if first.pts is None or None in begins:  # a container without times of showing, as AVI
        return keys.index(True) if True in keys else 0
    return sum(begin is not None and begin < first.pts for begin in begins)


def _declared_seconds(container: InputContainer, stream: av.VideoStream) -> float:
    """How long a container that can be cut without a trace (AVI, Matroska) says its video is.

    0 where it does not say.  Frame counts in a header lie more often than its duration.
    """
    if container.format.name == "avi" and stream.frames and stream.average_rate:
        return stream.frames / float(stream.average_rate)
    if "matroska" in container.format.name:
        duration = next((v for k, v in stream.metadata.items() if k.startswith("DURATION")), "")
        if found := DURATION.fullmatch(duration):  # what is damaged says nothing
            return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3])
        if len(container.streams) == 1 and container.duration:
            return container.duration / av.time_base
    return 0.0


def open_video(path: Path) -> InputContainer:
    """Open a file with PyAV; its message becomes the reason of a VideoError."""
    try:
        return av.open(str(path.absolute()), metadata_errors="replace")
    except (FFmpegError, OSError) as error:
        raise VideoError(path, f"not a video, or cut off ({error_words(error)})") from error


def video_stream(container: InputContainer, path: Path) -> av.VideoStream:
    """The first stream of moving pictures; cover art and still pictures are none."""
    kind = container.format.name
    if kind == "webp_pipe" and _head_holds(path, b"ANIM"):  # of which FFmpeg shows no frame
        raise VideoError(path, "an animated WebP picture; convert it to GIF or to a video")
    if kind.startswith(("image2", "tty", "ico")) or kind.endswith("_pipe"):
        raise VideoError(path, f"a still picture or text, not a video ({kind})")
    stills = [stream for stream in container.streams.video if _is_still(container, stream)]
    if stills and len(stills) == len(container.streams.video):
        raise VideoError(path, "a still picture, not a video (AVIF or HEIF)")
    for stream in container.streams.video:
        if stream not in stills and not stream.disposition & Disposition.attached_pic:
            if stream.codec_context is None:
                raise VideoError(path, "no decoder for its video stream")
            return stream
    raise VideoError(path, "no video stream")


def _is_still(container: InputContainer, stream: av.VideoStream) -> bool:
    """Whether a stream is the picture of an AVIF or HEIF file: it has no time, nor a cover's mark.

    Beside an animated one's frames stands a still picture for those who cannot play it.
    """
    return "mp4" in container.format.name and stream.frames == 1 and stream.duration is None


def _head_holds(path: Path, mark: bytes) -> bool:
    """Whether the first 64 bytes of a file hold `mark`."""
    with path.open("rb") as file:
        return mark in file.read(64)


def error_words(error: Exception) -> str:
    """What an FFmpeg error says, without its number and the file's name.

    Raises MemoryError for one of memory: that is the machine's fault, not the file's.
    """
    if isinstance(error, MemoryError):
        raise MemoryError(str(error)) from error
    return getattr(error, "strerror", None) or str(error)
