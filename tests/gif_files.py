"""GIF files for tests, written byte by byte: delays, disposal, parts, transparency as asked."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# index -> colour; 128 of them, the rest are black
PALETTE = ((10, 10, 10), (250, 30, 30), (30, 250, 30), (30, 30, 250), (200, 200, 60))
KEEP, BACKGROUND, RESTORE = 1, 2, 3  # disposal


@dataclass(frozen=True, kw_only=True)
class GifFrame:
    """A frame: which colours, where, how long."""

    pixels: np.ndarray  # (h, w) of indices into the palette
    left: int = 0
    top: int = 0
    delay: int = 10  # hundredths of a second
    disposal: int = KEEP  # what becomes of its place before the next frame
    transparent: int | None = None  # index that leaves what was there


def write_gif(
    path: Path, frames: Sequence[GifFrame], *, size: tuple[int, int], background: int = 0
) -> Path:
    """Write a GIF of (height, width); `background`: index of its background colour."""
    colours = bytes(c for colour in PALETTE for c in colour).ljust(3 * 128, b"\0")
    out = b"GIF89a" + struct.pack("<HHBBB", size[1], size[0], 0xF6, background, 0) + colours
    out += b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"  # again and again
    for frame in frames:
        flags = frame.disposal << 2 | (frame.transparent is not None)
        out += b"\x21\xf9\x04"
        out += struct.pack("<BHBB", flags, frame.delay, frame.transparent or 0, 0)
        height, width = frame.pixels.shape
        out += b"\x2c" + struct.pack("<HHHHB", frame.left, frame.top, width, height, 0)
        codes = b""
        # LZW of 8 bits a code: one a pixel, the table cleared before it could grow
        pixels = frame.pixels.astype(np.uint8).tobytes()
        for begin in range(0, len(pixels), 100):
            codes += b"\x80" + pixels[begin : begin + 100]
        codes += b"\x81"
        out += b"\x07"
        for begin in range(0, len(codes), 255):
            block = codes[begin : begin + 255]
            out += bytes([len(block)]) + block
        out += b"\0"
    path.write_bytes(out + b"\x3b")
    return path


def grey_gif(path: Path, delays: Sequence[int], size: tuple[int, int] = (12, 16)) -> Path:
    """A GIF of whole frames of one colour each, which tells the number of the frame (modulo 5)."""
    frames = [
        GifFrame(pixels=np.full(size, i % len(PALETTE)), delay=delay)
        for i, delay in enumerate(delays)
    ]
    return write_gif(path, frames, size=size)
