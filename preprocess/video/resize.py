"""Decoded frames -> frames of the size that a network takes.

Worker processes import this: torch is imported only where it scales.
"""

from dataclasses import dataclass

import numpy as np

from data_loader.store.provenance import CLIPS, Provenance
from preprocess.video.error import Convert
from util.errors import UserError

WIDEST = 4  # widths to a height of a thumbnail
CHUNK = 16  # frames that torch resizes together


@dataclass(frozen=True, kw_only=True)
class InputSpec:
    """What a network takes of a frame."""

    size: int  # side of a square, in pixels
    # squash: the whole frame; crop: the centre square, after scaling; area: averages of the frame's
    # parts, as float32.
    resize: str
    scaled: int | tuple[int, int]  # for crop: the short side, or height and width, after scaling
    scaler: str  # decoder: its own scales; torch: bicubic with antialiasing

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a frame is scaled to, before the crop."""
        if self.resize != "crop":
            return self.size, self.size
        if isinstance(self.scaled, tuple):
            return self.scaled
        short = min(height, width)
        return round(height * self.scaled / short), round(width * self.scaled / short)

    def centre(self, height: int, width: int) -> tuple[slice, slice]:
        """Rows and columns of a scaled frame that the network sees."""
        top, left = (height - self.size) // 2, (width - self.size) // 2
        return slice(top, top + self.size), slice(left, left + self.size)


def clip_input_spec(provenance: Provenance) -> InputSpec:
    """What the frames of a clip store of this provenance are.

    "crop" scales the short side to the stored size.  Raises UserError if the provenance is not a
    clip store's.
    """
    if provenance.kind != CLIPS:
        raise UserError(
            f"features from {provenance.backbone or '?'} are no clips; a trained encoder "
            "needs a store made by preprocess.videos --backbone none"
        )
    made = provenance.with_defaults()
    assert made.size and made.resize and made.scaler
    size = made.size[0]
    return InputSpec(size=size, resize=made.resize, scaled=size, scaler=made.scaler)


class FrameTransform:
    """Resizes one decoded frame at a time; remembers the size that the decoder is asked for."""

    def __init__(self, spec: InputSpec) -> None:
        self.spec = spec
        self.target: tuple[int, int] | None = None

    def __call__(self, convert: Convert) -> np.ndarray:
        """One decoded frame as the network takes it (size, size, 3)."""
        spec = self.spec
        if spec.resize == "area" or spec.scaler == "torch":
            return resize_frames(convert()[None], spec)[0]
        if self.target is None:  # of the upright frame: known once one is converted
            needs_shape = spec.resize == "crop" and isinstance(spec.scaled, int)
            shape = convert().shape[:2] if needs_shape else (1, 1)
            self.target = spec.target(*shape)
        image = convert(self.target)
        # A copy: a view of the centre would keep the whole image in memory.
        return np.ascontiguousarray(image[spec.centre(*self.target)])


@dataclass(frozen=True, kw_only=True)
class Thumbnail:
    """What people are shown of a clip: its middle frame.

    It is never wider than WIDEST times its height, nor enlarged.
    """

    height: int  # at most, in pixels

    def __call__(self, convert: Convert) -> np.ndarray:
        """One decoded frame made small: (H', W', 3) uint8."""
        from PIL import Image  # extraction does without

        frame = convert()
        high, wide = frame.shape[:2]
        scale = min(self.height / high, WIDEST * self.height / wide)
        if scale >= 1:
            return frame
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        return np.asarray(Image.fromarray(frame).resize(size, Image.Resampling.LANCZOS))


def resize_frames(frames: np.ndarray, spec: InputSpec) -> np.ndarray:
    """Frames (M, H, W, 3) uint8 -> (M, size, size, 3), scaled by torch, whatever the spec's scaler.

    "area": float32 averages in 0..255; else uint8, bicubic with antialiasing.
    """
    if spec.resize == "area":
        return average(frames, spec.size)
    import torch
    from torch.nn.functional import interpolate

    target = spec.target(*frames.shape[1:3])
    rows, columns = spec.centre(*target)
    with torch.inference_mode():
        resized = [
            interpolate(part, target, mode="bicubic", antialias=True, align_corners=False)[
                ..., rows, columns
            ]
            for part in torch.from_numpy(frames).permute(0, 3, 1, 2).split(CHUNK)
        ]
        return torch.cat(resized).permute(0, 2, 3, 1).contiguous().numpy()


def average(frames: np.ndarray, size: int) -> np.ndarray:
    """Frames (M, H, W, 3) uint8 -> averages of size x size areas (M, size, size, 3), float32.

    torch's adaptive_avg_pool2d to the bit: the sums are whole numbers, exact below 2^24.
    """
    rows, columns = (_areas(length, size) for length in frames.shape[1:3])
    sums = np.stack([frames[:, a:b].sum(1, dtype=np.int32) for a, b in rows], axis=1)
    sums = np.stack([sums[:, :, a:b].sum(2) for a, b in columns], axis=2)
    height = np.array([b - a for a, b in rows], np.float32)[:, None, None]
    width = np.array([b - a for a, b in columns], np.float32)[:, None]
    return sums.astype(np.float32) / height / width


def _areas(length: int, size: int) -> list[tuple[int, int]]:
    """Begin and end of each area; neighbours share a row where they do not divide evenly."""
    return [(i * length // size, -(-(i + 1) * length // size)) for i in range(size)]
