"""Small videos for tests, written by PyAV: the grey level of a frame tells its number."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STEP = 4  # grey levels between neighbouring frames: survives the codec's rounding


def level(number: int) -> int:
    """Grey level of frame `number`; repeats after 50 frames."""
    return 20 + STEP * (number % 50)


def write_video(
    path: Path,
    frames: int = 20,
    *,
    size: tuple[int, int] = (32, 48),
    codec: str = "libx264",
    images: np.ndarray | None = None,
    options: dict[str, str] | None = None,
    rotation: int = 0,
    mirror: bool = False,
    flags: int = 0,
) -> Path:
    """Write `frames` grey frames of (height, width), or `images` (T, H, W, 3) uint8."""
    if images is None:
        grey = np.array([level(i) for i in range(frames)], dtype=np.uint8)
        images = np.broadcast_to(grey[:, None, None, None], (frames, *size, 3))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(25), options=options or {})
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.flags |= flags
        if rotation or mirror:
            stream.set_display_rotation(rotation, hflip=mirror)
        for image in images:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path) -> Path:
    """A file with a sound stream only."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut(path: Path, source: Path, share: float) -> Path:
    """The first `share` of a file's bytes."""
    content = source.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    return path


def moving_images(frames: int, size: tuple[int, int], seed: int = 0) -> np.ndarray:
    """Smooth coloured waves that drift: (T, H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]] / 10
    phase = rng.uniform(0, 6, 3)
    time = np.arange(frames)[:, None, None, None] / 3
    waves = np.sin(rows[..., None] + phase + time) * np.cos(columns[..., None] * (1 + phase / 6))
    return (127 + 100 * waves).astype(np.uint8)


def begin_late(path: Path, source: Path, packets: int) -> Path:
    """A recording of `source` that lacks its first packets, in the container of `path`'s name."""
    with av.open(str(source)) as whole, av.open(str(path), "w") as container:
        stream = container.add_stream_from_template(whole.streams.video[0])
        for number, packet in enumerate(whole.demux(video=0)):
            if number >= packets and packet.size:
                packet.stream = stream
                container.mux(packet)
    return path
