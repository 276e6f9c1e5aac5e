"""Frozen backbones.  `BACKBONES` is the table of them.

A "frame" backbone gives a row per frame, (N, F, W); a "clip" backbone a row per clip, (N, 1, W).
To add one, write its line in `BACKBONES` and its name in `options.video.BackboneName`.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import video

from model import resnext3d
from preprocess.extractors import Backbone, NetworkBackbone, PixelBackbone
from preprocess.recipes import Network, Pixels
from preprocess.weights import choices, load_weights
from util.errors import UserError


def _before(layer: str) -> Callable[[nn.Module, Tensor], Tensor]:
    """Features of a torchvision network: all its children before `layer`, pooled to a vector."""

    def features(network: nn.Module, x: Tensor) -> Tensor:
        for name, child in network.named_children():
            if name == layer:
                break
            x = child(x)
        return x.mean(dim=tuple(range(2, x.dim()))) if x.dim() > 2 else x

    return features


BACKBONES: dict[str, Network | Pixels] = {
    "resnet101": Network(
        kind="frame", width=2048, size=224, scaled=256, normalisations=("imagenet",),
        build=models.resnet101, features=_before("fc"), head="fc.", named=models.ResNet101_Weights,
    ),
    "resnext101": Network(
        kind="clip", width=resnext3d.FEATURES, size=112, scaled=112,
        normalisations=("kinetics", "raw255"), build=resnext3d.resnext101,
        features=resnext3d.ResNeXt3d.features, head="fc.", named=None,
    ),
    "squeezenet1_1": Network(
        kind="frame", width=512, size=224, scaled=256, normalisations=("imagenet",),
        build=models.squeezenet1_1, features=_before("classifier"), head="classifier.",
        named=models.SqueezeNet1_1_Weights,
    ),
    "r2plus1d_18": Network(
        kind="clip", width=512, size=112, scaled=(128, 171), normalisations=("r2plus1d",),
        build=video.r2plus1d_18, features=_before("fc"), head="fc.",
        named=video.R2Plus1D_18_Weights,
    ),
    "pixels": Pixels(kind="frame", width=8 * 8 * 3, grid=8),
    "pixel_motion": Pixels(kind="clip", width=3 * 8 * 8 * 3, grid=8),
}  # fmt: skip


def load_backbone(
    name: str, *, weights: str | None, resize: str = "squash", motion_norm: str = "kinetics",
    device: str = "auto", batch: int = 16,
) -> Backbone:  # fmt: skip
    """Make a backbone ready to run.

    `weights`: a file, torchvision's name of weights, or `random`; None for pixels.  `resize`,
    `motion_norm`: spec of the input (squash | crop; kinetics | raw255, resnext101 only).  `batch`:
    frames per pass.  Raises UserError for an unknown name, missing or misfit weights, a choice that
    the backbone does not have, or a device that is not there.
    """
    if name not in BACKBONES:
        raise UserError(f"--backbone {name}: there is none; there are {', '.join(BACKBONES)}")
    recipe = BACKBONES[name]
    if motion_norm == "raw255" and name != "resnext101":
        raise UserError(f"--motion_norm raw255: is for resnext101 only; leave it out for {name}")
    if isinstance(recipe, Pixels):
        if weights is not None:
            raise UserError(f"--weights {weights}: {name} has no weights; leave it out")
        if resize != "squash":
            raise UserError(f"--resize {resize}: {name} averages whole frames; leave it out")
        return PixelBackbone(name=name, recipe=recipe)
    if weights is None:
        raise UserError(f"--backbone {name} needs --weights: {choices(recipe.named)}")
    target = _device(device)
    network, source = load_weights(
        recipe.build, weights, name=name, head=recipe.head, named=recipe.named
    )
    return NetworkBackbone(
        name=name, recipe=recipe, network=network, weights=source, resize=resize, device=target,
        normalisation=motion_norm if name == "resnext101" else recipe.normalisations[0],
        batch=batch,
    )  # fmt: skip


def backbone_from_provenance(
    provenance: dict[str, Any], *, weights: str | None = None, device: str = "auto", batch: int = 16
) -> Backbone:
    """The backbone that made a store, to run on a new video.

    `weights`: where its file lies now, if not where it lay then.  Raises UserError if the store has
    no backbone to run (imported features), or the weights are missing or not the same.
    """
    name = provenance.get("backbone", "?")
    if not provenance.get("askable"):
        raise UserError(
            f"features from {name} have no backbone to run, so no new video can be asked; use a "
            "run on stores made by preprocess.videos"
        )
    stored = provenance["weights"]
    source = weights or (None if stored["source"] == "none" else stored["source"])
    normalisation = provenance["normalisation"]["name"]
    backbone = load_backbone(
        name,
        weights=source,
        resize="crop" if provenance["resize"] == "crop" else "squash",
        motion_norm="raw255" if normalisation == "raw255" else "kinetics",
        device=device,
        batch=batch,
    )
    found = backbone.provenance()["weights"]["sha256"]
    if found != stored["sha256"]:
        raise UserError(
            f"--weights {source}: SHA-256 {found[:12]}..., but the store was made with "
            f"{stored['sha256'][:12]}... ({stored['source']}); give that file"
        )
    return backbone


def _device(name: str) -> torch.device:
    """auto -> a GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=name)
        return torch.device(name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n")[0][:100]
        raise UserError(f"--device {name}: not on this machine ({reason}); use auto") from error
