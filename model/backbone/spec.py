"""Recipes of frozen backbones: what a network is, and what picture it wants."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from torch import Tensor, nn
from torchvision.models import WeightsEnum, get_model_weights

Kind = Literal["frame", "clip"]
Normalisation = tuple[tuple[float, ...], tuple[float, ...]]

# Mean and standard deviation of each colour, on the 0..255 scale.
NORMALISATIONS: dict[str, Normalisation] = {
    "imagenet": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "kinetics": ((114.7748, 107.7354, 99.4750), (1.0, 1.0, 1.0)),
    "raw255": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "r2plus1d": ((110.2008, 100.63983, 95.99475), (58.14765, 56.46975, 55.332195)),
    "mvit": ((114.75, 114.75, 114.75), (57.375, 57.375, 57.375)),
    "half": ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "clip": ((122.7709383, 116.7460125, 104.09373615), (68.5005327, 66.6321579, 70.32316305)),
}


def normalisation(mean: Sequence[float], std: Sequence[float]) -> str:
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
    return network(x).flatten(1)


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network as a backbone.

    size: side in pixels of its square input; scaled: for `--resize crop`, the short side (or height
    and width) that a frame is scaled to before its centre is cut out; build: with random weights;
    head: its classifier as a path of modules, which is not used and makes way for `instead`, "" if
    built without; features: (network without its head, input) -> (B, width); frames: the one
    number of frames that a clip must have, or None; least_frames: the fewest; named: torchvision's
    weights; licence, origin: of code and weights; torch_is_faster: than OpenVINO, as measured.
    """

    kind: Kind
    width: int
    size: int
    scaled: int | tuple[int, int]
    normalisations: tuple[str, ...]
    build: Callable[[], nn.Module]
    licence: str
    origin: str
    head: str = ""
    instead: Callable[[], nn.Module] = nn.Identity
    features: Callable[[Any, Tensor], Tensor] = _forward
    frames: int | None = None
    least_frames: int = 1
    named: tuple[WeightsEnum, ...] = ()
    torch_is_faster: bool = False


@dataclass(frozen=True, kw_only=True)
class Pixels:
    """A small RGB grid, area-averaged: no weights.  See `pixel_rows`, `motion_rows`."""

    kind: Kind
    width: int
    grid: int
    licence: str = "none needed"
    origin: str = "none"


def torchvision_network(
    build: Callable[..., nn.Module],
    *,
    kind: Kind,
    width: int,
    head: str,
    frames: int | None = None,
    instead: Callable[[], nn.Module] = nn.Identity,
    torch_is_faster: bool = False,
) -> Network:
    """A network of torchvision's, with the picture that its weights' own transforms make.

    The first weights decide; others that want an input of another size are not offered.
    """
    weights = list(get_model_weights(build))
    size, scaled, norm = picture_of(weights[0])
    named = tuple(entry for entry in weights if picture_of(entry)[0] == size)
    data = "Kinetics-400" if kind == "clip" else "ImageNet-1K"
    licence = f"code BSD-3; weights: terms of {data}"
    own = [entry.name for entry in named if "license" in entry.meta]
    if own:  # SWAG's
        licence += f", {', '.join(own)}: {named[-1].meta['license']}"
    elif "pytorch/vision" not in weights[0].meta["recipe"]:  # trained by others, ported
        licence += f", see source {weights[0].meta['recipe']}"
    return Network(
        kind=kind,
        width=width,
        size=size,
        scaled=scaled,
        normalisations=(norm,),
        build=build,
        head=head,
        licence=licence,
        origin=f"torchvision: {', '.join(entry.name for entry in named)}",
        instead=instead,
        frames=frames,
        least_frames=weights[0].meta.get("min_temporal_size", 1),
        named=named,
        torch_is_faster=torch_is_faster,
    )


def picture_of(entry: WeightsEnum) -> tuple[int, int | tuple[int, int], str]:
    """(size, scaled, normalisation) of the transforms that come with torchvision's weights."""
    made = entry.transforms()
    scaled = made.resize_size
    norm = normalisation([255 * m for m in made.mean], [255 * s for s in made.std])
    return made.crop_size[0], scaled[0] if len(scaled) == 1 else tuple(scaled), norm
