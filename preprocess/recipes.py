"""Recipes of frozen backbones: what a network is, and what picture it wants."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor, nn
from torchvision.models import WeightsEnum

Kind = Literal["frame", "clip"]

# Mean and standard deviation of each colour, on the 0..255 scale.
NORMALISATIONS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "kinetics": ((114.7748, 107.7354, 99.4750), (1.0, 1.0, 1.0)),
    "raw255": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "r2plus1d": ((110.2008, 100.63983, 95.99475), (58.14765, 56.46975, 55.332195)),
}


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network as a backbone.

    size: side in pixels of its square input; scaled: for `--resize crop`, the short side (or height
    and width) that a frame is scaled to before its centre is cut out; head: how the keys of its
    classifier begin, which is not used; features: (network, input) -> (B, width).
    """

    kind: Kind
    width: int
    size: int
    scaled: int | tuple[int, int]
    normalisations: tuple[str, ...]
    build: Callable[[], nn.Module]
    features: Callable[[Any, Tensor], Tensor]
    head: str
    named: type[WeightsEnum] | None


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A small RGB grid, area-averaged: no weights.  See `pixel_rows`, `motion_rows`."""

    kind: Kind
    width: int
    grid: int
