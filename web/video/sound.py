"""The sound of a copy that browsers play: as it is where they play it, else as AAC.

A picture shall not be lost by its sound: whatever is wrong with it, there is a copy without it, or
with as much of it as decodes.
"""

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
from av.container import OutputContainer
from av.error import FFmpegError

from preprocess.video.container import open_video

COPIED = ("aac", "mp3", "mp3float")  # what all browsers play in MP4, by its decoders
RATE, BITS = 48_000, 128_000  # samples and bits a second, of AAC
JUMP = RATE // 20  # samples: a hole of the sound that is not only rounding


class Sound:
    """The sound of a video, put into its copy as the pictures are."""

    def __init__(self, file: Path, copy: OutputContainer, begin: float) -> None:
        """`begin`: when the first picture is shown, in s of the file: that is 0 of the copy.

        To be made when the copy has its stream of pictures, and nothing is in it.
        """
        self.there = False  # whether the file has sound
        self.kept = False  # whether there is any in the copy
        self._copy, self._packets = copy, iter(())
        try:
            number, whole = _look(file)
            self.there = number is not None
            if number is not None and whole is not None:
                packets = _as_it_is if whole else _as_aac
                self._packets = packets(file, number, copy, begin)
        except (FFmpegError, ValueError, OSError):
            self.there = True

    def until(self, seconds: float) -> None:
        """Put what is heard up to this time of the copy into it."""
        try:
            for packet in self._packets:
                time = float((packet.pts or 0) * packet.time_base)
                self._copy.mux(packet)
                self.kept = True
                if time > seconds:
                    return
        except (FFmpegError, ValueError, OSError):
            self._packets = iter(())  # what came before is good


def _look(file: Path) -> tuple[int | None, bool | None]:
    """Which stream is heard, None: there is none; and whether it can stay as it is.

    None of it decodes: None.
    """
    with open_video(file) as container:
        known = [one for one in container.streams.audio if one.codec_context is not None]
        if not known:
            return (0, None) if container.streams.audio else (None, None)
        stream = known[0]
        frames = errors = 0
        for packet in container.demux(stream):
            try:
                frames += sum(frame.samples > 0 for frame in packet.decode())
            except FFmpegError:
                errors += 1
        fits = stream.codec_context.name in COPIED and not errors
        return container.streams.audio.index(stream), fits if frames else None


def _as_it_is(file: Path, number: int, copy: OutputContainer, begin: float) -> Iterator[av.Packet]:
    """Packets as they are, from the first picture on."""
    source = open_video(file)
    stream = source.streams.audio[number]
    output = copy.add_stream_from_template(stream)

    def packets() -> Iterator[av.Packet]:
        with source:
            shift, last = round(begin / (stream.time_base or 1)), None
            for packet in source.demux(stream):
                if packet.pts is None or packet.dts is None:
                    continue
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                # Decoding begins two packets before what is heard first.
                if packet.pts < -2 * (packet.duration or 0) or (
                    last is not None and packet.dts <= last
                ):
                    continue
                last = packet.dts
                packet.stream = output
                yield packet

    return packets()


def _as_aac(file: Path, number: int, copy: OutputContainer, begin: float) -> Iterator[av.Packet]:
    """The same re-encoded; what does not decode is silent."""
    output = copy.add_stream("aac", rate=RATE, layout="stereo")
    output.bit_rate = BITS

    def packets() -> Iterator[av.Packet]:
        resampler = av.AudioResampler("fltp", "stereo", RATE, frame_size=1024)
        at = 0  # the sample that comes next
        for frame in chain(_decoded(file, number), [None]):
            for part in resampler.resample(frame):
                if part.time is not None:
                    time = round((part.time - begin) * RATE)
                    if time + part.samples <= 0:
                        continue
                    at = time if time > at + JUMP else at
                part.pts, part.time_base = at, Fraction(1, RATE)
                at += part.samples
                yield from output.encode(part)
        yield from output.encode(None)

    return packets()


def _decoded(file: Path, number: int) -> Iterator[av.AudioFrame]:
    with open_video(file) as source:
        for packet in source.demux(source.streams.audio[number]):
            try:
                yield from packet.decode()
            except FFmpegError:
                continue
