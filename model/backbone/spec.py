"""What a backbone network is and what input it takes, for frozen and for trained use alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn
from torchvision.models import WeightsEnum

Kind = Literal["frame", "clip"]
Policy = Literal["frozen", "partial", "full"]
BatchNorm = Literal["eval", "train"]
Normalisation = tuple[tuple[float, ...], tuple[float, ...]]

# Mean and standard deviation of each colour, on the 0..255 scale.
NORMALISATIONS: dict[str, Normalisation] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "kinetics": ((114.7748, 107.7354, 99.4750), (1.0, 1.0, 1.0)),
    "kinetics57": ((114.7748, 107.7354, 99.4750), (57.0, 57.0, 57.0)),
    "raw255": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "r2plus1d": ((110.2008, 100.63983, 95.99475), (58.14765, 56.46975, 55.332195)),
    "mvit": ((114.75, 114.75, 114.75), (57.375, 57.375, 57.375)),
    "half": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "clip": ((122.7709383, 116.7460125, 104.09373615), (68.5005327, 66.6321579, 70.32316305)),
}


def name_normalisation(mean: Sequence[float], std: Sequence[float]) -> str:
    """Name in `NORMALISATIONS` of a mean and deviation on the 0..255 scale.

    Numbers that have no name yet are entered under themselves.
    """
    for name, known in NORMALISATIONS.items():
        if np.allclose(known, (mean, std), rtol=0, atol=1e-4):
            return name
    numbers = tuple(float(f"{m:.8g}") for m in mean), tuple(float(f"{s:.8g}") for s in std)
    name = " / ".join(" ".join(map(str, part)) for part in numbers)
    NORMALISATIONS[name] = numbers
    return name


def _forward(network: Any, x: Tensor) -> Tensor:
    """The network's output, whose head has been taken off -> (B, W)."""
    output = network(x)
    if isinstance(output, tuple):  # in training, of one with an auxiliary head
        output = output[0]
    return output.flatten(1)


@dataclass(frozen=True, kw_only=True)
class BackboneSpec:
    """A network over frames (B, 3, H, W) or clips (B, 3, F, H, W)."""

    kind: Kind
    width: int  # of its features

    # Input.
    size: int  # side in pixels of the square that it is given when frozen
    scaled: int | tuple[int, int]  # before a crop: short side, or (height, width)
    normalisations: tuple[str, ...]  # names in NORMALISATIONS; the first unless another is chosen
    fixed_size: bool = False  # whether it takes no other size
    least_side: int = 16  # of the smallest images that it takes
    frames: int | None = None  # the one number that a clip must have, or None
    least_frames: int = 1

    # The network.
    build: Callable[[], nn.Module]  # with random weights
    head: str = ""  # path of the classifier, which makes way for `replacement`; "": built without
    replacement: Callable[[], nn.Module] = nn.Identity
    auxiliary: str = ""  # name of a second classifier, of training alone, which is taken off too
    build_headless: Callable[[], nn.Module] | None = None  # for training, where it takes other
    # random numbers than `build`
    features: Callable[[Any, Tensor], Tensor] = _forward  # (headless network, input) -> (B, width)

    # Training.
    stages: tuple[tuple[str, ...], ...]  # paths of modules in order; `partial` trains the last
    chain: bool = True  # whether features are these modules one after another and a mean over
    # positions; otherwise `features` runs the network as a whole
    small: bool = False  # made here to be trained from random weights, on small frames or a CPU

    # Weights.
    named: tuple[WeightsEnum, ...] = ()  # torchvision's
    package: str = ""  # of the package index, one file of weights for `--weights package`
    download: Callable[[], nn.Module] | None = None  # the network with weights that its library
    # fetches, for `--weights pretrained`
    requires: str = ""  # library that `build` imports, where it is optional
    licence: str = "the project's own"
    origin: str = "none: made to be trained"
    torch_is_faster: bool = False  # than OpenVINO, as measured

    def without_head(self) -> nn.Module:
        """The network with random weights, as features are taken from it."""
        return self.build_headless() if self.build_headless else self.take_head_off(self.build())

    def take_head_off(self, network: nn.Module) -> nn.Module:
        """The same network, its classifier replaced."""
        if self.head:
            network.set_submodule(self.head, self.replacement())
        if self.auxiliary:
            setattr(network, self.auxiliary, None)
        return network

    def frames_problem(self, frames: int) -> str:
        """Why clips of so many frames do not fit; "" if they do."""
        if self.frames and frames != self.frames:
            return f"takes clips of {self.frames} frames and no others"
        if frames < self.least_frames:
            return f"takes clips of {self.least_frames} frames or more"
        return ""

    def side_problem(self, height: int, width: int) -> str:
        """Why images of this size do not fit; "" if they do."""
        if self.fixed_size and (height, width) != (self.size, self.size):
            return f"needs clips of exactly {self.size} pixels a side"
        if min(height, width) < self.least_side:
            return f"needs clips of {self.least_side} or more pixels a side"
        return ""


@dataclass(frozen=True, kw_only=True)
class PixelSpec:
    """A small RGB grid, area-averaged: no weights.  See `preprocess.feature.extractor`."""

    kind: Kind
    width: int  # of its features
    grid: int  # cells a side
    licence: str = "none needed"
    origin: str = "none"
