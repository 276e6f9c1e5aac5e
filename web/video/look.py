"""What a decoding process does: an uploaded file -> the frames that models take, and how it plays.

It reads what strangers made.  The process has limits of memory and time, can be killed at any
moment, and opens only files that are videos themselves: a playlist, which names other files or
addresses, is none.
"""

import io
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from data_loader.store.provenance import Sampling
from inference.decoding import DecodedVideo, Reading, decode_video
from preprocess.video.clips import Clips
from preprocess.video.container import error_words, open_video, video_stream
from preprocess.video.error import VideoError
from preprocess.video.pyav import timed_frames
from preprocess.video.rate import shown_times
from preprocess.video.resize import InputSpec, Thumbnail
from web.video.playback import Copied, Playable, playable, reencode

# Containers that hold their video themselves.  Not among them: hls, concat, dash, sdp, imf, image
# sequences, ..., which name other files and addresses.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpegts,mpeg,mpegvideo,flv,asf,ogg,h264,hevc,m4v,"
    "mjpeg,ivf,mxf,yuv4mpegpipe,nut,dv,rm,obu,av1"
)
MOST_PIXELS = 64_000_000  # of a frame: 8K has 33 million
ASSUMED_RATE = 25.0  # frames a second, where a file says no times
QUALITY = 80  # of thumbnails, as JPEG
COPY_NICE = 10  # the priority of a process that makes copies: who asks comes first
SHOWN = 32  # clips of a timeline; frames at a steady rate can be thousands, and are shown as
TOGETHER = 20  # groups
SMALL = Thumbnail(height=200)  # of an example's card
AT_RATE = 500  # frames at a steady rate that a run sees at once; longer videos are followed
TIMELINE = {  # of a video that no run sees at once
    "shown": Reading(
        Sampling(clips=16, frames=1, rule="linspace"),
        "pyav",
        InputSpec(size=16, resize="squash", scaled=16, scaler="decoder"),
    )
}


@dataclass(frozen=True)
class Settings:
    """What is decoded, and the limits."""

    readings: tuple[Mapping[str, Reading], ...]  # of each group of models that see videos alike
    most_seconds: float
    memory: int  # bytes
    copy_seconds: float  # that making a copy may take


@dataclass(frozen=True)
class Look:
    """A video that is to be decoded."""

    id: str
    file: Path


@dataclass(frozen=True)
class Reencode:
    """A video that is to be made one that browsers play."""

    id: str
    file: Path
    output: Path
    sound: bool = True  # keep it


@dataclass(frozen=True)
class Picture:
    """A video of which its middle frame is to be shown."""

    id: str
    file: Path


@dataclass(frozen=True)
class Span:
    """When a clip is shown, in s."""

    start: float
    end: float
    middle: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Looked:
    """A decoded video."""

    # For each of the readings, without thumbnails; None: it has more than AT_RATE frames of them.
    decoded: tuple[DecodedVideo | None, ...]
    # Of the clips of the first that is there; of neighbours together, where they are over SHOWN.
    spans: tuple[Span, ...]
    bounds: tuple[int, ...]  # clips where the first of these begins, the second, ..., the last ends
    thumbnails: tuple[bytes, ...]  # JPEG of the middle clip of each
    duration: float | None  # s
    frames: int
    note: str  # what is odd about it; ""
    playable: Playable


def work(settings: Settings, task: Look | Reencode | Picture) -> Looked | Copied | bytes:
    """One task; a picture as JPEG.

    Raises VideoError for a file that is no video, too long, or does not decode.
    """
    limit_memory(settings.memory)
    if isinstance(task, Reencode):
        os.setpriority(os.PRIO_PROCESS, 0, COPY_NICE)
        most, budget = settings.most_seconds, settings.copy_seconds
        return reencode(task.file, task.output, most, sound=task.sound, budget=budget)
    if isinstance(task, Picture):
        return jpeg(middle_frame(task.file))
    seconds = check(task.file, settings.most_seconds)
    decoded = tuple(
        decode_video(task.file, reading, keep_partial=True) if fits(reading, seconds) else None
        for reading in settings.readings
    )
    shown = next((one for one in decoded if one is not None), None)
    shown = shown or decode_video(task.file, TIMELINE, keep_partial=True)
    first = next(iter(shown.clips.values()))
    times, end, note = times_of(task.file, first.frame_count)
    bounds = together(len(first.index))
    middles = (bounds[:-1] + bounds[1:]) // 2
    pictures = replace(shown.thumbnails, index=shown.thumbnails.index[middles])
    return Looked(
        decoded=tuple(one and replace(one, thumbnails=_none()) for one in decoded),
        spans=tuple(spans(first.numbers[first.index], times, end, bounds)),
        bounds=tuple(bounds.tolist()),
        thumbnails=tuple(jpegs(pictures)),
        duration=None if note else end,
        frames=first.frame_count,
        note="; ".join(filter(None, (first.note, note))),
        playable=playable(task.file),
    )


