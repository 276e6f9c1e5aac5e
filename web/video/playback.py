"""Whether browsers play a video, and a copy that they play where they do not.

What all of today's browsers play: H.264 of 4:2:0, 8 bits, in MP4; VP8, VP9 and AV1 in WebM or MP4.
Telephones film HEVC, which few browsers play on a desktop.
"""

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import monotonic

import av

from preprocess.video.container import open_video, video_stream
from preprocess.video.error import StoppedEarly, VideoError
from preprocess.video.pyav import timed_frames
from util.files import whole_file
from web.video.sound import Sound

MP4, WEBM = "video/mp4", "video/webm"
PLAYED = {  # (container, codec) -> type
    ("mp4", "h264"): MP4,
    ("mp4", "vp9"): MP4,
    ("mp4", "av1"): MP4,
    ("webm", "vp8"): WEBM,
    ("webm", "vp9"): WEBM,
    ("webm", "av1"): WEBM,
}
PIXELS = ("yuv420p", "yuvj420p")
SOUND = {"mp4": ("aac", "mp3", "opus", "flac"), "webm": ("opus", "vorbis")}
WIDEST, HIGHEST = 1280, 720  # of a copy
TICKS = 90_000  # of a copy's clock, a second
# Of a copy: quick before small, for it is soon deleted.
CODING = {"preset": "ultrafast", "crf": "26"}
SCALER = "AREA"


@dataclass(frozen=True)
class Playable:
    """How browsers play a file."""

    type: str  # MIME type; "": they do not
    why: str  # not, in words; ""


def playable(file: Path) -> Playable:
    """Whether browsers play a file as it is.  Raises VideoError for what is no video."""
    with open_video(file) as container:
        stream = video_stream(container, file)
        kinds = container.format.name.split(",")
        kind = next((k for k in ("mp4", "webm") if k in kinds), "")
        if kind == "webm" and not _says_webm(file):
            kind = ""
        codec, pixels = stream.codec_context.name, stream.codec_context.pix_fmt
        codec = {"libdav1d": "av1", "libvpx": "vp8", "libvpx-vp9": "vp9"}.get(codec, codec)
        sound = [s.codec_context.name for s in container.streams.audio if s.codec_context]
        found = PLAYED.get((kind, codec), "")
        if found and pixels in PIXELS and all(_played(s, SOUND[kind]) for s in sound):
            return Playable(found, "")
        shown = f"{codec.upper()} ({pixels}) in {container.format.name}"
        if codec == "hevc":
            shown = "HEVC"
        return Playable("", f"{shown}, which few browsers play")


def _says_webm(file: Path) -> bool:
    """Whether a Matroska file calls itself WebM."""
    with file.open("rb") as head:
        return b"webm" in head.read(64)


def _played(codec: str, known: tuple[str, ...]) -> bool:
    return any(codec.startswith(name) or codec == f"lib{name}" for name in known)


def even_size(height: int, width: int) -> tuple[int, int]:
    """The size of a copy: as large as it may be, no larger than the original, both even."""
    scale = min(1.0, HIGHEST / height, WIDEST / width)
    return max(2, round(height * scale / 2) * 2), max(2, round(width * scale / 2) * 2)


@dataclass(frozen=True)
class Copied:
    """What a copy is."""

    silent: bool  # it has lost the sound
    until: float | None  # s of the video at which it ends, as time was up; None: it has all


def reencode(
    file: Path,
    output: Path,
    most_seconds: float,
    *,
    sound: bool = True,
    budget: float = math.inf,
) -> Copied:
    """A copy in H.264, upright, of at most 1280 x 720, of the first `most_seconds` s.

    Of a video that breaks off, what decodes.  `sound`: keep it.  `budget`: seconds that it may
    take; what is not done by then is left out.  Raises VideoError where no picture decodes.
    """
    deadline, until = monotonic() + budget, None
    with (
        open_video(file) as source,
        whole_file(output) as partial,
        av.open(str(partial), "w", format="mp4", options={"movflags": "+faststart"}) as copy,
    ):
        stream, heard, first, last = None, None, 0.0, -1
        ended = False
        try:
            for number, frame in enumerate(timed_frames(source, video_stream(source, file))):
                time = number / 25 if frame.time is None else frame.time
                first = time if stream is None else first
                if time - first > most_seconds:
                    break
                if stream is not None and monotonic() > deadline:
                    until = time - first
                    break
                image = frame.convert()
                if stream is None:
                    height, width = even_size(*image.shape[:2])
                    stream = copy.add_stream("libx264", rate=30, options=CODING)
                    stream.height, stream.width, stream.pix_fmt = height, width, "yuv420p"
                    stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
                    stream.codec_context.thread_count = 1
                    heard = Sound(file, copy, first) if sound else None
                shown = av.VideoFrame.from_ndarray(image, format="rgb24")
                shown = shown.reformat(stream.width, stream.height, "yuv420p", interpolation=SCALER)
                last = max(last + 1, round((time - first) * TICKS))
                shown.pts, shown.time_base = last, Fraction(1, TICKS)
                copy.mux(stream.encode(shown))
                if heard is not None:
                    heard.until(time - first)
            else:
                ended = True
        except StoppedEarly:
            pass  # what comes before is good
        if stream is None:
            raise VideoError(file, "no frame of it decodes")
        copy.mux(stream.encode())
        if heard is not None:
            heard.until(most_seconds if ended else last / TICKS)
    silent = not sound or (heard is not None and heard.there and not heard.kept)
    return Copied(silent, until)
