"""Options of `python -m preprocess.stream`."""

from dataclasses import dataclass, field
from typing import Literal

from options.preprocess.extract import POOLED, check_layers

LEAST = {"frames": 1, "stride": 1, "spacing": 1, "first": 0, "group": 1, "rate": 0}


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """A video's features, clip by clip, while it is still decoded.

    Args:
        video: the file
        backbone: frozen networks (python -m preprocess.backbones --list), one or more
        weights: a file, the name of torchvision's, pretrained, or the word random (seeded); one for
            each backbone, the word none for one without; may be left out if none has any
        layer: pooled, logits, probabilities or semantic, as for preprocess.videos; one for each
            backbone
        frames: frames per clip (F)
        stride: frames from the start of a clip to the start of the next
        spacing: frames from one of a clip to the next, as preprocess.videos --stride; it divides
            stride
        first: frame that the first clip starts with, from 0
        group: frames that wait for a pass of the network; 1 has the smallest delay
        rate: frames per second of the source, for the times shown; 0 shows when a clip came
        resize: squash to the square, or crop its centre after scaling the short side
        scaler: what makes pictures of a network's size, the decoder (fast) or torch
        motion_norm: input of resnext101, minus the Kinetics mean or the raw 0..255
        network_precision: numbers in the network; bf16 is faster where the processor has it
        device: auto takes a GPU where there is one; else cpu, cuda, cuda:1, ...
    """

    video: str
    backbone: list[str]
    weights: list[str] = field(default_factory=list)
    layer: list[str] = field(default_factory=list)
    frames: int = 16
    stride: int = 16
    spacing: int = 1
    first: int = 0
    group: int = 1
    rate: float = 0.0
    resize: Literal["squash", "crop"] = "squash"
    scaler: Literal["decoder", "torch"] = "decoder"
    motion_norm: Literal["kinetics", "raw255"] = "kinetics"
    network_precision: Literal["float32", "bf16"] = "float32"
    device: str = "auto"

    def __post_init__(self) -> None:
        if not self.backbone:
            raise ValueError("--backbone: none given; name a network or pixels")
        if len(self.weights) not in (0, len(self.backbone)):
            raise ValueError(
                f"--weights: {len(self.weights)} for {len(self.backbone)} of --backbone; give one "
                "for each, the word none for those without"
            )
        check_layers(self.layer, len(self.backbone))
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(f"--{name} {getattr(self, name)}: give at least {least}")
        if self.stride % self.spacing:
            near = self.spacing * max(1, round(self.stride / self.spacing))
            raise ValueError(
                f"--spacing {self.spacing}: does not divide --stride {self.stride}; give --stride "
                f"{near}"
            )

    def layer_of(self, place: int) -> str:
        """Layer of the backbone at this place in the list."""
        return self.layer[place] if self.layer else POOLED
