"""Videos that say in each frame which frame it is: 24 blocks of black or white, a number's bits."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BLOCK, ROWS, COLUMNS = 8, 4, 6  # pixels of a block's side; a picture of 48 x 32
BITS = np.arange(ROWS * COLUMNS)
QUICK = {"preset": "ultrafast", "crf": "20", "bf": "2"}


def image(number: int) -> np.ndarray:
    """Frame `number` (32, 48) uint8, grey."""
    blocks = np.where((number >> BITS) & 1, 235, 16).astype(np.uint8).reshape(ROWS, COLUMNS)
    return blocks.repeat(BLOCK, 0).repeat(BLOCK, 1)


def number_of(grey: np.ndarray) -> int:
    """The number in a frame (32, 48), by the middle of each block."""
    bits = grey[BLOCK // 2 :: BLOCK, BLOCK // 2 :: BLOCK].reshape(-1) > 125
    return int((bits.astype(np.int64) << BITS).sum())


def write(
    path: Path,
    frames: int,
    rate: Fraction,
    *,
    times: Sequence[int] | None = None,
    base: Fraction | None = None,
    keyframes: int = 50,
    codec: str = "libx264",
    timecode: str = "",
    sound: bool = False,
    rotation: int = 0,
) -> Path:
    """H.264 with B frames.  times: of each frame in units of `base` s, for a variable rate.

    sound: while a frame is shown it is 1000 times its number, modulo 30, a level.
    """
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = COLUMNS * BLOCK, ROWS * BLOCK, "yuv420p"
        if codec == "libx264":
            stream.options = {**QUICK, "g": str(keyframes)}
        if base:
            stream.codec_context.time_base = base
        if timecode:
            stream.metadata["timecode"] = timecode
        if rotation:
            stream.set_display_rotation(rotation)
        track = container.add_stream("pcm_s16le", rate=48_000, layout="mono") if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(image(number), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts = number if times is None else times[number]
            frame.time_base = base or 1 / rate
            container.mux(stream.encode(frame))
            if track is not None:
                container.mux(track.encode(_step(number, rate)))
        container.mux(stream.encode())
        if track is not None:
            container.mux(track.encode())
    return path


def _step(number: int, rate: Fraction) -> av.AudioFrame:
    """The sound of one frame: its level is 1000 times the frame's number, modulo 30."""
    begin, end = (int(at * 48_000 / rate) for at in (number, number + 1))
    wave = np.full((1, end - begin), 1000 * (number % 30), dtype=np.int16)
    frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
    frame.sample_rate, frame.pts, frame.time_base = 48_000, begin, Fraction(1, 48_000)
    return frame


def retime(source: Path, path: Path, rate: Fraction, frames: int | None = None) -> Path:
    """The same packets, at another constant rate; of the first `frames` only, or a few more."""
    with av.open(str(source)) as whole, av.open(str(path), "w") as container:
        told = whole.streams.video[0]
        stream = container.add_stream_from_template(told)
        stream.time_base = 1 / (rate * 1000)
        assert told.average_rate and told.time_base
        step = 1 / (told.average_rate * told.time_base)  # ticks a frame
        assert step.denominator == 1
        for packet in whole.demux(told):
            if packet.pts is not None and packet.dts is not None:
                packet.pts = packet.pts // int(step) * 1000
                packet.dts = packet.dts // int(step) * 1000
                packet.duration, packet.time_base = 1000, 1 / (rate * 1000)
                if frames is not None and packet.is_keyframe and packet.pts >= frames * 1000:
                    break
                packet.stream = stream
                container.mux(packet)
    return path


def numbers(path: Path) -> list[int]:
    """The number that each frame of a file shows."""
    with av.open(str(path)) as container:
        return [number_of(f.to_ndarray(format="gray")) for f in container.decode(video=0)]


def rendered(script: Path) -> list[int]:
    """The same of a filter script, rendered by PyAV's FFmpeg."""
    with av.open("script", format="lavfi", options={"graph_file": str(script)}) as container:
        return [number_of(f.to_ndarray(format="gray")) for f in container.decode(video=0)]