def limit_memory(most: int) -> None:
    """Bound what this process may allocate, and have it leave no core file."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > most:
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def fits(reading: Mapping[str, Reading], seconds: float) -> bool:
    """Whether a video is short enough to be seen at once by runs at a steady rate."""
    return all(seconds * (one.sampling.fps or 0) <= AT_RATE for one in reading.values())


def check(file: Path, most_seconds: float) -> float:
    """Refuse what is no video, or a larger or longer one than is taken, before it is decoded.

    -> seconds that it lasts by its times; 0: it has none.
    """
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    try:
        with av.open(str(file), options=options, metadata_errors="replace"):
            pass
    except (FFmpegError, OSError) as error:
        raise VideoError(file, f"not a video, or cut off ({error_words(error)})") from error
    with open_video(file) as container:
        stream = video_stream(container, file)
        if stream.width * stream.height > MOST_PIXELS:
            raise VideoError(file, f"its pictures are {stream.width} x {stream.height}: too large")
    try:
        _, end = shown_times(file)
    except VideoError:
        return 0.0  # no times: its length is told by its frames
    if end > most_seconds:
        raise VideoError(file, f"lasts {end:.0f} s, and {most_seconds:g} s are taken at most")
    return end


def times_of(file: Path, frames: int) -> tuple[np.ndarray, float, str]:
    """When each of the frames is shown, and the last one ends -> (T,) s, s, "" or what is odd."""
    try:
        times, end = shown_times(file)
        if len(times) != frames:
            times, end = shown_times(file, decoded=True)
        if len(times) >= frames:
            return times[:frames], max(end, float(times[frames - 1])), ""
    except VideoError:
        pass
    times = np.arange(frames) / ASSUMED_RATE
    return times, frames / ASSUMED_RATE, f"no times: taken to be {ASSUMED_RATE:g} frames a second"


def together(clips: int) -> np.ndarray:
    """Which clips are shown as one: where each of the groups begins, and the last ends."""
    groups = clips if clips <= SHOWN else TOGETHER
    return np.linspace(0, clips, groups + 1).round().astype(int)


def spans(numbers: np.ndarray, times: np.ndarray, end: float, bounds: np.ndarray) -> list[Span]:
    """When each group of clips is shown.

    numbers: (N, F) frames of each clip; times: (T,) s of all frames; bounds: as of `together`.
    """
    ends = np.append(times[1:], end)
    found = []
    for begin, after in pairwise(bounds.tolist()):
        middle = numbers[(begin + after) // 2]
        shown = (
            times[numbers[begin][0]],
            ends[numbers[after - 1][-1]],
            times[middle[len(middle) // 2]],
        )
        found.append(Span(*map(float, shown)))
    return found


def jpegs(thumbnails: Clips) -> list[bytes]:
    """The middle frame of each clip as JPEG."""
    return [jpeg(thumbnails.frames[row]) for row in thumbnails.index[:, 0].tolist()]


def jpeg(frame: np.ndarray) -> bytes:
    """A frame (H, W, 3) uint8 as JPEG."""
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "JPEG", quality=QUALITY)
    return stream.getvalue()


def middle_frame(file: Path) -> np.ndarray:
    """A video's middle frame, small: (H', W', 3) uint8.  Raises VideoError where it has none."""
    middle = len(shown_times(file)[0]) // 2
    with open_video(file) as container:
        found = islice(timed_frames(container, video_stream(container, file)), middle, None)
        for frame in found:
            return SMALL(frame.convert)
    raise VideoError(file, "no frame of it decodes")


def _none() -> Clips:
    return Clips(np.zeros((0, 1, 1, 3), np.uint8), np.zeros((0, 1), np.int64), 0)
